"""Texts and what they should score -> a scorer: a logistic regression on hashed words and pairs, its weights rounded to integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import vstack
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from corpus_tools.screen.ngrams import sparse
from corpus_tools.screen.scorer import Scorer
from corpus_tools.texts import join

BITS = 18
SCALE = 100  # integer steps of one unit of the logit
PENALTY = 0.01  # C of the regression: hashed features are many and labels few
BINS = 7
LOW, HIGH = -12.0, 12.0

Floats = NDArray[np.float64]


def fit(
    texts: Sequence[str],
    target: Floats,
    groups: Sequence[str],
    *,
    weight: Floats | None = None,
    bits: int = BITS,
    n_bins: int = BINS,
    card: Mapping[str, Any] | None = None,
) -> Scorer:
    """texts [n], target [n] (0 to 1: a label, or a classifier's score), works that they are from [n] -> Scorer.

    A target between 0 and 1 counts as both, with its weights. Bins are cut, and their shape found, on scores of works that the
    regression had not seen (5 folds by `groups`): cut where the square root of the expected share of positives cumulates evenly
    (Dalenius and Hodges 1959); a bin's shape is the square root of its odds over the highest bin's, as rates would be (Neyman
    1934) where positives are rare. Raises ValueError where there are not both kinds.
    """
    x = sparse(join(pa.array(list(texts), pa.large_string())), bits)
    weight = np.ones(len(texts)) if weight is None else weight
    yes, no = float((weight * target).sum()), float((weight * (1 - target)).sum())
    if min(yes, no) < 1 or len(set(groups)) < 5:
        raise ValueError("a screen needs texts of five works, some that should score high and some that should not")
    held_out = np.zeros(len(texts))
    for train, held in GroupKFold(5).split(x, groups=list(groups)):
        held_out[held] = _regression(x[train], target[train], weight[train]).decision_function(x[held])
    held_out = (
        np.round(held_out * SCALE) / SCALE
    )  # ties stay ties: the last bits of a sum differ from processor to processor
    edges = _cuts(held_out, target, weight, n_bins)
    which = np.searchsorted(edges, held_out, side="right")
    positive = np.bincount(which, weight * target, minlength=len(edges) + 1)
    negative = np.bincount(which, weight * (1 - target), minlength=len(edges) + 1)
    odds = np.maximum.accumulate((positive + 0.5 * yes / (yes + no)) / (negative + 0.5))
    model = _regression(x, target, weight)
    weights = np.clip(np.round(model.coef_[0] * SCALE), -30_000, 30_000).astype(np.int16)
    cut = np.round(edges * SCALE).astype(np.int64) - round(float(model.intercept_[0]) * SCALE)
    return Scorer(weights, cut, np.sqrt(odds / odds[-1]), dict(card or {}))


def _regression(x: Any, target: Floats, weight: Floats) -> Any:
    up, down = weight * target, weight * (1 - target)
    some, rest = np.flatnonzero(up > 0), np.flatnonzero(down > 0)
    both = vstack([x[some], x[rest]]).tocsr()
    y = np.concatenate([np.ones(len(some)), np.zeros(len(rest))])
    return LogisticRegression(C=PENALTY, max_iter=500).fit(both, y, np.concatenate([up[some], down[rest]]))


def _cuts(score: Floats, target: Floats, weight: Floats, n_bins: int) -> Floats:
    """Edges [n_bins - 1] on the logit scale, each bin with the same sum of sqrt(share of positives at this score)."""
    order = np.argsort(score, kind="stable")
    s, w = np.clip(score[order], LOW, HIGH), weight[order]
    mass = np.cumsum(w * np.sqrt(1 / (1 + np.exp(-s))))
    at = np.searchsorted(mass, mass[-1] * np.arange(1, n_bins) / n_bins)
    return np.unique(s[np.minimum(at, len(s) - 1)])


def kept(scorer: Scorer, texts: Sequence[str], positive: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Texts that the scorer never saw, and which are positive -> (share of all kept, share of the positives kept) for each edge,
    keeping what scores at or above it: the lowest share of all first."""
    bins = scorer.bins(join(pa.array(list(texts), pa.large_string())))
    return [(float((bins >= b).mean()), float((bins[positive] >= b).mean())) for b in range(scorer.n_bins - 1, 0, -1)]
