"""The whole corpus: what the gate's documents hold (seen, design-based), what the gate misses (model-assisted), and
both together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from corpus_tools.estimate.cells import ASSUMED_RECALL, Labels, Rates, Scored
from corpus_tools.estimate.intervals import gamma_quantile, logit_interval
from corpus_tools.estimate.late import late_variance
from corpus_tools.estimate.screened import ClassRates, cell_means, class_rates, screen_variance, uneven
from corpus_tools.estimate.survey import HIT, NEAR, SAMPLED, Floats, Pairs, Survey, sums

PRIOR_EVENTS = 0.1  # near positives that the assumed recall of the gate is worth
DISCREPANCY = 0.6  # relative, of the capture-recapture argument: terms of one document are not quite independent


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


def open_variance(survey: Survey, pairs: Pairs, p: Floats, unit: str, basis: str, rest: bool = False) -> Floats:
    """[X] variance from the draw of documents: sum over opened document contents of (1 - a) x (weighted positives in
    it)^2, in expectation. p [C]. `rest`: of the documents that the gate does not hit, all sources together."""
    x_size, o = (1, survey.rest) if rest else (len(pairs.names), survey.opened)
    if not len(o.content):
        return np.zeros(x_size)
    key, entry = np.unique(o.document * x_size + (0 if rest else pairs.opened_source), return_inverse=True)
    words = survey.n_words[o.content] if unit == "words" else np.ones(len(o.content))
    second = _second_moment(entry, len(key), o.content, o.weight * words, p, survey.size, basis)[1]
    a = np.zeros(len(key))
    a[entry] = o.probability
    return sums(key % x_size, (1 - a) * second, size=x_size)


def _second_moment(
    entry: NDArray[np.int64],
    n_entries: int,
    content: NDArray[np.int64],
    weight: Floats,
    p: Floats,
    size: int,
    basis: str,
) -> tuple[Floats, Floats]:
    """Expected weighted positives of each entry (a document or a shard, by source), and of their square: that of the
    expectation, and what chance adds, content by content. Copies within an entry go together; `distinct` counts one."""
    pair, at = np.unique(entry * size + content, return_inverse=True)
    w = sums(at, weight)
    if basis == "distinct":
        w = w / sums(at)
    where, rate = pair // size, p[pair % size]
    total = sums(where, w * rate, size=n_entries)
    return total, total**2 + sums(where, w**2 * rate * (1 - rate), size=n_entries)


def shard_variance(survey: Survey, pairs: Pairs, p: Floats, unit: str, basis: str, level: float = 0.95) -> Floats:
    """[X] variance from the draw of shards: (1 - f) n / (n - 1) x sum over the n shards of (weighted positives less
    their mean)^2, per data set (Cochran 1977, chapter 2), times (t / z)^2 with n - 1 degrees of freedom. p [C].

    Of the count, not of the ratio: shards of unequal size make it too large, never too small. Distinct contents are
    counted per shard; copies across shards are not told apart."""
    x_size, s = len(pairs.names), survey.sharded
    if s is None or not s.known:
        return np.zeros(x_size)
    place = (s.dataset * (s.shard.max() + 1) + s.shard) * x_size + pairs.sharded_source
    key, entry = np.unique(place, return_inverse=True)
    words = survey.n_words[s.content] if unit == "words" else np.ones(len(s.content))
    total, moment = _second_moment(entry, len(key), s.content, s.weight * words, p, survey.size, basis)
    dataset = np.zeros(len(key), np.int64)
    dataset[entry] = s.dataset
    out = np.zeros(x_size)
    for d, (n, f) in enumerate(zip(s.scanned, s.fraction, strict=True)):
        here = dataset == d
        x = (key[here] % x_size).astype(np.int64)
        first, second = sums(x, total[here], size=x_size), sums(x, moment[here], size=x_size)
        if n > 1:
            t = stats.t.ppf((1 + level) / 2, n - 1) / stats.norm.ppf((1 + level) / 2)
            out += (1 - f) * n / (n - 1) * np.maximum(second - first**2 / n, 0) * t**2
    return out


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
    if len(survey.opened.content) or survey.sharded is not None or late:
        p = by_cell[scored.cell]
        v_open = float(open_variance(survey, survey.corpus, p, unit, basis)[0])
        v_shard = float(shard_variance(survey, survey.corpus, p, unit, basis, level)[0])
        v_late = late_variance(survey, scored, labels, p, weight, drift) if late else 0.0
    v_seen = rates.label_variance(level) + v_screen + v_open + v_shard + v_late
    bound = 0.0
    if positives == 0:
        likely = weight * scored.shifted
        bound = (
            _zero_bound(survey, scored, labels, weight, level)
            * float(weight @ likely)
            / max(float(likely.sum()), 1e-300)
        )
    seen = _part(seen_value, v_seen, rates.found, positives, bound, level)
    largest = 0.0
    if basis == "exposure" and len(weight):
        each = (by_cell * (1 - by_cell))[scored.cell]
        each[labels.at] = 0
        each += by_cell[scored.cell] * (1 - survey.q)
        each *= weight**2
        largest = float(each.max()) / max(v_seen, 1e-300)
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

    scale = seen_value / max(m.seen, 1e-300)
    value, variance = m.value * scale, m.variance * scale**2
    low, high = (float(gamma_quantile(value, variance, q)) for q in ((1 - level) / 2, (1 + level) / 2))
    part = Part(value, variance, low, high)
    theta = _part(
        seen_value + value,
        v_seen + variance,
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
    h = scored.n_cells
    unlabelled = weight.copy()
    unlabelled[labels.at] = 0
    screened = weight**2 * (1 - survey.q)
    known = weight[labels.at] * labels.y
    known_screened = screened[labels.at] * labels.y
    screened[labels.at] = 0
    parts = []
    for here in (above, ~above):
        cell, w = scored.cell[here], unlabelled[here]
        u, square = sums(cell, w, size=h), sums(cell, w**2, size=h)
        value = float(u @ rates.rate) + float(known[here[labels.at]].sum())
        variance = float((u**2 * rates.variance + square * rates.rate * (1 - rates.rate)).sum())
        variance += float(sums(cell, screened[here], size=h) @ rates.rate) + float(
            known_screened[here[labels.at]].sum()
        )
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
    low, high = (float(gamma_quantile(value, variance, q)) for q in ((1 - level) / 2, (1 + level) / 2))
    return Part(value, variance, max(low, known), high)


def _zero_bound(survey: Survey, scored: Scored, labels: Labels, weight: Floats, level: float) -> float:
    """Upper bound of a count of contents when no labelled one is positive: -ln(1 - level) over the probability that a
    positive would have been labelled. The smaller of two views of where positives are: where scores are, or
    anywhere."""
    inclusion = label_inclusion(survey, scored, labels)
    use = survey.in_design
    if not labels.n:
        return float(weight[use].sum())
    by_score = np.average(inclusion[use], weights=np.maximum(weight[use] * scored.shifted[use], 1e-12))
    anywhere = np.average(inclusion[use], weights=weight[use])
    return float(-np.log(1 - level) / max(min(by_score, anywhere), 1e-9))


def label_inclusion(survey: Survey, scored: Scored, labels: Labels) -> Floats:
    """[C] expected label probability by cell (contents that were not labelled do not tell theirs): labels /
    contents."""
    n = sums(scored.cell[labels.at], size=scored.n_cells)
    size = sums(scored.cell, size=scored.n_cells)
    return (n / np.maximum(size, 1))[scored.cell]


def _solo_cv2(survey: Survey, scored: Scored, count: Rates, solo: float) -> float:
    by_cell = sums(scored.cell, survey.alone * (survey.gate == HIT), size=scored.n_cells)
    return float((by_cell**2 * count.variance).sum()) / max(solo, 1e-9) ** 2


@dataclass(frozen=True)
class Missed:
    """What the gate misses, in contents, with the labelled positives found in rejected text."""

    value: float  # contents
    variance: float
    found: int
    design_bound: float
    near_cv2: float
    seen: float  # contents of documents that the gate hits, to scale by


def missed(survey: Survey, scored: Scored, labels: Labels, count: Rates) -> Missed:
    """Positives in documents that the gate does not hit, counted in contents: a capture-recapture argument.

    Among positive passages whose document is hit by *another* passage, those without a term of their own (near) and
    those with one (multi) tell the odds omega that a positive carries no term. Documents hit by this passage alone
    (solo) then leave omega x solo unseen. Assumes that a passage lacks a term independently of the others of its
    document (Chao 2001 reviews the bias if not: too low where misses cluster). omega: gamma with a tenth of a count at
    an assumed gate recall of 0.9. The missed count: gamma at that mean, updated by the labelled
    positives found in rejected text.
    """
    weight = survey.content_weights("passages", "distinct")
    unlabelled = np.ones(survey.size, bool)
    unlabelled[labels.at] = False
    p = np.where(unlabelled, count.rate[scored.cell], 0.0)
    p[labels.at] = labels.y
    hit, near = survey.gate == HIT, survey.gate == NEAR
    solo = float((weight * p * survey.alone)[hit].sum())
    multi = float((weight * p * (1 - survey.alone))[hit].sum())
    near_value = float((weight * p)[near].sum())
    in_near = scored.gate == NEAR
    each = survey.corpus.square["passages", "distinct"]
    of_classes = class_rates(survey, scored, count, labels, weight)
    square = float(each[0][survey.classes.near].sum() * uneven(survey, each, True, of_classes)[0])
    near_rate = near_value / max(float(weight[near].sum()), 1e-300)
    near_variance = (
        float((count.unlabelled**2 * count.variance)[in_near].sum())
        + float((count.square * count.rate * (1 - count.rate))[in_near].sum())
        + square * near_rate
    )
    solo_cv2 = _solo_cv2(survey, scored, count, solo)
    omega0 = (1 - ASSUMED_RECALL) / ASSUMED_RECALL
    if near_value > 0 and near_variance > 0:
        events = near_value**2 / near_variance
        omega = (PRIOR_EVENTS + events) / (PRIOR_EVENTS / omega0 + events * multi / near_value)
        near_cv2 = 1 / events
    else:  # no near passages, or a census of them
        events = near_value
        omega = (PRIOR_EVENTS + events) / (PRIOR_EVENTS / omega0 + multi)
        near_cv2 = 0.0
    # How sure the argument is: the noise of omega and of solo, and what independence of the terms may be wrong by.
    shape = 1 / (1 / (PRIOR_EVENTS + events) + solo_cv2 + DISCREPANCY**2)
    return update(survey, scored, labels, max(omega * solo, 1e-9), shape, near_cv2, count.total)


def update(
    survey: Survey,
    scored: Scored,
    labels: Labels,
    expected: float,
    shape: float,
    near_cv2: float,
    seen: float,
    cluster: float = 3.0,
) -> Missed:
    """What the gate is expected to miss, a gamma of `shape`, updated by what labels found in rejected text. `cluster`: how many
    positives come together."""
    rest = np.flatnonzero(survey.gate == SAMPLED)
    opened = survey.open_probability[rest] * survey.q[rest]
    w = survey.content_weights("passages", "distinct", rest=True)[rest]
    labelled = label_inclusion(survey, scored, labels)[rest]
    found = float(labels.y[survey.gate[labels.at] == SAMPLED].sum())
    phi = anywhere = 0.0
    if len(rest) and w.sum() > 0:
        audit = float(np.average(opened, weights=w))
        anywhere = audit * float(np.average(labelled, weights=w))
        by_score = audit * float(np.average(labelled, weights=np.maximum(w * scored.shifted[rest], 1e-300)))
        phi = min(anywhere, by_score)
    b = shape / expected + phi
    value = (shape + found) / b
    variance = (shape + found) / b**2 + cluster * value  # passages come in clusters of about three (trial)
    bound = float(gamma_quantile(found + 1, found + 1, 0.95)) / anywhere if anywhere > 0 else float("inf")
    return Missed(value, variance, round(found), bound, near_cv2, seen)
