"""The whole corpus: what the gate's documents hold (seen, design-based), what the gate misses (model-assisted), and
both together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from corpus_tools.estimate.cells import ASSUMED_RECALL, Labels, Rates, Scored
from corpus_tools.estimate.intervals import gamma_quantile, logit_interval
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
    positives: int  # labelled contents with value of at least a half
    recall: tuple[float, float, float]  # of the gate, by passage in documents: seen / theta
    gated: bool = True  # there is a gate that may miss something
    largest: float = 0.0  # share of the variance of what is seen that the content with the largest share has
    by_score: tuple[float, float, float] | None = None  # recall of the classifier at its threshold, among what is seen


def cell_means(scored: Scored, rates: Rates, labels: Labels) -> Floats:
    """[H] share of positives among all contents of a cell: labelled ones as they are, the others at the cell's rate."""
    size = sums(scored.cell, size=scored.n_cells)
    n = sums(scored.cell[labels.at], size=scored.n_cells)
    k = sums(scored.cell[labels.at], labels.y, size=scored.n_cells)
    return np.asarray((k + (size - n) * rates.rate) / np.maximum(size, 1), np.float64)


def screen_variance(
    survey: Survey, scored: Scored, rates: Rates, labels: Labels, weight: Floats, unit: str, basis: str
) -> float:
    """Variance from the screen draw: sum over all contents subject to it, drawn or not, of copies^2 (1 - q) / q x rate.

    With the rate and not the labels found: a copied passage that was left out would contribute nothing (coverage 0.895
    against 0.945 in a trial), and one positive more than there is, because the positives that make the rate were
    themselves drawn.
    """
    p = cell_means(scored, rates, labels)[scored.cell]
    out = 0.0
    for near in (True, False):
        there = (survey.classes.near == near) & (survey.corpus.square[unit, basis][0] > 0)
        rate, expected = class_rates(survey, p, weight, labels)
        each = (survey.corpus.square[unit, basis][0] * rate)[there]
        if not each.any():
            continue
        out += float(each.sum()) * (1 + 1 / max(float(expected[survey.classes.near == near].sum()), 1.0))
    return out


def class_rates(survey: Survey, p: Floats, weight: Floats, labels: Labels) -> tuple[Floats, Floats]:
    """[G] rate of positives in each class of the screen's rates, and how many its candidates are expected to hold. p (of
    the cells), weight [C].

    A class has one rate, so its candidates speak for all of it. The rate is weighed as the variance is, and is at least
    the plain one. A class without a candidate has that of its stratum. Where a stratum has several rates, a cell's
    passages with a low one are positive less often than its others: by the class's labels, one positive held as expected.
    """
    c, size = survey.classes, len(survey.classes.q)
    here = np.flatnonzero((c.of >= 0) & survey.in_design)
    of = c.of[here]
    v = weight[here] ** 2 * (1 - survey.q[here])
    n, expected, total = sums(of, size=size), sums(of, p[here], size=size), sums(of, v, size=size)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.maximum(np.nan_to_num(sums(of, v * p[here], size=size) / total), expected / n)
    mine = np.flatnonzero((c.of[labels.at] >= 0) & survey.in_design[labels.at])
    at = labels.at[mine]
    found, meant = sums(c.of[at], labels.y[mine], size=size), sums(c.of[at], p[at], size=size)
    for near in (True, False):
        none, alike = (c.near == near) & (n == 0), (c.near == near) & (n > 0)
        if alike.sum() > 1:
            rate[alike] = np.minimum((rate * (found + 1) / (meant + 1))[alike], 1)
        rate[none] = expected[alike].sum() / max(float(n[alike].sum()), 1.0)
    return rate, expected


