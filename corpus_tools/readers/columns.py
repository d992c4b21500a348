"""Arrow columns -> batches of documents: shared by the readers that get whole columns (Parquet, `datasets`).

No Python runs per row, but for metadata kept as JSON text and for rows that are not UTF-8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus_tools.config import CorpusEntry
from corpus_tools.errors import ShardFailed
from corpus_tools.readers.base import Batch, Reject, as_text, field_paths, lookup, name_text_field
from corpus_tools.tables import DOCUMENT_BATCH

ROLES = ("url_field", "id_field", "date_field", "language_field")


@dataclass(frozen=True)
class Columns:
    """Which columns of a schema are read as what: role -> dotted path, '' where there is none."""

    text: str
    paths: dict[str, str]
    sources: dict[str, str]

    def heads(self, schema: pa.Schema) -> list[str]:
        """The top columns that hold what is read, sorted."""
        wanted = {self.text, *self.paths.values(), *self.sources.values()}
        return sorted({head for path in wanted if (head := _head(schema, path))})


def choose_columns(schema: pa.Schema, entry: CorpusEntry) -> Columns:
    """Schema, corpus entry -> columns. Raises ShardFailed: no such text column (the nearest named), or one that is no text."""
    text = _type_at(schema, entry.text_field)
    if text is None:
        texts = [f.name for f in schema if is_text(f.type)]
        raise ShardFailed(
            f"no text column {entry.text_field!r}", expected=f"one of the columns {', '.join(texts or schema.names)}",
            todo=name_text_field(entry, texts),
        )  # fmt: skip
    if not is_text(text):
        raise ShardFailed(
            f"the column {entry.text_field!r} is {text}", expected="a column of text (string)",
            todo="Set text_field in the corpus entry to a column of text.",
        )  # fmt: skip
    paths = {role: _first(schema, field_paths(entry, role)) for role in ROLES}
    return Columns(entry.text_field, paths, entry.source_paths)


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is text: string, large_string, string_view, or a dictionary of them."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def documents(batch: pa.RecordBatch, row: int, columns: Columns) -> Batch:
    """Columns of rows `row`, `row + 1` … -> a batch; rows whose text is not UTF-8 are rejected."""
    n = len(batch)
    text, bad = _checked(_values(batch, columns.text))
    short = {role: _mended(_values(batch, columns.paths[role])).cast(pa.string()) for role in ROLES}
    result = pa.RecordBatch.from_arrays(
        [
            pa.array(np.arange(row, row + n, dtype=np.int64)),
            short["id_field"],
            text,
            short["url_field"],
            short["date_field"],
            short["language_field"],
            _sources(batch, columns.sources),
        ],
        schema=DOCUMENT_BATCH,
    )
    if not bad:
        return Batch(result)
    keep = np.ones(n, dtype=bool)
    keep[bad] = False
    detail = "the text is not UTF-8"
    return Batch(result.filter(pa.array(keep)), [Reject(f"row {row + i}", "rejected", "not-utf8", detail) for i in bad])


def _sources(batch: pa.RecordBatch, paths: dict[str, str]) -> pa.Array:
    n, k = len(batch), len(paths)
    offsets = pa.array(np.arange(0, n * k + 1, k, dtype=np.int32) if k else np.zeros(n + 1, dtype=np.int32))
    if not k:
        return pa.MapArray.from_arrays(offsets, pa.array([], pa.string()), pa.array([], pa.string()))
    values = [pc.fill_null(_mended(_values(batch, path)), "").cast(pa.string()) for path in paths.values()]
    by_row = np.arange(n * k).reshape(k, n).T.ravel()
    keys = pa.array(list(paths), pa.string()).take(pa.array(np.tile(np.arange(k), n)))
    return pa.MapArray.from_arrays(offsets, keys, pa.concat_arrays(values).take(pa.array(by_row)))


def _checked(texts: pa.Array) -> tuple[pa.Array, list[int]]:
    """large_string -> the same with what is not UTF-8 made null, and the rows that were: readers of Parquet do not check."""
    try:
        texts.validate(full=True)
        return texts, []
    except pa.ArrowInvalid:
        values = texts.view(pa.large_binary()).to_pylist()
    bad = [i for i, value in enumerate(values) if value is not None and not _is_utf8(value)]
    for i in bad:
        values[i] = None
    return pa.array(values, pa.large_binary()).cast(pa.large_string()), bad


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _mended(values: pa.Array) -> pa.Array:
    """Metadata that is not UTF-8, with a mark in its place."""
    try:
        values.validate(full=True)
        return values
    except pa.ArrowInvalid:
        texts = [v if v is None else v.decode("utf-8", "replace") for v in values.view(pa.large_binary()).to_pylist()]
        return pa.array(texts, pa.large_string())


def _head(schema: pa.Schema, path: str) -> str:
    """The top column that holds a dotted path; '' if none does."""
    if path in schema.names:
        return path
    head = path.split(".", 1)[0]
    return head if head in schema.names else ""


def _type_at(schema: pa.Schema, path: str) -> pa.DataType | None:
    """The type at a dotted path; string for a path into a column of JSON text; None where there is none."""
    if path in schema.names:
        return schema.field(path).type
    parts = path.split(".")
    if parts[0] not in schema.names:
        return None
    kind = schema.field(parts[0]).type
    for part in parts[1:]:
        if is_text(kind):
            return pa.string()
        if not pa.types.is_struct(kind) or kind.get_field_index(part) < 0:
            return None
        kind = kind.field(part).type
    return kind


def _first(schema: pa.Schema, paths: tuple[str, ...]) -> str:
    return next((path for path in paths if _type_at(schema, path) is not None), "")


def _values(batch: pa.RecordBatch, path: str) -> pa.Array:
    """The column at a dotted path, as large_string; nulls where there is none."""
    nulls = pa.nulls(len(batch), pa.large_string())
    head = _head(batch.schema, path) if path else ""
    if not head:
        return nulls
    column = batch.column(batch.schema.names.index(head))
    parts = [] if head == path else path.split(".")[1:]
    while parts and pa.types.is_struct(column.type):
        if column.type.get_field_index(parts[0]) < 0:
            return nulls
        column = pc.struct_field(column, parts.pop(0))
    if parts and not is_text(column.type):
        return nulls
    if parts:  # JSON text within
        rest = ".".join(parts)
        texts = _mended(_strings(column)).to_pylist()
        return pa.array([as_text(lookup({"_": v}, f"_.{rest}")) for v in texts], pa.large_string())
    return _strings(column)


def _strings(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if is_text(kind) or pa.types.is_primitive(kind):
        try:
            return column.cast(pa.large_string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            pass
    values: list[Any] = column.to_pylist()
    return pa.array([as_text(v) for v in values], pa.large_string())
