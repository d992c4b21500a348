"""The text of a few documents once more, by their positions: row groups and lines are sought, what is compressed is read up to the last."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from corpus_tools.config import CorpusEntry
from corpus_tools.errors import RecordRejected, ShardFailed
from corpus_tools.readers import base, lines, parquet
from corpus_tools.readers.base import Batch, Reader
from corpus_tools.readers.stream import is_compressed
from corpus_tools.shards import Shard
from corpus_tools.stores import one_line, open_binary


def texts_at(shard: Shard, entry: CorpusEntry, positions: Collection[int], reader: Reader) -> dict[int, str]:
    """Positions of documents (tables.DOCUMENT_BATCH) -> their texts; those that are not found, or hold no text now, are left out.

    `reader` reads the shard's format from its beginning, where positions cannot be sought.
    Raises ShardFailed where the shard cannot be opened. Whether a text is still the same is for the caller to see by its hash.
    """
    wanted = set(positions)
    if shard.format in ("jsonl", "json") and not is_compressed(shard):
        return _lines(shard, entry, wanted)
    batches = parquet.read_rows(shard, entry, wanted) if shard.format == "parquet" else reader(shard, entry)
    return _found(batches, wanted)


def _found(batches: Iterator[Batch], wanted: set[int]) -> dict[int, str]:
    out: dict[int, str] = {}
    last = max(wanted, default=-1)
    for batch in batches:
        places = batch.documents["position"].to_pylist()
        for at, place in enumerate(places):
            if place in wanted:
                text = batch.documents["text"][at].as_py()
                if text is not None:
                    out[place] = text
        if places and places[-1] >= last:
            break
    return out


def _lines(shard: Shard, entry: CorpusEntry, wanted: set[int]) -> dict[int, str]:
    out: dict[int, str] = {}
    with open_binary(shard.uri) as file:
        for place in sorted(wanted):
            try:
                file.seek(place)
                line = file.readline(base.MAX_RECORD_BYTES + 1)
                text = lines.text_of(line.rstrip(b"\n"), place, entry)
            except RecordRejected:
                continue
            except OSError as error:
                raise ShardFailed(f"reading failed: {one_line(error)}", where=shard.uri, retry=True) from error
            if text is not None:
                out[place] = text
    return out
