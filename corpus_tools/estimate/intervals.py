"""Intervals from a mean and a variance of a count that cannot be negative; exact binomials; false-discovery control.

A sum of rare positives is skew: with 3 positives a normal interval reaches below zero and misses above. A gamma with
the same mean and variance does neither, and for equal weights it is the Poisson interval (Fay and Feuer 1997,
Statistics in Medicine 16).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import interpolate, special, stats

Floats = NDArray[np.float64]


def gamma_quantile(mean: ArrayLike, variance: ArrayLike, q: float) -> Floats:
    """Quantile of the gamma with this mean and variance; the mean itself where the variance is 0."""
    m, v = np.broadcast_arrays(np.asarray(mean, float), np.asarray(variance, float))
    out = m.astype(float).copy()
    ok = (v > 0) & (m > 0)
    shape = m[ok] ** 2 / v[ok]
    out[ok] = _standard_quantile(shape, q) * v[ok] / m[ok]
    return np.asarray(out, float)


MANY = 5_000  # quantiles from which a table pays


def _standard_quantile(shape: Floats, q: float) -> Floats:
    """Quantile of the gamma with scale 1. Many at once from a table: the inverse takes up to 10 microseconds each for
    shapes below 1."""
    if len(shape) < MANY:
        return np.asarray(special.gammaincinv(shape, q), float)
    table, least, most = _table(float(q))
    out = np.empty(len(shape))
    inside = (shape > least) & (shape < most)
    out[inside] = np.exp(table(np.log(shape[inside])))
    out[~inside] = special.gammaincinv(shape[~inside], q)
    return out


@lru_cache(maxsize=32)
def _table(q: float) -> tuple[interpolate.CubicSpline, float, float]:
    """Log quantile by log shape, to nine digits; from where it does not underflow to a shape of a million."""
    shape = np.exp(np.linspace(np.log(1e-4), np.log(1e6), 12_000))
    x = special.gammaincinv(shape, q)
    keep = x > 1e-250
    return interpolate.CubicSpline(np.log(shape[keep]), np.log(x[keep])), float(shape[keep][0]), float(shape[-1])


def gamma_interval(mean: ArrayLike, variance: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Two-sided, equal tails."""
    tail = (1 - level) / 2
    return gamma_quantile(mean, variance, tail), gamma_quantile(mean, variance, 1 - tail)


def clopper_pearson(positives: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Exact binomial interval (Clopper and Pearson 1934); one-sided upper at 0 positives, lower at n. [0, 1] for n =
    0."""
    if n <= 0:
        return 0.0, 1.0
    if positives <= 0:
        return 0.0, float(1 - (1 - level) ** (1 / n))
    if positives >= n:
        return float((1 - level) ** (1 / n)), 1.0
    tail = (1 - level) / 2
    return (
        float(special.betaincinv(positives, n - positives + 1, tail)),
        float(special.betaincinv(positives + 1, n - positives, 1 - tail)),
    )


def logit_interval(share: ArrayLike, log_odds_sd: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Interval of a share from the sd of its log odds; [0, 1] ends stay ends."""
    z = stats.norm.ppf((1 + level) / 2)
    p = np.asarray(share, float)
    with np.errstate(divide="ignore"):
        x = special.logit(p)
    sd = np.asarray(log_odds_sd, float)
    return special.expit(x - z * sd), special.expit(x + z * sd)


def q_values(p: ArrayLike) -> Floats:
    """Benjamini-Hochberg adjusted p-values (1995); nulls (nan) stay nan and are not counted as tests."""
    values = np.asarray(p, float)
    out = np.full(values.shape, np.nan)
    known = ~np.isnan(values)
    if known.any():
        out[known] = stats.false_discovery_control(np.clip(values[known], 0, 1), method="bh")
    return out


def inflation(variances: ArrayLike, n: ArrayLike, level: float = 0.95) -> float:
    """(t / z) squared for a sum of estimated variances, degrees of freedom by Satterthwaite (1946): V^2 / sum(V_h^2 /
    n_h)."""
    v, df_h = np.asarray(variances, float), np.asarray(n, float)
    total = float(v.sum())
    if total <= 0:
        return 1.0
    df = max(total**2 / float((v**2 / np.maximum(df_h, 1)).sum()), 2.0)
    upper = (1 + level) / 2
    ratio: Any = stats.t.ppf(upper, df) / stats.norm.ppf(upper)
    return float(ratio) ** 2
