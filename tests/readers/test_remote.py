"""Shards that are not on this machine's disk: a hub and an S3 store, both on loopback, with real files."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from corpus_tools import stores
from corpus_tools.config import CorpusEntry
from corpus_tools.errors import ConfigError, ShardFailed
from corpus_tools.readers import READERS
from corpus_tools.shards import plan_shards
from tests.loopback import s3_store
from tests.readers.tiny_hub import serve

READ = """
import json, sys
from corpus_tools.config import CorpusEntry
from corpus_tools.errors import CorpusAuditError
from corpus_tools.readers import READERS
from corpus_tools.shards import plan_shards

for uri in sys.argv[1:]:
    try:
        entry = CorpusEntry(uri=uri, name="d")
        shards = sorted(plan_shards([entry], seed=0).shards, key=lambda s: s.address)
        batches = [b for s in shards for b in READERS[s.format](s, entry)]
        rows = [r for b in batches for r in b.documents.to_pylist()]
        print(json.dumps({
            "addresses": [s.address for s in shards], "revisions": [s.revision for s in shards],
            "texts": [r["text"] for r in rows], "urls": [r["url"] for r in rows], "positions": [r["position"] for r in rows],
        }))
    except CorpusAuditError as error:
        print(json.dumps({"error": str(error), "kind": type(error).__name__, "retry": getattr(error, "retry", None)}))
