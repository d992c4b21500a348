"""Passages that are alike: an audit's vectors, as stored or made anew, and which lie nearest to one. For reading, never for an estimate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import polars as pl

from corpus_tools.audit import done_shards
from corpus_tools.classifier import Classifier
from corpus_tools.errors import RootError
from corpus_tools.root import Root


def vectors(root: Root, audit: Mapping[str, Any], classifier: Classifier | None = None) -> pl.DataFrame:
    """An audit -> content and `vector` (Array of Float32) of its candidates, each content once, in order of content.

    Taken from the root where the audit keeps them (`store: {vectors: true}`); else `classifier`, which must be the audit's, encodes the
    stored texts. Raises RootError where neither serves.
    """
    scan, scorer, shards = audit["scan_id"], audit["classifier_id"], done_shards(audit)
    passages = root.shard_frame(scan, shards, "passages", ["passage_id", "content", "text", "drawn"])
    candidates = passages.filter("drawn").unique("content", keep="first").sort("content")
    there = set(root.names("scores", scorer, scan))
    if shards and all(f"{shard}.vectors.parquet" in there for shard in shards):
        parts = [pl.from_arrow(root.read_table("scores", scorer, scan, f"{shard}.vectors.parquet")) for shard in shards]
        stored = pl.concat([cast(pl.DataFrame, part) for part in parts])
        return candidates.join(stored, on="passage_id").select("content", "vector").sort("content")
    if classifier is None:
        raise RootError(
            "no vectors are stored", where=root.uri, expected="an audit with store: {vectors: true}",
            todo="Set it and run again, or give the audit's classifier, which encodes the stored texts.",
        )  # fmt: skip
    if classifier.classifier_id != scorer:
        raise RootError(
            f"classifier {classifier.classifier_id} came", where=root.uri, expected=f"the audit's, {scorer}"
        )
    with_text = candidates.filter(pl.col("text").is_not_null())
    if with_text.is_empty():
        raise RootError(
            "neither vectors nor texts are stored", where=root.uri, expected="store: {text: full}, or {vectors: true}"
        )
    made = classifier.features(with_text["text"].to_list())
    return with_text.select("content", vector=pl.Series(made, dtype=pl.Array(pl.Float32, made.shape[1])))


def nearest(found: pl.DataFrame, content: str, size: int = 5) -> pl.DataFrame:
    """`vectors` and a content of theirs -> the `size` nearest others: content, similarity (cosine), the nearest first.

    Raises RootError where the content has no vector.
    """
    contents = found["content"].to_list()
    if content not in contents:
        raise RootError(f"no vector of content {content!r}", expected="a candidate of the audit")
    matrix = found["vector"].to_numpy()
    unit = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    like = unit @ unit[contents.index(content)]
    return (
        pl.DataFrame({"content": contents, "similarity": like.astype(np.float64)})
        .filter(pl.col("content") != content)
        .sort("similarity", "content", descending=[True, False])
        .head(size)
    )
