"""Scores and labels -> cells, and each cell's rate of positives.

The corrected total is  T = sum of known positives + sum over cells of (unlabelled weight x rate),  rate = labels of
the cell shrunk to its mean score. Written out it is a stratified difference estimator,  sum W m + sum_h U_h lambda_h
(ybar_h - m_h)  with lambda_h = n_h / (n_h + 3): prediction-powered inference (Angelopoulos et al. 2023, Science 382;
stratified: Fisch et al. 2024), its power tuning (Angelopoulos, Duchi and Zrnic 2023) done cell by cell with a Beta
prior in place of one estimated lambda.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus_tools.estimate.intervals import inflation
from corpus_tools.estimate.survey import HIT, NEAR, SAMPLED, Floats, Ints, Survey, blocks, sums, sums_of

PRIOR = 3.0  # labels that a cell's mean score is worth (trial: 1 to 10 made no difference that could be seen)
SCORE_BINS = 64  # on the logit scale, between 1e-4 and 1 - 1e-4
CELLS = ((HIT, False, 5), (HIT, True, 6), (NEAR, None, 4), (SAMPLED, None, 4))
"""Stratum, whether the passage is its document's only hit, and score cells at most. A lone hit is far more often a
chance one."""
FEWEST = 4  # labels in a cell; with fewer it joins its neighbour
ASSUMED_RECALL = 0.9  # of the gate, where nothing is known of it


@dataclass(frozen=True)
class Labels:
    """Labels that correct, for one label. Arrays [L], one per labelled content."""

    at: Ints  # position among the contents
    y: Floats  # 0 to 1
    inverse: Floats  # sum over rounds of (weight of the round / label probability)
    certain: NDArray[np.bool_]  # drawn with probability 1: known, says nothing of the others
    several_rounds: bool
    by: str  # who labelled
    twice: int = 0  # contents that two annotators or more have labelled
    differ: int = 0  # those of them on which they differ

    @property
    def n(self) -> int:
        """Labelled contents."""
        return len(self.at)


def labels_of(survey: Survey, labels: pl.DataFrame, round_weights: dict[str, float] | None = None) -> Labels:
    """Usable labels of one label (content, value, probability, round, annotator) -> Labels.

    Rounds are combined with weights that do not depend on any label's value: those given, else in proportion to their
    sizes; `round_share`, where it is given, says them content by content (rounds that cover different shards). (The
    probability of being in any of them is no substitute: it needs each round's rate for passages that the round did
    not draw.)
    """
    at = survey.find(labels["content"])
    rows = labels.with_columns(at=pl.Series(at, dtype=pl.Int64)).filter(pl.col("at") >= 0)
    sizes = dict(rows.group_by("round").len().iter_rows())
    weights = {r: float((round_weights or sizes).get(r, 0)) for r in sizes}
    total = sum(weights.values()) or 1.0
    per = (
        rows.with_columns(
            w=pl.col("round_share")
            if "round_share" in rows.columns and not round_weights
            else pl.col("round").replace_strict(weights, return_dtype=pl.Float64) / total
            if weights
            else pl.lit(1.0)
        )
        .group_by("at")
        .agg(
            pl.col("value").mean(),
            (pl.col("w") / pl.col("probability")).sum().alias("inverse"),
            (pl.col("probability") >= 1).any().alias("certain"),
        )
        .sort("at")
    )
    twice = rows.filter(pl.col("annotator").str.contains("+", literal=True))
    return Labels(
        at=per["at"].to_numpy(),
        y=per["value"].to_numpy(),
        inverse=per["inverse"].to_numpy(),
        certain=per["certain"].to_numpy(),
        several_rounds=len(weights) > 1,
        by=", ".join(sorted({a for a in rows["annotator"].unique().to_list() if a})),
        twice=twice.height,
        differ=twice.filter(pl.col("value").is_between(0, 1, closed="none")).height,
    )


def score_bins(score: Floats) -> tuple[NDArray[np.int8], Floats]:
    """scores -> bin on the logit scale, and each bin's middle as a probability."""
    edge = np.log(1e-4) - np.log1p(-1e-4)
    bins = np.empty(len(score), np.int8)
    for part in blocks(len(score)):
        inside = np.clip(score[part], 1e-4, 1 - 1e-4)
        logit = np.log(inside)
        logit -= np.log1p(np.negative(inside, out=inside), out=inside)
        logit -= edge
        logit *= SCORE_BINS / (-2 * edge)
        bins[part] = np.minimum(logit.astype(np.int8), SCORE_BINS - 1)
    middle = edge + (np.arange(SCORE_BINS) + 0.5) * (-2 * edge / SCORE_BINS)
    return bins, 1 / (1 + np.exp(-middle))


