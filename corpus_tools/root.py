"""The audit root: files in folders, written so that a kill at any moment loses nothing. The warehouse is derived from them.

    revisions.json                                        hashes of local shards, by path, size and time of change
    scans/<scan_id>.json                                  the frozen configuration
    classifiers/<classifier_id>.json                      what scored
    shards/<scan_id>/<shard_id>/{documents,passages,tallies,rejects}.parquet, then manifest.json
    scores/<classifier_id>/<scan_id>/<shard_id>.parquet   (and <shard_id>.vectors.parquet)
    rounds/<round>.{json,parquet}
    audits/<audit_id>/{totals,prevalence,measures,near_copies}.parquet, notes.json, then audit.json
    runs/<run_id>.json                                    times and machines, outside row-for-row equality
    parts/                                                a root of its own: shards that are scanned in parts, until these are joined
    .lock                                                 who writes the root (claim.py)

A shard without its manifest is not done. Any fsspec address serves as a root. On a disk a shard appears by one rename; in an object
store, which has none, its tables are written to this machine's temporary folder and put there whole, the manifest last; what a killed
run left without a manifest is swept when the next one starts. Nothing here opens the database.
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import fsspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from corpus_tools.config import digest
from corpus_tools.errors import RootError
from corpus_tools.spool import Spool, put_whole

SHARD_TABLES = ("documents", "passages", "tallies", "rejects")
ESTIMATES = ("totals", "prevalence", "measures")
BUCKETS = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss", "oci"}
"""Stores in which a folder need not be made: to make one would make a bucket of a mistyped name."""
T = TypeVar("T")
DATABASE = "corpus_audit.duckdb"
REPORT = "report.html"


def audit_id(scan_id: str, classifier_id: str, shard_ids: Iterable[str]) -> str:
    """Same scan, classifier and shards -> same audit."""
    return digest([scan_id, classifier_id, sorted(shard_ids)])


class Root:
    """One audit root. Every write is whole or not at all."""

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
            self._write(probe, b"")
            self.fs.rm(probe)
        except Exception as error:  # stores raise anything
            raise RootError(
                f"cannot be written: {_said(error)}", where=self.uri, expected="a folder that can be made and written",
                todo="Change `output`, its permissions or, for a store, the credentials in the environment.",
            ) from error  # fmt: skip

    # Bytes in, bytes out.

    def _write(self, path: str, data: bytes) -> None:
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

    def _read(self, path: str) -> bytes:
        with self.fs.open(path, "rb") as file:
            return cast(bytes, file.read())

    def write_bytes(self, data: bytes, *parts: str) -> str:
        """Writes a file, whole or not at all; returns its address. Raises RootError."""
        path = self.at(*parts)
        self._write(path, data)
        return path if self.local else str(self.fs.unstrip_protocol(path))

    def write_json(self, value: object, *parts: str) -> None:
        """Writes a JSON file, keys sorted."""
        self._write(self.at(*parts), json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False).encode())

    def read_json(self, *parts: str) -> Any:
        """Reads a JSON file; None where there is none. Raises RootError where it is broken."""
        path = self.at(*parts)
        try:
            return json.loads(self._read(path))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise RootError(f"not valid JSON: {error}", where=path, todo="Delete it to have it made again.") from error

    def write_table(self, table: pa.Table, *parts: str) -> None:
        """Writes a Parquet file (zstd)."""
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd", row_group_size=1 << 17)
        self._write(self.at(*parts), sink.getvalue().to_pybytes())

    def write_pieces(self, pieces: Iterable[pa.Table], *parts: str) -> None:
        """Writes a Parquet file (zstd) from tables of one schema, at least one: only one at a time is in memory."""
        sink = pa.BufferOutputStream()
        rest = iter(pieces)
        first = next(rest)
        with pq.ParquetWriter(sink, first.schema, compression="zstd") as writer:
            for piece in itertools.chain([first], rest):
                writer.write_table(piece, row_group_size=1 << 17)
        self._write(self.at(*parts), sink.getvalue().to_pybytes())

    def read_table(self, *parts: str, columns: list[str] | None = None) -> pa.Table:
        """Reads a Parquet file, or these columns of it. Raises RootError where it is broken or missing."""
        path = self.at(*parts)
        try:
            with self.fs.open(path, "rb") as file:
                return pq.read_table(file, columns=columns)
        except (OSError, pa.ArrowInvalid) as error:
            raise RootError(
                f"cannot be read: {error}", where=path, todo="Delete its folder to have it made again."
            ) from error

    def batches(self, *parts: str) -> Iterator[pa.Table]:
        """A Parquet file row group by row group; at least one table, perhaps of no rows. Raises RootError as read_table does."""
        path = self.at(*parts)
        try:
            with self.fs.open(path, "rb") as raw:
                file = pq.ParquetFile(raw)
                if not file.num_row_groups:
                    yield file.schema_arrow.empty_table()
                for group in range(file.num_row_groups):
                    yield file.read_row_group(group)
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

    # Shards and scores.

    def done(self, scan_id: str) -> set[str]:
        """shard_ids whose manifest is written."""
        if self.local:
            return {
                s
                for s in self.names("shards", scan_id)
                if Path(self.at("shards", scan_id, s, "manifest.json")).exists()
            }
        return {path.split("/")[-2] for path in self._below("shards", scan_id) if path.endswith("/manifest.json")}

    def _below(self, *parts: str) -> list[str]:
        """Every file below a folder of a store, by one listing."""
        try:
            return [str(path) for path in self.fs.find(self.at(*parts))]
        except FileNotFoundError:
            return []

    def is_done(self, scan_id: str, shard_id: str) -> bool:
        """Whether a shard's manifest is written."""
        return bool(self.fs.exists(self.at("shards", scan_id, shard_id, "manifest.json")))

    def is_scored(self, classifier_id: str, scan_id: str, shard_id: str) -> bool:
        """Whether a shard's score file is written."""
        return bool(self.fs.exists(self.at("scores", classifier_id, scan_id, f"{shard_id}.parquet")))

    def scored(self, classifier_id: str, scan_id: str) -> set[str]:
        """shard_ids whose score file is written."""
        return {
            name.removesuffix(".parquet")
            for name in self.names("scores", classifier_id, scan_id)
            if not name.endswith(".vectors.parquet")
        }

    @contextmanager
    def shard_writer(self, scan_id: str, shard_id: str) -> Iterator[ShardWriter]:
        """Writes a shard's tables piece by piece, so that memory does not grow with the shard; nothing shows until `finish`."""
        try:
            with Spool(self.at("shards", scan_id) if self.local else "", shard_id) as spool:
                yield ShardWriter(self, spool, self.at("shards", scan_id, shard_id))
        except OSError as error:
            raise RootError(
                f"cannot write shard {shard_id}: {_said(error)}", where=self.uri,
                todo="Free space or mend the permissions, then run again; finished shards are kept.",
            ) from error  # fmt: skip

    def write_shard(
        self, scan_id: str, shard_id: str, tables: Mapping[str, pa.Table], manifest: Mapping[str, Any]
    ) -> None:
        """Writes a shard's four tables and its manifest at once."""
        with self.shard_writer(scan_id, shard_id) as writer:
            for name in SHARD_TABLES:
                writer.add(name, tables[name])
            writer.finish(manifest)

    @contextmanager
    def score_writer(self, classifier_id: str, scan_id: str, shard_id: str) -> Iterator[ScoreWriter]:
        """Writes a shard's scores (and vectors) piece by piece; nothing shows until `finish`."""
        folder = self.at("scores", classifier_id, scan_id)
        try:
            with Spool(folder if self.local else "", shard_id) as spool:
                yield ScoreWriter(self, spool, folder, shard_id)
        except OSError as error:
            raise RootError(
                f"cannot write scores of shard {shard_id}: {_said(error)}", where=self.uri,
                todo="Free space, then run again.",
            ) from error  # fmt: skip

    def sweep(self, scan_id: str) -> None:
        """Removes what a killed run left half-written. For the one process that starts an audit."""
        if self.local:
            for left in [
                *Path(self.at("shards", scan_id)).glob(".*"),
                *Path(self.at("scores")).glob(f"*/{scan_id}/.*"),
            ]:
                if left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink(missing_ok=True)
            return
        done = self.done(scan_id)
        halves = [path for path in self._below("shards", scan_id) if path.split("/")[-2] not in done]
        if halves:
            self.fs.rm(halves)

    def manifest(self, scan_id: str, shard_id: str) -> dict[str, Any]:
        """A done shard's manifest: its books, and its address."""
        return cast(dict[str, Any], self.read_json("shards", scan_id, shard_id, "manifest.json"))

    def shard_table(
        self, scan_id: str, shard_ids: Iterable[str], name: str, columns: list[str] | None = None
    ) -> pa.Table:
        """One table of many shards, with a `shard_id` column first."""

        def read(shard_id: str) -> pa.Table:
            table = self.read_table("shards", scan_id, shard_id, f"{name}.parquet", columns=columns)
            return table.add_column(0, "shard_id", pa.array([shard_id] * len(table), pa.string()))

        parts = self._each(read, shard_ids)
        return pa.concat_tables(parts) if parts else pa.table({})

    def _each(self, read: Callable[[str], T], names: Iterable[str]) -> list[T]:
        """Reads many files; from a store several at a time."""
        if self.local:
            return [read(name) for name in names]
        with ThreadPoolExecutor(16) as pool:
            return list(pool.map(read, names))

    def scores(self, classifier_id: str, scan_id: str, shard_ids: Iterable[str]) -> pl.DataFrame:
        """Scores of many shards: passage_id, content, one column per label."""
        tables = self._each(lambda s: self.read_table("scores", classifier_id, scan_id, f"{s}.parquet"), shard_ids)
        return cast(pl.DataFrame, pl.from_arrow(pa.concat_tables(tables))) if tables else pl.DataFrame()

    # Audits and runs.

    def write_audit(self, audit: Mapping[str, Any], estimates: Mapping[str, pa.Table | Iterable[pa.Table]]) -> None:
        """Writes an audit's tables (whole or in pieces, at least one), then audit.json."""
        for name in ESTIMATES:
            table = estimates[name]
            self.write_pieces(
                [table] if isinstance(table, pa.Table) else table, "audits", str(audit["audit_id"]), f"{name}.parquet"
            )
        self.write_json(audit, "audits", str(audit["audit_id"]), "audit.json")

    def audits(self) -> list[dict[str, Any]]:
        """Every finished audit's audit.json, the latest run last."""
        found = {a: self.read_json("audits", a, "audit.json") for a in self.names("audits")}
        last = {run["audit_id"]: run["finished"] for run in self.runs() if run.get("finished")}
        return sorted((a for a in found.values() if a), key=lambda a: (last.get(a["audit_id"], ""), a["audit_id"]))

    def runs(self) -> list[dict[str, Any]]:
        """Every run, in order of time."""
        runs = [self.read_json("runs", name) for name in self.names("runs")]
        return sorted(runs, key=lambda run: (run["started"], run["run_id"]))


