"""Whether scores mean what they say: scores against labels, weighted by the design."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from corpus_tools.estimate.intervals import clopper_pearson

EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0)


def reliability(
    score: ArrayLike, value: ArrayLike, weight: ArrayLike, edges: tuple[float, ...] = EDGES
) -> pl.DataFrame:
    """Scores, labels (0 to 1) and weights (passages that each stands for) of labelled passages, arrays [n] -> one row per bin of the
    score: from, to, score (weighted mean), share (of the weight labelled yes), low, high, n. Empty bins are left out.

    Interval: 95 %, Clopper-Pearson on the effective number of labels, (sum of weights)^2 / sum of squares (Korn and Graubard 1998,
    Survey Methodology 24).
    """
    s, y, w = (np.asarray(x, np.float64) for x in (score, value, weight))
    bins = np.clip(np.digitize(s, edges) - 1, 0, len(edges) - 2)
    rows: list[dict[str, Any]] = []
    for b in range(len(edges) - 1):
        here = (bins == b) & (w > 0)
        total = float(w[here].sum())
        if total <= 0:
            continue
        n = total**2 / float((w[here] ** 2).sum())
        share = float((w[here] * y[here]).sum() / total)
        low, high = clopper_pearson(share * n, n)
        row = {"from": edges[b], "to": edges[b + 1], "score": float((w[here] * s[here]).sum() / total), "share": share}
        rows.append({**row, "low": min(low, share), "high": max(high, share), "n": int(here.sum())})
    schema = dict.fromkeys(("from", "to", "score", "share", "low", "high"), pl.Float64) | {"n": pl.Int64}
    return pl.DataFrame(rows, schema=schema)
