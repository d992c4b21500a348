from __future__ import annotations

import os
from pathlib import Path

import pytest

from corpus_tools.config import CorpusEntry
from corpus_tools.errors import ConfigError, ShardFailed
from corpus_tools.readers import READERS
from corpus_tools.shards import plan_shards


def entry(uri: object, **more: object) -> CorpusEntry:
    return CorpusEntry(uri=str(uri), name=str(more.pop("name", "d")), **more)  # type: ignore[arg-type]


def test_files_of_a_folder_and_of_a_glob_are_the_same_shards(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("a/x.jsonl", "a/y.jsonl.gz", "z.parquet"):
        (tmp_path / name).write_bytes(b"1")
    (tmp_path / "readme.txt").write_text("no shard")
    (tmp_path / "dir.jsonl").mkdir()
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    whole = plan_shards([entry(tmp_path)], seed=0)
    assert {s.address for s in whole.shards} >= {"a/x.jsonl", "a/y.jsonl.gz", "z.parquet"}
    assert not any("readme" in s.address or s.address == "dir.jsonl" for s in whole.shards)
    globbed = plan_shards([entry(tmp_path / "a" / "*.jsonl*")], seed=0)
    assert [s.format for s in globbed.shards] == ["jsonl", "jsonl"]
    assert {s.address for s in globbed.shards} == {"x.jsonl", "y.jsonl.gz"}


def test_shard_ids_follow_name_address_bytes_and_fields(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("a")
    ids = {plan_shards([entry(path)], seed=s).shards[0].shard_id for s in (0, 1)}
    assert len(ids) == 1
    ids |= {
        plan_shards([entry(path, name="e")], seed=0).shards[0].shard_id,
        plan_shards([entry(path, text_field="t")], seed=0).shards[0].shard_id,
    }
    path.write_text("b")
    ids.add(plan_shards([entry(path)], seed=0).shards[0].shard_id)
    assert len(ids) == 4


def test_revisions_are_cached_by_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("a")
    cache: dict[str, str] = {}
    first = plan_shards([entry(path)], seed=0, revisions=cache).shards[0].revision
    (key,) = cache
    cache[key] = "remembered"
    assert plan_shards([entry(path)], seed=0, revisions=cache).shards[0].revision == "remembered"
    path.write_text("ab")
    assert plan_shards([entry(path)], seed=0, revisions=cache).shards[0].revision not in ("remembered", first)


def test_a_sample_of_shards_is_a_prefix_of_the_hash_order(tmp_path: Path) -> None:
    for i in range(20):
        (tmp_path / f"{i}.jsonl").write_text(str(i))
    some, more = (plan_shards([entry(tmp_path / "*.jsonl", shards=n)], seed=3) for n in (5, 9))
    assert some.shards == more.shards[:5]
    assert some.sampled() == {"d": (5, 20)}
    assert some.shards != plan_shards([entry(tmp_path / "*.jsonl", shards=5)], seed=4).shards


@pytest.mark.parametrize(
    ("uri", "part"),
    [
        ("x.jsonk", "did you mean"),
        ("*.parquet", "the pattern matches no file"),
        ("empty", "a folder without shards"),
        ("notes.txt", "unknown format"),
        ("no/such/x.jsonl", "is not there either"),
        ("nosuch://x/y.jsonl", "nosuch"),
    ],
)
def test_what_cannot_be_planned_says_why(tmp_path: Path, uri: str, part: str) -> None:
    (tmp_path / "x.jsonl").write_text("a")
    (tmp_path / "notes.txt").write_text("a")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError) as caught:
        plan_shards([entry(uri if "://" in uri else tmp_path / uri), entry(tmp_path / "none.jsonl", name="e")], seed=0)
    assert len(caught.value.mistakes) == 2, "all mistakes at once"
    assert part in caught.value.mistakes[0]


def addresses(*uris: object, **more: object) -> list[list[str]]:
    return [sorted(s.address for s in plan_shards([entry(uri, **more)], seed=0).shards) for uri in uris]


def test_links_that_lead_back_up_are_followed_once(tmp_path: Path) -> None:
    for name in ("a/b/x.jsonl", "c/y.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("1")
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path)
    (tmp_path / "c" / "self").symlink_to(tmp_path / "c")
    (tmp_path / "zz").symlink_to(tmp_path / "c")
    assert addresses(tmp_path, tmp_path / "**" / "*.jsonl") == [["a/b/x.jsonl", "c/y.jsonl"]] * 2
    assert addresses(tmp_path / "zz" / "*.jsonl") == [["y.jsonl"]]


def test_a_folder_named_like_a_file_stands_for_its_parts(tmp_path: Path) -> None:
    for name in ("x.parquet/part-0.parquet", "x.parquet/part-1.snappy.parquet", "x.parquet/_SUCCESS", "y.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    parts = ["x.parquet/part-0.parquet", "x.parquet/part-1.snappy.parquet", "y.parquet"]
    assert addresses(tmp_path / "*.parquet", tmp_path) == [parts] * 2
    assert addresses(tmp_path / "x.parquet") == [["part-0.parquet", "part-1.snappy.parquet"]]


def test_patterns_braces_and_names_with_brackets(tmp_path: Path) -> None:
    for name in ("a/1.jsonl", "a/2.json.gz", "b/1.jsonl", "odd[1].jsonl", "b/deep/3.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    assert addresses(tmp_path / "{a,b}" / "*.{jsonl,json.gz}", tmp_path / "odd[1].jsonl", tmp_path / "?" / "[12].*") == [
        ["a/1.jsonl", "a/2.json.gz", "b/1.jsonl"], ["odd[1].jsonl"], ["a/1.jsonl", "a/2.json.gz", "b/1.jsonl"],
    ]  # fmt: skip


def test_formats_may_be_mixed_and_unknown_ones_are_named_together(tmp_path: Path) -> None:
    for name in ("a.parquet", "b.warc.wet.gz", "c.WARC.GZ", "d.jsonl.zst"):
        (tmp_path / name).write_text("1")
    shards = plan_shards([entry(tmp_path / "*")], seed=0).shards
    assert sorted(s.format for s in shards) == ["jsonl", "parquet", "warc", "wet"]
    for name in ("README.md", "b.txt", "c.csv", "d.bin"):
        (tmp_path / name).write_text("1")
    with pytest.raises(ConfigError, match=r"README.md, b.txt, c.csv and 1 more; expected names ending in") as told:
        plan_shards([entry(tmp_path / "*")], seed=0)
    assert ".arc" not in str(told.value)
    assert len(plan_shards([entry(tmp_path / "*.txt", format="jsonl")], seed=0).shards) == 1


def test_a_file_that_vanishes_stays_a_shard_and_fails_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a"}')
    (tmp_path / "b.jsonl").symlink_to(tmp_path / "moved.jsonl")
    gone = {s.address: s for s in plan_shards([entry(tmp_path / "*.jsonl")], seed=0).shards}["b.jsonl"]
    assert gone.revision == "unreadable"
    with pytest.raises(ShardFailed, match="moved or deleted") as caught:
        list(READERS["jsonl"](gone, entry(tmp_path / "*.jsonl")))
    assert not caught.value.retry


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(ConfigError, match="matches no file"):
        plan_shards([entry(tmp_path / "*.jsonl")], seed=0)
    with pytest.raises(ConfigError):
        plan_shards([entry(tmp_path / "pipe.jsonl")], seed=0)
