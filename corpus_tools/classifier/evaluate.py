"""Probabilities against annotations of works never trained on: average precision, F1, calibration error.

Each with a bootstrap interval over works.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from sklearn.metrics import average_precision_score, f1_score

from corpus_tools.pack import Pack

Array = np.ndarray[Any, Any]
BINS = np.array([0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0])


def evaluate(
    probabilities: Array, truth: Array, works: Sequence[str], pack: Pack, *, draws: int = 500, seed: int = 0
) -> pl.DataFrame:
    """probabilities [n, L], truth bool [n, L], work of each row [n] -> label, measure, value, low, high, positives, n.

    Measures: average_precision and ece per label (fixed bins, debiased), macro_f1 per exclusive group (under the group's name).
    Intervals: 95 %, works drawn with replacement; null where a label has fewer than 5 positives.
    """
    rng = np.random.default_rng(seed)
    names, code = np.unique(list(works), return_inverse=True)
    members = [np.flatnonzero(code == i) for i in range(len(names))]
    samples = [np.concatenate([members[i] for i in rng.integers(0, len(names), len(names))]) for _ in range(draws)]
    rows: list[dict[str, Any]] = []

    def add(label: str, measure: str, positives: int, value: Callable[[Array], float]) -> None:
        everything = np.arange(len(truth))
        drawn = np.array([value(s) for s in samples]) if positives >= 5 else np.array([np.nan])
        good = drawn[np.isfinite(drawn)]
        low, high = np.quantile(good, [0.025, 0.975]) if len(good) > draws / 2 else (None, None)
        rows.append(
            {
                "label": label,
                "measure": measure,
                "value": value(everything),
                "low": low,
                "high": high,
                "positives": positives,
                "n": len(truth),
            }
        )

    for i, label in enumerate(pack.labels):
        y, p = truth[:, i], probabilities[:, i]
        positives = int(y.sum())
        if positives:
            add(label, "average_precision", positives, partial(_precision, y, p))
            add(label, "ece", positives, partial(_error, y, p))
    for name, labels in pack.groups.items():
        at = [pack.labels.index(label) for label in labels]
        if (truth[:, at].sum(axis=1) == 1).all():
            add(
                name, "macro_f1", len(truth), partial(_macro_f1, truth[:, at].argmax(1), probabilities[:, at].argmax(1))
            )
    schema = {
        "label": pl.String,
        "measure": pl.String,
        "value": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "positives": pl.Int64,
        "n": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema)


def _precision(y: Array, p: Array, rows: Array) -> float:
    return float(average_precision_score(y[rows], p[rows])) if y[rows].any() else float("nan")


def _error(y: Array, p: Array, rows: Array) -> float:
    return calibration_error(p[rows], y[rows])


def _macro_f1(y: Array, p: Array, rows: Array) -> float:
    return float(f1_score(y[rows], p[rows], average="macro", zero_division=0))


def calibration_error(p: Array, y: Array) -> float:
    """Expected calibration error over fixed bins, debiased: of each bin's squared gap the sampling variance is taken off (Bröcker 2012)."""
    total = 0.0
    bins = np.clip(np.digitize(p, BINS) - 1, 0, len(BINS) - 2)
    for b in np.unique(bins):
        here = bins == b
        n = int(here.sum())
        rate, mean = float(y[here].mean()), float(p[here].mean())
        noise = rate * (1 - rate) / (n - 1) if n > 1 else 0.25
        total += n / len(p) * np.sqrt(max((rate - mean) ** 2 - noise, 0.0))
    return float(total)
