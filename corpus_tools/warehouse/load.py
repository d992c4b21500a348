"""The root's files -> corpus_audit.duckdb. Rows go in sorted, so that the same root gives the same tables; `runs` aside."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from corpus_tools.errors import RootError
from corpus_tools.root import DATABASE, ESTIMATES, Root

HERE = Path(__file__).parent
SCHEMA_VERSION = 1


def load(root: Root) -> str:
    """Builds the database from every finished audit of the root and renames it over the old one; returns its address.

    An open reader of the old file keeps it. A remote root is read through a local copy, and gets an upload.
    Raises RootError where it cannot be written.
    """
    try:
        if root.local:
            target = Path(root.at(DATABASE))
            _build(root, Path(root.path), target)
            return str(target)
        with tempfile.TemporaryDirectory() as folder:
            for part in ("shards", "scores"):
                if root.fs.exists(root.at(part)):
                    root.fs.get(root.at(part), f"{folder}/{part}", recursive=True)
            target = Path(folder, DATABASE)
            _build(root, Path(folder), target)
            root.fs.put_file(str(target), root.at(DATABASE))
            return str(root.fs.unstrip_protocol(root.at(DATABASE)))
    except (OSError, duckdb.IOException) as error:
        raise RootError(
            f"the database cannot be written: {error}",
            where=root.uri,
            todo="Free space or mend the permissions, then run again.",
        ) from error


def _build(root: Root, files: Path, target: Path) -> None:
    for left in target.parent.glob(f".{target.name}.*.new*"):
        left.unlink(missing_ok=True)
    new = target.with_name(f".{target.name}.{uuid.uuid4().hex}.new")
    try:
        with duckdb.connect(str(new)) as db:
            db.execute("SET preserve_insertion_order = true; SET TimeZone = 'UTC'")
            _run(db, "tables")
            audits = sorted(root.audits(), key=lambda a: str(a["audit_id"]))
            if not audits:
                raise RootError("no finished audit", where=root.uri, todo="Run one first: corpus-audit run CONFIG.yaml")
            _add_label_columns(db, audits)
            _small_tables(db, root, audits)
            _big_tables(db, files, audits)
            _run(db, "views")
            _run(db, "macros")
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)
        Path(f"{new}.wal").unlink(missing_ok=True)


def _run(db: duckdb.DuckDBPyConnection, folder: str) -> None:
    for path in sorted((HERE / folder).glob("*.sql")):
        db.execute(path.read_text("utf-8"))


def _insert(db: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows as mappings -> a table, in the order given; what a row lacks is null."""
    rows = list(rows)
    if not rows:
        return
    found = db.execute(f"SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = '{table}'").fetchall()
    types: dict[str, str] = dict(found)
    frame = pa.Table.from_pylist([{name: row.get(name) for name in types} for row in rows])
    casts = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in types.items())
    db.register("rows_in", frame)
    db.execute(f"INSERT INTO {table} BY NAME SELECT {casts} FROM rows_in")
    db.unregister("rows_in")


def _small_tables(db: duckdb.DuckDBPyConnection, root: Root, audits: list[dict[str, Any]]) -> None:
    _insert(db, "meta", [{"schema_version": SCHEMA_VERSION}])
    _insert(db, "audits", map(_audit_row, audits))
    _insert(db, "shards", (row for audit in audits for row in _shard_rows(root, audit)))
    _insert(db, "runs", ({**run, "config": json.dumps(run.get("config"), sort_keys=True)} for run in root.runs()))
    cards = (root.read_json("classifiers", name) for name in root.names("classifiers"))
    _insert(
        db,
        "classifiers",
        ({**card, "trained_on": json.dumps(card.get("trained_on"), sort_keys=True)} for card in cards),
    )
    for name in ESTIMATES:
        for audit in audits:
            db.register("table_in", root.read_table("audits", audit["audit_id"], f"{name}.parquet"))
            db.execute(f"INSERT INTO {name} BY NAME SELECT * FROM table_in")
            db.unregister("table_in")
    for name in [n.removesuffix(".json") for n in root.names("rounds") if n.endswith(".json")]:
        rule = root.read_json("rounds", f"{name}.json")
        db.register("round_in", root.read_table("rounds", f"{name}.parquet"))
        db.execute(
            "INSERT INTO labels BY NAME SELECT ? AS round, ? AS role, content, passage_id, sha256, cell, probability, one.annotator, "
            "one.label, one.value FROM (SELECT *, unnest(labels) AS one FROM round_in) ORDER BY content, one.annotator, one.label",
            [name, rule["role"]],
        )
        db.unregister("round_in")


