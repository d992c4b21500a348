"""Others read the warehouse, in processes of their own, while the next audit is loaded; files of other versions."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from corpus_tools.errors import RootError
from corpus_tools.root import DATABASE, Root
from corpus_tools.warehouse import SCHEMA_VERSION, load, query, renew
from tests.warehouse.test_reload import audit, shard

READER = """
import sys, duckdb
con = duckdb.connect(sys.argv[1], read_only=True)
for line in sys.stdin:
    print(con.sql(line).fetchall(), flush=True)
"""
COUNT = "select count(*) from documents"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    made = Root(tmp_path / "root")
    shard(made, "s1")
    audit(made, "a1", "s1")
    load(made)
    return made


def test_another_process_reads_on_while_the_next_audit_is_loaded(root: Root) -> None:
    file = root.at(DATABASE)
    with subprocess.Popen(
        [sys.executable, "-c", READER, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdin
        assert reader.stdout

        def ask(sql: str) -> str:
            assert reader.stdin
            assert reader.stdout
            reader.stdin.write(f"{sql}\n")
            reader.stdin.flush()
            return reader.stdout.readline().strip()

        try:
            assert ask(COUNT) == "[(2,)]"
            shard(root, "s2")
            audit(root, "a2", "s1", "s2")
            load(root)  # the other process has the old file open
            assert ask(COUNT) == "[(2,)]"
            assert ask("select audit_id from audits") == "[('a1',)]"
        finally:
            reader.stdin.close()
            reader.wait(30)
    assert query(root, COUNT).rows() == [(4,)]


def test_python_opens_it_without_this_package(root: Root) -> None:
    with duckdb.connect(root.at(DATABASE), read_only=True) as con:
        asked = "select source, prevalence from prevalence_of('good', by := 'domain')"
        assert con.sql(asked).fetchall() == [("a.example", 0.25)]
        assert con.sql("select count(*) from flagged('a.example')").fetchall() == [(1,)]
        with pytest.raises(duckdb.Error, match="read-only"):
            con.execute("delete from audits")


def test_command_lines_of_earlier_duckdbs_read_it(root: Root) -> None:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{root.at(DATABASE)}' AS w (READ_ONLY)")
        tags = con.sql("SELECT tags FROM duckdb_databases() WHERE database_name = 'w'").fetchall()[0][0]
    assert tags["storage_version"].startswith("v1.4")


@pytest.mark.skipif(not shutil.which("duckdb"), reason="no DuckDB command line here")
def test_the_duckdb_command_line_reads_it(root: Root) -> None:
    sql = "select source, prevalence from prevalence_of('good', by := 'domain')"
    done = subprocess.run(
        ["duckdb", "-readonly", "-csv", "-noheader", root.at(DATABASE), sql],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "a.example,0.25"


def made_by(root: Root, version: int) -> None:
    with duckdb.connect(root.at(DATABASE)) as con:
        con.execute("update meta set schema_version = ?", [version])


def test_an_earlier_version_is_made_again(root: Root) -> None:
    assert not renew(root), "it is of this version"
    made_by(root, SCHEMA_VERSION - 1)
    with pytest.raises(RootError, match="rebuild"):
        query(root, COUNT)
    assert renew(root)
    assert query(root, COUNT).rows() == [(2,)]


def test_a_newer_version_and_a_strange_file_are_left_alone(root: Root) -> None:
    made_by(root, SCHEMA_VERSION + 1)
    assert not renew(root)
    with pytest.raises(RootError, match="newer corpus-audit"):
        query(root, COUNT)
    Path(root.at(DATABASE)).write_bytes(b"somebody's file")
    assert not renew(root)
    assert Path(root.at(DATABASE)).read_bytes() == b"somebody's file"
