"""`datasets:…`: streaming by the `datasets` library, Arrow batches, our own cursor (`position` is the row number).

`datasets:PATH` streams a local Parquet or JSON Lines file; `datasets:owner/name[/config][:split]` a data set of the hub.
Code of a data set is never run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from corpus_tools.config import CorpusEntry
from corpus_tools.errors import ShardFailed
from corpus_tools.readers.base import BATCH_ROWS, Batch
from corpus_tools.readers.parquet import _documents, _first, _is_text, field_paths
from corpus_tools.shards import Shard

_ROWS = 1000


def read(shard: Shard, entry: CorpusEntry) -> Iterator[Batch]:
    """A streamed data set -> batches. Raises ShardFailed where it cannot be had, or has no such text column."""
    import datasets

    datasets.disable_progress_bars()
    place = shard.uri.removeprefix("datasets:")
    row = 0
    try:
        stream = datasets.load_dataset(**_arguments(place), streaming=True).with_format("arrow")
        for table in stream.iter(batch_size=min(_ROWS, BATCH_ROWS)):
            for batch in table.combine_chunks().to_batches():
                yield Batch(_batch(batch, row, entry, shard))
                row += len(batch)
    except ShardFailed:
        raise
    except Exception as error:  # the library's builders raise anything
        detail = " ".join(str(error).split())[:300]
        retry = isinstance(error, OSError | ConnectionError) and not isinstance(error, FileNotFoundError)
        raise ShardFailed(
            f"the datasets library cannot stream it after row {row}: {type(error).__name__}: {detail}", where=shard.uri,
            todo="Check the name, its configuration and split, and the network.", retry=retry,
        ) from error  # fmt: skip


def _arguments(place: str) -> dict[str, Any]:
    for ending, builder in ((".parquet", "parquet"), (".jsonl", "json"), (".jsonl.gz", "json"), (".jsonl.zst", "json"), (".json", "json")):
        if place.endswith(ending):
            return {"path": builder, "data_files": {"train": [place]}, "split": "train"}
    name, _, split = place.partition(":")
    owner, _, rest = name.partition("/")
    data, _, config = rest.partition("/")
    return {"path": f"{owner}/{data}", "name": config or None, "split": split or "train"}


def _batch(batch: pa.RecordBatch, row: int, entry: CorpusEntry, shard: Shard) -> pa.RecordBatch:
    schema = batch.schema
    if entry.text_field not in schema.names or not _is_text(schema.field(entry.text_field).type):
        raise ShardFailed(
            f"no text column {entry.text_field!r}", where=shard.uri, expected=f"one of {', '.join(schema.names)}",
            todo="Set text_field in the corpus entry.",
        )  # fmt: skip
    roles = ("url_field", "id_field", "date_field", "language_field")
    return _documents(batch, row, entry, {role: _first(schema, field_paths(entry, role)) for role in roles})
