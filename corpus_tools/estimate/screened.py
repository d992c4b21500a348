"""What the screen left out: the rate of positives there, class by class of the screen's rates, and what its draw adds to a
variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from corpus_tools.estimate.cells import Labels, Rates, Scored
from corpus_tools.estimate.survey import Floats, Survey, sums, sums_of


def cell_means(scored: Scored, rates: Rates, labels: Labels) -> Floats:
    """[H] share of positives among all contents of a cell: labelled ones as they are, the others at the cell's rate."""
    n = sums(scored.cell[labels.at], size=scored.n_cells)
    k = sums(scored.cell[labels.at], labels.y, size=scored.n_cells)
    return np.asarray((k + (scored.size - n) * rates.rate) / np.maximum(scored.size, 1), np.float64)


@dataclass(frozen=True)
class ClassRates:
    """Positives in the classes of stratum and rate that the screen draws from. Arrays [G]; `mean` of the stratum near and of
    the others."""

    rate: Floats
    expected: Floats  # positives among the candidates
    mean: dict[bool, float]


def class_rates(survey: Survey, scored: Scored, rates: Rates, labels: Labels, weight: Floats) -> ClassRates:
    """Rates of the cells and weights [C] of what was drawn -> ClassRates.

    A class has one rate, so its candidates speak for all of it. Its share of positives is weighed as the variance is (what
    is seldom drawn also scores low), and is at least the plain one. A class without a candidate has that of its stratum.
    Where a stratum has several rates, a cell's passages with a low one are positive less often than its others: by the
    class's labels, one positive held as expected.
    """
    c, g, h = survey.classes, len(survey.classes.q), scored.n_cells
    p = cell_means(scored, rates, labels)
    here = survey.screened
    of = c.of[here].astype(np.int32) * h + scored.cell[here]

    def columns(part: slice) -> tuple[Floats, Floats, Floats]:
        w = weight[here[part]]
        return np.ones(len(w)), w, w**2 * (1 - survey.q[here[part]])

    n, size, v = (x.reshape(g, h) for x in sums_of(of, g * h, columns))  # by class and cell
    expected = n @ p
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.maximum(np.nan_to_num(v @ p / v.sum(1)), np.nan_to_num(expected / n.sum(1)))
    mine = np.isin(labels.at, here, assume_unique=True)
    at = labels.at[mine]
    found = sums(c.of[at], labels.y[mine], size=g)
    meant = sums(c.of[at], p[scored.cell[at]], size=g)
    mean = {}
    for near in (True, False):
        stratum = c.near == near
        some, none = stratum & (n.sum(1) > 0), stratum & (n.sum(1) == 0)
        if some.sum() > 1:
            rate[some] = np.minimum((rate * (found + 1) / (meant + 1))[some], 1)
        rate[none] = expected[some].sum() / max(float(n[some].sum()), 1.0)
        mean[near] = float((size[stratum] @ p).sum()) / max(float(size[stratum].sum()), 1e-300)
    return ClassRates(rate, expected, mean)


def screen_variance(survey: Survey, of: ClassRates, unit: str, basis: str) -> float:
    """Variance from the screen draw: sum over all contents subject to it, drawn or not, of copies^2 (1 - q) / q x rate.

    With the rate and not the labels found: a copied passage that was left out would contribute nothing (coverage 0.895
    against 0.945 in a trial), and one positive more than there is, because the positives that make the rate were
    themselves drawn.
    """
    square = survey.corpus.square[unit, basis][0]
    out = 0.0
    for near in (True, False):
        stratum = survey.classes.near == near
        out += float((square * of.rate)[stratum].sum()) * (1 + 1 / max(float(of.expected[stratum].sum()), 1.0))
    return out


def uneven(survey: Survey, square: Floats, near: bool, of: ClassRates) -> Floats:
    """[X] rate of positives among what the screen left out (`square` [X, G] tells its variance) over that of all that it
    drew from: 1 where a stratum has one rate, less where likely passages were drawn with higher ones."""
    there = np.flatnonzero(survey.classes.near == near)
    if len(there) < 2:
        return np.ones(len(square))
    each = square[:, there]
    with np.errstate(divide="ignore", invalid="ignore"):
        short: Floats = np.nan_to_num(each @ of.rate[there] / each.sum(1) / max(of.mean[near], 1e-300), nan=1.0)
    return short
