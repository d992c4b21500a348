"""Text that arrived after the labels were drawn: what it adds to a variance until it is labelled too, and whether it drifts.

Contents of shards that no round covers yet are *late*. Their cells' rates are those of the labelled shards, and may be off by a
shift on the logit scale: one that all late text shares, and one of each source with few labels. The shared one is not known
before labels; it is taken to have a standard deviation of 0.5, and more where scores are seen to drift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from corpus_tools.estimate.cells import Labels, Scored
from corpus_tools.estimate.survey import HIT, Floats, Survey, sums

SHARED = 0.5  # sd on the logit scale of a shift that all late text shares
OWN = 0.69  # variance of a source's own shift: the mean of tau^2 under the weak prior of sources.py
ENOUGH = 30  # labels of a source that tell its own shift
NOTICED = 0.1  # drifts below this, on the logit scale, are not worth a warning however sure


@dataclass(frozen=True)
class Drift:
    """How later shards differ from the first, on the logit (scores) or log scale (labels), with a 95 % interval and p-value."""

    value: float
    low: float
    high: float
    p: float

    @property
    def excess(self) -> float:
        """Squared drift beyond its own noise."""
        se = (self.high - self.low) / 3.92
        return max(self.value**2 - se**2, 0.0) if np.isfinite(se) else 0.0

    @property
    def noticed(self) -> bool:
        """Worth a warning: the interval excludes 0, and the drift is not tiny."""
        return self.p < 0.05 and abs(self.value) >= NOTICED


def late_variance(survey: Survey, scored: Scored, labels: Labels, p: Floats, weight: Floats, drift: float) -> float:
    """Variance of the corpus's count from late text: a shared shift (variance `drift`), own shifts of sources with few
    labels. p [C]."""
    lean = np.where(survey.late, weight * p * (1 - p), 0.0)
    own = sums(survey.home, lean)
    known = sums(survey.home[labels.at], size=len(own)) >= ENOUGH
    return drift * float(lean.sum()) ** 2 + OWN * float((own[~known] ** 2).sum())


def score_drift(survey: Survey, score: Floats, later: NDArray[np.bool_]) -> Drift | None:
    """Mean logit score of hit contents of later shards, less that of the others; None where one of them has none.

    Welch's test on cluster totals: contents of one source go together, or shards that bring other documents of the same sources
    would seem to drift. Before any label this is all that can be seen: a rate that moves without the scores shows nothing.
    """
    use = (survey.gate == HIT) & survey.in_design
    groups = [np.flatnonzero(use & later), np.flatnonzero(use & ~later)]
    if not all(map(len, groups)):
        return None
    z = special.logit(np.clip(score, 1e-4, 1 - 1e-4))
    means, variances, clusters = [], [], []
    for at in groups:
        mean = float(z[at].mean())
        totals = sums(survey.home[at], z[at] - mean)
        m = int((sums(survey.home[at]) > 0).sum())
        spread = float((totals**2).sum()) * m / (m - 1) if m > 1 else float(((z[at] - mean) ** 2).sum())
        means.append(mean)
        variances.append(spread / len(at) ** 2)
        clusters.append(m if m > 1 else len(at))
    return _drift(means[0] - means[1], sum(variances), min(clusters) - 1)


def label_drift(survey: Survey, scored: Scored, labels: Labels, later: NDArray[np.bool_]) -> Drift | None:
    """Labelled positives over those that the shifted scores lead one to expect: log of that ratio in later shards, less that in the
    first; None where one side has no label, or there is no positive.

    Given all k positives, those of later shards are binomial(k, their share of the expected ones) if the scores err alike; exact
    interval (Clopper and Pearson 1934), because positives are few. Labels were drawn by score, which the expectation holds fixed:
    no weights are needed.
    """
    late = later[labels.at]
    positive = labels.y >= 0.5
    k, of = int((positive & late).sum()), int(positive.sum())
    if late.all() or not late.any() or not of:
        return None
    expected = scored.shifted[labels.at]
    share = float(np.clip(expected[late].sum() / max(float(expected.sum()), 1e-300), 1e-9, 1 - 1e-9))
    test = stats.binomtest(k, of, share)
    inside = test.proportion_ci(0.95)
    value, low, high = special.logit(
        np.clip([(k + 0.5) / (of + 1), inside.low, inside.high], 1e-9, 1 - 1e-9)
    ) - special.logit(share)
    return Drift(float(value), float(low), float(high), float(test.pvalue))


def _drift(value: float, variance: float, df: int) -> Drift:
    se = max(float(np.sqrt(variance)), 1e-12)
    t = float(stats.t.ppf(0.975, max(df, 1)))
    return Drift(value, value - t * se, value + t * se, float(2 * stats.t.sf(abs(value) / se, max(df, 1))))
