"""`datasets:…`: streaming by the `datasets` library, Arrow batches, our own cursor (`position` is the row number).

`datasets:PATH` streams a local Parquet or JSON Lines file; `datasets:owner/name[/config][:split]` a data set of the hub.
Code of a data set is never run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from corpus_tools.config import CorpusEntry
from corpus_tools.errors import ShardFailed
from corpus_tools.readers.base import BATCH_ROWS, NO_DOCUMENTS, Batch, guarded
from corpus_tools.readers.columns import Columns, choose_columns, documents
from corpus_tools.shards import Shard
from corpus_tools.stores import trouble

_ROWS = 1000
_BUILDERS = {".parquet": "parquet", ".jsonl": "json", ".json": "json", ".ndjson": "json"}


@guarded
def read(shard: Shard, entry: CorpusEntry) -> Iterator[Batch]:
    """A streamed data set -> batches. Raises ShardFailed where it cannot be had, or has no such text column."""
    try:
        import datasets
    except ImportError as error:
        raise trouble(shard.uri, error, "cannot be streamed") from error
    datasets.disable_progress_bars()
    row = 0
    columns: Columns | None = None
    try:
        stream = datasets.load_dataset(**_arguments(shard.uri.removeprefix("datasets:")), streaming=True)
        for table in stream.with_format("arrow").iter(batch_size=min(_ROWS, BATCH_ROWS)):
            for batch in table.combine_chunks().to_batches():
                columns = columns or choose_columns(batch.schema, entry)
                yield documents(batch, row, columns)
                row += len(batch)
    except (ShardFailed, GeneratorExit):
        raise
    except Exception as error:  # the library's builders raise anything
        raise trouble(shard.uri, error, f"the datasets library cannot stream it after row {row:,}") from error
    if not row:
        yield Batch(NO_DOCUMENTS)


def _arguments(place: str) -> dict[str, Any]:
    bare = place.removesuffix(".gz").removesuffix(".zst")
    for ending, builder in _BUILDERS.items():
        if bare.endswith(ending):
            return {"path": builder, "data_files": {"train": [place]}, "split": "train"}
    name, _, split = place.partition(":")
    owner, _, rest = name.partition("/")
    data, _, config = rest.partition("/")
    data, _, revision = data.partition("@")
    return {"path": f"{owner}/{data}", "name": config or None, "split": split or "train", "revision": revision or None}
