"""Which rate each stratum and bin has: from the configuration, from the scorer's own shape, or within a budget."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpus_tools.config import ScreenConfig
from corpus_tools.errors import ConfigError
from corpus_tools.pack import Pack
from corpus_tools.screen.draw import Table
from corpus_tools.screen.scorer import Scorer, load_scorer
from corpus_tools.tables import STRATA

FLOOR = 0.02  # least rate of a bin, so that no passage stands for more than 50
Floats = NDArray[np.float64]


def scorer_of(config: ScreenConfig, pack: Pack) -> Scorer | None:
    """The scorer that a configuration asks for; None where rates are by stratum alone. Raises PackError, ConfigError."""
    if config.rule != "scored":
        return None
    scorer = load_scorer(pack.screen if config.model == "pack" else Path(config.model))
    if config.by_bin and len(config.by_bin["hit"]) != scorer.n_bins:
        raise ConfigError(
            [f"screen.by_bin: {len(config.by_bin['hit'])} rates a stratum, but the scorer has {scorer.n_bins} bins"]
        )
    return scorer


def table_of(config: ScreenConfig, scorer: Scorer | None) -> Table:
    """Stratum -> rates by bin. `rates`, `census`: one each. `scored`: as given, else the stratum's rate for the highest bin and
    the scorer's shape below it, never under FLOOR."""
    if config.rule == "census":
        return {s: [1.0] for s in STRATA}
    highest = {s: float(getattr(config, s)) for s in STRATA}
    if scorer is None:
        return {s: [rate] for s, rate in highest.items()}
    if config.by_bin:
        return {str(s): list(rates) for s, rates in config.by_bin.items()}
    return {s: [_rounded(max(rate * x, min(FLOOR, rate))) for x in scorer.shape] for s, rate in highest.items()}


def resolved(config: ScreenConfig, scorer: Scorer | None) -> ScreenConfig:
    """The same with every rate written out and no budget: what is frozen."""
    if scorer is None:
        return config
    return config.with_rates(table_of(config, scorer))


def within_budget(passages: Floats, positive: Floats, most: float) -> Floats:
    """Rates [H] of cells with so many passages [H] and such a share of positives [H], for about `most` scored passages.

    The variance of a total is sum N p (1 - q) / q, least for a given sum N q where q goes as the square root of p (Neyman 1934;
    Cochran 1977, 5.5), at most 1. No rate is under FLOOR, or under half the rate of an even spread where that is less.
    """
    n = np.maximum(passages, 0.0)
    total = float(n.sum())
    if total <= most:
        return np.ones(len(n))
    least = min(FLOOR, most / (2 * total))
    below, _ = _around(positive, least, lambda q: float(n @ q) > most)
    return np.array([_rounded(q) for q in below])


def within_width(passages: Floats, positive: Floats, width: float) -> Floats:
    """Rates [H] of cells with so many passages [H] and such a share of positives [H], with which as few as may be are scored while the
    screen's own draw makes a 95 % half-width of `width` times the expected positives.

    As in `within_budget`, q goes as the square root of p; the scale is the least that keeps sum N p (1 - q) / q within
    (width x sum N p / 1.96)^2.
    """
    n = np.maximum(passages, 0.0)
    p = np.clip(positive, 1e-12, 1)
    allowed = (width * float(n @ p) / 1.96) ** 2
    _, above = _around(positive, FLOOR, lambda q: float((n * p * (1 - q) / q).sum()) <= allowed)
    return np.array([_rounded(q * (1 + 5e-4)) for q in above])  # upward


def _around(positive: Floats, least: float, holds: Callable[[Floats], bool]) -> tuple[Floats, Floats]:
    """Rates [H] that go as the square root of the share of positives [H], from `least` to 1: just before `holds` is true of them, and
    just after, as their scale grows."""
    want = np.sqrt(np.clip(positive, 1e-12, 1))
    low, high = 0.0, 1 / float(want.min())
    for _ in range(200):
        scale = (low + high) / 2
        low, high = (low, scale) if holds(np.clip(scale * want, least, 1.0)) else (scale, high)
    return np.clip(low * want, least, 1.0), np.clip(high * want, least, 1.0)


def _rounded(rate: float) -> float:
    """Four significant digits: a table for people to read, and the same text everywhere."""
    return min(float(f"{rate:.4g}"), 1.0)
