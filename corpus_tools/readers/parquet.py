"""Parquet: only the columns that are named are read; `position` is the row number in the file."""

from __future__ import annotations

from collections.abc import Iterator

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from corpus_tools.config import CorpusEntry
from corpus_tools.errors import ShardFailed
from corpus_tools.readers.base import BATCH_BYTES, BATCH_ROWS, NO_DOCUMENTS, Batch, Reject, guarded
from corpus_tools.readers.columns import Columns, choose_columns, documents
from corpus_tools.readers.stream import Source
from corpus_tools.shards import Shard, one_line, trouble

_DAMAGE = (OSError, ValueError, KeyError, NotImplementedError, MemoryError, pa.ArrowException)


@guarded
def read(shard: Shard, entry: CorpusEntry) -> Iterator[Batch]:
    """A Parquet shard -> batches. A row group that does not decode is one failed reject of all its rows not yet given out.

    Raises ShardFailed: not a Parquet file; no such text column (the nearest named); a text column that is no text; the
    store fails while it is read.
    """
    with _Raw(shard) as raw:
        file = _open(raw, shard)
        columns = choose_columns(file.schema_arrow, entry)
        row = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            yield from _group(file, raw, group, row, rows, columns)
            row += rows
        if not row:
            yield Batch(NO_DOCUMENTS)


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
    """The file as pyarrow reads it: natively if it is local, else through fsspec. A local file is not mapped into memory:
    one cut short while it is read would kill the process.
    """

    def __init__(self, shard: Shard) -> None:
        self._failed: Exception | None = None
        self._shard = shard
        with Source(shard):  # says clearly why it cannot be opened
            pass
        fs, path = fsspec.core.url_to_fs(shard.uri)
        if "file" in fs.protocol:
            self.file = pa.OSFile(path)
        else:
            remote = fs.open(path, "rb")
            inner = remote.read

            def watched(*arguments: int) -> bytes:
                try:
                    return inner(*arguments)  # type: ignore[no-any-return]
                except Exception as error:
                    self._failed = error
                    raise OSError(str(error)) from error

            remote.read = watched
            self.file = pa.PythonFile(remote, mode="r")

    def check(self) -> None:
        """Raises ShardFailed if it was the store that failed, not the data."""
        if self._failed is not None:
            raise trouble(self._shard.uri, self._failed, "reading failed")

    def __enter__(self) -> _Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def _open(raw: _Raw, shard: Shard) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(raw.file, pre_buffer=False)
    except _DAMAGE as error:
        raw.check()
        raise ShardFailed(
            f"not a whole Parquet file: {one_line(error)}", where=shard.uri, todo="Write or fetch it again."
        ) from error


def _rows_per_batch(file: pq.ParquetFile, group: int) -> int:
    meta = file.metadata.row_group(group)
    return int(max(1, min(BATCH_ROWS, meta.num_rows * BATCH_BYTES // max(1, meta.total_byte_size))))
