"""The root's files -> the warehouse, one DuckDB file, built beside the old one and renamed over it.

A reader that holds the old file keeps it; whoever opens afterwards sees the new one. The statements stand in `tables/` (one table
each), `inserts/` (how it is filled from relations called `new_<table>`), `views/` and `macros/`; here they are only run, in order.
Rows are inserted in a fixed order, so that two loads of one root give the same tables row for row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from corpus_tools.errors import RootError
from corpus_tools.root import DATABASE, ESTIMATES, Root
from corpus_tools.warehouse.beside import beside
from corpus_tools.warehouse.found import Found, FoundShard, objects
from corpus_tools.warehouse.open import SCHEMA_VERSION, is_current, is_older

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


def load(root: Root) -> str:
    """Everything finished in a root -> its warehouse; the address of the file. Shards that no finished audit has stay out.

    Raises RootError where a file of the root is broken, the disk is full or cannot be written, or another load of the root is going on.
    """
    found = Found.of(root)
    if not found.audits:
        raise RootError("no finished audit", where=root.uri, todo="Run one first: corpus-audit run CONFIG.yaml")
    with beside(root) as con:
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
    found = Found.of(root)
    if not is_current(root, {str(audit["audit_id"]) for audit in found.audits}):
        return load(root)
    small = tuple(name for name in SMALL if name != "shards")
    with beside(root, copy=True) as con:
        for name in small:
            con.execute(f'DROP TABLE "{name}"')
        _statements(con, "tables", small)
        _load_small(con, root, found, small)
    return root.at(DATABASE)


def renew(root: Root) -> bool:
    """Makes the warehouse of an earlier version again from the root's files; whether it did. Raises as load does."""
    if not is_older(root):
        return False
    load(root)
    return True


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


def _load_shards(con: duckdb.DuckDBPyConnection, root: Root, group: Sequence[FoundShard]) -> None:
    tables = tuple(name for name in OF_SHARDS if name != "scores")
    for name in tables:
        _register(
            con, root, f"new_{name}",
            {("shards", s.scan_id, s.shard_id, f"{name}.parquet"): {"scan_id": s.scan_id, "shard_id": s.shard_id} for s in group},
        )  # fmt: skip
    _statements(con, "inserts", tables)


def _load_scores(con: duckdb.DuckDBPyConnection, root: Root, classifier_id: str, group: Sequence[FoundShard]) -> None:
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


def _load_small(con: duckdb.DuckDBPyConnection, root: Root, found: Found, tables: Sequence[str]) -> None:
    rounds = objects(root, "rounds", "round")
    classifiers = {str(audit.get("classifier_id")) for audit in found.audits}
    _json_rows(con, "new_audits", found.audits)
    _json_rows(con, "new_runs", objects(root, "runs", "run_id"))
    _json_rows(con, "new_rounds", rounds)
    _json_rows(
        con,
        "new_classifiers",
        [c for c in objects(root, "classifiers", "classifier_id") if c["classifier_id"] in classifiers],
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
