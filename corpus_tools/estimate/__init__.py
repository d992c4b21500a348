"""Estimates from counts, scored passages and labels: a library of its own, for any classifier on any topic.

    from corpus_tools.estimate import prevalence
    prevalence(scored, labels, totals, by=["shop"])     # any data frame; see anyone.py

What is computed from what, in the order it is read: frames (any table in) > survey (the arrays), codes, pairs, contents
(passages to contents, weights and copies) > totals (denominators) > cells (scores and labels to rates) > screened (what was
not drawn) > late (shards that arrived after the labels) > draws (of documents and shards) > missed (by the gate) > whole (the
corpus: seen and missed) > wrong_labels (if they err) > sources (each of many) > modes > documents (whole ones as units) >
reckon (statuses) > measures > writer > rows, by_mode > audit, anyone (the two doors); beside them compare, why, removal (what a
list of documents takes out), plan and simulate (simulate_shards: many shards, read until a limit).
"""

from corpus_tools.estimate.anyone import prevalence
from corpus_tools.estimate.audit import Estimates, Questions, estimate_audit
from corpus_tools.estimate.compare import Audited, compare
from corpus_tools.estimate.documents import document_frame
from corpus_tools.estimate.plan import Allocation, allocate, by_rule, labels_needed
from corpus_tools.estimate.removal import Beyond, Figure, Removal, Row
from corpus_tools.estimate.why import why, why_each
from corpus_tools.estimate.writer import Blocks

__all__ = [
    "Allocation",
    "Audited",
    "Beyond",
    "Blocks",
    "Estimates",
    "Figure",
    "Questions",
    "Removal",
    "Row",
    "allocate",
    "by_rule",
    "compare",
    "document_frame",
    "estimate_audit",
    "labels_needed",
    "prevalence",
    "why",
    "why_each",
]
