"""A real root, a real database: tables as promised, the same on every load, read-only, and built under an open reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from corpus_tools import audit as audits
from corpus_tools.classifier import Classifier
from corpus_tools.config import AuditConfig
from corpus_tools.errors import RootError, UsageError
from corpus_tools.pack import Pack
from corpus_tools.root import DATABASE, Root
from corpus_tools.warehouse import connect, load, query
from tests.conftest import BREAD, FOREIGN, ROBOT, scanned


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, pack: Pack, classifier: Classifier) -> Root:
    """Two shards, scanned and estimated, without Prefect."""
    import json

    from corpus_tools.config import parse_config

    folder = tmp_path_factory.mktemp("it's a root")  # a quote in the path
    for i in range(2):
        rows: list[Any] = [
            {"text": f"{t} {i} {j}.", "url": f"https://s{j % 2}.example.org/", "kind": "k'1"}
            for j, t in enumerate((ROBOT, BREAD, FOREIGN, f"{ROBOT}\n\n{BREAD}"))
        ]
        (folder / f"{i}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n{\n")
    raw = {
        "name": "w",
        "output": "out",
        "corpus": [{"uri": "*.jsonl", "name": "d", "source_fields": {"sort": "kind"}}],
        "gate": {"audit_fraction": 1.0},
        "screen": {"near": 1.0},
        "classifier": {"threshold": 0.01},
    }
    config: AuditConfig = parse_config(raw, where="t", base=folder)
    out, audit = scanned(config, pack, classifier)
    audits.write(out, audit, audits.estimate(out, audit, pack))
    out.write_json(
        {
            "run_id": "r",
            "audit_id": audit["audit_id"],
            "started": "2026-01-01T00:00:00+00:00",
            "finished": "2026-01-01T00:01:00+00:00",
            "version": "0",
            "host": "h",
            "config": {},
        },
        "runs",
        "r.json",
    )
    load(out)
    return out


def test_every_table_has_its_rows(root: Root) -> None:
    counts = {
        name: query(root, f"select count(*) as n from {name}")["n"][0]
        for name in ("audits", "runs", "shards", "rejects", "documents", "passages", "scores", "tallies", "classifiers")
    }
    assert counts == {
        "audits": 1,
        "runs": 1,
        "shards": 2,
        "rejects": 2,
        "documents": 8,
        "passages": 10,
        "scores": 8,
        "tallies": 2,
        "classifiers": 1,
    }
    one = query(root, "select * from passages where stratum = 'near' order by passage_id limit 1").row(0, named=True)
    assert one["text"].startswith("Knead")
    assert one["inclusion_probability"] == 1.0
    assert query(root, "select sources['sort'] as k, count(*) as n from documents group by 1").rows() == [("k'1", 8)]
    assert query(root, "select distinct reason, fate from rejects").rows() == [("bad-json", "rejected")]
    assert (
        query(
            root,
            "select records_read - records_kept - records_empty - records_rejected - records_failed as x from audits",
        )["x"][0]
        == 0
    )


def test_every_column_is_explained(root: Root) -> None:
    bare = query(
        root,
        "select table_name || '.' || column_name as c from duckdb_columns() "
        "where comment is null and table_name in (select table_name from duckdb_tables())",
    )
    assert bare["c"].to_list() == []


def test_no_sql_file_names_a_label(pack: Pack) -> None:
    import corpus_tools.warehouse

    for path in Path(corpus_tools.warehouse.__file__).parent.rglob("*.sql"):
        text = path.read_text("utf-8")
        assert not [label for label in pack.labels if f"'{label}'" in text or f'"{label}"' in text], path.name


def test_two_loads_are_equal_and_an_open_reader_keeps_the_old_file(root: Root) -> None:
    tables = query(root, "select table_name from duckdb_tables() order by 1")["table_name"].to_list()
    with connect(root) as reader:
        before = {t: query(root, f"select * from {t}").rows() for t in tables}
        load(root)
        assert reader.sql("select count(*) from passages").fetchall() == [(10,)]
    assert {t: query(root, f"select * from {t}").rows() for t in tables} == before
    assert [p.name for p in Path(root.path).iterdir() if "duckdb" in p.name] == [DATABASE]


def test_views_and_macros(root: Root) -> None:
    for view in query(root, "select view_name from duckdb_views() where not internal order by 1")["view_name"]:
        query(root, f"from {view}")
    rows = query(root, "from prevalence_of('narrative', by := 'domain')")
    assert rows["source"].to_list() == ["example.org"]
    assert set(query(root, "from flagged('example.org')")["passage_id"]) <= set(
        query(root, "select passage_id from passages where drawn")["passage_id"]
    )
    assert query(root, "select count(*) as n from flagged_passages where score < 0.01")["n"][0] == 0


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("selct 1", "syntax error"),
        ("from nothing", "one of the tables"),
        ("drop table audits", "read-only"),
        ("select 1; select 2", "2 statements"),
        ("from read_csv('/etc/passwd')", "disabled by configuration"),
        ("select nosuch from audits", "nosuch"),
    ],
)
def test_a_wrong_query_is_one_message(root: Root, sql: str, told: str) -> None:
    with pytest.raises(RootError, match=told):
        query(root, sql)


@pytest.mark.parametrize("sql", ["", "  ", ";", "-- later"])
def test_an_empty_query_is_a_mistake_of_use(root: Root, sql: str) -> None:
    with pytest.raises(UsageError, match="the query is empty") as mistake:
        query(root, sql)
    assert mistake.value.exit_code == 2


def test_no_database_another_file_and_another_version(tmp_path: Path) -> None:
    with pytest.raises(RootError, match="no database"):
        connect(Root(tmp_path))
    (tmp_path / DATABASE).write_bytes(b"not a database at all" * 100)
    with pytest.raises(RootError, match="not a database"):
        connect(Root(tmp_path))
    (tmp_path / DATABASE).unlink()
    with duckdb.connect(str(tmp_path / DATABASE)) as db:
        db.execute("create table meta (schema_version integer); insert into meta values (99)")
    with pytest.raises(RootError, match="newer corpus-audit"):
        connect(Root(tmp_path))


def test_a_root_without_an_audit_says_so(tmp_path: Path) -> None:
    with pytest.raises(RootError, match="no finished audit"):
        load(Root(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_why_and_the_plan_of_labels(root: Root, pack: Pack) -> None:
    audit = audits.read(root)
    rows = audits.why_number(root, audit, pack, "example.org", size=3)
    assert {"passage_id", "score", "weight", "if_yes", "if_no", "text"} <= set(rows.columns)
    assert rows["text"].null_count() == 0
    with pytest.raises(RootError, match="no source"):
        audits.why_number(root, audit, pack, "nowhere.example")
    with pytest.raises(UsageError, match=r"no label 'rebelion'.*Did you mean 'rebellion'"):
        audits.why_number(root, audit, pack, "all", label="rebelion")
    with pytest.raises(UsageError, match=r"no dimension 'domein'.*Did you mean 'domain'"):
        audits.why_number(root, audit, pack, "all", dimension="domein")
    with pytest.raises(UsageError, match="no label 'rebelion'"):
        audits.labels_wanted(root, audit, pack, 0.2, "rebelion")
    with pytest.raises(RootError, match="no interval yet"):
        audits.labels_wanted(root, audit, pack, 0.2)
    with pytest.raises(RootError, match="no audit 'zzz'"):
        audits.read(root, "zzz")
    assert isinstance(audits.comparison(root, audit, audit), pl.DataFrame)