def uneven(survey: Survey, square: Floats, near: bool, p: Floats, weight: Floats, labels: Labels) -> Floats:
    """[X] rate of positives among what the screen left out (square [X, G] tells its variance) over that of all that it
    drew from: 1 where a stratum has one rate, less where likely passages were drawn with higher ones."""
    there = np.flatnonzero(survey.classes.near == near)
    if len(there) < 2:
        return np.ones(len(square))
    rate, _ = class_rates(survey, p, weight, labels)
    each = square[:, there]
    of = survey.classes.of
    here = np.flatnonzero((of >= 0) & survey.in_design & (survey.classes.near[np.maximum(of, 0)] == near))
    mean = float((weight * p)[here].sum()) / max(float(weight[here].sum()), 1e-300)
    with np.errstate(divide="ignore", invalid="ignore"):
        short: Floats = np.nan_to_num(each @ rate[there] / each.sum(1) / max(mean, 1e-300), nan=1.0)
    return short


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
) -> Whole:
    """`rates` are of this unit and basis. What the gate misses, `m` (None: no gate), is reckoned in contents and
    scaled, so that copies of one text are one finding and doubling a corpus changes nothing."""
    positives = int((labels.y[survey.in_design[labels.at]] >= 0.5).sum())
    seen_value = rates.total
    v_screen = screen_variance(survey, scored, rates, labels, weight, unit, basis)
    p = cell_means(scored, rates, labels)[scored.cell]
    v_open = float(open_variance(survey, survey.corpus, p, unit, basis)[0])
    v_shard = float(shard_variance(survey, survey.corpus, p, unit, basis, level)[0])
    v_seen = rates.label_variance(level) + v_screen + v_open + v_shard
    bound = 0.0
    if positives == 0:
        likely = weight * scored.shifted
        bound = (
            _zero_bound(survey, scored, labels, weight, level)
            * float(weight @ likely)
            / max(float(likely.sum()), 1e-300)
        )
    seen = _part(seen_value, v_seen, rates.found, positives, bound, level)
    unlabelled = np.where(survey.in_design, p * (1 - p), 0.0)
    unlabelled[labels.at] = 0
    each = weight**2 * (unlabelled + p * (1 - survey.q))
    largest = float(each.max()) / max(v_seen, 1e-300) if len(each) else 0.0
    if m is None:
        zero = Part(0.0, 0.0, 0.0, 0.0)
        return Whole(
            seen, seen, zero, 0.0, 0.0, 0.0, 0.0, v_screen, positives, (1.0, 1.0, 1.0), gated=False, largest=largest
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
    relative variances added."""
    p = rates.rate[scored.cell]
    p[labels.at] = labels.y
    unlabelled = np.where(survey.in_design, weight, 0.0)
    unlabelled[labels.at] = 0
    parts = []
    for here in (above, ~above):
        value = float((weight * p)[here & survey.in_design].sum())
        u = sums(scored.cell, np.where(here, unlabelled, 0.0), size=scored.n_cells)
        square = sums(scored.cell, np.where(here, unlabelled, 0.0) ** 2, size=scored.n_cells)
        variance = float((u**2 * rates.variance + square * rates.rate * (1 - rates.rate)).sum())
        variance += float((weight**2 * p * (1 - survey.q))[here & survey.in_design].sum())
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
    each, of_cells = survey.corpus.square["passages", "distinct"], cell_means(scored, count, labels)[scored.cell]
    square = float(each[0][survey.classes.near].sum()) * float(uneven(survey, each, True, of_cells, weight, labels)[0])
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
    expected = max(omega * solo, 1e-9)

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
    # How sure the argument is: the noise of omega and of solo, and what independence of the terms may be wrong by.
    shape = 1 / (1 / (PRIOR_EVENTS + events) + solo_cv2 + DISCREPANCY**2)
    b = shape / expected + phi
    value = (shape + found) / b
    variance = (shape + found) / b**2 + 3 * value  # the last term: positives come in clusters of about three (trial)
    bound = float(gamma_quantile(found + 1, found + 1, 0.95)) / anywhere if anywhere > 0 else float("inf")
    return Missed(value, variance, round(found), bound, near_cv2, count.total)
