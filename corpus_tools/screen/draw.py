"""Passages -> inclusion probability by stratum and cheap score, and which are drawn: the candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from corpus_tools.sampling import draw
from corpus_tools.screen.scorer import Scorer
from corpus_tools.tables import STRATA
from corpus_tools.texts import Joined

Table = Mapping[str, Sequence[float]]
"""Stratum -> rate of each bin, the lowest first; one rate where there are no bins."""


def screen(
    passages: pl.DataFrame, table: Table, seed: int, texts: Joined | None = None, scorer: Scorer | None = None
) -> pl.DataFrame:
    """Passages (content, stratum, unscored) and their texts -> passages (+ screen_probability, drawn).

    The draw is by content: copies in strata of the same rate are in or out together, and a draw at a lower rate is part of
    one at a higher. Passages of unscored documents keep their probability and are never drawn. Without a scorer each
    stratum has one rate, and the texts are not looked at.
    """
    stratum = passages["stratum"].replace_strict({s: i for i, s in enumerate(STRATA)}, return_dtype=pl.Int64).to_numpy()
    bins = scorer.bins(texts) if scorer is not None and texts is not None else np.zeros(len(passages), np.int64)
    rates = np.array([table[s] for s in STRATA], np.float64)
    probabilities = rates[stratum, bins]
    drawn = pl.Series(draw("screen", passages["content"].to_list(), seed, probabilities.tolist()), dtype=pl.Boolean)
    return passages.with_columns(
        screen_probability=pl.Series(probabilities, dtype=pl.Float64), drawn=drawn & ~passages["unscored"]
    )
