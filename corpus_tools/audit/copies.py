"""An audit's candidates -> groups of near copies, kept in the root."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import polars as pl

from corpus_tools.audit.described import done_shards
from corpus_tools.copies import near_copies
from corpus_tools.pack import Pack
from corpus_tools.root import Root
from corpus_tools.sampling import content_hash
from corpus_tools.tables import NEAR_COPIES


def find_near_copies(root: Root, audit: Mapping[str, Any], pack: Pack) -> int:
    """Groups of near copies among the audit's candidates -> near_copies.parquet, once per audit; how many contents are in one.

    Only texts that the root keeps whole can be compared: none where `store.text` is not full.
    """
    if "near_copies.parquet" in root.names("audits", audit["audit_id"]):
        return len(root.read_table("audits", audit["audit_id"], "near_copies.parquet"))
    drawn = (
        root.shard_frame(audit["scan_id"], done_shards(audit), "passages", ["content", "drawn"])
        .with_columns(row=pl.int_range(pl.len()).over("shard_id"))
        .filter("drawn")
        .drop("drawn")
    )
    found = near_copies(
        _whole_texts(root, audit["scan_id"], drawn.unique("content", keep="first", maintain_order=True))
    )
    copies = drawn.group_by("content").agg(pl.len().cast(pl.Int64).alias("copies"))
    found = found.join(copies, on="content", maintain_order="left").with_columns(
        audit_id=pl.lit(audit["audit_id"]),
        group_contents=pl.len().over("near_group").cast(pl.Int64),
        group_passages=pl.col("copies").sum().over("near_group"),
    )
    root.write_table(
        found.select(NEAR_COPIES.names).to_arrow().cast(NEAR_COPIES), "audits", audit["audit_id"], "near_copies.parquet"
    )
    return found.height


def _whole_texts(root: Root, scan_id: str, wanted: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Rows of shards (shard_id, row) -> content, text, piece by piece; nothing where the root keeps excerpts."""
    for shard in wanted["shard_id"].unique(maintain_order=True):
        rows, at = wanted.filter(shard_id=shard)["row"].to_numpy(), 0
        for table in root.batches("shards", scan_id, shard, "passages.parquet"):
            mine = rows[(rows >= at) & (rows < at + len(table))] - at
            at += len(table)
            piece = cast(pl.DataFrame, pl.from_arrow(table.select(["content", "text"]).take(mine)))
            piece = piece.filter(pl.col("text").is_not_null())
            if piece.height:
                longest = piece.row(int(piece["text"].str.len_bytes().arg_max() or 0))
                if content_hash(longest[1]) != longest[0]:
                    return
            yield piece
