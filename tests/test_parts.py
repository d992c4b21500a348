"""A shard that is scanned in parts is, joined, the shard as one worker scans it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_tools.classifier import Classifier
from corpus_tools.config import AuditConfig, CorpusEntry
from corpus_tools.pack import Pack
from corpus_tools.parts import begun, divide, join, part_root
from corpus_tools.readers import READERS, texts_at
from corpus_tools.readers import base as readers_base
from corpus_tools.readers.cut import cut, why_whole
from corpus_tools.root import SHARD_TABLES, Root
from corpus_tools.scan import Rules, scan
from corpus_tools.shards import Part, Shard, plan_shards
from tests.conftest import BREAD, FOREIGN, ROBOT

LINES = [
    b'{"text": "one"}',
    b"",
    b"no json",
    b'{"text": "\xc3\xa9"}',
    b'{"text": null}',
    b"\xff",
    b"  ",
    b'{"id": 3}',
    b'{"text":"z"}',
]


def one_shard(path: Path, **entry: Any) -> tuple[Shard, CorpusEntry]:
    made = CorpusEntry(uri=str(path), name="c", **entry)
    return plan_shards([made], seed=0).shards[0], made


def read(shard: Shard, entry: CorpusEntry) -> tuple[list[Any], list[Any], str]:
    batches = list(READERS[shard.format](shard, entry))
    rows = [(r["position"], r["given_id"], r["text"]) for b in batches for r in b.documents.to_pylist()]
    rejects = [(r.place, r.fate, r.reason, r.records) for b in batches for r in b.rejects]
    return rows, rejects, next((b.unread for b in batches if b.unread), "")


def read_all(parts: list[Shard], entry: CorpusEntry) -> tuple[list[Any], list[Any], str]:
    each = [read(part, entry) for part in parts]
    return [r for e in each for r in e[0]], [r for e in each for r in e[1]], next((e[2] for e in each if e[2]), "")


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(st.sampled_from([*LINES, b'{"text": "' + b"long " * 30 + b'"}']), min_size=1, max_size=12),
    ended=st.booleans(),
    size=st.integers(1, 60),
)
def test_every_cut_of_plain_lines_reads_each_line_once(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], ended: bool, size: int
) -> None:
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    path.write_bytes(b'{"text": "first"}\n' + b"\n".join(lines) + (b"\n" if ended else b""))
    shard, entry = one_shard(path)
    parts = cut(shard, size)
    assert sum(p.to_read for p in parts) == shard.bytes
    assert read_all(parts, entry) == read(shard, entry)


def test_a_line_over_the_limit_and_a_file_that_shrinks_are_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers_base, "MAX_RECORD_BYTES", 50)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a"}\n{"text": "' + b"x" * 300 + b'"}\n{"text": "b"}\n{"text": "c"}\n')
    shard, entry = one_shard(path)
    whole = read(shard, entry)
    assert [r[2] for r in whole[1]] == ["record-too-long"]
    for size in (7, 40, 111):
        assert read_all(cut(shard, size), entry) == whole
    path.write_bytes(path.read_bytes()[:-20])
    whole = read(shard, entry)
    assert [r[2] for r in whole[1]] == ["record-too-long", "cut-off"]
    assert "now ends after" in whole[2]
    for size in (7, 40, 111):
        assert read_all(cut(shard, size), entry) == whole


def test_parquet_is_cut_between_row_groups(write_parquet: Callable[..., Path]) -> None:
    rows = [{"id": str(i), "text": f"{i} " * 50} for i in range(25)]
    shard, entry = one_shard(write_parquet("a.parquet", rows, row_group_size=4))
    parts = cut(shard, 1)
    assert [(p.part.start, p.part.end) for p in parts if p.part] == [(i, i + 1) for i in range(7)]
    assert read_all(parts, entry) == read(shard, entry)
    assert len(cut(shard, 1 << 20)) == 1
    assert {p.shard_id for p in parts} == {shard.shard_id}


def test_what_cannot_be_cut_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"text": "x"}\n' * 100))
    shard, _ = one_shard(tmp_path / "a.jsonl.gz")
    assert cut(shard, 1) == [shard]
    assert "compressed" in why_whole(shard)
    (tmp_path / "b.parquet").write_bytes(b"PAR1 nothing")
    broken, _ = one_shard(tmp_path / "b.parquet")
    assert cut(broken, 1) == [broken], "it fails by name when it is scanned"


def shard_of(name: str, size: int, format: str = "jsonl") -> Shard:
    return Shard("c", name, f"/nowhere/{name}", format, size, "r", name)


def test_only_a_shard_that_keeps_a_worker_busy_is_divided() -> None:
    small = [shard_of(f"{i}.jsonl", 100) for i in range(9)]
    assert divide(small, 2, 10) == (small, {})
    units, whole = divide([*small, shard_of("big.jsonl", 1000)], 2, 100)
    assert [u.part for u in units[:9]] == [None] * 9
    assert [u.part for u in units[9:]] == [Part(i * 100, i * 100 + 100, 100) for i in range(10)]
    assert whole == {}
    units, whole = divide([*small, shard_of("big.jsonl.gz", 1000)], 2, 100)
    assert len(units) == 10
    assert list(whole) == ["big.jsonl.gz"]
    alone = [shard_of("big.jsonl", 1000)]
    assert divide(alone, 1, 100) == (alone, {})
    assert divide(alone, 2, 0) == (alone, {})
    assert len(divide(alone, 1, 100, taken=["big.jsonl"])[0]) == 10, "one worker takes up what two began"


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_documents_of_parts_are_read_again_by_their_positions(form: str, tmp_path: Path) -> None:
    rows = [{"id": str(i), "text": f"{i} " * 50} for i in range(25)]
    path = tmp_path / f"a.{form}"
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=4)
    else:
        path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    shard, entry = one_shard(path)
    parts = cut(shard, shard.bytes // 5)
    assert len(parts) >= 3
    texts = {position: text for position, _, text in read_all(parts, entry)[0]}
    some = dict(list(texts.items())[2::7])
    for place in (shard, parts[1]):  # positions are the whole shard's
        assert texts_at(place, entry, list(some), READERS[form]) == some


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_parts_joined_are_the_shard_scanned_whole(
    form: str, make_config: Callable[..., AuditConfig], tmp_path: Path, pack: Pack, classifier: Classifier
) -> None:
    texts = [ROBOT, BREAD, FOREIGN, "", f"{BREAD}\n\n{ROBOT}", f"{ROBOT} {BREAD}"]
    rows = [
        {
            "id": str(i),
            "text": f"{texts[i % 6]} {i // 6}" if i % 6 != 3 else "",
            "url": f"https://s{i % 3}.example.org/{i}",
            "kind": "ab"[i % 2],
        }
        for i in range(60)
    ]
    path = tmp_path / f"a.{form}"
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=7)
    else:
        path.write_text("broken\n" + "\n".join(map(json.dumps, rows)) + "\n", "utf-8")
    config = make_config(
        [{"uri": path.name, "source_fields": {"sort": "kind"}}], gate={"audit_fraction": 0.5}, screen={"near": 0.5},
        store={"vectors": True},
    )  # fmt: skip
    entry = config.corpus[0]
    shard = plan_shards(config.corpus, seed=0).shards[0]
    rules, root, whole_root = Rules.of(config, pack), Root(tmp_path / "root"), Root(tmp_path / "whole")
    parts = cut(shard, shard.bytes // 4)
    assert len(parts) >= 3
    for part in reversed(parts):
        scan(part, entry, rules, classifier, part_root(root), "scan", None)
    assert begun(root, "scan") == {shard.shard_id}
    assert root.done("scan") == set()
    join(root, "scan", classifier.classifier_id, parts, vectors=True)
    scan(shard, entry, rules, classifier, whole_root, "scan", None)
    assert root.manifest("scan", shard.shard_id) == whole_root.manifest("scan", shard.shard_id)
    for name in SHARD_TABLES:
        mine = root.read_table("shards", "scan", shard.shard_id, f"{name}.parquet")
        theirs = whole_root.read_table("shards", "scan", shard.shard_id, f"{name}.parquet")
        assert mine.schema == theirs.schema
        assert mine.to_pylist() == theirs.to_pylist(), name
    mine, theirs = (r.scores(classifier.classifier_id, "scan", [shard.shard_id]) for r in (root, whole_root))
    assert mine["passage_id"].to_list() == theirs["passage_id"].to_list()
    assert mine.select(pl.col(pl.Float32)).to_numpy() == pytest.approx(
        theirs.select(pl.col(pl.Float32)).to_numpy(), abs=2e-4
    )
    vectors = root.read_table("scores", classifier.classifier_id, "scan", f"{shard.shard_id}.vectors.parquet")
    assert len(vectors) == len(mine)
    assert begun(root, "scan") == set(), "the parts are gone"