def prior_shift(
    group: NDArray[np.signedinteger[Any]],
    score: Floats,
    trained_at: float,
    floor: float = 0.0,
    steps: int = 25,
    held: float = 0.0,
    expected: float = 0.0,
    weight: Floats | None = None,
) -> tuple[Floats, NDArray[np.int32], NDArray[np.int64]]:
    """Scores calibrated at prevalence `trained_at` -> scores at each group's own prevalence.

    Expectation-maximisation of Saerens, Latinne and Decaestecker (2002, Neural Computation 14), per group, held by 8
    contents' worth at the rate of all groups together; on a histogram, so that its cost does not grow with the number
    of contents. `weight`: what each content stands for, over the mean of them. Returns the shifted score per
    (group, bin) entry, the entry of each content, and the group of each entry.

    `held`: the common rate is held by so many contents as a share of all, at the rate `expected` or, where that is 0,
    at their mean score: a maximum a posteriori under a beta prior, in place of the likelihood's maximum. Where scores
    of negatives are a little lower than they were where the classifier was calibrated, that maximum lies at 0 even if
    some contents score high. Nor does a rate then rise above the mean score: classifiers are calibrated where positives
    are many, and a score that seldom was positive there is known from few.
    """
    bins, middle = score_bins(score)
    code = group * np.int64(SCORE_BINS)
    code += bins
    table = sums(code, weight)  # groups x bins: smaller than sorting all contents
    entries = np.flatnonzero(table)
    place = np.zeros(len(table), np.int32)
    place[entries] = np.arange(len(entries))
    entry, count = place[code], table[entries]
    del code, place
    g = entries // SCORE_BINS
    s = middle[entries % SCORE_BINS]
    likelihood = (s / (1 - s)) / (trained_at / (1 - trained_at))
    p0 = trained_at
    by_bin = sums(entries % SCORE_BINS, count, size=SCORE_BINS)
    odds = (middle / (1 - middle)) / (trained_at / (1 - trained_at))
    everyone = max(float(by_bin.sum()), 1.0)
    mean = float(by_bin @ middle) / everyone
    prior = held * (expected or mean)
    for _ in range(100):  # all groups together
        found = float((by_bin * p0 * odds / (p0 * odds + 1 - p0)).sum()) / everyone
        p0 = max((prior + found) / (1 + held), floor, 1e-7)
        p0 = min(p0, mean) if held else p0
    if held:  # groups share the rate: by source, noise alone makes many small rates
        return 1 / (1 + (1 - p0) / p0 / likelihood), entry, g
    return _own_rates(g, likelihood, count, p0, steps), entry, g


def _own_rates(g: NDArray[np.int64], likelihood: Floats, count: Floats, p0: float, steps: int) -> Floats:
    """Entries in order of their group -> each shifted to its group's own rate, held by 8 contents' worth at p0."""
    shifted = np.empty(len(g))
    first = np.flatnonzero(np.diff(g, prepend=-1))  # entry of each group
    for some in blocks(len(first), 1 << 11):  # few enough for a processor's cache, as every step reads all
        start = first[some]
        end = int(first[some.stop]) if some.stop < len(first) else len(g)
        part = slice(int(start[0]), end)
        start, size = start - part.start, np.diff(start, append=end)
        n, against = np.add.reduceat(count[part], start), 1 / likelihood[part]
        rate = np.full(len(start), p0)
        for _ in range(steps):
            x = np.repeat((1 - rate) / rate, size)
            x *= against
            x += 1
            np.divide(1, x, out=x)
            rate = (8 * p0 + np.add.reduceat(count[part] * x, start)) / (8 + n)
        shifted[part] = x
    return shifted


