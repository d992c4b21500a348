"""Literal rows in a real root -> tables, row for row: shared shards, late labels, readers across a reload, a remote root."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from corpus_tools import tables
from corpus_tools.errors import RootError
from corpus_tools.root import DATABASE, Root
from corpus_tools.warehouse import connect, load, query, update_labels

WRITES = (
    "insert into meta values (2)",
    "create table memory.x (i int)",
    "with q as (select 1) insert into meta from q",
    "copy audits to 'x'",
)


def rows(schema: pa.Schema, *given: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in given], schema)


def shard(root: Root, shard_id: str, documents: int = 2) -> None:
    """Documents with one scored and one undrawn passage each; the second document repeats the first's id and text."""
    ids = [f"d:{shard_id}:{i}" for i in range(documents)]
    root.write_shard(
        "scan",
        shard_id,
        {
            "documents": rows(
                tables.DOCUMENTS,
                *(
                    {
                        "document_id": d, "given_id": "same", "content": f"{shard_id}-text", "dataset": "d", "domain": "a.example",
                        "sources": [("kind", "forum")], "open_probability": 0.5, "position": i, "unscored": False,
                    }
                    for i, d in enumerate(ids)
                ),
            ),
            "passages": rows(
                tables.PASSAGES,
                *(
                    {
                        "passage_id": f"{d}:{start}", "document_id": d, "start": start, "content": f"{d}-{start}", "stratum": "hit",
                        "screen_probability": 0.2, "drawn": start == 0, "text": "t",
                    }
                    for d in ids
                    for start in (0, 9)
                ),
            ),
            "tallies": rows(tables.TALLIES, {"dataset": "d", "domain": "", "language": "", "sources": [], "documents": documents}),
            "rejects": rows(tables.REJECTS, {"place": "row 9", "fate": "rejected", "records": 1, "reason": "r", "detail": "d"}),
        },
        {"read": documents + 1, "passages": 2 * documents, "unread": ""},
    )  # fmt: skip
    root.write_table(
        pa.table({"passage_id": [f"{d}:0" for d in ids], "content": [f"{d}-0" for d in ids], "good": pa.array([0.9, 0.1], pa.float32())}),
        "scores", "c", "scan", f"{shard_id}.parquet",
    )  # fmt: skip


def audit(root: Root, audit_id: str, *shard_ids: str, finished: str = "2026-01-01T00:00:00+00:00") -> None:
    root.write_audit(
        {
            "audit_id": audit_id, "name": "n", "scan_id": "scan", "classifier_id": "c", "headline": "good", "threshold": 0.5,
            "label_names": ["good"], "books": {"read": 3, "kept": 3, "empty": 0, "rejected": 0, "failed": 0},
            "shards": [
                *({"dataset": "d", "shard_id": s, "status": "done", "shard_probability": 0.5} for s in shard_ids),
                {"dataset": "d", "shard_id": "broken", "status": "failed", "error": "cut off"},
            ],
        },
        {
            "totals": tables.TOTALS.empty_table(),
            "prevalence": rows(
                tables.PREVALENCE,
                {
                    "audit_id": audit_id, "dimension": "domain", "source": "a.example", "dimension_2": "", "source_2": "",
                    "unit": "passages", "basis": "exposure", "label": "good", "prevalence": 0.25, "status": "uncalibrated",
                },
            ),
            "measures": tables.MEASURES.empty_table(),
        },
    )  # fmt: skip
    root.write_json(
        {"run_id": f"run-{audit_id}", "audit_id": audit_id, "started": finished, "finished": finished},
        "runs",
        f"{audit_id}.json",
    )


def labelled(root: Root, *annotators: str) -> None:
    root.write_json({"round": "r1", "role": "estimate", "scan_id": "scan", "drawn": 1}, "rounds", "r1.json")
    given = [{"annotator": a, "label": "good", "value": True} for a in annotators]
    root.write_table(
        rows(tables.ROUND, {"content": "d:s1:0-0", "probability": 0.1, "labels": given}), "rounds", "r1.parquet"
    )


@pytest.fixture
def root(tmp_path: Path) -> Root:
    made = Root(tmp_path / "it's a [root]")  # a quote and a pattern in the path
    shard(made, "s1")
    audit(made, "a1", "s1")
    return made


def test_a_shard_of_two_audits_is_loaded_once(root: Root) -> None:
    shard(root, "s2")
    audit(root, "a2", "s1", "s2", finished="2026-01-02T00:00:00+00:00")
    load(root)
    assert query(root, "select shard_id, count(*) from passages group by 1 order by 1").rows() == [("s1", 4), ("s2", 4)]
    assert query(root, "select audit_id, shard_id, status from shards order by 1, 2").rows() == [
        ("a1", "broken", "failed"), ("a1", "s1", "done"),
        ("a2", "broken", "failed"), ("a2", "s1", "done"), ("a2", "s2", "done"),
    ]  # fmt: skip
    assert query(root, "select audit_id, passage_id from flagged_passages order by 1, 2").rows() == [
        ("a1", "d:s1:0:0"), ("a2", "d:s1:0:0"), ("a2", "d:s2:0:0"),
    ]  # fmt: skip
    assert query(root, "select passage_id from flagged('forum')")["passage_id"].to_list() == ["d:s1:0:0", "d:s2:0:0"]
    assert query(root, "select audit_id from latest_audits")["audit_id"].to_list() == ["a2"]
    assert query(root, "select distinct weight from audit_passages where drawn").rows() == [
        (20.0,)
    ]  # 1 / (0.5 x 0.5 x 0.2)


