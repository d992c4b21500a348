"""The audit root: files in folders, written so that a kill at any moment loses nothing. The warehouse is derived from them.

    revisions.json                                        hashes of local shards, by path, size and time of change
    scans/<scan_id>.json                                  the frozen configuration
    classifiers/<classifier_id>.json                      what scored
    shards/<scan_id>/<shard_id>/{documents,passages,tallies,rejects}.parquet, then manifest.json
    scores/<classifier_id>/<scan_id>/<shard_id>.parquet   (and <shard_id>.vectors.parquet)
    rounds/<round>.{json,parquet}
    audits/<audit_id>/{totals,prevalence,measures}.parquet, then audit.json
    runs/<run_id>.json                                    times and machines, outside row-for-row equality

A shard without its manifest is not done. Any fsspec address serves as a root. Nothing here opens the database.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import fsspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from corpus_tools.config import digest
from corpus_tools.errors import RootError

SHARD_TABLES = ("documents", "passages", "tallies", "rejects")
ESTIMATES = ("totals", "prevalence", "measures")
DATABASE = "corpus_audit.duckdb"
REPORT = "report.html"


def audit_id(scan_id: str, classifier_id: str, shard_ids: Iterable[str]) -> str:
    """Same scan, classifier and shards -> same audit."""
    return digest([scan_id, classifier_id, sorted(shard_ids)])


class Root:
    """One audit root. Every write is whole or not at all (a temporary name, then a rename)."""

    def __init__(self, uri: str | Path) -> None:
        self.uri = str(uri)
        try:
            self.fs, self.path = fsspec.core.url_to_fs(self.uri)
        except (ImportError, ValueError) as error:
            raise RootError(f"cannot open the root: {error}", where=self.uri) from error
        self.local = "file" in (self.fs.protocol if isinstance(self.fs.protocol, tuple) else (self.fs.protocol,))

    def at(self, *parts: str) -> str:
        """Path of a file in the root."""
        return "/".join([self.path.rstrip("/"), *parts])

    def prepare(self) -> None:
        """Makes the root, and checks that it can be written. Raises RootError."""
        probe = self.at(f".write-test-{uuid.uuid4().hex}")
        try:
            self.fs.makedirs(self.path, exist_ok=True)
            self._write(probe, b"")
            self.fs.rm(probe)
        except (OSError, ValueError) as error:
            raise RootError(
                f"cannot be written: {error}", where=self.uri, expected="a folder that can be made and written",
                todo="Change `output` or its permissions.",
            ) from error  # fmt: skip

    # Bytes in, bytes out.

    def _write(self, path: str, data: bytes) -> None:
        try:
            if self.local:
                target = Path(path)
                target.parent.mkdir(parents=True, exist_ok=True)
                part = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
                try:
                    with part.open("wb") as file:
                        file.write(data)
                        file.flush()
                        os.fsync(file.fileno())
                    part.replace(target)
                finally:
                    part.unlink(missing_ok=True)
            else:
                with self.fs.open(path, "wb") as file:  # object stores show a file only when it is whole
                    file.write(data)
        except OSError as error:
            raise RootError(
                f"cannot write {path}: {error}",
                where=self.uri,
                todo="Free space or mend the permissions; what is done is kept.",
            ) from error

    def _read(self, path: str) -> bytes:
        with self.fs.open(path, "rb") as file:
            return cast(bytes, file.read())

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

    def read_table(self, *parts: str) -> pa.Table:
        """Reads a Parquet file. Raises RootError where it is broken or missing."""
        path = self.at(*parts)
        try:
            with self.fs.open(path, "rb") as file:
                return pq.read_table(file)
        except (OSError, pa.ArrowInvalid) as error:
            raise RootError(
                f"cannot be read: {error}", where=path, todo="Delete its folder to have it made again."
            ) from error

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
        return {
            s for s in self.names("shards", scan_id) if self.fs.exists(self.at("shards", scan_id, s, "manifest.json"))
        }

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
        final = self.at("shards", scan_id, shard_id)
        folder = self.at("shards", scan_id, f".{shard_id}.{uuid.uuid4().hex}") if self.local else final
        try:
            self.fs.makedirs(folder, exist_ok=True)
            writer = ShardWriter(self, folder, final)
            try:
                yield writer
            finally:
                writer.close()
                if self.local:
                    shutil.rmtree(folder, ignore_errors=True)
        except OSError as error:
            raise RootError(
                f"cannot write shard {shard_id}: {error}", where=self.uri,
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
        writer = ScoreWriter(self, ("scores", classifier_id, scan_id), shard_id)
        try:
            yield writer
        except OSError as error:
            raise RootError(
                f"cannot write scores of shard {shard_id}: {error}", where=self.uri, todo="Free space, then run again."
            ) from error
        finally:
            writer.close()

    def sweep(self, scan_id: str) -> None:
        """Removes what a killed run left half-written in a local root. For the one process that starts an audit."""
        if self.local:
            for left in Path(self.at("shards", scan_id)).glob(".*"):
                shutil.rmtree(left, ignore_errors=True)
            for left in Path(self.at("scores")).glob(f"*/{scan_id}/.*"):
                left.unlink(missing_ok=True)

    def manifest(self, scan_id: str, shard_id: str) -> dict[str, Any]:
        """A done shard's manifest: its books, and its address."""
        return cast(dict[str, Any], self.read_json("shards", scan_id, shard_id, "manifest.json"))

    def shard_table(
        self, scan_id: str, shard_ids: Iterable[str], name: str, columns: list[str] | None = None
    ) -> pa.Table:
        """One table of many shards, with a `shard_id` column first."""
        parts = []
        for shard_id in shard_ids:
            table = self.read_table("shards", scan_id, shard_id, f"{name}.parquet")
            table = table if columns is None else table.select(columns)
            parts.append(table.add_column(0, "shard_id", pa.array([shard_id] * len(table), pa.string())))
        return pa.concat_tables(parts) if parts else pa.table({})

    def scores(self, classifier_id: str, scan_id: str, shard_ids: Iterable[str]) -> pl.DataFrame:
        """Scores of many shards: passage_id, content, one column per label."""
        tables = [self.read_table("scores", classifier_id, scan_id, f"{s}.parquet") for s in shard_ids]
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

    def __init__(self, root: Root, folder: str, final: str) -> None:
        self._root, self._folder, self._final = root, folder, final
        self._files: dict[str, tuple[Any, pq.ParquetWriter]] = {}

    def add(self, name: str, table: pa.Table) -> None:
        """Appends rows to a table; the first call sets its schema."""
        if name not in self._files:
            sink = self._root.fs.open(f"{self._folder}/{name}.parquet", "wb")
            self._files[name] = (sink, pq.ParquetWriter(sink, table.schema, compression="zstd"))
        if len(table):
            self._files[name][1].write_table(table)

    def close(self) -> None:
        """Closes every file; without `finish` the shard stays undone."""
        files, self._files = self._files, {}
        failure: BaseException | None = None
        for sink, writer in files.values():
            for each in (writer, sink):
                try:
                    each.close()
                except OSError as error:  # a full disk; the others are closed all the same
                    failure = failure or error
                    writer.is_open = False  # or it tries again when it is collected, and prints a traceback
        if failure is not None:
            raise failure

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Closes the tables, writes the manifest last; a local shard appears by one rename."""
        self.close()
        data = json.dumps(manifest, sort_keys=True, indent=1, ensure_ascii=False).encode()
        self._root._write(f"{self._folder}/manifest.json", data)
        if self._root.local:
            try:
                Path(self._folder).rename(self._final)
            except OSError:
                if not Path(self._final, "manifest.json").is_file():
                    raise  # else another worker finished the same shard with the same rows


class ScoreWriter:
    """One shard's scores while they grow; made by Root.score_writer."""

    def __init__(self, root: Root, place: tuple[str, ...], shard_id: str) -> None:
        self._root, self._place, self._shard = root, place, shard_id
        self._tables: dict[str, list[pa.Table]] = {"": [], ".vectors": []}

    def add(self, scores: pa.Table, vectors: pa.Table, *, vectors_kept: bool) -> int:
        """Appends scores, and vectors where they are kept; returns how many rows."""
        self._tables[""].append(scores)
        if vectors_kept:
            self._tables[".vectors"].append(vectors)
        return len(scores)

    def close(self) -> None:
        """Lets go of what was not finished."""
        self._tables = {"": [], ".vectors": []}

    def finish(self) -> None:
        """Writes the files whole; the scores last."""
        for suffix in (".vectors", ""):
            if self._tables[suffix]:
                table = pa.concat_tables(self._tables[suffix])
                self._root.write_table(table, *self._place, f"{self._shard}{suffix}.parquet")