@dataclass(frozen=True)
class Scored:
    """One label's scores after the shift, and the cells made of them."""

    shifted: Floats  # [C]
    cell: NDArray[np.int8]  # [C]
    gate: NDArray[np.int64]  # [H] of each cell
    n_cells: int

    @cached_property
    def size(self) -> Floats:
        """[H] contents of each cell."""
        return sums_of(self.cell, self.n_cells, lambda part: [np.ones(part.stop - part.start)])[0]


def cells(survey: Survey, score: Floats, labels: Labels, trained_at: float | None, held: float = 0.0) -> Scored:
    """Scores [C] -> shifted scores and cells: gate stratum x score, cut where the square root of the expected
    positives cumulates evenly (Dalenius and Hodges 1959), neighbours joined until each has FEWEST labels. Where a
    label is, never what it says, decides. `trained_at` None: the scores are shifted already; `held`: see
    prior_shift."""
    shifted = np.zeros(survey.size)
    cell = np.zeros(survey.size, np.int8)
    gates: list[int] = []
    hits = 0.0
    labelled_here = np.zeros(survey.size, bool)
    labelled_here[labels.at[~labels.certain]] = True
    for gate, alone, most in CELLS:
        stratum = survey.stratum(gate, alone)
        here = stratum.contents
        if not len(here):
            continue
        missed_rate = 0.0
        if (
            gate != HIT and hits
        ):  # positives the gate misses, spread over the passages it left: a floor under the scores
            passages = float((stratum.per_drawn / survey.open_probability[here]).sum())
            missed_rate = min(hits * (1 - ASSUMED_RECALL) / ASSUMED_RECALL / max(passages, 1.0), 0.5)
        if trained_at is None:
            values, entry = score[here], np.arange(len(here), dtype=np.int32)
        else:
            values, entry, _ = prior_shift(
                stratum.home,
                score[here],
                trained_at,
                floor=0.0 if held else missed_rate / 5,
                held=held,
                expected=missed_rate,
                weight=stratum.relative,  # what was drawn with a high rate is no fair sample of the stratum
            )
        standing = sums(entry, stratum.per_drawn, size=len(values))
        if gate == HIT:
            hits += float(values @ standing)
        elif missed_rate and trained_at is not None:
            values = 0.8 * values + 0.2 * missed_rate
        shifted[here] = values[entry]
        # Neyman mass by position on a fixed grid of the shifted score: cuts do not depend on order or on doubling.
        fine, _ = score_bins(values)
        mass = sums(fine, np.sqrt(np.clip(values * (1 - values), 0, None)) * standing, size=SCORE_BINS)
        root = np.cumsum(mass)
        at = np.minimum((root - mass / 2) / max(root[-1], 1e-300) * most, most - 1e-9).astype(int)
        joined = _join(sums(at[fine[entry[labelled_here[here]]]], size=most), FEWEST)
        cell[here] = (len(gates) + joined[at[fine]])[entry]
        gates.extend([gate] * (int(joined.max()) + 1))
    return Scored(shifted, cell, np.array(gates, np.int64), len(gates))


def _join(n: Floats, fewest: int) -> NDArray[np.int64]:
    """labels per fine cell, lowest score first -> coarse cell of each, from the highest score down: those hold the
    positives."""
    coarse = np.zeros(len(n), np.int64)
    current, held = 0, 0.0
    for i in range(len(n) - 1, -1, -1):
        if held >= fewest:
            current, held = current + 1, 0.0
        coarse[i] = current
        held += n[i]
    if held < fewest and current:
        coarse[coarse == current] = current - 1
    return coarse


