"""The files of an audit's shards -> the frames that estimates take: passages with their scores, and tallies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import polars as pl

from corpus_tools.audit.described import done_shards, source_names
from corpus_tools.pack import Pack
from corpus_tools.root import Root


def scored_passages(
    root: Root, audit: Mapping[str, Any], pack: Pack, *, labels: Collection[str] | None = None, texts: bool = False
) -> pl.DataFrame:
    """One row per passage of every opened document, drawn or not, with source keys, stage probabilities and scores (null where none).

    `labels`: whose scores are wanted, of those that the classifier has; default: all. `texts`: with text, terms and url.
    """
    scan, shards = audit["scan_id"], done_shards(audit)
    names = source_names(audit)
    columns = ["passage_id", "document_id", "content", "stratum", "screen_probability", "drawn", "n_words"]
    passages = root.shard_frame(scan, shards, "passages", [*columns, "terms", "text"] if texts else columns)
    columns = [
        "document_id", "open_probability", "unscored", "dataset", "domain", "year", "language", "content", "sources",
        *(["url"] if texts else []),
    ]  # fmt: skip
    documents = root.shard_frame(scan, shards, "documents", columns)
    documents = _spread(documents.drop("shard_id"), names, audit, pack).rename({"content": "document_content"})
    scores = root.scores(audit["classifier_id"], scan, shards, labels).drop("content")
    return (
        passages.join(documents, on="document_id", how="left", maintain_order="left")
        .join(scores, on="passage_id", how="left", maintain_order="left")
        .join(_shard_rates(audit), on="shard_id", how="left", maintain_order="left")
    )


def tallies(root: Root, audit: Mapping[str, Any], pack: Pack) -> pl.DataFrame:
    """The audit's tallies with plain source columns and the shards' probability."""
    frame = root.shard_frame(audit["scan_id"], done_shards(audit), "tallies")
    frame = _spread(frame, source_names(audit), audit, pack).join(_shard_rates(audit), on="shard_id", how="left")
    if (frame["language"] == "").any():  # given for some documents only: the estimates take it from opened documents
        frame = frame.drop("language")
    return frame.drop("shard_id")


def _spread(frame: pl.DataFrame, names: Sequence[str], audit: Mapping[str, Any], pack: Pack) -> pl.DataFrame:
    """The map `sources` as plain columns, and `kind` by the configuration's map, then the pack's; '' where none says."""
    maps = [
        dict(m) if not isinstance(m, list) else {e["key"]: e["value"] for e in m} for m in frame["sources"].to_list()
    ]
    kinds = {**pack.kinds, **audit["kinds"]}
    named = pl.coalesce(
        pl.col("domain").replace_strict(kinds, default=None, return_dtype=pl.String),
        pl.col("dataset").replace_strict(kinds, default=None, return_dtype=pl.String),
        pl.lit(""),
    )
    return frame.with_columns(
        *(pl.Series(name, [m.get(name, "") for m in maps], dtype=pl.String) for name in names), kind=named
    ).drop("sources")


def _shard_rates(audit: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "shard_id": [s["shard_id"] for s in audit["shards"]],
            "shard_probability": [s["shard_probability"] for s in audit["shards"]],
        },
        schema={"shard_id": pl.String, "shard_probability": pl.Float64},
    )
