"""The whole corpus: what the gate's documents hold (seen, design-based) and what the gate misses (missed.py, model-assisted)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from corpus_tools.estimate.cells import Labels, Rates, Scored
from corpus_tools.estimate.draws import open_variance, shard_variance
from corpus_tools.estimate.intervals import gamma_interval, gamma_quantile, logit_interval
from corpus_tools.estimate.late import late_variance
from corpus_tools.estimate.missed import Missed, label_inclusion
from corpus_tools.estimate.screened import ClassRates, cell_means, class_rates, screen_variance
from corpus_tools.estimate.survey import Floats, Survey, blocks, sums_of


@dataclass(frozen=True)
class Part:
    """An estimated count of positives with its variance and interval; `known` of them are labelled."""

    value: float
    variance: float
    low: float
    high: float
    bound: str = "two"


@dataclass(frozen=True)
class Whole:
    """θ and its parts for one label, unit and basis; counts, not yet shares."""

    theta: Part
    seen: Part
    missed: Part
    missed_design: float  # design-only upper bound of the missed part (95 %), no model
    kappa: float  # missed / seen
    kappa_cv2: float
    near_cv2: float
    screen_variance: float
    screened: ClassRates  # positives in what the screen draws from
    positives: int  # labelled contents with value of at least a half
    recall: tuple[float, float, float]  # of the gate, by passage in documents: seen / theta
    gated: bool = True  # there is a gate that may miss something
    largest: float = 0.0  # share of the variance of what is seen that the content with the largest share has
    if_wrong: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # name -> limits of theta if labels err
    by_score: tuple[float, float, float] | None = None  # recall of the classifier at its threshold, among what is seen


def whole(
    survey: Survey,
    scored: Scored,
    labels: Labels,
    rates: Rates,
    m: Missed | None,
    weight: Floats,
    unit: str,
    basis: str,
    level: float = 0.95,
    drift: float = 0.0,
) -> Whole:
    """`rates` are of this unit and basis. What the gate misses, `m` (None: no gate), is reckoned in contents and
    scaled, so that copies of one text are one finding and doubling a corpus changes nothing. `drift`: variance of the
    shift that text without a round may have (late.py)."""
    positives = int((labels.y[survey.in_design[labels.at]] >= 0.5).sum())
    seen_value = rates.total
    screened = class_rates(survey, scored, rates, labels, weight)
    v_screen = screen_variance(survey, screened, unit, basis)
    by_cell = cell_means(scored, rates, labels)
    v_open = v_shard = v_late = 0.0
    late = bool(survey.late.any())
    if len(survey.open_rates) or survey.sharded is not None or late:
        p = by_cell[scored.cell]
        v_open = float(open_variance(survey, survey.corpus, p, unit, basis)[0])
        v_shard = float(shard_variance(survey, survey.corpus, p, unit, basis, level)[0])
        v_late = late_variance(survey, scored, labels, p, weight, drift) if late else 0.0
    v_seen = rates.label_variance(level) + v_screen + v_open + v_shard + v_late
    bound = 0.0
    if positives == 0:
        bound = _zero_bound(survey, scored, labels, weight, level)
    seen = _part(seen_value, v_seen, rates.found, positives, bound, level)
    largest = 0.0
    if basis == "exposure" and len(weight):
        largest = _largest(survey, scored, labels, by_cell, weight) / max(v_seen, 1e-300)
    if m is None:
        zero = Part(0.0, 0.0, 0.0, 0.0)
        return Whole(
            seen,
            seen,
            zero,
            0.0,
            0.0,
            0.0,
            0.0,
            v_screen,
            screened,
            positives,
            (1.0, 1.0, 1.0),
            gated=False,
            largest=largest,
        )

    scale = seen_value / m.seen if m.seen > 0 else 0.0
    value, variance = m.value * scale, m.variance * scale**2
    low, high = (float(x) for x in gamma_interval(value, variance, level))
    part = Part(value, variance, low, high)
    # Both parts move together: what is missed is reckoned from what is seen, and scaled by it.
    covariance = m.covariance * scale**2
    if seen_value > 0 and m.seen > 0:
        covariance += value * (v_seen / seen_value - seen_value * m.seen_variance / m.seen**2)
    theta = _part(
        seen_value + value,
        v_seen + variance + 2 * min(max(covariance, 0.0), float(np.sqrt(v_seen * variance))),
        rates.found,
        positives + m.found,
        seen.high + float(gamma_quantile(value, variance, level)),
        level,
    )
    kappa = value / max(seen_value, 1e-300)
    least = seen.low / max(seen.low + part.high, 1e-300)
    most = seen.high / max(seen.high + part.low, 1e-300)
    recall = (seen_value / max(theta.value, 1e-300), least, most)
    cv2 = variance / max(value, 1e-300) ** 2 if value else 0.0
    return Whole(
        theta,
        seen,
        part,
        m.design_bound * scale,
        kappa,
        cv2,
        m.near_cv2,
        v_screen,
        screened,
        positives,
        recall,
        largest=min(largest, 1.0),
    )


def classifier_recall(
    survey: Survey,
    scored: Scored,
    labels: Labels,
    rates: Rates,
    weight: Floats,
    above: NDArray[np.bool_],
    level: float = 0.95,
) -> tuple[float, float, float]:
    """Share of the seen positives that score at or above a threshold, with an interval on the log odds: the two parts'
    relative variances added. `weight` [C]: 0 outside the design."""
    h, at = scored.n_cells, labels.at
    unlabelled = np.ones(survey.size, bool)
    unlabelled[at] = False
    known = weight[at] * labels.y
    known_screened = known * weight[at] * (1 - survey.q[at])

    def columns(part: slice) -> tuple[Floats, Floats, Floats]:
        w = np.where(unlabelled[part], weight[part], 0.0)
        square = w**2
        return w, square, square * (1 - survey.q[part])

    by_side = sums_of(scored.cell + h * above.astype(np.int16), 2 * h, columns)
    parts = []
    for side in (True, False):
        u, square, screened = (x[h:] if side else x[:h] for x in by_side)
        here = above[at] == side
        value = float(u @ rates.rate) + float(known[here].sum())
        variance = float((u**2 * rates.variance + square * rates.rate * (1 - rates.rate)).sum())
        variance += float(screened @ rates.rate) + float(known_screened[here].sum())
        parts.append((value, variance))
    (a, va), (b, vb) = parts
    if a + b <= 0:
        return float("nan"), 0.0, 1.0
    sd = np.sqrt(va / max(a, 1e-9) ** 2 + vb / max(b, 1e-9) ** 2) if a > 0 and b > 0 else 0.0
    low, high = logit_interval(a / (a + b), sd, level)
    return a / (a + b), float(low), float(high)


def _part(value: float, variance: float, known: float, positives: int, zero_bound: float, level: float) -> Part:
    if positives == 0:
        if variance == 0:  # everything was looked at and nothing found
            return Part(value, 0.0, value, value)
        return Part(value, variance, 0.0, max(float(gamma_quantile(value, variance, level)), zero_bound), "upper")
    low, high = (float(x) for x in gamma_interval(value, variance, level))
    return Part(value, variance, max(low, known), high)


def _largest(survey: Survey, scored: Scored, labels: Labels, p: Floats, weight: Floats) -> float:
    """The largest share of one content in the variance of what is seen: of its label, if it has none, and of the screen's draw."""
    labelled = np.zeros(survey.size, bool)
    labelled[labels.at] = True
    most = 0.0
    for part in blocks(survey.size):
        cell = scored.cell[part]
        each = np.where(labelled[part], 0.0, (p * (1 - p))[cell])
        each += p[cell] * (1 - survey.q[part])
        each *= weight[part] ** 2
        most = max(most, float(each.max()))
    return most


def _zero_bound(survey: Survey, scored: Scored, labels: Labels, weight: Floats, level: float) -> float:
    """Upper bound of a count when no labelled content is positive: -ln(1 - level) over the probability that a positive
    would have been labelled, times what a likely one stands for. The smaller probability of two views of where positives
    are: where scores are, or anywhere. `weight` [C]: 0 outside the design."""
    use = survey.in_design

    def columns(part: slice) -> tuple[Floats, Floats, Floats, Floats]:
        w = weight[part]
        likely = w * scored.shifted[part]
        return w, likely, w * likely, np.where(use[part], np.maximum(likely, 1e-12), 0.0)

    everywhere, likely, square, by_score = sums_of(scored.cell, scored.n_cells, columns)
    typical = float(square.sum()) / max(float(likely.sum()), 1e-300)
    if not labels.n:
        return float(everywhere.sum()) * typical
    inclusion = label_inclusion(scored, labels)
    least = min(float(inclusion @ x) / max(float(x.sum()), 1e-300) for x in (by_score, everywhere))
    return float(-np.log(1 - level) / max(least, 1e-9)) * typical
