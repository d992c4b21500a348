"""Variance from the draw of documents and from the draw of shards, by source."""

from __future__ import annotations

import numpy as np
from scipy import stats

from corpus_tools.estimate.codes import reduced
from corpus_tools.estimate.survey import Clusters, Floats, Pairs, Survey, sums


def open_variance(survey: Survey, pairs: Pairs, p: Floats, unit: str, basis: str) -> Floats:
    """[X] variance from the draw of documents that the gate hits: sum over opened document contents of (1 - a) x (weighted
    positives in it)^2, in expectation. p [C]."""
    second = _second_moment(pairs.opened, survey, p, unit, basis)[1]
    return sums(pairs.opened.source, (1 - survey.open_rates[pairs.opened.of]) * second, size=len(pairs.names))


def rest_variance(survey: Survey, p: Floats, unit: str, basis: str) -> float:
    """The same for the documents that the gate does not hit, all sources together."""
    second = _second_moment(survey.rest, survey, p, unit, basis)[1]
    return float(((1 - survey.rest_rates[survey.rest.of]) * second).sum())


def shard_variance(survey: Survey, pairs: Pairs, p: Floats, unit: str, basis: str, level: float = 0.95) -> Floats:
    """[X] variance from the draw of shards: (1 - f) n / (n - 1) x sum over the n shards of (weighted positives less
    their mean)^2, per data set (Cochran 1977, chapter 2), times (t / z)^2 with n - 1 degrees of freedom. p [C].

    Of the count, not of the ratio: shards of unequal size make it too large, never too small. Distinct contents are
    counted per shard; copies across shards are not told apart."""
    x_size, s, c = len(pairs.names), survey.sharded, pairs.sharded
    if s is None or not s.known:
        return np.zeros(x_size)
    total, moment = _second_moment(c, survey, p, unit, basis)
    dataset = s.dataset[c.of]
    out = np.zeros(x_size)
    for d, (n, f) in enumerate(zip(s.scanned, s.fraction, strict=True)):
        here = dataset == d
        x = c.source[here]
        first, second = sums(x, total[here], size=x_size), sums(x, moment[here], size=x_size)
        if n > 1:
            t = stats.t.ppf((1 + level) / 2, n - 1) / stats.norm.ppf((1 + level) / 2)
            out += (1 - f) * n / (n - 1) * np.maximum(second - first**2 / n, 0) * t**2
    return out


def _second_moment(c: Clusters, survey: Survey, p: Floats, unit: str, basis: str) -> tuple[Floats, Floats]:
    """[E] expected weighted positives of each document or shard, by source, and of their square: that of the expectation,
    and what chance adds, content by content. Copies within one go together; `distinct` counts one."""
    w = c.weight / c.copies if basis == "distinct" else c.weight
    if unit == "words":
        w = w * survey.n_words[c.content]
    rate = p[c.content]
    expected = w * rate
    total = reduced(np.add, expected, c.start)
    return total, total**2 + reduced(np.add, w * expected * (1 - rate), c.start)
