from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from corpus_tools.errors import RootError
from corpus_tools.root import SHARD_TABLES, Root, audit_id
from corpus_tools.spool import GROUP_ROWS

TABLE = pa.table({"a": [1, 2]})


def tables() -> dict[str, pa.Table]:
    return dict.fromkeys(SHARD_TABLES, TABLE)


def test_a_shard_shows_only_when_it_is_whole(tmp_path: Path) -> None:
    root = Root(tmp_path)
    with pytest.raises(RuntimeError), root.shard_writer("scan", "one") as writer:
        writer.add("documents", TABLE)
        assert root.done("scan") == set()
        raise RuntimeError
    assert root.names("shards", "scan") == []
    root.write_shard("scan", "one", tables(), {"status": "done"})
    assert root.done("scan") == {"one"}
    assert root.manifest("scan", "one") == {"status": "done"}
    assert root.shard_table("scan", ["one"], "documents").to_pydict() == {"shard_id": ["one", "one"], "a": [1, 2]}


def test_two_workers_that_finish_the_same_shard_do_no_harm(tmp_path: Path) -> None:
    root = Root(tmp_path)
    with root.shard_writer("scan", "one") as first:
        for name in SHARD_TABLES:
            first.add(name, TABLE)
        root.write_shard("scan", "one", tables(), {"by": "second"})
        first.finish({"by": "first"})
    assert root.manifest("scan", "one") == {"by": "second"}
    assert [p.name for p in (tmp_path / "shards" / "scan").iterdir()] == ["one"]


def test_sweep_removes_what_a_killed_run_left(tmp_path: Path) -> None:
    root = Root(tmp_path)
    left = tmp_path / "shards" / "scan" / ".one.abc"
    left.mkdir(parents=True)
    (left / "documents.parquet").write_bytes(b"half")
    half = tmp_path / "scores" / "c" / "scan" / ".one.parquet.abc"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    assert root.done("scan") == root.scored("c", "scan") == set()
    root.sweep("scan")
    assert not left.exists()
    assert not half.exists()


def test_broken_and_missing_files_say_what_to_do(tmp_path: Path) -> None:
    root = Root(tmp_path)
    assert root.read_json("scans", "none.json") is None
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(RootError, match="not valid JSON"):
        root.read_json("x.json")
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(RootError, match="cannot be read"):
        root.read_table("x.parquet")


def test_a_root_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RootError, match="cannot be written"):
        Root(tmp_path / "file" / "root").prepare()
    with pytest.raises(RootError, match="cannot open the root"):
        Root("nosuch://x/y")


def test_audit_id_does_not_depend_on_the_order_of_shards() -> None:
    assert audit_id("s", "c", ["b", "a"]) == audit_id("s", "c", ["a", "b"])
    assert (
        len(
            {
                audit_id("s", "c", ["a"]),
                audit_id("s", "c", ["a", "b"]),
                audit_id("t", "c", ["a"]),
                audit_id("s", "d", ["a"]),
            }
        )
        == 4
    )


def test_a_root_in_memory_works_like_one_on_disk() -> None:
    root = Root("memory://corpus-audit-test")
    root.prepare()
    root.write_shard("scan", "one", tables(), {"status": "done"})
    assert root.done("scan") == {"one"}
    with root.score_writer("c", "scan", "one") as writer:
        writer.add(TABLE, TABLE, vectors_kept=False)
        writer.finish()
    assert root.scored("c", "scan") == {"one"}


@pytest.mark.parametrize("rows", [[], [0], [GROUP_ROWS], [GROUP_ROWS, 0, 5], [7] * 3])
def test_tables_of_any_length_come_back_whole(rows: list[int], tmp_path: Path) -> None:
    root = Root(tmp_path)
    starts = [sum(rows[:i]) for i in range(len(rows))]
    with root.shard_writer("scan", "one") as writer:
        for start, n in zip(starts, rows, strict=True):
            writer.add("documents", pa.table({"a": pa.array(range(start, start + n), pa.int64())}))
        writer.finish({})
    if rows:
        assert root.read_table("shards", "scan", "one", "documents.parquet")["a"].to_pylist() == list(range(sum(rows)))
        batches = list(root.batches("shards", "scan", "one", "documents.parquet"))
        assert sum(map(len, batches)) == sum(rows)
        assert len(batches) == max(1, len([n for n in rows if n]) if GROUP_ROWS in rows else 1)


def test_scores_of_some_labels_are_read_alone(tmp_path: Path) -> None:
    root = Root(tmp_path)
    table = pa.table({"passage_id": ["p"], "content": ["c"], "good": [0.1], "bad": [0.9]})
    root.write_table(table, "scores", "c", "scan", "one.parquet")
    root.write_table(table, "scores", "c", "scan", "two.parquet")
    assert root.scores("c", "scan", ["one", "two"], ["bad", "unknown"]).to_dict(as_series=False) == {
        "passage_id": ["p", "p"], "content": ["c", "c"], "bad": [0.9, 0.9],
    }  # fmt: skip
    assert root.scores("c", "scan", ["one"]).columns == table.column_names
    assert root.scores("c", "scan", [], ["bad"]).is_empty()
