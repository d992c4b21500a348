"""Parquet: only the columns that are named are read; `position` is the row number in the file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from corpus_tools.config import CorpusEntry
from corpus_tools.errors import ShardFailed
from corpus_tools.readers.base import BATCH_BYTES, BATCH_ROWS, NO_DOCUMENTS, Batch, Reject, guarded
from corpus_tools.readers.columns import Columns, choose_columns, documents
from corpus_tools.readers.remote import NoRanges, RemoteFile
from corpus_tools.shards import Shard
from corpus_tools.stores import is_local, one_line, open_binary, redacted

_DAMAGE = (
    OSError, ValueError, KeyError, NotImplementedError, MemoryError, pa.ArrowException, ShardFailed, NoRanges,
)  # fmt: skip

_BUFFER = 1 << 20  # bytes of a column held while it is decoded; without it, all of the row group's


def read_rows(shard: Shard, entry: CorpusEntry, wanted: Collection[int] | None = None) -> Iterator[Batch]:
    """The row groups of a shard, or of its part -> batches; with `wanted` those of the whole file that hold one of these rows.
    Raises as `read` does."""
    with _Raw(shard) as raw:
        file = _open(raw, shard)
        columns = choose_columns(file.schema_arrow, entry)
        groups = list(_some(file, shard, wanted))
        raw.expect(file, columns.heads(file.schema_arrow), [group for group, _, _ in groups])
        given = False
        for group, row, rows in groups:
            yield from _group(file, raw, group, row, rows, columns)
            given = given or rows > 0
        if not given:
            yield Batch(NO_DOCUMENTS)


def _some(file: pq.ParquetFile, shard: Shard, wanted: Collection[int] | None) -> Iterator[tuple[int, int, int]]:
    """Row groups to read: number, first row in the file, rows."""
    part, row = shard.part, 0
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        inside = part is None or part.start <= group < part.end
        if inside if wanted is None else any(row <= at < row + rows for at in wanted):
            yield group, row, rows
        row += rows


@guarded
def read(shard: Shard, entry: CorpusEntry) -> Iterator[Batch]:
    """A Parquet shard -> batches. A row group that does not decode is one failed reject of all its rows not yet given out.

    Raises ShardFailed: not a Parquet file; no such text column (the nearest named); a text column that is no text; the
    store fails while it is read.
    """
    yield from read_rows(shard, entry)


def row_groups(shard: Shard) -> list[tuple[int, int]]:
    """Rows and bytes in the file of each row group. Raises ShardFailed as read does."""
    with _Raw(shard) as raw:
        meta = _open(raw, shard).metadata
        groups = [meta.row_group(i) for i in range(meta.num_row_groups)]
        return [(g.num_rows, sum(g.column(c).total_compressed_size for c in range(g.num_columns))) for g in groups]


def _group(file: pq.ParquetFile, raw: _Raw, group: int, row: int, rows: int, columns: Columns) -> Iterator[Batch]:
    done, problem = 0, ""
    names = columns.heads(file.schema_arrow)
    size = _rows_per_batch(file, group)
    batches = file.iter_batches(size, row_groups=[group], columns=names, use_threads=False)
    while not problem:
        try:
            batch = next(batches, None)
            if batch is None:
                break
            batch = documents(batch.slice(0, rows - done), row + done, columns)
        except _DAMAGE as error:
            raw.check()
            problem = one_line(error)
        else:
            done += batch.read
            yield batch
    if done < rows:
        detail = f"row group {group}: {problem or 'it holds fewer rows than the file says'}"
        place = f"rows {row + done} to {row + rows - 1}"
        yield Batch(NO_DOCUMENTS, [Reject(place, "failed", "block-not-decoded", detail, rows - done)])


class _Raw:
    """The file as pyarrow reads it: natively if it is local, else by range requests. A local file is not mapped into memory:
    one cut short while it is read would kill the process.
    """

    def __init__(self, shard: Shard) -> None:
        self._remote: RemoteFile | None = None
        if is_local(shard.uri):
            open_binary(shard.uri).close()  # says clearly why it cannot be opened
            self.file = pa.OSFile(fsspec.core.url_to_fs(shard.uri)[1])
        else:
            self._remote = RemoteFile(shard.uri, shard.bytes)
            self.file = pa.PythonFile(self._remote, mode="r")

    def expect(self, file: pq.ParquetFile, names: list[str], some: Sequence[int]) -> None:
        """Has the columns' bytes sent, row group by row group, while those before are decoded."""
        if self._remote is not None:
            groups = (file.metadata.row_group(i) for i in some)
            chunks = (group.column(i) for group in groups for i in range(group.num_columns))
            self._remote.expect(_bytes_of(c) for c in chunks if c.path_in_schema.split(".", 1)[0] in names)

    def check(self) -> None:
        """Raises ShardFailed if it was the store that failed, not the data."""
        if self._remote is not None and self._remote.failed is not None:
            raise self._remote.failed

    def __enter__(self) -> _Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def _bytes_of(chunk: Any) -> tuple[int, int]:
    start = min(chunk.dictionary_page_offset or chunk.data_page_offset, chunk.data_page_offset)
    return start, start + chunk.total_compressed_size


def _open(raw: _Raw, shard: Shard) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(raw.file, pre_buffer=False, buffer_size=_BUFFER)
        rows = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    except _DAMAGE as error:
        raw.check()
        raise ShardFailed(
            f"not a whole Parquet file: {one_line(error)}", where=redacted(shard.uri), todo="Write or fetch it again."
        ) from error
    if min(rows, default=0) < 0 or sum(rows) != file.metadata.num_rows:  # a row's number, its id, would not be its own
        raise ShardFailed(
            f"its footer contradicts itself: {file.metadata.num_rows:,} rows, and {sum(rows):,} in its row groups",
            where=redacted(shard.uri),
            todo="Write or fetch it again.",
        )
    return file


def _rows_per_batch(file: pq.ParquetFile, group: int) -> int:
    meta = file.metadata.row_group(group)
    return int(max(1, min(BATCH_ROWS, meta.num_rows * BATCH_BYTES // max(1, meta.total_byte_size))))
