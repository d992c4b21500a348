"""Probabilities against annotations of works never trained on: average precision, F1 at the threshold, calibration error.

Each with a bootstrap interval over works, for everything and for slices (a mode, a data set).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from corpus_tools.pack import Pack

Array = np.ndarray[Any, Any]
BINS = np.array([0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0])
FEWEST = 5
"""Positives below which no interval is given."""
SCHEMA = {
    "slice": pl.String, "label": pl.String, "measure": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "positives": pl.Int64, "n": pl.Int64,
}  # fmt: skip


def evaluate(
    probabilities: Array,
    truth: Array,
    works: Sequence[str],
    pack: Pack,
    *,
    threshold: float = 0.5,
    passes: tuple[Array, Array] | None = None,
    slices: Mapping[str, Sequence[str]] | None = None,
    draws: int = 500,
    seed: int = 0,
) -> pl.DataFrame:
    """probabilities [n, L], truth bool [n, L], work of each row [n] -> slice, label, measure, value, low, high, positives, n.

    Measures per label: average_precision, f1, precision and recall at `threshold`, ece (fixed bins, debiased); per exclusive group, under
    its name: macro_f1 of the most probable. `passes` (bool [n, L] each): two annotators' readings of the same rows; f1_agreement is one
    judged by the other, what a classifier as good as an annotator would have.
    `slices`: name -> value of each row [n]; a slice (`name: value`) has the pack's derived labels and groups only.
    Intervals: 95 %, works drawn with replacement; null where a label has fewer than 5 positives.
    """
    rows = list(_rows("", pack.labels, probabilities, truth, drawn(works, draws, seed), pack, threshold, passes))
    broad = tuple(label for label in pack.derived if label not in pack.outcomes.values())
    for name, values in (slices or {}).items():
        column = np.array([str(v) for v in values])
        for value in sorted(set(column.tolist())):
            at = np.flatnonzero(column == value)
            counts = drawn([works[i] for i in at.tolist()], draws, seed)
            some = None if passes is None else (passes[0][at], passes[1][at])
            rows += _rows(f"{name}: {value}", broad, probabilities[at], truth[at], counts, pack, threshold, some)
    return pl.DataFrame(rows, schema=SCHEMA)


def mode_of(truth: Array, pack: Pack) -> list[str]:
    """truth bool [n, L] -> the name of each row's mode [n], '' where it has none: a slice."""
    at = {name: pack.labels.index(label) for name, label in pack.modes.items()}
    return [next((name for name, i in at.items() if row[i]), "") for row in truth]


def drawn(works: Sequence[str], draws: int, seed: int) -> Array:
    """Works of n rows -> how often each row is counted [1 + draws, n]: once, then as its work was drawn with replacement."""
    rng = np.random.default_rng(seed)
    names, code = np.unique(list(works), return_inverse=True)
    times = [np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names)) for _ in range(draws)]
    return np.vstack([np.ones(len(names), np.int64), *times])[:, code]


def _rows(
    where: str,
    labels: Sequence[str],
    p: Array,
    truth: Array,
    counts: Array,
    pack: Pack,
    threshold: float,
    passes: tuple[Array, Array] | None,
) -> Iterator[dict[str, Any]]:
    def row(label: str, measure: str, positives: int, values: Array) -> dict[str, Any]:
        good = values[1:][np.isfinite(values[1:])]
        enough = positives >= FEWEST and len(good) > (len(values) - 1) / 2
        low, high = np.quantile(good, [0.025, 0.975]).tolist() if enough else (None, None)
        value = float(values[0]) if np.isfinite(values[0]) else None
        named = {"slice": where, "label": label, "measure": measure, "value": value, "low": low, "high": high}
        return named | {"positives": positives, "n": len(truth)}

    measures: dict[str, Callable[[Array, Array, Array], Array]] = {
        "average_precision": average_precision,
        "f1": lambda p, y, c: _ratios(p >= threshold, y, c)[0],
        "precision": lambda p, y, c: _ratios(p >= threshold, y, c)[1],
        "recall": lambda p, y, c: _ratios(p >= threshold, y, c)[2],
        "ece": _calibration_errors,
    }
    for label in labels:
        i = pack.labels.index(label)
        positives = int(truth[:, i].sum())
        if positives:
            yield from (row(label, name, positives, of(p[:, i], truth[:, i], counts)) for name, of in measures.items())
            if passes is not None:
                first, second = passes[0][:, i], passes[1][:, i]
                yield row(label, "f1_agreement", positives, _ratios(second, first, counts)[0])
    for name, members in pack.groups.items():
        at = [pack.labels.index(label) for label in members]
        if (truth[:, at].sum(axis=1) == 1).all():
            best = p[:, at].argmax(1)
            yield row(name, "macro_f1", len(truth), _macro_f1(best, truth[:, at].argmax(1), counts, len(at)))


def average_precision(p: Array, y: Array, counts: Array) -> Array:
    """p [n], y bool [n], counts [k, n] -> average precision [k] (sum of precision over steps of recall); nan without positives."""
    order = np.argsort(-p, kind="stable")
    last = np.append(p[order][1:] != p[order][:-1], True)  # rows of one score enter together
    counted = counts[:, order]
    found = np.cumsum(counted * y[order], axis=1)[:, last]
    seen = np.cumsum(counted, axis=1)[:, last]
    steps = np.diff(found, axis=1, prepend=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(seen > 0, found / seen, 0.0)
        return np.asarray((steps * precision).sum(axis=1) / found[:, -1])


def _ratios(guess: Array, y: Array, counts: Array) -> tuple[Array, Array, Array]:
    """Guesses and truth bool [n], counts [k, n] -> F1, precision, recall [k]; nan where there is nothing to divide by."""
    hit, guessed, true = (counts @ rows.astype(float) for rows in (guess & y, guess, y))
    with np.errstate(invalid="ignore", divide="ignore"):
        return 2 * hit / (guessed + true), hit / guessed, hit / true


def _macro_f1(guess: Array, y: Array, counts: Array, classes: int) -> Array:
    """Mean F1 over the classes that occur, in truth or guess, in each draw [k]."""
    each = np.array([_ratios(guess == c, y == c, counts)[0] for c in range(classes)])
    return np.asarray(np.nanmean(each, axis=0))


def _calibration_errors(p: Array, y: Array, counts: Array) -> Array:
    bins = np.clip(np.digitize(p, BINS) - 1, 0, len(BINS) - 2)
    total = np.zeros(len(counts))
    for b in np.unique(bins):
        here = bins == b
        n = counts[:, here].sum(axis=1).astype(float)
        with np.errstate(invalid="ignore", divide="ignore"):
            rate, mean = counts[:, here] @ y[here].astype(float) / n, counts[:, here] @ p[here].astype(float) / n
            noise = np.where(n > 1, rate * (1 - rate) / (n - 1), 0.25)
            part = n * np.sqrt(np.maximum((rate - mean) ** 2 - noise, 0.0))
        total += np.where(n > 0, part, 0.0)
    return np.asarray(total / counts.sum(axis=1))


def calibration_error(p: Array, y: Array) -> float:
    """Expected calibration error over fixed bins, debiased: of each bin's squared gap the sampling variance is taken off (Bröcker 2012)."""
    return float(_calibration_errors(p, y, np.ones((1, len(p)), np.int64))[0])
