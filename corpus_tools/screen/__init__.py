"""Passages -> inclusion probability and candidates: a rate per stratum, or per stratum and bin of a cheap score.

ngrams (words to numbers) > scorer (numbers to bins) > draw (bins to rates and draws) > rates (which rates) > fit.
"""

from corpus_tools.screen.draw import Table, screen
from corpus_tools.screen.rates import resolved, scorer_of, table_of, within_budget, within_width
from corpus_tools.screen.scorer import Scorer, load_scorer

__all__ = [
    "Scorer",
    "Table",
    "load_scorer",
    "resolved",
    "scorer_of",
    "screen",
    "table_of",
    "within_budget",
    "within_width",
]
