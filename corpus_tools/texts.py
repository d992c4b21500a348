"""Many texts as one buffer: joined, counted and hashed natively, since everything that touches every byte must be."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus_tools.sampling import content_hash

_EMPTY = pa.scalar("", pa.large_string())
_NUL = pa.scalar("\0", pa.large_string())
_BLOCK = 1 << 17  # bytes: a block's arrays stay in the cache


@dataclass(frozen=True)
class Joined:
    """Texts as one buffer of bytes: text i is `buffer[offsets[i]:offsets[i + 1] - 1]`, then one NUL."""

    buffer: np.ndarray[tuple[int], np.dtype[np.uint8]]
    offsets: np.ndarray[tuple[int], np.dtype[np.int64]]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def sizes(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Bytes of each text as UTF-8."""
        return np.diff(self.offsets) - 1


def join(texts: pa.Array) -> Joined:
    """large_string array (null counts as empty) -> Joined."""
    joined = pc.binary_join_element_wise(pc.fill_null(texts, ""), _EMPTY, _NUL)
    if joined.offset or not len(joined):
        joined = pa.concat_arrays([joined]) if len(joined) else pa.array([], pa.large_string())
    _, offsets, data = joined.buffers()
    if data is None:
        return Joined(np.empty(0, np.uint8), np.zeros(1, np.int64))
    return Joined(np.frombuffer(data, np.uint8), np.frombuffer(offsets, np.int64)[: len(joined) + 1])


def count_words(texts: Joined) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Joined texts [n] -> words of each [n]: runs of bytes that are not ASCII white space (9 to 13, 32)."""
    buffer, size = texts.buffer, len(texts.buffer)
    starts = np.empty(size, dtype=bool)  # a byte that is no white space, after one that is
    after_space = False
    for at in range(0, size, _BLOCK):
        block = buffer[at : at + _BLOCK]
        space = ((block - np.uint8(9)) < np.uint8(5)) | (block == 32)
        np.greater(space[:-1], space[1:], out=starts[at + 1 : at + len(block)])
        starts[at] = after_space and not space[0]
        after_space = bool(space[-1])
    firsts, bounds, count = texts.offsets[:-1], texts.offsets.tolist(), np.count_nonzero
    inner = (count(starts[a + 1 : b - 1]) for a, b in pairwise(bounds))  # b - 1 is the NUL between texts
    counts = np.fromiter(inner, np.int64, len(texts))
    first = buffer[firsts]  # of an empty text its NUL, which does not count
    counts += (texts.sizes > 0) & ~(((first - np.uint8(9)) < np.uint8(5)) | (first == 32))
    return counts


def contents(texts: Joined, which: np.ndarray[tuple[int], np.dtype[np.int64]] | None = None) -> list[str]:
    """Joined texts -> their contents; of all, or of those at the indices `which`."""
    view = texts.buffer.data
    starts, ends = texts.offsets[:-1], texts.offsets[1:] - 1
    if which is not None:
        starts, ends = starts[which], ends[which]
    return [content_hash(view[a:b]) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
