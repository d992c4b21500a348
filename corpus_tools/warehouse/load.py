"""The root's files -> the warehouse, one DuckDB file, built beside the old one and renamed over it.

A reader that holds the old file keeps it; whoever opens afterwards sees the new one. The statements stand in `tables/` (one table
each), `inserts/` (how it is filled from relations called `new_<table>`), `views/` and `macros/`; here they are only run, in order.
Rows are inserted in a fixed order, so that two loads of one root give the same tables row for row.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from corpus_tools.errors import RootError
from corpus_tools.root import DATABASE, ESTIMATES, Root
from corpus_tools.warehouse.open import SCHEMA_VERSION, is_current, opened

SQL = Path(__file__).parent
OF_SHARDS = ("documents", "passages", "tallies", "rejects", "scores")
"""Tables with a file per shard; loaded group by group."""
SMALL = ("shards", "rounds", "labels", "classifiers", "runs", "audits", "near_copies", *ESTIMATES)
"""The others, in an order in which each finds what it joins."""
VIEWS = (
    "latest_audits",
    "latest_prevalence",
    "source_share",
    "narrative_balance",
    "shutdown_outcomes",
    "prevalence_trend",
    "audit_passages",
    "label_scores",
    "repeated_ids",
    "flagged_passages",
    "near_copy_groups",
)
MACROS = ("prevalence_of", "flagged", "scored")

MEMORY = "2GB"
GROUP_PASSAGES, GROUP_SHARDS = 300_000, 500  # one insert: what is sorted at a time

_one_at_a_time = threading.Lock()


def load(root: Root) -> str:
    """Everything finished in a root -> its warehouse; the address of the file. Shards that no finished audit has stay out.

    Raises RootError where a file of the root is broken, the disk is full or cannot be written, or another load of the root is going on.
    """
    found = _Found.of(root)
    if not found.audits:
        raise RootError("no finished audit", where=root.uri, todo="Run one first: corpus-audit run CONFIG.yaml")
    with _beside(root) as con:
        _statements(con, "tables", ("meta", *OF_SHARDS, *SMALL))
        con.execute("INSERT INTO meta VALUES (?)", [SCHEMA_VERSION])
        for group in found.groups():
            _load_shards(con, root, group)
        _add_labels(con, (str(label) for audit in found.audits for label in audit.get("label_names") or []))
        for classifier_id, group in found.score_groups():
            _load_scores(con, root, classifier_id, group)
        _load_small(con, root, found, SMALL)
        _statements(con, "views", VIEWS)
        _statements(con, "macros", MACROS)
    return root.at(DATABASE)


def update_labels(root: Root) -> str:
    """New labels or estimates -> a copy of the warehouse with its small tables replaced; the address of the file.

    Loads everything where there is no warehouse yet, one of another version, or an audit that it does not have. Raises as load does.
    """
    found = _Found.of(root)
    if not is_current(root, {str(audit["audit_id"]) for audit in found.audits}):
        return load(root)
    small = tuple(name for name in SMALL if name != "shards")
    with _beside(root, copy=True) as con:
        for name in small:
            con.execute(f'DROP TABLE "{name}"')
        _statements(con, "tables", small)
        _load_small(con, root, found, small)
    return root.at(DATABASE)


# What the root holds.


@dataclass(frozen=True)
class _Shard:
    scan_id: str
    shard_id: str
    passages: int


@dataclass(frozen=True)
class _Found:
    """The finished audits, and which shards and scores they need and have."""

    audits: list[dict[str, Any]]
    manifests: list[dict[str, Any]]  # scan_id, shard_id, json
    shards: list[_Shard]
    scored: dict[tuple[str, str], set[str]]  # classifier_id, scan_id -> shard_ids

    @classmethod
    def of(cls, root: Root) -> _Found:
        audits = _documents(root, "audits", "audit_id", "audit.json")
        wanted = sorted(
            {
                (str(audit.get("scan_id")), str(shard.get("shard_id")))
                for audit in audits
                for shard in audit.get("shards") or []
                if shard.get("status") != "failed"
            }
        )
        with ThreadPoolExecutor(16) as pool:
            read = pool.map(lambda key: root.read_json("shards", *key, "manifest.json"), wanted)
            there = [(key, manifest) for key, manifest in zip(wanted, read, strict=True) if manifest]
        pairs = sorted({(str(a.get("classifier_id")), str(a.get("scan_id"))) for a in audits})
        return cls(
            audits=audits,
            manifests=[{"scan_id": k[0], "shard_id": k[1], "json": json.dumps(m)} for k, m in there],
            shards=[_Shard(*key, passages=int(m.get("passages") or 0)) for key, m in there],
            scored={pair: root.scored(*pair) for pair in pairs},
        )

    def groups(self, shards: Sequence[_Shard] | None = None) -> Iterator[list[_Shard]]:
        """Shards of one scan, as many as are sorted at a time, in order of their ids."""
        for _, same in groupby(self.shards if shards is None else shards, key=lambda s: s.scan_id):
            group: list[_Shard] = []
            size = 0
            for shard in same:
                if group and (size + shard.passages > GROUP_PASSAGES or len(group) == GROUP_SHARDS):
                    yield group
                    group, size = [], 0
                group.append(shard)
                size += shard.passages
            yield group

    def score_groups(self) -> Iterator[tuple[str, list[_Shard]]]:
        """classifier_id and the shards that it has scored, group by group."""
        for (classifier_id, scan_id), done in self.scored.items():
            mine = [s for s in self.shards if s.scan_id == scan_id and s.shard_id in done]
            for group in self.groups(mine):
                yield classifier_id, group


def _documents(root: Root, folder: str, key: str, file: str = "") -> list[dict[str, Any]]:
    """Every JSON object in a folder of the root, in order of name; its key from the name where the file has none."""
    out = []
    for name in root.names(folder):
        if not file and not name.endswith(".json"):
            continue
        value = root.read_json(folder, name, file) if file else root.read_json(folder, name)
        if isinstance(value, dict):
            out.append({key: name.removesuffix(".json")} | value)
    return out


# Relations called new_<table>.


def _register(
    con: duckdb.DuckDBPyConnection, root: Root, name: str, files: Mapping[tuple[str, ...], Mapping[str, str]]
) -> None:
    """Parquet files of the root, by their place in it -> relation `name`: the place's keys, every column, and file_row_number."""
    if not root.local:
        parts = []
        for place, keys in files.items():
            table = root.read_table(*place)
            table = table.append_column("file_row_number", pa.array(np.arange(len(table))))
            for key, value in keys.items():
                table = table.append_column(key, pa.array([value] * len(table), pa.string()))
            parts.append(table)
        con.register(name, pa.concat_tables(parts, promote_options="permissive"))
        return
    paths = {root.at(*place): keys for place, keys in files.items()}
    con.register(f"{name}_keys", pa.Table.from_pylist([{"filename": path, **keys} for path, keys in paths.items()]))
    listed = ", ".join(_quoted(_literal(path)) for path in paths)
    con.execute(
        f"""CREATE OR REPLACE TEMP VIEW {name} AS SELECT * EXCLUDE (filename) FROM read_parquet([{listed}],
        union_by_name = true, hive_partitioning = false, filename = true, file_row_number = true) JOIN {name}_keys USING (filename)"""
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _literal(path: str) -> str:
    """A path that is no pattern, whatever its letters."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in path)


def _json_rows(con: duckdb.DuckDBPyConnection, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """JSON objects -> relation `name` with one column, json."""
    con.register(name, pa.table({"json": pa.array([json.dumps(row) for row in rows], pa.string())}))


# Filling.


def _load_shards(con: duckdb.DuckDBPyConnection, root: Root, group: Sequence[_Shard]) -> None:
    tables = tuple(name for name in OF_SHARDS if name != "scores")
    for name in tables:
        _register(
            con, root, f"new_{name}",
            {("shards", s.scan_id, s.shard_id, f"{name}.parquet"): {"scan_id": s.scan_id, "shard_id": s.shard_id} for s in group},
        )  # fmt: skip
    _statements(con, "inserts", tables)


def _load_scores(con: duckdb.DuckDBPyConnection, root: Root, classifier_id: str, group: Sequence[_Shard]) -> None:
    _register(
        con, root, "new_scores",
        {
            ("scores", classifier_id, s.scan_id, f"{s.shard_id}.parquet"): {
                "classifier_id": classifier_id, "scan_id": s.scan_id, "shard_id": s.shard_id,
            }
            for s in group
        },
    )  # fmt: skip
    _add_labels(con, (name for name in _columns(con, "new_scores") if name != "file_row_number"))
    _statements(con, "inserts", ("scores",))


def _add_labels(con: duckdb.DuckDBPyConnection, labels: Iterable[str]) -> None:
    known = set(_columns(con, "scores"))
    for label in dict.fromkeys(labels):
        if label not in known:
            column = '"' + label.replace('"', '""') + '"'
            con.execute(f"ALTER TABLE scores ADD COLUMN {column} FLOAT")
            comment = _quoted(f"probability of {label}; null: this classifier does not know it")
            con.execute(f"COMMENT ON COLUMN scores.{column} IS {comment}")


def _load_small(con: duckdb.DuckDBPyConnection, root: Root, found: _Found, tables: Sequence[str]) -> None:
    rounds = _documents(root, "rounds", "round")
    classifiers = {str(audit.get("classifier_id")) for audit in found.audits}
    _json_rows(con, "new_audits", found.audits)
    _json_rows(con, "new_runs", _documents(root, "runs", "run_id"))
    _json_rows(con, "new_rounds", rounds)
    _json_rows(
        con,
        "new_classifiers",
        [c for c in _documents(root, "classifiers", "classifier_id") if c["classifier_id"] in classifiers],
    )
    schema = pa.schema([(name, pa.string()) for name in ("scan_id", "shard_id", "json")])
    con.register("new_manifests", pa.Table.from_pylist(found.manifests, schema))
    files: dict[str, dict[tuple[str, ...], dict[str, str]]] = {
        name: {("audits", str(a["audit_id"]), f"{name}.parquet"): {} for a in found.audits} for name in ESTIMATES
    }
    of_audits = [str(a["audit_id"]) for a in found.audits]
    files["near_copies"] = {
        ("audits", a, "near_copies.parquet"): {} for a in of_audits if "near_copies.parquet" in root.names("audits", a)
    }
    drawn = {name for name in root.names("rounds") if name.endswith(".parquet")}
    files["labels"] = {
        ("rounds", f"{r['round']}.parquet"): {"round": str(r["round"])}
        for r in rounds
        if f"{r['round']}.parquet" in drawn
    }
    for name, places in files.items():
        if places:
            _register(con, root, f"new_{name}", places)
    _statements(con, "inserts", tuple(name for name in tables if files.get(name, True)))


def _columns(con: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    return [str(row[0]) for row in con.execute(f"DESCRIBE {relation}").fetchall()]


def _statements(con: duckdb.DuckDBPyConnection, folder: str, names: Sequence[str]) -> None:
    for name in names:
        con.execute((SQL / folder / f"{name}.sql").read_text("utf-8"))


# The file.


@contextmanager
def _beside(root: Root, copy: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a new file beside the warehouse (a copy of it, or empty), renamed over it at the end; gone after an error."""
    with _one_at_a_time, tempfile.TemporaryDirectory() as folder:
        final = Path(root.at(DATABASE)) if root.local else Path(folder) / DATABASE
        new = final.with_name(f"{DATABASE}.new")
        mine = False
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            _clear(new)
            mine = True
            if copy and root.local:
                shutil.copyfile(final, new)
            elif copy:
                root.fs.get_file(root.at(DATABASE), str(new))
            with opened(new, read_only=False, memory=MEMORY, spill=f"{new}.tmp") as con:
                yield con
            _move(root, new, final)
        except (duckdb.Error, OSError, pa.ArrowInvalid) as error:
            raise RootError(
                f"the warehouse cannot be made: {' '.join(str(error).split())}",
                where=root.uri,
                todo="Free space, mend the permissions, or delete the file that is named to have it made again; what is done is kept.",
            ) from error
        finally:
            if mine:
                with suppress(OSError):
                    _remove(new)


def _clear(new: Path) -> None:
    """Removes what a killed load left. Raises RootError where another load holds the file."""
    if not new.exists():
        return
    try:
        with opened(new, read_only=False):
            pass
    except duckdb.Error as error:
        if "lock" in str(error).lower():
            raise RootError(
                "another load of this root is going on", where=str(new), todo="Wait for it to end."
            ) from error
    _remove(new)


def _remove(file: Path) -> None:
    for path in (file, file.with_name(f"{file.name}.wal")):
        path.unlink(missing_ok=True)
    shutil.rmtree(f"{file}.tmp", ignore_errors=True)


def _move(root: Root, new: Path, final: Path) -> None:
    if root.local:
        final.with_name(f"{final.name}.wal").unlink(missing_ok=True)  # of the file that is replaced
        new.replace(final)
    else:
        root.fs.put_file(str(new), root.at(DATABASE))
