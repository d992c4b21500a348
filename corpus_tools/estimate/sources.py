"""Each source: the corpus's cell rates, moved by a shift of its own on the logit scale (empirical Bayes).

A classifier errs differently from source to source: rate_xh = expit(logit(rate_h) + d_x), d_x ~ N(0, tau^2). Labels
of a source tell d_x; sources without labels keep the whole of tau^2 in their interval. tau is averaged over a grid
under a weak prior and never set to 0: with few sources its moment estimate is 0 more often than not. Laplace
approximation throughout (Morris 1983 for the idea, JASA 78; Ghosh et al. 1998 for logit-normal small areas, JASA 93).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from corpus_tools.estimate.cells import Labels, Rates, Scored
from corpus_tools.estimate.draws import open_variance, shard_variance
from corpus_tools.estimate.intervals import gamma_quantile, inflation
from corpus_tools.estimate.screened import cell_means, uneven
from corpus_tools.estimate.survey import NEAR, Bools, Floats, Ints, Pairs, Survey, sums
from corpus_tools.estimate.whole import Whole

TAUS = np.array([0.3, 0.5, 0.7, 1.0, 1.3, 1.7])
ALIKE = 0.5  # relative sd between sources of near positives over hit positives
MISFIT = 0.08  # relative sd of what a shift alone does not mend: a cell is not quite the same in every source
CLEAN_RECALL = 0.7  # assumed at least, of the gate in a source that it never hits


@dataclass(frozen=True)
class Sources:
    """Counts of positives per source. Arrays [X]."""

    value: Floats
    variance: Floats
    low: Floats
    high: Floats
    upper_only: Bools
    seen: Floats
    n_labelled: Ints
    positives: Floats  # labelled
    complete: Bools  # every candidate of the source is labelled
    late: Bools  # some of its text lies in shards that no round covers
    n_sources_labelled: int


@dataclass(frozen=True)
class Spread:
    """A topic's cells, scores and labels over the pairs of a dimension: the same for every unit and basis."""

    key: Ints  # [P] source x cell
    shifted: Floats  # [P]
    rows: Ints  # [L] pairs of labelled contents, ...
    which: Ints  # ... and the label of each
    n_labelled: Ints  # [X]
    positives: Floats  # [X] labelled
    complete: Bools  # [X] every candidate is labelled


def spread(pairs: Pairs, scored: Scored, labels: Labels) -> Spread:
    """Cells, scores and labels by content -> by pair."""
    key = pairs.source.astype(np.int64)
    key *= scored.n_cells
    key += scored.cell[pairs.content]
    rows, which = pairs.of(labels.at)
    x_size, size = len(pairs.names), pairs.n_contents
    n = sums(pairs.source[rows], size=x_size)
    positives = sums(pairs.source[rows], labels.y[which], size=x_size)
    complete = (n == size) & (size > 0)
    return Spread(key, scored.shifted[pairs.content], rows, which, n.astype(np.int64), positives, complete)


