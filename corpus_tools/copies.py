"""Candidates -> groups of near copies: contents that differ in a few words. By MinHash; the estimates' basis stays exact copies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rensa import RMinHash
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

SHINGLE = 3  # words
PERMUTATIONS, BANDS = 128, 16  # a pair of similarity 0.8 shares a band with probability 0.95, one of 0.9 always
SIMILAR = 0.8  # estimated share of shingles in common
_SEED = 7
_AT_ONCE = 2000


def near_copies(contents: pl.DataFrame | Iterable[pl.DataFrame]) -> pl.DataFrame:
    """contents (content, text; each content once), whole or in pieces -> content, near_group, similarity; those alone are left out.

    near_group: the smallest content of the group. Two contents are linked where at least 0.8 of their three-word shingles (case and
    punctuation kept out) are estimated to be common (Broder 1997; banding: Leskovec, Rajaraman and Ullman 2014, chapter 3);
    similarity: to the content that it is linked by, the highest. Links chain: the ends of a group may differ more. The order of
    the rows changes nothing. Of a text half a kilobyte is held.
    """
    empty = pl.DataFrame(schema={"content": pl.String, "near_group": pl.String, "similarity": pl.Float64})
    names, digests = [empty["content"]], [np.zeros((0, PERMUTATIONS), np.uint32)]
    for piece in [contents] if isinstance(contents, pl.DataFrame) else contents:
        rows = piece.filter(pl.col("text").str.len_chars() > 0)
        names.append(rows["content"])
        digests.extend(_digests(rows["text"]))
    content = pl.concat(names)
    if len(content) < 2:
        return empty
    order = content.arg_sort()
    left, right, similarity = _links(np.concatenate(digests)[order.to_numpy()])
    if not len(left):
        return empty
    rows = content.gather(order).to_frame()
    graph = coo_array((np.ones(len(left)), (left, right)), shape=(rows.height, rows.height))
    group = connected_components(graph, directed=False)[1]
    best = np.zeros(rows.height)
    np.maximum.at(best, left, similarity)
    np.maximum.at(best, right, similarity)
    out = (
        rows.select("content")
        .with_columns(group=pl.Series(group), similarity=pl.Series(best))
        .filter(pl.col("similarity") > 0)
    )
    return out.select("content", near_group=pl.col("content").min().over("group"), similarity="similarity").sort(
        "near_group", "content"
    )


def _digests(texts: pl.Series) -> Iterator[NDArray[np.uint32]]:
    for start in range(0, len(texts), _AT_ONCE):
        words = texts[start : start + _AT_ONCE].str.to_lowercase().str.extract_all(r"\w+").to_list()
        shingles = [_shingles(w) for w in words]
        yield np.array(RMinHash.digests_from_token_sets(shingles, num_perm=PERMUTATIONS, seed=_SEED), np.uint32)


def _shingles(words: Sequence[str]) -> list[str]:
    return [" ".join(words[i : i + SHINGLE]) for i in range(max(len(words) - SHINGLE + 1, 1))]


def _links(digests: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Digests [n, PERMUTATIONS] -> pairs of rows that share a band and are similar, each with the first of its bucket."""
    wide = PERMUTATIONS // BANDS
    left, right = [], []
    for band in range(BANDS):
        part = np.ascontiguousarray(digests[:, band * wide : (band + 1) * wide]).view(f"V{4 * wide}").ravel()
        _, first, bucket = np.unique(part, return_index=True, return_inverse=True)
        other = np.flatnonzero(first[bucket] != np.arange(len(digests)))
        left.append(first[bucket][other])
        right.append(other)
    pairs = np.unique(np.stack([np.concatenate(left), np.concatenate(right)], 1), axis=0)
    alike = np.empty(len(pairs))
    for start in range(0, len(pairs), 1 << 16):
        a, b = pairs[start : start + (1 << 16)].T
        alike[start : start + (1 << 16)] = (digests[a] == digests[b]).mean(axis=1)
    near = alike >= SIMILAR
    return pairs[near, 0], pairs[near, 1], alike[near]
