"""What follows from counts and their variances: share, lift, rank, shrunk rates, balance, outcomes, concentration.
Closed forms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from corpus_tools.estimate.intervals import Floats, gamma_interval, gamma_quantile, logit_interval, q_values

NOTHING = 1e-6
"""A count below it is of scores rounded to 0: nothing was found, and it divides nothing."""


@dataclass(frozen=True)
class Measure:
    """One measure over sources. Arrays [X]; low and high nan where there is no interval."""

    value: Floats
    low: Floats
    high: Floats
    q: Floats | None = None


def _cv2(value: Floats, variance: Floats) -> Floats:
    return np.where(value > 0, variance / np.maximum(value, 1e-120) ** 2, np.inf)


def share(value: Floats, variance: Floats, whole: float, whole_variance: float, level: float = 0.95) -> Measure:
    """Part of all positives that a source supplies. The part and the rest are taken as independent: log odds have
    variance cv(part)^2 + cv(rest)^2 (delta method), the rest's variance being the whole's less the part's, at least
    its share of the whole's."""
    total = max(whole, float(value.sum()), 1e-300)
    part = np.clip(value / total, 0, 1)
    rest = np.maximum(total - value, 0)
    rest_variance = np.maximum(whole_variance - variance, whole_variance * (1 - part))
    sd = np.sqrt(np.minimum(_cv2(value, variance) + _cv2(rest, rest_variance), 1e4))
    low, high = logit_interval(part, np.where(part < 1, sd, 0), level)
    # Where little was found the log odds run off: no more than the part's own upper bound over the least the whole
    # can be.
    least = max(whole - 1.96 * float(np.sqrt(whole_variance)), 0.5 * total)
    upper = np.zeros(len(value))
    for here, tail in ((value > 0, (1 + level) / 2), (value <= 0, level)):
        upper[here] = gamma_quantile(np.maximum(value[here], 1e-12), variance[here], tail)
    most = np.where(value > 0, np.minimum(high, upper / least), upper / least)
    return Measure(part, np.where(value > 0, low, 0.0), np.clip(most, part, 1))