def _audit_row(audit: dict[str, Any]) -> dict[str, Any]:
    failed = sum(s["status"] == "failed" for s in audit["shards"])
    books = {f"records_{key}": value for key, value in audit.get("books", {}).items()}
    return {**audit, **books, "shards": len(audit["shards"]) - failed, "failed_shards": failed}


def _shard_rows(root: Root, audit: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for shard in audit["shards"]:
        row = {**shard, "audit_id": audit["audit_id"], "scan_id": audit["scan_id"]}
        if shard["status"] != "failed":
            manifest = root.manifest(audit["scan_id"], shard["shard_id"])
            row |= {f"records_{key}": manifest.get(key) for key in ("read", "kept", "empty", "rejected", "failed")}
            row |= {key: manifest.get(key) for key in ("words", "text_bytes", "candidates")}
        yield row


_ORDER = {
    "documents": "scan_id, shard_id, position",
    "tallies": "scan_id, shard_id, dataset, domain, year, language, CAST(sources AS VARCHAR)",
    "rejects": "scan_id, shard_id, fate, place, reason, detail",
}


def _big_tables(db: duckdb.DuckDBPyConnection, files: Path, audits: list[dict[str, Any]]) -> None:
    """Shard tables once per scan and shard, scores once per classifier, scan and shard, however many audits share them."""
    standing = [(a, s["shard_id"]) for a in audits for s in a["shards"] if s["status"] != "failed"]
    shards = sorted({(a["scan_id"], shard) for a, shard in standing})
    if not shards:
        return

    def parquet(name: str) -> str:
        source = _parquet(files / "shards" / scan / shard / f"{name}.parquet" for scan, shard in shards)
        place = "split_part(filename, '/', -3) AS scan_id, split_part(filename, '/', -2) AS shard_id"
        return f"(SELECT {place}, * EXCLUDE (filename) FROM {source})"

    for name, order in _ORDER.items():
        db.execute(f"INSERT INTO {name} BY NAME SELECT * FROM {parquet(name)} ORDER BY {order}")
    db.execute(
        f"""
        INSERT INTO passages BY NAME
        SELECT p.*, d.content AS document_content, d.dataset, d.domain, d.year, d.language, d.sources, d.url,
          d.open_probability, d.unscored, d.open_probability * p.screen_probability AS inclusion_probability
        FROM {parquet("passages")} p JOIN documents d USING (scan_id, shard_id, document_id)
        ORDER BY scan_id, shard_id, d.position, p.start"""
    )
    scored: dict[tuple[str, str], set[str]] = {}
    for audit, shard in standing:
        scored.setdefault((audit["classifier_id"], audit["scan_id"]), set()).add(shard)
    for (classifier_id, scan_id), those in sorted(scored.items()):
        source = _parquet(files / "scores" / classifier_id / scan_id / f"{shard}.parquet" for shard in sorted(those))
        db.execute(
            f"INSERT INTO scores BY NAME SELECT ? AS classifier_id, ? AS scan_id, * EXCLUDE (filename) FROM {source} "
            "ORDER BY passage_id",
            [classifier_id, scan_id],
        )


def _parquet(paths: Iterable[Path]) -> str:
    listed = ", ".join("'" + path.as_posix().replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{listed}], filename = true, union_by_name = true)"


def _add_label_columns(db: duckdb.DuckDBPyConnection, audits: list[dict[str, Any]]) -> None:
    """One FLOAT column per label of the audits, so that no SQL names a label."""
    for label in dict.fromkeys(label for audit in audits for label in audit["label_names"]):
        db.execute(f'ALTER TABLE scores ADD COLUMN "{label}" FLOAT')
        db.execute(f"COMMENT ON COLUMN scores.\"{label}\" IS 'probability of {label}'")
