"""Which of the root's files is where: shards and scores, audits and runs."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import polars as pl
import pyarrow as pa

from corpus_tools.config import digest
from corpus_tools.errors import RootError
from corpus_tools.root.files import Files, said
from corpus_tools.root.writers import ScoreWriter, ShardWriter
from corpus_tools.spool import Spool

SHARD_TABLES = ("documents", "passages", "tallies", "rejects")
ESTIMATES = ("totals", "prevalence", "measures")
DATABASE = "corpus_audit.duckdb"
REPORT = "report.html"


def audit_id(scan_id: str, classifier_id: str, shard_ids: Iterable[str]) -> str:
    """Same scan, classifier and shards -> same audit."""
    return digest([scan_id, classifier_id, sorted(shard_ids)])


class Root(Files):
    """One audit root. Every write is whole or not at all."""

    # Shards and scores.

    def done(self, scan_id: str) -> set[str]:
        """shard_ids whose manifest is written."""
        if self.local:
            return {
                s
                for s in self.names("shards", scan_id)
                if Path(self.at("shards", scan_id, s, "manifest.json")).exists()
            }
        return {path.split("/")[-2] for path in self.below("shards", scan_id) if path.endswith("/manifest.json")}

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
                f"cannot write shard {shard_id}: {said(error)}", where=self.uri,
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
                f"cannot write scores of shard {shard_id}: {said(error)}", where=self.uri,
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
        halves = [path for path in self.below("shards", scan_id) if path.split("/")[-2] not in done]
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

        parts = self.each(read, shard_ids)
        return pa.concat_tables(parts) if parts else pa.table({})

    def shard_frame(
        self, scan_id: str, shard_ids: Iterable[str], name: str, columns: list[str] | None = None
    ) -> pl.DataFrame:
        """The same as a frame."""
        return pl.DataFrame(pl.from_arrow(self.shard_table(scan_id, shard_ids, name, columns)))

    def scores(
        self, classifier_id: str, scan_id: str, shard_ids: Iterable[str], labels: Collection[str] | None = None
    ) -> pl.DataFrame:
        """Scores of many shards: passage_id, content, one column per label; of `labels` those alone that the classifier has."""
        files = [("scores", classifier_id, scan_id, f"{shard_id}.parquet") for shard_id in shard_ids]
        if not files:
            return pl.DataFrame()

        def read(file: tuple[str, ...]) -> pa.Table:
            if labels is None:
                return self.read_table(*file)
            return self.read_some(*file, columns=("passage_id", "content", *labels))

        tables = self.each(read, files)
        return cast(pl.DataFrame, pl.from_arrow(pa.concat_tables(tables)))

    # Audits and runs.

    def write_audit(self, audit: Mapping[str, Any], estimates: Mapping[str, pa.Table | Iterable[pa.Table]]) -> None:
        """Writes an audit's tables (whole or in pieces, at least one), then audit.json."""
        for name in ESTIMATES:
            table = estimates[name]
            self.write_pieces(
                [table] if isinstance(table, pa.Table) else table, "audits", str(audit["audit_id"]), f"{name}.parquet"
            )
        self.write_json(audit, "audits", str(audit["audit_id"]), "audit.json")

    def estimates(self, audit_id: str, name: str) -> pl.DataFrame:
        """One of an audit's tables: totals, prevalence or measures. Raises RootError where it is broken or missing."""
        return pl.DataFrame(pl.from_arrow(self.read_table("audits", audit_id, f"{name}.parquet")))

    def audits(self) -> list[dict[str, Any]]:
        """Every finished audit's audit.json, the latest run last."""
        found = {a: self.read_json("audits", a, "audit.json") for a in self.names("audits")}
        last = {run["audit_id"]: run["finished"] for run in self.runs() if run.get("finished")}
        return sorted((a for a in found.values() if a), key=lambda a: (last.get(a["audit_id"], ""), a["audit_id"]))

    def runs(self) -> list[dict[str, Any]]:
        """Every run, in order of time."""
        runs = [self.read_json("runs", name) for name in self.names("runs")]
        return sorted(runs, key=lambda run: (run["started"], run["run_id"]))