def test_repeats_are_counted(root: Root) -> None:
    load(root)
    assert query(root, "select repeated_ids, repeated_documents from audits").rows() == [(1, 1)]


def test_an_open_reader_keeps_the_old_file_and_a_new_one_in_the_same_process_sees_the_new(root: Root) -> None:
    load(root)
    count = "select count(*) from documents"
    with connect(root) as reader:
        shard(root, "s2")
        audit(root, "a2", "s1", "s2")
        load(root)
        assert reader.sql(count).fetchall() == [(2,)]
        assert query(root, count).rows() == [(4,)]


def test_labels_arrive_without_a_load_of_the_rest(root: Root) -> None:
    load(root)
    labelled(root, "ann", "bob")
    for name in tables_of(root):  # gone: only the small tables may be read
        root.fs.rm(name)
    update_labels(root)
    assert query(root, "select round, role, annotator, label, value, probability from labels").rows() == [
        ("r1", "estimate", "ann", "good", True, 0.1), ("r1", "estimate", "bob", "good", True, 0.1),
    ]  # fmt: skip
    assert query(root, "select count(*) from passages").rows() == [(4,)]
    assert query(root, "select repeated_ids from audits").rows() == [(1,)]


def tables_of(root: Root) -> list[str]:
    return [str(p) for p in Path(root.at("shards")).rglob("*.parquet")]


def test_update_labels_loads_everything_where_an_audit_is_new(root: Root) -> None:
    load(root)
    shard(root, "s2")
    audit(root, "a2", "s1", "s2")
    update_labels(root)
    assert query(root, "select count(*) from passages").rows() == [(8,)]


def test_loads_are_equal_in_groups_of_any_size(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(2, 6):
        shard(root, f"s{i}")
    audit(root, "a2", *(f"s{i}" for i in range(1, 6)))
    load(root)
    names = query(root, "select table_name from duckdb_tables()")["table_name"].to_list()
    before = {name: query(root, f"from {name}") for name in names}
    monkeypatch.setattr(sys.modules["corpus_tools.warehouse.found"], "GROUP_SHARDS", 1)
    load(root)
    assert [name for name in names if not before[name].equals(query(root, f"from {name}"))] == []


def test_what_a_killed_load_left_is_replaced(root: Root) -> None:
    new = Path(root.at(f"{DATABASE}.new"))
    new.write_bytes(b"half")
    load(root)
    assert not new.exists()


def test_a_broken_file_is_named_and_the_old_warehouse_stays(root: Root) -> None:
    load(root)
    broken = Path(root.at("shards", "scan", "s1", "passages.parquet"))
    broken.write_bytes(b"nothing")
    with pytest.raises(RootError, match=r"passages\.parquet"):
        load(root)
    assert query(root, "select count(*) from passages").rows() == [(4,)]
    assert sorted(p.name for p in Path(root.path).glob("*duckdb*")) == [DATABASE]


@pytest.mark.parametrize("sql", WRITES)
def test_a_write_is_refused(root: Root, sql: str) -> None:
    load(root)
    with pytest.raises(RootError, match="read-only"):
        query(root, sql)


def test_pivot_describe_and_explain_are_queries(root: Root) -> None:
    load(root)
    assert query(root, "pivot (select drawn from passages) on drawn using count(*)").rows() == [(2, 2)]
    assert "schema_version" in query(root, "describe meta")["column_name"].to_list()
    assert isinstance(query(root, "explain from audits"), pl.DataFrame)


def test_a_remote_root_gets_an_upload() -> None:
    root = Root("memory://warehouse-test")
    shard(root, "s1")
    audit(root, "a1", "s1")
    labelled(root, "ann")
    load(root)
    assert query(root, "select count(*) from passages").rows() == [(4,)]
    update_labels(root)
    assert query(root, "select annotator from labels").rows() == [("ann",)]


def test_every_column_of_every_view_is_explained(root: Root) -> None:
    load(root)
    bare = query(
        root,
        "select table_name || '.' || column_name as c from duckdb_columns() where comment is null and database_name = 'corpus_audit'",
    )
    assert bare["c"].to_list() == []


def test_the_lists_of_statements_are_the_files() -> None:
    module = sys.modules["corpus_tools.warehouse.load"]
    files = {
        folder: {p.stem for p in (module.SQL / folder).glob("*.sql")}
        for folder in ("tables", "inserts", "views", "macros")
    }
    assert files["tables"] == {"meta", *module.OF_SHARDS, *module.SMALL}
    assert files["inserts"] == files["tables"] - {"meta"}
    assert (files["views"], files["macros"]) == (set(module.VIEWS), set(module.MACROS))