"""


def hub_reads(*uris: str, endpoint: str, home: Path, **environment: str) -> list[dict[str, Any]]:
    """What a process of its own reads, as the hub's address is fixed when its library is loaded."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", READ, *uris],
        env=kept | {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_XET_HIGH_PERFORMANCE": "0"} | environment,
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    for name in ("o/open", "o/gated", "o/private"):
        data = tmp_path / "hub" / name / "data"
        data.mkdir(parents=True)
        for i in range(2):
            rows = {"text": [f"{i}a", f"{i}b"], "url": ["https://a.example", None], "unread": ["x" * 1000] * 2}
            pq.write_table(pa.table(rows), data / f"{i}.parquet")
    (tmp_path / "hub/o/open/lines.jsonl.zst").write_bytes(zstandard.compress(b'{"text": "line"}\n'))
    return tmp_path / "hub"


def test_hub_files_by_the_readers_of_files(hub: Path, tmp_path: Path) -> None:
    with serve(hub) as (endpoint, asked):
        glob, one, lines = hub_reads(
            "hf://datasets/o/open@v1/data/*.parquet", "hf://datasets/o/open/data/1.parquet",
            "hf://datasets/o/open@main/lines.jsonl.zst", endpoint=endpoint, home=tmp_path,
        )  # fmt: skip
    assert glob["addresses"] == ["0.parquet", "1.parquet"]
    assert glob["texts"] == ["0a", "0b", "1a", "1b"]
    assert glob["urls"] == ["https://a.example", None] * 2
    assert glob["positions"] == [0, 1, 0, 1]
    assert glob["revisions"][1] == one["revisions"][0], "the same bytes are the same revision, by whatever name"
    assert len(set(glob["revisions"])) == 2
    assert one["texts"] == ["1a", "1b"]
    assert lines["texts"] == ["line"]
    assert not [a for a in asked if "private" in a]


def test_the_datasets_library_streams_from_the_hub(hub: Path, tmp_path: Path) -> None:
    with serve(hub) as (endpoint, _):
        whole, gone = hub_reads("datasets:o/open:train", "datasets:o/nosuch", endpoint=endpoint, home=tmp_path)
    assert (whole["texts"], whole["positions"]) == (["0a", "0b", "1a", "1b"], [0, 1, 2, 3])
    assert gone["kind"] == "ShardFailed"
    assert "no such data set" in gone["error"]
    assert gone["retry"] is False


def test_a_hub_that_does_not_give_says_why_in_one_line(hub: Path, tmp_path: Path) -> None:
    with serve(hub) as (endpoint, _):
        private, gated, revision, nothing = hub_reads(
            "hf://datasets/o/private/data/*.parquet", "hf://datasets/o/gated/data/*.parquet",
            "hf://datasets/o/open@nosuch/data/*.parquet", "hf://datasets/o/open/data/*.jsonl",
            endpoint=endpoint, home=tmp_path,
        )  # fmt: skip
    assert "a private one" in private["error"]
    assert private["kind"] == "ConfigError"
    assert "gated" in gated["error"]
    assert gated["kind"] == "ShardFailed"
    assert gated["retry"] is False
    assert "no such revision" in revision["error"]
    assert "the pattern matches no file" in nothing["error"]
    for answer in (private, gated, revision, nothing):
        assert "\n" not in answer["error"]


def test_without_network(hub: Path, tmp_path: Path) -> None:
    (off,) = hub_reads(
        "hf://datasets/o/open/data/*.parquet", endpoint="http://127.0.0.1:9", home=tmp_path, HF_HUB_OFFLINE="1"
    )
    assert "switched off" in off["error"]


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_store("bucket") as address:
        yield address


def test_s3(s3: str, tmp_path: Path) -> None:
    fs = fsspec.filesystem("s3")
    pq.write_table(pa.table({"text": ["a", "b", "c"]}), tmp_path / "x.parquet", row_group_size=2)
    fs.put(str(tmp_path / "x.parquet"), "bucket/p/x.parquet")
    fs.pipe("bucket/p/deep/y.jsonl.zst", zstandard.compress(b'{"text": "d"}\n{"text": "e"}'))
    fs.pipe("bucket/p/_SUCCESS", b"")
    for uri in (f"{s3}/p", f"{s3}/p/**/*.*"):
        entry = CorpusEntry(uri=uri, name="d")
        shards = {s.address: s for s in plan_shards([entry], seed=0).shards}
        assert sorted(shards) == ["deep/y.jsonl.zst", "x.parquet"]
        texts = [
            t for s in shards.values() for b in READERS[s.format](s, entry) for t in b.documents["text"].to_pylist()
        ]
        assert sorted(texts) == ["a", "b", "c", "d", "e"]
    before = shards["deep/y.jsonl.zst"]
    fs.pipe("bucket/p/deep/y.jsonl.zst", zstandard.compress(b'{"text": "f"}'))
    fs.invalidate_cache()
    after = {s.address: s for s in plan_shards([entry], seed=0).shards}["deep/y.jsonl.zst"]
    assert before.shard_id != after.shard_id, "other bytes, another revision"
    fs.rm("bucket/p/x.parquet")
    with pytest.raises(ShardFailed) as caught:
        list(READERS["parquet"](shards["x.parquet"], entry))
    assert not caught.value.retry


def test_s3_that_does_not_answer_never_shows_credentials(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"no such file|NoSuchBucket|does not exist"):
        plan_shards([CorpusEntry(uri="s3://nosuchbucket/x.parquet", name="d")], seed=0)
    with pytest.raises(ConfigError) as caught:
        plan_shards([CorpusEntry(uri="ftp://user:secret@127.0.0.1:9/x.jsonl?sig=secret", name="d")], seed=0)
    assert "secret" not in str(caught.value)


def test_a_store_whose_library_is_missing_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(ConfigError, match=r"pip install 'corpus-audit\[s3\]'"):
        plan_shards([CorpusEntry(uri="s3://bucket/x.parquet", name="d")], seed=0)


def test_no_credential_of_s3_reaches_a_message_or_a_log(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A key that the store refuses, a store that breaks off in the middle, one that is not there: at the most talkative level."""
    caplog.set_level(logging.DEBUG, "corpus_tools")
    monkeypatch.setattr(stores, "WAIT", 0.001)
    monkeypatch.setattr(stores, "TRIES", 2)  # s3fs tries again on its own, too
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fs = fsspec.filesystem("s3")
    fs.pipe("bucket/q/x.jsonl", b'{"text": "a"}\n')
    entry = CorpusEntry(uri=f"{s3}/q/x.jsonl", name="d")
    (shard,) = plan_shards([entry], seed=0).shards
    said: list[str] = []

    def fails(call: Callable[[], object]) -> None:
        with pytest.raises((ConfigError, ShardFailed)) as caught:
            call()
        said.append(str(caught.value))

    def refused(*_: object, **__: object) -> None:
        raise PermissionError("denied: https://testing-key:testing-secret@s3.example/q?X-Amz-Credential=testing-key")

    with monkeypatch.context() as patch:
        patch.setattr(type(fs), "_open", refused)
        fails(lambda: list(READERS["jsonl"](shard, entry)))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    type(fs).clear_instance_cache()
    monkeypatch.setattr(type(fs), "retries", 1)
    fails(lambda: plan_shards([CorpusEntry(uri="s3://bucket/none.jsonl", name="d")], seed=0))
    fails(lambda: list(READERS["jsonl"](shard, entry)))
    type(fs).clear_instance_cache()
    assert len(said) == 3
    assert "testing-" not in "\n".join(said) + caplog.text


def test_the_datasets_library_missing_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.jsonl").write_text('{"text": "a"}')
    entry = CorpusEntry(uri=f"datasets:{tmp_path}/x.jsonl", name="d")
    (shard,) = plan_shards([entry], seed=0).shards
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ShardFailed, match="pip install datasets") as caught:
        list(READERS["datasets"](shard, entry))
    assert not caught.value.retry