def lift(shares: Measure, totals: Floats) -> Measure:
    """Prevalence of the source over that of the corpus: share of positives over share of text. q: Benjamini-Hochberg
    over the sources, of 'not above the corpus', by the log odds of the share."""
    of_text = totals / max(float(totals.sum()), 1e-300)
    safe = np.where(of_text > 0, of_text, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = special.logit(np.clip(shares.high, 1e-12, 1 - 1e-12)) - special.logit(
            np.clip(shares.value, 1e-12, 1 - 1e-12)
        )
        z = (
            special.logit(np.clip(shares.value, 1e-12, 1 - 1e-12)) - special.logit(np.clip(safe, 1e-12, 1 - 1e-12))
        ) / (np.maximum(spread, 1e-9) / 1.959963984540054)
    p = np.where(np.isnan(safe) | (shares.value <= 0), np.where(np.isnan(safe), np.nan, 1.0), stats.norm.sf(z))
    return Measure(shares.value / safe, shares.low / safe, shares.high / safe, q_values(p))


def rank(
    value: Floats, variance: Floats, totals: Floats, upper_only: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> Measure:
    """Rank by prevalence, 1 the highest, with a joint 95 % interval: one more than the sources certainly above, and
    so on, from intervals made simultaneous by Sidak's level (Klein, Wright and Wieczorek 2020, J. R. Stat. Soc. A
    183)."""
    n = len(value)
    tail = (1 - 0.95 ** (1 / max(n, 1))) / 2
    safe = np.where(totals > 0, totals, 1.0)
    at = np.where(totals > 0, value / safe, -1.0)
    low = np.where(upper_only, 0.0, gamma_quantile(value, variance, tail)) / safe
    high = np.maximum(gamma_quantile(np.maximum(value, 1e-12), variance, 1 - tail) / safe, at)
    order = np.asarray(stats.rankdata(-at, method="min"), np.float64)
    above = n - np.searchsorted(np.sort(low), high, side="right")
    below = np.searchsorted(np.sort(high), low, side="left")
    return Measure(order, np.asarray(1 + above, np.float64), np.maximum((n - below).astype(np.float64), order))


def shrunk(value: Floats, variance: Floats, totals: Floats, level: float = 0.95) -> Measure:
    """Prevalence moved towards the corpus's as far as its own evidence is thin: gamma-Poisson empirical Bayes, prior
    by moments (Clayton and Kaldor 1987, Biometrics 43). A count with this mean and variance counts as value^2 /
    variance events."""
    use = totals > 0
    rate = float(value[use].sum() / max(totals[use].sum(), 1e-300)) if use.any() else 0.0
    raw = np.where(use, value / np.where(use, totals, 1), 0)
    noise = np.where(use, variance / np.where(use, totals, 1) ** 2, 0)
    weights = np.where(use, totals, 0)
    between = float((weights * ((raw - rate) ** 2 - noise)).sum() / max(weights.sum(), 1e-300))
    if rate <= 0:
        return Measure(raw, np.full(len(raw), np.nan), np.full(len(raw), np.nan))
    between = max(between, 0.1 * rate**2)  # never 0: sources do differ
    shape, per = rate**2 / between, rate / between
    events = np.where(variance > 0, value**2 / np.maximum(variance, 1e-300), value)
    base = np.where(raw > 0, events / np.maximum(raw, 1e-300), np.where(use, 1 / np.maximum(np.sqrt(noise), 1e-300), 0))
    base = np.where(noise > 0, base, np.where(use, totals, 0))
    mean = (shape + events) / (per + base)
    var = (shape + events) / (per + base) ** 2
    return Measure(mean, *gamma_interval(mean, var, level))


def ratio(a: Floats, a_variance: Floats, b: Floats, b_variance: Floats, level: float = 0.95) -> Measure:
    """a over b, taken as independent: log-normal with cv(a)^2 + cv(b)^2. Nan where b is NOTHING."""
    z = stats.norm.ppf((1 + level) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(b > NOTHING, a / b, np.nan)
        cv2 = _cv2(a, a_variance) + _cv2(b, b_variance)
        factor = np.exp(z * np.sqrt(np.where(cv2 < 9, cv2, np.nan)))  # beyond that there is nothing to say
        return Measure(value, value / factor, value * factor)


def part_of(a: Floats, a_variance: Floats, b: Floats, b_variance: Floats, level: float = 0.95) -> Measure:
    """a as a share of b, of which it is a part. Nan where b is NOTHING."""
    b = np.maximum(a, b)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(b > NOTHING, a / b, np.nan)
    rest = b - a
    rest_variance = np.maximum(b_variance - a_variance, b_variance * np.nan_to_num(1 - value))
    sd = np.sqrt(np.minimum(_cv2(a, a_variance) + np.where(rest > 0, _cv2(rest, rest_variance), 0), 1e4))
    low, high = logit_interval(np.nan_to_num(value), sd, level)
    return Measure(value, np.where(np.isnan(value), np.nan, low), np.where(np.isnan(value), np.nan, high))


def concentration(
    value: Floats, variance: Floats, tops: tuple[int, ...] = (1, 5, 10, 50), draws: int = 400, seed: int = 0
) -> dict[str, tuple[float, float, float]]:
    """Share of all positives in the k richest sources, and the Gini index over sources; intervals by `draws` gamma
    draws of every count (a plug-in of noisy counts overstates both; the figure is the plug-in, the interval shows the
    noise)."""
    used = value > 0
    v, s2 = value[used], np.maximum(variance[used], 1e-12)
    if not len(v):
        return {}

    def figures(x: Floats) -> Floats:
        x = -np.sort(-x, axis=-1)
        total = np.maximum(x.sum(-1, keepdims=True), 1e-300)
        cumulated = np.cumsum(x, -1) / total
        n = x.shape[-1]
        gini = (n + 1 - 2 * (cumulated[..., ::-1] * 0 + np.cumsum(x[..., ::-1], -1) / total).sum(-1)) / n
        return np.stack([*(cumulated[..., min(k, n) - 1] for k in tops), gini], -1)

    centre = figures(v)
    rng = np.random.default_rng(seed)
    block = max(1, int(2_000_000 // len(v)))
    drawn = []
    draws = draws if len(v) <= 20_000 else 100
    for start in range(0, draws, block):
        size = (min(block, draws - start), len(v))
        drawn.append(figures(rng.gamma(v**2 / s2, s2 / v, size)))
    low, high = np.quantile(np.concatenate(drawn), (0.025, 0.975), axis=0)
    names = [*(f"top {k}" for k in tops), "gini"]
    return {
        name: (float(c), float(min(a, c)), float(max(b, c)))
        for name, c, a, b in zip(names, centre, low, high, strict=True)
    }
