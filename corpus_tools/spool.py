"""Files on a disk that show only when they are whole: bytes at once, or Parquet files that grow in a folder of their own."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

GROUP_ROWS, GROUP_BYTES = 1 << 15, 16 << 20
"""Rows held before they are written as a row group: few enough to hold, enough to be read fast."""


def put_whole(path: Path, data: bytes) -> None:
    """Writes a file beside, then renames it over: whoever reads sees the old bytes or the new. Raises OSError."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class Spool:
    """A dotted folder beside the final place (so that a rename moves it), or in the temporary folder; gone at the end."""

    def __init__(self, beside: str, name: str) -> None:
        self._beside = beside
        self.folder = Path(beside) / f".{name}.{uuid.uuid4().hex}"
        self._waiting: dict[str, list[pa.Table]] = {}
        self._writers: dict[str, Any] = {}

    def __enter__(self) -> Spool:
        if self._beside:
            self.folder.mkdir(parents=True)
        else:
            self.folder = Path(tempfile.mkdtemp(prefix="corpus-audit-"))
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.clear()
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def add(self, name: str, table: pa.Table) -> None:
        """Appends rows to a file; the first call sets its schema."""
        if name not in self._writers:
            self._writers[name] = pq.ParquetWriter(self.folder / name, table.schema, compression="zstd")
        held = self._waiting.setdefault(name, [])
        held.append(table)
        if sum(map(len, held)) >= GROUP_ROWS or sum(t.nbytes for t in held) >= GROUP_BYTES:
            self._write(name)

    def close(self) -> list[Path]:
        """Closes every file; their paths, in the order in which they were begun."""
        for name in self._waiting:
            self._write(name)
        failure: OSError | None = None
        for writer in self._writers.values():
            try:
                writer.close()
            except OSError as error:  # a full disk; the others are closed all the same
                failure = failure or error
                writer.is_open = False  # or it tries again when it is collected, and prints a traceback
        if failure is not None:
            raise failure
        return [self.folder / name for name in self._writers]

    def _write(self, name: str) -> None:
        held = [table for table in self._waiting[name] if len(table)]
        self._waiting[name] = []
        if held:
            table = pa.concat_tables(held)
            self._writers[name].write_table(table, row_group_size=len(table))
