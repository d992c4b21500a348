"""Parquet: only the columns that are named are read; `position` is the row number in the file."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpus_tools.config import CorpusEntry
from corpus_tools.errors import ShardFailed
from corpus_tools.readers.base import BATCH_BYTES, BATCH_ROWS, Batch, Reject, as_text, field_paths, lookup
from corpus_tools.shards import Shard
from corpus_tools.tables import DOCUMENT_BATCH


def read(shard: Shard, entry: CorpusEntry) -> Iterator[Batch]:
    """A Parquet shard -> batches. A row group that does not decode is one failed reject of all its rows not yet given out.

    Raises ShardFailed: not a Parquet file; no such text column (the nearest named); a text column that is no text.
    """
    file = _open(shard)
    schema = file.schema_arrow
    text = _column(schema, entry.text_field)
    if text is None:
        there = schema.names
        near = get_close_matches(entry.text_field, there, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ShardFailed(
            f"no text column {entry.text_field!r}", where=shard.uri, expected=f"one of the columns {', '.join(there)}",
            todo=f"Set text_field in the corpus entry: {hint}".rstrip(": ") + ".",
        )  # fmt: skip
    if not _is_text(text):
        raise ShardFailed(
            f"the column {entry.text_field!r} is {text}", where=shard.uri, expected="a column of text (string)",
            todo="Set text_field in the corpus entry.",
        )  # fmt: skip
    paths = {role: _first(schema, field_paths(entry, role)) for role in ("url_field", "id_field", "date_field", "language_field")}
    wanted = {entry.text_field, *filter(None, paths.values()), *entry.source_paths.values()}
    columns = sorted({_head(schema, path) for path in wanted if _head(schema, path)})
    row = 0
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        done = 0
        try:
            for batch in file.iter_batches(_rows_per_batch(file, group), row_groups=[group], columns=columns, use_threads=False):
                yield Batch(_documents(batch, row + done, entry, paths))
                done += len(batch)
        except (OSError, pa.ArrowException) as error:
            detail = f"row group {group}: {' '.join(str(error).split())[:200]}"
            lost = Reject(f"rows {row + done} to {row + rows - 1}", "failed", "block-not-decoded", detail, rows - done)
            yield Batch(pa.RecordBatch.from_pylist([], DOCUMENT_BATCH), [lost])
        row += rows
    if not file.num_row_groups:
        yield Batch(pa.RecordBatch.from_pylist([], DOCUMENT_BATCH))


def _open(shard: Shard) -> pq.ParquetFile:
    fs, path = fsspec.core.url_to_fs(shard.uri)
    try:
        source = pa.memory_map(path) if "file" in fs.protocol else fs.open(path, "rb")
        return pq.ParquetFile(source, pre_buffer=False)
    except (FileNotFoundError, PermissionError) as error:
        raise ShardFailed(f"cannot be opened: {error.strerror or error}", where=shard.uri) from error
    except pa.ArrowException as error:
        detail = " ".join(str(error).split())[:200]
        raise ShardFailed(f"not a whole Parquet file: {detail}", where=shard.uri, todo="Write or fetch it again.") from error
    except OSError as error:
        raise ShardFailed(f"cannot be opened: {error}", where=shard.uri, retry=True) from error


def _rows_per_batch(file: pq.ParquetFile, group: int) -> int:
    meta = file.metadata.row_group(group)
    return max(1, min(BATCH_ROWS, meta.num_rows * BATCH_BYTES // max(1, meta.total_byte_size)))


def _head(schema: pa.Schema, path: str) -> str:
    """The top column that holds a dotted path; '' if none does."""
    if path in schema.names:
        return path
    head = path.split(".", 1)[0]
    return head if head in schema.names else ""


def _column(schema: pa.Schema, path: str) -> pa.DataType | None:
    """The type at a dotted path; string for a path into a column of JSON text; None where there is none."""
    if path in schema.names:
        return schema.field(path).type
    parts = path.split(".")
    if parts[0] not in schema.names:
        return None
    kind = schema.field(parts[0]).type
    for part in parts[1:]:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return pa.string()
        if not pa.types.is_struct(kind) or kind.get_field_index(part) < 0:
            return None
        kind = kind.field(part).type
    return kind


def _first(schema: pa.Schema, paths: tuple[str, ...]) -> str:
    return next((path for path in paths if _column(schema, path) is not None), "")


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _values(batch: pa.RecordBatch, path: str) -> pa.Array:
    """The column at a dotted path, as large_string."""
    nulls = pa.nulls(len(batch), pa.large_string())
    if not path or not _head(batch.schema, path):
        return nulls
    if path in batch.schema.names:
        return _strings(batch.column(path))
    column = batch.column(_head(batch.schema, path))
    parts = path.split(".")[1:]
    while parts and pa.types.is_struct(column.type):
        if column.type.get_field_index(parts[0]) < 0:
            return nulls
        column = pc.struct_field(column, parts.pop(0))
    if parts:  # JSON text within
        rest = ".".join(parts)
        values = [as_text(lookup({"_": v}, f"_.{rest}")) for v in column.to_pylist()]
        return pa.array(values, pa.large_string())
    return _strings(column)


def _strings(column: pa.Array) -> pa.Array:
    kind = column.type
    if _is_text(kind) or pa.types.is_primitive(kind):
        return column.cast(pa.large_string())
    return pa.array([as_text(v) for v in column.to_pylist()], pa.large_string())


def _documents(batch: pa.RecordBatch, row: int, entry: CorpusEntry, paths: dict[str, str]) -> pa.RecordBatch:
    n = len(batch)
    sources: list[list[tuple[str, Any]]] | pa.Array
    if entry.source_paths:
        keyed = {name: _values(batch, path).to_pylist() for name, path in entry.source_paths.items()}
        sources = [[(name, values[i] or "") for name, values in keyed.items()] for i in range(n)]
    else:
        sources = [[]] * n
    short = {role: _values(batch, paths[role]).cast(pa.string()) for role in paths}
    return pa.RecordBatch.from_arrays(
        [
            pa.array(range(row, row + n), pa.int64()),
            short["id_field"],
            _values(batch, entry.text_field),
            short["url_field"],
            short["date_field"],
            short["language_field"],
            pa.array(sources, DOCUMENT_BATCH.field("sources").type),
        ],
        schema=DOCUMENT_BATCH,
    )
