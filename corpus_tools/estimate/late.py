"""Text that arrived after the labels were drawn: what it adds to a variance until it is labelled too, and whether it drifts.

Contents of shards that no round covers yet are *late*. Their cells' rates are those of the labelled shards, and may be off by a
shift on the logit scale: one that all late text shares, and one of each source that has no label. The shared one is not known
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
NOTICED = 0.1  # drifts below this, on the logit scale, are not worth a warning however sure
HELD = 1.0  # sd of the prior that holds the shift of labels


@dataclass(frozen=True)
class Drift:
    """How later shards differ from the first, on the logit scale, with a 95 % interval and its p-value."""

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
    """Variance of the corpus's count from late text: shared shift (variance `drift`) and own shifts of unlabelled sources. p [C]."""
    lean = np.where(survey.late, weight * p * (1 - p), 0.0)
    known = np.zeros(int(survey.home.max(initial=0)) + 1, bool)
    known[survey.home[labels.at]] = True
    own = sums(survey.home, lean, size=len(known))
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
    """Shift that labels of later shards ask of the scores, less that of the first shards; None where one side has no label.

    Each side: logistic regression of the labels on an intercept with the shifted score's logit as offset, held by N(0, 1); the
    difference against its standard error. Labels were drawn by score, and the score is the offset: no weights are needed.
    """
    late = later[labels.at]
    if late.all() or not late.any():
        return None
    offset = special.logit(np.clip(scored.shifted[labels.at], 1e-6, 1 - 1e-6))
    sides = [_intercept(offset[side], labels.y[side]) for side in (late, ~late)]
    return _drift(
        sides[0][0] - sides[1][0], sides[0][1] + sides[1][1], max(min(int(late.sum()), int((~late).sum())) - 1, 1)
    )


def _intercept(offset: Floats, y: Floats) -> tuple[float, float]:
    d = 0.0
    for _ in range(30):
        p = special.expit(offset + d)
        curve = float((p * (1 - p)).sum()) + 1 / HELD**2
        d = float(np.clip(d + (float((y - p).sum()) - d / HELD**2) / curve, -8, 8))
    return d, 1 / curve


def _drift(value: float, variance: float, df: int) -> Drift:
    se = max(float(np.sqrt(variance)), 1e-12)
    t = float(stats.t.ppf(0.975, max(df, 1)))
    return Drift(value, value - t * se, value + t * se, float(2 * stats.t.sf(abs(value) / se, max(df, 1))))
