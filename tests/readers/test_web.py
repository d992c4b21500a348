"""Shards from a web server that misbehaves: every row comes once, or the shard fails and says whether again may help."""

from __future__ import annotations

import gzip
import json
import logging
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus_tools import stores
from corpus_tools.config import CorpusEntry
from corpus_tools.errors import ConfigError, ShardFailed
from corpus_tools.readers import READERS, remote
from corpus_tools.shards import plan_shards
from tests.readers.flaky_server import Behaviour, serve

RNG = random.Random(1)
TEXTS = [f"{i} {RNG.random()} " * 20 for i in range(400)]
Server = tuple[str, Behaviour]


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    lines = b"\n".join(json.dumps({"text": t}).encode() for t in TEXTS)
    (tmp_path / "x.jsonl").write_bytes(lines)
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(lines))
    table = pa.table(
        {"text": TEXTS, "url": ["https://a.example"] * 400, "unread": [RNG.randbytes(2000) for _ in TEXTS]}
    )
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=100)
    monkeypatch.setattr(stores, "WAIT", 0.001)
    monkeypatch.setattr(remote, "PIECE", 1 << 12)
    monkeypatch.setattr(remote, "LEAST", 1 << 8)
    with serve(tmp_path) as (address, behaviour):
        yield address, behaviour


def read(uri: str) -> list[str]:
    entry = CorpusEntry(uri=uri, name="d")
    (shard,) = plan_shards([entry], seed=0).shards
    return [t for b in READERS[shard.format](shard, entry) for t in b.documents["text"].to_pylist()]


NAMES = ("x.jsonl", "x.jsonl.gz", "x.parquet")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["503", "500", "429", "drop", "short", "slow"])
def test_what_passes_is_tried_again(web: Server, name: str, how: str) -> None:
    address, behaviour = web
    behaviour.next = [how, how, "", how, ""]
    assert read(f"{address}/{name}") == TEXTS
    assert behaviour.given.count(how) >= 2


@pytest.mark.parametrize("name", NAMES)
def test_a_connection_that_breaks_at_every_large_answer_gets_through_with_small_ones(web: Server, name: str) -> None:
    address, behaviour = web
    behaviour.always = "drop>2500"
    assert read(f"{address}/{name}") == TEXTS


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("how", "again"), [("503", True), ("drop", True), ("403", False), ("401", False), ("410", False)]
)
def test_what_does_not_pass_fails_the_shard(web: Server, name: str, how: str, again: bool) -> None:
    address, behaviour = web
    behaviour.always = how
    with pytest.raises(ShardFailed) as caught:
        read(f"{address}/{name}?signature=secret")
    assert caught.value.retry is again
    assert "secret" not in str(caught.value)
    assert len(behaviour.given) <= remote.REQUESTS * (stores.TRIES if again else 1)


def test_parquet_fetches_only_its_columns_ahead_of_the_reader(web: Server) -> None:
    address, behaviour = web
    assert read(f"{address}/x.parquet") == TEXTS
    fetched = sum(end - start for start, end in behaviour.ranges)
    entry = CorpusEntry(uri=f"{address}/x.parquet", name="d")
    (shard,) = plan_shards([entry], seed=0).shards
    assert fetched < shard.bytes / 3
    assert len(behaviour.ranges) == len(set(behaviour.ranges)), "no byte twice"


def test_requests_are_made_ahead_and_never_too_many_for_a_host(web: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    address, behaviour = web
    behaviour.always = "slow"
    monkeypatch.setattr(remote, "AHEAD", 20)
    assert read(f"{address}/x.jsonl") == TEXTS
    assert 2 <= behaviour.most_at_once <= remote.REQUESTS
    assert len(behaviour.ranges) == len(set(behaviour.ranges))


def test_a_server_without_ranges_is_read_from_beginning_to_end(web: Server) -> None:
    address, behaviour = web
    behaviour.always = "whole"
    assert read(f"{address}/x.jsonl") == TEXTS
    assert read(f"{address}/x.jsonl.gz") == TEXTS
    with pytest.raises(ShardFailed, match="Fetch it to this machine first") as caught:
        read(f"{address}/x.parquet")
    assert not caught.value.retry


def test_pauses_grow_and_differ_and_a_server_may_name_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "WAIT", 0.5)
    for failures, least, most in ((0, 0.25, 0.75), (3, 2.0, 6.0)):
        pauses = {stores.pause(failures) for _ in range(50)}
        assert len(pauses) == 50
        assert least <= min(pauses) <= max(pauses) <= most
    answer: Any = Exception()
    answer.headers = {"Retry-After": "7"}
    assert 7 <= stores.pause(0, answer) <= 10.5
    answer.headers = {"Retry-After": "86400"}
    assert stores.pause(0, answer) <= 1.5 * stores.LONGEST_WAIT
    assert stores.pause(0, ConnectionResetError()) <= 0.75


def test_an_address_that_is_not_there(web: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "corpus_tools")
    with pytest.raises(ConfigError, match="no such file"):
        plan_shards([CorpusEntry(uri=f"{web[0]}/none.jsonl?token=secret", name="d")], seed=0)
    with pytest.raises(ConfigError) as caught:
        plan_shards([CorpusEntry(uri="http://me:secret@127.0.0.1:9/x.jsonl?token=secret", name="d")], seed=0)
    assert "secret" not in str(caught.value) + caplog.text
