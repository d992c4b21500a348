"""Files in a folder at any address: JSON and Parquet, every write whole or not at all."""

from __future__ import annotations

import itertools
import json
import re
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from corpus_tools.errors import RootError
from corpus_tools.spool import put_whole

BUCKETS = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss", "oci"}
"""Stores in which a folder need not be made: to make one would make a bucket of a mistyped name."""
Name = TypeVar("Name")
T = TypeVar("T")


class Files:
    """A folder and what is written to it and read from it; it knows no table."""

    def __init__(self, uri: str | Path) -> None:
        self.uri = str(uri)
        extra = ".  Install it: pip install 'corpus-audit[s3]'" if self.uri.startswith(("s3://", "s3a://")) else ""
        try:  # other machines write here too: no listing is remembered
            self.fs, self.path = fsspec.core.url_to_fs(self.uri, use_listings_cache=False)
        except ImportError as error:
            raise RootError(f"cannot open the root: {error}{extra}", where=self.uri) from error
        except ValueError as error:
            raise RootError(f"cannot open the root: {error}", where=self.uri) from error
        self.local = "file" in (self.fs.protocol if isinstance(self.fs.protocol, tuple) else (self.fs.protocol,))

    def at(self, *parts: str) -> str:
        """Path of a file in the root."""
        return "/".join([self.path.rstrip("/"), *parts])

    def prepare(self) -> None:
        """Makes the root, and checks that it can be written. Raises RootError."""
        probe = self.at(f".write-test-{uuid.uuid4().hex}")
        try:
            if not BUCKETS & set(self.uri.split("://", 1)[0].split("::")):
                self.fs.makedirs(self.path, exist_ok=True)
            self.put(probe, b"")
            self.fs.rm(probe)
        except Exception as error:  # stores raise anything
            raise RootError(
                f"cannot be written: {said(error)}", where=self.uri, expected="a folder that can be made and written",
                todo="Change `output`, its permissions or, for a store, the credentials in the environment.",
            ) from error  # fmt: skip

    # Bytes in, bytes out.

    def put(self, path: str, data: bytes) -> None:
        """Writes a file at a path that `at` gave, whole or not at all. Raises RootError."""
        try:
            if self.local:
                target = Path(path)
                target.parent.mkdir(parents=True, exist_ok=True)
                put_whole(target, data)
            else:
                self.fs.pipe_file(path, data)  # object stores show a file only when it is whole
        except OSError as error:
            raise RootError(
                f"cannot write {path}: {error}",
                where=self.uri,
                todo="Free space or mend the permissions; what is done is kept.",
            ) from error

    def write_bytes(self, data: bytes, *parts: str) -> str:
        """Writes a file, whole or not at all; returns its address. Raises RootError."""
        path = self.at(*parts)
        self.put(path, data)
        return path if self.local else str(self.fs.unstrip_protocol(path))

    def write_json(self, value: object, *parts: str) -> None:
        """Writes a JSON file, keys sorted."""
        self.put(self.at(*parts), json_bytes(value))

    def read_json(self, *parts: str) -> Any:
        """Reads a JSON file; None where there is none. Raises RootError where it is broken."""
        path = self.at(*parts)
        try:
            with self.fs.open(path, "rb") as file:
                return json.load(file)
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise RootError(f"not valid JSON: {error}", where=path, todo="Delete it to have it made again.") from error

    def write_table(self, table: pa.Table, *parts: str) -> None:
        """Writes a Parquet file (zstd)."""
        self.write_pieces([table], *parts)

    def write_pieces(self, pieces: Iterable[pa.Table], *parts: str) -> None:
        """Writes a Parquet file (zstd) from tables of one schema, at least one: only one at a time is in memory."""
        sink = pa.BufferOutputStream()
        rest = iter(pieces)
        first = next(rest)
        with pq.ParquetWriter(sink, first.schema, compression="zstd") as writer:
            for piece in itertools.chain([first], rest):
                writer.write_table(piece, row_group_size=1 << 17)
        self.put(self.at(*parts), sink.getvalue().to_pybytes())

    def read_table(self, *parts: str, columns: list[str] | None = None) -> pa.Table:
        """Reads a Parquet file, or these columns of it. Raises RootError where it is broken or missing."""
        with self._parquet(*parts) as file:
            return pq.read_table(file, columns=columns)

    def read_some(self, *parts: str, columns: Collection[str]) -> pa.Table:
        """Reads those of these columns that a Parquet file has. Raises RootError as read_table does."""
        with self._parquet(*parts) as raw:
            file = pq.ParquetFile(raw)
            return file.read(columns=[name for name in file.schema_arrow.names if name in columns])

    def batches(self, *parts: str) -> Iterator[pa.Table]:
        """A Parquet file row group by row group; at least one table, perhaps of no rows. Raises RootError as read_table does."""
        with self._parquet(*parts) as raw:
            file = pq.ParquetFile(raw)
            if not file.num_row_groups:
                yield file.schema_arrow.empty_table()
            for group in range(file.num_row_groups):
                yield file.read_row_group(group)

    @contextmanager
    def _parquet(self, *parts: str) -> Iterator[Any]:
        path = self.at(*parts)
        try:
            with self.fs.open(path, "rb") as file:
                yield file
        except (OSError, pa.ArrowInvalid) as error:
            raise RootError(
                f"cannot be read: {error}", where=path, todo="Delete its folder to have it made again."
            ) from error

    def remove(self, *parts: str) -> None:
        """Removes a file or folder of the root, if it is there."""
        with suppress(FileNotFoundError):
            self.fs.rm(self.at(*parts), recursive=True)

    def names(self, *parts: str) -> list[str]:
        """Names in a folder of the root, sorted; none where it is missing."""
        try:
            self.fs.invalidate_cache()
            found = self.fs.ls(self.at(*parts), detail=False)
        except FileNotFoundError:
            return []
        names = sorted(str(name).rstrip("/").rsplit("/", 1)[-1] for name in found)
        return [name for name in names if not name.startswith(".")]

    def below(self, *parts: str) -> list[str]:
        """Every file below a folder of a store, by one listing."""
        try:
            return [str(path) for path in self.fs.find(self.at(*parts))]
        except FileNotFoundError:
            return []

    def each(self, read: Callable[[Name], T], names: Iterable[Name]) -> list[T]:
        """Reads many files, in the order given; from a store several at a time."""
        if self.local:
            return [read(name) for name in names]
        with ThreadPoolExecutor(16) as pool:
            return list(pool.map(read, names))


def json_bytes(value: object) -> bytes:
    """A JSON value as the root's files have it: keys sorted."""
    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False).encode()


def said(error: Exception) -> str:
    """An error of a store on one line, without user names and passwords of addresses."""
    return re.sub(r"://[^/\s@]+@", "://…@", " ".join(str(error).split()))[:300] or type(error).__name__
