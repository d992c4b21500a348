"""Variance from the draw of documents and from the draw of shards, by source."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from corpus_tools.estimate.survey import Floats, Pairs, Survey, sums


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