def sources(
    pairs: Pairs,
    survey: Survey,
    scored: Scored,
    labels: Labels,
    rates: Rates,
    corpus: Whole,
    unit: str,
    basis: str,
    totals: Floats,
    spread: Spread,
    level: float = 0.95,
    drift: float = 0.0,
) -> Sources:
    """Counts per source with intervals. `rates` and `corpus` are of this unit and basis, `spread` of these pairs; `totals`
    [X] caps the counts; `drift`: as of whole. A source that the gate never hits gets a one-sided bound."""
    x_size, h = len(pairs.names), scored.n_cells
    weight = pairs.weights(survey.n_words, unit, basis)
    near_cell = (scored.gate == NEAR) & survey.screens
    rows, which = spread.rows, spread.which
    unlabelled = weight.copy()
    unlabelled[rows] = 0.0
    u = sums(spread.key, unlabelled, size=x_size * h).reshape(x_size, h)
    square = sums(spread.key, np.square(unlabelled, out=unlabelled), size=x_size * h).reshape(x_size, h)
    del unlabelled

    weighted = weight[rows] > 0
    lab, which = rows[weighted], which[weighted]
    y, source, cell = labels.y[which], pairs.source[lab], scored.cell[pairs.content[lab]]
    known_all = sums(source, weight[lab] * y, size=x_size)
    known = sums(source, np.where(near_cell[cell], 0.0, weight[lab] * y), size=x_size)
    near_known = known_all - known
    telling = ~labels.certain[which]
    # Sources with labels of their own, [O]; for all others the shift keeps its prior and nothing depends on a matrix.
    own, place = np.unique(source[telling], return_inverse=True)
    code = place * h + cell[telling]
    deff = np.maximum(rates.deff, 1)
    n, k = (sums(code, v, size=len(own) * h).reshape(len(own), h) / deff for v in (None, y[telling]))
    p_h = np.clip(rates.rate, 1e-9, 1 - 1e-6)
    logit = special.logit(p_h)
    slope = p_h * (1 - p_h)
    near_total = pairs.screened[unit, basis]
    screened, near_class, q = pairs.square[unit, basis], survey.classes.near, survey.classes.q
    near_size = _typical(screened[:, near_class] @ (q / (1 - q))[near_class], near_total)  # copies of a typical passage
    near_square = screened[:, near_class].sum(1) * uneven(survey, screened, True, corpus.screened)
    near_u = u[:, near_cell].sum(1)
    u_in, square_in = np.where(near_cell, 0.0, u), np.where(near_cell, 0.0, square)
    mean_0, lean_0, binomial_0 = u_in @ p_h, u_in @ slope, square_in @ slope  # lean: d mean / d shift
    shared = inflation(rates.unlabelled**2 * rates.variance, rates.n, level)
    rates_0 = (u_in**2 @ rates.variance) * shared
    u_own, square_own = u_in[own], square_in[own]
    expected_near, weight_near = (
        float((rates.unlabelled * p_h)[near_cell].sum()),
        float(rates.unlabelled[near_cell].sum()),
    )
    rest_rate = expected_near / max(weight_near, 1e-300)
    whole_near = survey.design_weights(unit, basis)[labels.at] * near_cell[scored.cell[labels.at]]
    near_rate = (expected_near + float(whole_near @ labels.y)) / max(weight_near + float(whole_near.sum()), 1e-300)
    near_whole = expected_near + float(whole_near @ labels.y)
    near_over_hit = near_whole / max(rates.total - near_whole, 1e-300)

    # A few positives of its own make a source's shift uncertain beyond its curvature: a t quantile, as far as they
    # decide it.
    few = (stats.t.ppf((1 + level) / 2, 2 + k.sum(1)) / stats.norm.ppf((1 + level) / 2)) ** 2
    means, variances, log_weights = [], [], []
    for tau in TAUS:
        log_evidence = 0.0
        mean = mean_0.copy()
        variance = lean_0**2 * tau**2 + binomial_0 + rates_0
        if len(own) and x_size > 1:
            d = np.zeros(len(own))
            for _ in range(8):
                p = special.expit(logit + d[:, None])
                curve = (n * p * (1 - p)).sum(1) + 1 / tau**2
                d = np.clip(d + ((k - n * p).sum(1) - d / tau**2) / curve, -6, 6)
            p = special.expit(logit + d[:, None])
            curve = (n * p * (1 - p)).sum(1) + 1 / tau**2
            likelihood = (k * np.log(p) + (n - k) * np.log1p(-p)).sum(1) - d**2 / (2 * tau**2)
            log_evidence = float((likelihood - 0.5 * np.log(curve) - np.log(tau)).sum())
            mean[own] = (u_own * p).sum(1)
            variance[own] = (
                (u_own * p * (1 - p)).sum(1) ** 2 / curve * (1 + (few - 1) * (1 - 1 / (tau**2 * curve)))
                + (square_own * p * (1 - p)).sum(1)
                + ((u_own * p * (1 - p) / slope) ** 2 @ rates.variance) * shared
            )
        variance = variance + (MISFIT * mean) ** 2
        if near_cell.any():
            ratio = np.where(mean_0 > 0, mean / np.maximum(mean_0, 1e-300), 1.0)
            # Positives without a term go with those that have one, source by source, as far as sources are alike in
            # that; linear Bayes between this and the source's own near passages, most of which were not drawn.
            synthetic = np.minimum((known + mean) * near_over_hit, near_total)  # no more than there are near passages
            v_synthetic = 1.5 * synthetic * near_size + synthetic**2 * (
                corpus.near_cv2 + variance / np.maximum(known + mean, 1e-100) ** 2 + ALIKE**2
            )
            own_near = near_known + near_u * rest_rate * ratio
            v_own = near_square * np.maximum(near_rate, synthetic / np.maximum(near_total, 1e-300)) + 1e-12
            trust = v_synthetic / (v_synthetic + v_own)
            mean = mean + synthetic + trust * (own_near - synthetic)
            variance = variance + v_synthetic * (1 - trust)
        means.append(mean)
        variances.append(variance)
        log_weights.append(log_evidence - tau**2 / 2)
    lw = np.array(log_weights)
    mix = np.exp(lw - lw.max())
    mix /= mix.sum()
    stacked = np.array(means)
    mean = mix @ stacked
    variance = mix @ np.array(variances) + mix @ (stacked - mean) ** 2
    seen = known + mean
    value = seen * (1 + corpus.kappa)
    missed = seen * corpus.kappa
    base, base_square, least = pairs.moments(survey.n_words, unit, basis)
    typical = _typical(base_square, base)
    variance = variance * (1 + corpus.kappa) ** 2 + missed**2 * corpus.kappa_cv2 + 1.5 * missed * typical
    fraction = float(survey.sharded.fraction.min()) if survey.sharded is not None else 1.0
    p, by_cell = np.zeros(0), cell_means(scored, rates, labels)
    some_late, is_late = bool(survey.late.any()), np.zeros(x_size, bool)
    if len(survey.open_rates) or fraction < 1 or some_late:
        p = by_cell[scored.cell]
        variance = variance + open_variance(survey, pairs, p, unit, basis)
    if some_late:  # a shift that text without a round shares; the sources' own are in tau
        late = np.where(survey.late[pairs.content], weight, 0.0)
        is_late = sums(pairs.source, late, size=x_size) > 0
        variance = variance + drift * sums(pairs.source, late * (p * (1 - p))[pairs.content], size=x_size) ** 2
    if fraction < 1:  # never less than chance thinning of single passages would give, nor than one that was not met
        by_design = shard_variance(survey, pairs, p, unit, basis, level)
        thinned = value * (1 / fraction - 1) * typical * fraction + (1 - fraction) * typical**2
        variance = variance + np.maximum(by_design, thinned) * (1 + corpus.kappa) ** 2
    unmet = np.zeros(x_size)  # weight of one positive that was not drawn
    if survey.screens_elsewhere:  # positives whose weight stands for others, drawn or not
        elsewhere = survey.elsewhere(pairs)
        there, of = weight[elsewhere], pairs.source[elsewhere]
        positive = sums(of, there * by_cell[scored.cell[pairs.content[elsewhere]]], size=x_size)
        mean_p = positive / np.maximum(sums(of, there, size=x_size), 1e-300)
        unmet = np.where(screened[:, ~near_class].any(1), float(there.sum()) / max(int((there > 0).sum()), 1), 0.0)
        square_there = screened[:, ~near_class].sum(1) * uneven(survey, screened, False, corpus.screened)
        variance = variance + square_there * mean_p
    at = pairs.content[lab]
    inclusion = survey.q[at] * survey.open_probability[at] * survey.shard_probability[at]
    inclusion = np.where(near_cell[cell], 0.0, inclusion)
    known = sums(source, weight[lab] * inclusion * np.floor(y), size=x_size)
    unknown = value - known
    # Positives come whole: outward to whole passages, in units of the source's own weight, so that doubling changes
    # nothing.
    step = np.where(np.isfinite(least), least if unit == "passages" else typical, 1.0)
    exact = (variance == 0) & (unmet == 0)
    none_found = (known_all <= 0) & ~exact
    below, above = np.zeros(x_size), np.zeros(x_size)
    some = ~none_found & (unknown >= step)  # a lower quantile lies below the mean: under a whole passage it is 0
    below[some] = gamma_quantile(unknown[some], variance[some], (1 - level) / 2)
    above[~none_found] = gamma_quantile(unknown[~none_found], variance[~none_found], (1 + level) / 2)
    above[none_found] = gamma_quantile(unknown[none_found], variance[none_found], level)  # one-sided
    low = known + np.floor(below / step + 1e-9) * step
    high = known + np.ceil(above / step - 1e-9) * step
    high = np.maximum(high, known + unmet)  # the quantile of a tiny mean is 0, however uncertain it is
    low, high = np.where(exact, value, low), np.where(exact, value, high)

    # Nothing there, or all that is there known and negative: only what the gate may miss is left.
    never_hit = (base == 0) | (exact & (value <= 0))
    # Copies of a typical positive within one source.
    likely = float(weight @ spread.shifted)
    positive_weight = float(np.einsum("i,i,i->", weight, weight, spread.shifted)) / max(likely, 1e-300)
    bound = np.log(1 - level) / np.log(1 - CLEAN_RECALL * fraction) * positive_weight * fraction
    if not survey.complete_open:
        high = np.where(never_hit, np.ceil(bound / positive_weight) * positive_weight, high)
    upper_only = (never_hit & (not survey.complete_open)) | none_found
    low = np.where(upper_only, 0.0, low)
    if fraction < 1:  # nothing found in the shards that were scanned says little of the others
        high = np.where(known_all <= 0, np.maximum(high, bound), high)
    cap = np.where(totals > 0, totals, np.inf)
    return Sources(
        value=np.minimum(value, cap),
        variance=variance,
        low=np.minimum(low, cap),
        high=np.minimum(high, cap),
        upper_only=upper_only,
        seen=seen,
        n_labelled=spread.n_labelled,
        positives=spread.positives,
        complete=spread.complete,
        late=is_late,
        n_sources_labelled=int((spread.n_labelled > 0).sum()),
    )


def _typical(squares: Floats, sums: Floats) -> Floats:
    """Weight of a typical passage: sum of squares over sum."""
    return np.where(sums > 0, squares / np.maximum(sums, 1e-300), 0.0)