@dataclass(frozen=True)
class Rates:
    """Rate of positives by cell [H], for one unit and basis, among contents without a label."""

    rate: Floats
    variance: Floats  # of the rate
    n: Floats  # effective labels
    deff: Floats  # labels over effective labels, at least 1
    unlabelled: Floats  # weight U
    square: Floats  # sum of squared weights of the unlabelled contents
    known: float  # positives among labelled contents, weighted
    found: float  # the same, each copy that was drawn counting as itself: a count that the truth cannot fall below
    n_raw: Floats

    @property
    def total(self) -> float:
        """Known positives and expected ones."""
        return self.known + float(self.unlabelled @ self.rate)

    def label_variance(self, level: float = 0.95) -> float:
        """Of the total, from the label draw; made larger where few labels carry it, as a t interval would be."""
        by_cell = self.unlabelled**2 * self.variance
        binomial = float(self.square @ (self.rate * (1 - self.rate)))
        return (float(by_cell.sum()) + binomial) * inflation(by_cell, self.n + PRIOR, level)


def rates(
    scored: Scored, weight: Floats, labels: Labels, use: NDArray[np.bool_], inclusion: Floats | None = None
) -> Rates:
    """Weights [C] (zero outside `use`) and labels -> the rate of each cell.

    The rate is a weighted mean of the labels, weights W (1 - pi) / pi: what stands for the unlabelled rest. It counts
    as (sum of weights)^2 / sum of squares labels (Kish 1965), never more than there are. Cells without weight give 0.
    `inclusion` [C]: the probability that weights are the inverse of.
    """
    h = scored.n_cells
    mine = use[labels.at]
    at, y, inverse, certain = labels.at[mine], labels.y[mine], labels.inverse[mine], labels.certain[mine]
    known = float(weight[at] @ y)
    found = known if inclusion is None else float((weight[at] * inclusion[at]) @ np.floor(y))
    unlabelled = use.copy()
    unlabelled[at] = False

    def columns(part: slice) -> tuple[Floats, Floats, Floats]:
        w = np.where(unlabelled[part], weight[part], 0.0)
        return w, w**2, w * scored.shifted[part]

    u, square, likely = sums_of(scored.cell, h, columns)
    mean_score = likely / np.maximum(u, 1e-300)
    w = np.where(certain, 0.0, weight[at] * (inverse if labels.several_rounds else np.maximum(inverse - 1, 0)))
    c = scored.cell[at]
    sum_w = sums(c, w, size=h)
    n_raw = sums(c, w > 0, size=h).astype(float)
    n = sum_w**2 / np.maximum(sums(c, w**2, size=h), 1e-300)
    observed = sums(c, w * y, size=h) / np.maximum(sum_w, 1e-300)
    expected = sums(c, w * scored.shifted[at], size=h) / np.maximum(sum_w, 1e-300)
    # One factor by which scores overstate, then one per gate stratum held by one positive's worth at it.
    factor = ((n * observed).sum() + 0.5) / ((n * expected).sum() + 0.5)
    by_gate = np.ones(3)
    for gate in range(3):
        here = scored.gate == gate
        by_gate[gate] = ((n * observed)[here].sum() + factor) / ((n * expected)[here].sum() + 1)
    prior = np.clip(by_gate[scored.gate] * mean_score, 1e-12, 0.95)
    rate = (PRIOR * prior + n * observed) / (PRIOR + n)
    variance = rate * (1 - rate) / (PRIOR + 1 + n)
    # Without labels a Beta prior at a tiny mean would be all tail (a variance floor that drowns the rest): at most a
    # factor of 3.
    variance = np.where(n < 1, np.minimum(variance, (2 * rate) ** 2), variance)
    return Rates(rate, variance, n, np.maximum(n_raw, 1e-300) / np.maximum(n, 1e-300), u, square, known, found, n_raw)
