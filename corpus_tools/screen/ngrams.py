"""Texts -> hashed words and pairs of words: native code over blocks of bytes, the same numbers on every machine.

A word is a run of letters, digits and bytes above 127, letters of ASCII in lower case. Its hash is a polynomial modulo 2**64, taken from
running sums over a whole block, so that no loop runs over words. Everything is integer arithmetic that wraps.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpus_tools.texts import Joined

Keys = NDArray[np.uint64]

_BLOCK = 1 << 17  # bytes: a block's arrays stay in the cache
_BASE = 0x9E3779B97F4A7C15
_MIX = np.uint64(0xD6E8FEB86659FD93)
_PAIR = np.uint64(0xC2B2AE3D27D4EB4F)
_SHIFT = np.uint64(32)

_FOLD = np.zeros(256, np.uint8)  # byte -> byte in lower case, 0 where it is in no word
_FOLD[128:] = np.arange(128, 256)
for _first, _last in ((48, 57), (97, 122)):
    _FOLD[_first : _last + 1] = np.arange(_first, _last + 1)
_FOLD[65:91] = np.arange(97, 123)


@cache
def _powers(size: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """base**i and base**-i modulo 2**64 for i below `size`."""
    inverse = pow(_BASE, -1, 1 << 64)
    out = []
    for base in (_BASE, inverse):
        steps = np.full(size, base, np.uint64)
        steps[0] = 1
        out.append(np.multiply.accumulate(steps))
    return out[0], out[1]


def features(texts: Joined, bits: int) -> Iterator[tuple[int, int, Keys]]:
    """Joined texts -> block by block (first text, last text + 1, keys): key = text within the block << bits | feature, each once."""
    offsets = texts.offsets
    first = 0
    while first < len(texts):
        last = int(np.searchsorted(offsets, offsets[first] + _BLOCK, side="right")) - 1
        last = min(max(last, first + 1), len(texts))
        yield first, last, _block(texts.buffer[offsets[first] : offsets[last]], offsets[first : last + 1], bits)
        first = last


def _block(block: NDArray[np.uint8], offsets: NDArray[np.int64], bits: int) -> Keys:
    folded = _FOLD[block]
    inside = folded != 0
    edge = np.flatnonzero(inside[1:] != inside[:-1]) + 1  # every text ends with a NUL, so the last word does too
    if len(inside) and inside[0]:
        edge = np.concatenate([np.zeros(1, edge.dtype), edge])
    starts, ends = edge[::2], edge[1::2]
    if not len(starts):
        return np.empty(0, np.uint64)
    size = 1 << max(len(block) - 1, 1).bit_length()
    power, inverse = _powers(size)
    running = np.zeros(len(block) + 1, np.uint64)
    np.cumsum(folded * power[: len(block)], out=running[1:])
    word = _mixed((running[ends] - running[starts]) * inverse[starts])
    text = (np.searchsorted(offsets - offsets[0], starts, side="right") - 1).astype(np.uint64)
    same = text[1:] == text[:-1]
    pair = _mixed(word[:-1] * _PAIR + word[1:])[same]
    shift = np.uint64(bits)
    down = np.uint64(64 - bits)
    keys = np.concatenate([text << shift | word >> down, text[1:][same] << shift | pair >> down])
    keys.sort()
    once: Keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
    return once


def _mixed(x: Keys) -> Keys:
    once: Keys = (x ^ (x >> _SHIFT)) * _MIX
    twice: Keys = (once ^ (once >> _SHIFT)) * _MIX
    return twice


def sparse(texts: Joined, bits: int) -> Any:
    """Joined texts [n] -> scipy CSR [n, 2**bits] of ones: what the weights are fitted on."""
    from scipy.sparse import csr_matrix

    rows, columns = [], []
    for first, _, keys in features(texts, bits):
        rows.append((keys >> np.uint64(bits)).astype(np.int64) + first)
        columns.append((keys & np.uint64((1 << bits) - 1)).astype(np.int64))
    row, column = (np.concatenate(x) if x else np.empty(0, np.int64) for x in (rows, columns))
    return csr_matrix((np.ones(len(row), np.float32), (row, column)), shape=(len(texts), 1 << bits))