class ShardWriter:
    """One shard's tables while they grow; made by Root.shard_writer."""

    def __init__(self, root: Root, spool: Spool, final: str) -> None:
        self._root, self._spool, self._final = root, spool, final

    def add(self, name: str, table: pa.Table) -> None:
        """Appends rows to a table; the first call sets its schema."""
        self._spool.add(f"{name}.parquet", table)

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Closes the tables and shows the shard: on a disk by one rename, in a store with the manifest last."""
        files = self._spool.close()
        data = json.dumps(manifest, sort_keys=True, indent=1, ensure_ascii=False).encode()
        if not self._root.local:
            for file in files:
                self._root.fs.put_file(str(file), f"{self._final}/{file.name}")
            self._root._write(f"{self._final}/manifest.json", data)
            return
        self._root._write(str(self._spool.folder / "manifest.json"), data)
        try:
            self._spool.folder.rename(self._final)
        except OSError:
            if not Path(self._final, "manifest.json").is_file():
                raise  # else another worker finished the same shard with the same rows


class ScoreWriter:
    """One shard's scores while they grow; made by Root.score_writer."""

    def __init__(self, root: Root, spool: Spool, folder: str, shard_id: str) -> None:
        self._root, self._spool, self._folder, self._shard = root, spool, folder, shard_id

    def add(self, scores: pa.Table, vectors: pa.Table | None = None, *, vectors_kept: bool = False) -> int:
        """Appends scores, and vectors where they are kept; returns how many rows."""
        self._spool.add(f"{self._shard}.parquet", scores)
        if vectors_kept and vectors is not None:
            self.add_vectors(vectors)
        return len(scores)

    def add_vectors(self, vectors: pa.Table) -> None:
        """Appends vectors."""
        self._spool.add(f"{self._shard}.vectors.parquet", vectors)

    def finish(self) -> None:
        """Shows the files whole; the scores last."""
        for file in sorted(self._spool.close(), key=lambda file: not file.name.endswith(".vectors.parquet")):
            final = f"{self._folder}/{file.name}"
            if self._root.local:
                file.replace(final)
            else:
                self._root.fs.put_file(str(file), final)


def _said(error: Exception) -> str:
    """An error of a store on one line, without user names and passwords of addresses."""
    return re.sub(r"://[^/\s@]+@", "://…@", " ".join(str(error).split()))[:300] or type(error).__name__
