"""Which shards can be scanned in parts, and where they are cut: Parquet between row groups, plain lines at bytes.

A gzip or zstd stream is read from its beginning only; so is a WARC file here, and what the datasets library streams. Where a cut
falls depends on the file and the wanted size alone, so that a run that is taken up again finds the parts of the one before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from corpus_tools.errors import ShardFailed
from corpus_tools.readers.parquet import row_groups
from corpus_tools.readers.stream import is_compressed
from corpus_tools.shards import Part, Shard


def why_whole(shard: Shard) -> str:
    """Why a shard cannot be scanned in parts, for a person; '' if it can."""
    if shard.format == "parquet":
        return ""
    if shard.format == "datasets":
        return "the datasets library streams it from its beginning"
    if is_compressed(shard):
        return "a compressed stream can be read from its beginning only; as several files, or as Parquet, it could be shared out"
    return "" if shard.format in ("jsonl", "json") else f"the reader of {shard.format} takes it from its beginning"


def cut(shard: Shard, size: int) -> list[Shard]:
    """A shard -> its parts of about `size` bytes in order, together all of it; just itself where it cannot be cut, or has one part.

    A Parquet file that cannot be opened stays whole: it fails by name when it is scanned.
    """
    if size < 1 or why_whole(shard):
        return [shard]
    try:
        parts = list(_between_row_groups(shard, size) if shard.format == "parquet" else _at_bytes(shard, size))
    except ShardFailed:
        return [shard]
    return [replace(shard, part=part) for part in parts] if len(parts) > 1 else [shard]


def _between_row_groups(shard: Shard, size: int) -> Iterator[Part]:
    groups = row_groups(shard)
    start = held = 0
    for i, (_, more) in enumerate(groups):
        if held and held + more / 2 > size:
            yield Part(start, i, held)
            start, held = i, 0
        held += more
    if groups:
        yield Part(start, len(groups), held)


def _at_bytes(shard: Shard, size: int) -> Iterator[Part]:
    n = max(1, round(shard.bytes / size))
    cuts = [shard.bytes * i // n for i in range(n + 1)]
    for start, end in pairwise(cuts):
        yield Part(start, end, end - start)
