"""A budget becomes rates once, by a look at real (tiny) shards with the real classifier."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from corpus_tools import audit as audits
from corpus_tools import pilot
from corpus_tools.classifier import Classifier
from corpus_tools.config import AuditConfig, frozen
from corpus_tools.pack import Pack
from corpus_tools.pilot import settle
from corpus_tools.root import Root
from corpus_tools.scan import Rules, choose
from corpus_tools.shards import plan_shards
from tests.conftest import BREAD, ROBOT


@pytest.fixture
def corpus(write_lines: Callable[..., Path]) -> None:
    for shard in range(2):
        texts = [f"{ROBOT}\n\n{BREAD} No. {shard}-{i}." if i % 3 else f"{BREAD} No. {shard}-{i}." for i in range(15)]
        write_lines(f"c/{shard}.jsonl", [{"text": text} for text in texts])


def chosen(config: AuditConfig, pack: Pack) -> pl.DataFrame:
    rules, (entry,) = Rules.of(config, pack), config.corpus
    shards = plan_shards(config.corpus, seed=0).shards
    return pl.concat([c.passages for s in shards for c in choose(s, entry, rules)])


def test_a_scored_screen_draws_by_stratum_and_bin(
    corpus: None, make_config: Callable[..., AuditConfig], pack: Pack, classifier: Classifier
) -> None:
    by_bin = {"hit": [0.1, 0.2, 0.9, 1, 1, 1, 1], "near": [0.1, 0.3, 0.4, 1, 1, 1, 1], "sampled": [0.5] * 7}
    screen = {"rule": "scored", "by_bin": by_bin}
    config = make_config([{"uri": "c/*.jsonl"}], gate={"audit_fraction": 0.5}, screen=screen)
    passages = chosen(config, pack)
    found = passages.group_by("stratum").agg(pl.col("screen_probability").unique().sort()).sort("stratum").rows()
    assert found == [("hit", [0.9]), ("near", [0.1, 0.3]), ("sampled", [0.5])]
    assert passages.filter(pl.col("screen_probability") == 1)["drawn"].all()
    assert 0 < passages["drawn"].sum() < len(passages)
    plan = plan_shards(config.corpus, seed=0)
    same, noted = settle(config, pack, Root(config.output), plan, lambda: classifier)
    assert frozen(same, pack) == frozen(config, pack)
    assert set(noted) == {"asked"}


def test_a_budget_becomes_rates_once(
    corpus: None,
    make_config: Callable[..., AuditConfig],
    write_lines: Callable[..., Path],
    pack: Pack,
    classifier: Classifier,
) -> None:
    asked = make_config([{"uri": "c/*.jsonl"}], gate={"audit_fraction": 1}, screen={"rule": "scored", "max_scored": 20})
    root, called = Root(asked.output), []

    def model() -> Classifier:
        called.append(1)
        return classifier

    config, noted = settle(asked, pack, root, plan_shards(asked.corpus, seed=0), model)
    assert config.screen.max_scored is None
    drawn = chosen(config, pack)
    assert len(drawn) == 50
    assert drawn["screen_probability"].sum() == pytest.approx(20, rel=0.05)
    assert sum(cell["passages"] for cell in noted["pilot"]["cells"]) == 50
    hit, near = (drawn.filter(stratum=s)["screen_probability"].mean() for s in ("hit", "near"))
    assert isinstance(hit, float)
    assert isinstance(near, float)
    assert hit > near, "robots above bread"

    scan_id = audits.scan_id(config, pack)
    root.write_json(frozen(config, pack) | {"scan_id": scan_id} | noted, "scans", f"{scan_id}.json")
    write_lines("c/9.jsonl", [{"text": f"{BREAD} {i}"} for i in range(500)])
    again, _ = settle(asked, pack, root, plan_shards(asked.corpus, seed=0), model)
    assert audits.scan_id(again, pack) == scan_id
    assert len(called) == 1
    other = asked.model_copy(update={"screen": asked.screen.model_copy(update={"max_scored": 10})})
    fewer, _ = settle(other, pack, root, plan_shards(asked.corpus, seed=0), model)
    assert audits.scan_id(fewer, pack) != scan_id
    assert len(called) == 2


def test_a_width_becomes_rates_too(
    corpus: None, make_config: Callable[..., AuditConfig], pack: Pack, classifier: Classifier
) -> None:
    found = {}
    for width in (0.1, 0.8):
        asked = make_config(
            [{"uri": "c/*.jsonl"}], gate={"audit_fraction": 1}, screen={"rule": "scored", "target_width": width}
        )
        plan = plan_shards(asked.corpus, seed=0)
        assert pilot.wanted(asked, plan)
        config, noted = settle(asked, pack, Root(asked.output), plan, lambda: classifier)
        assert (config.screen.target_width, noted["pilot"]["target_width"]) == (None, width)
        cells = noted["pilot"]["cells"]
        variance = sum(c["passages"] * c["score"] * (1 - c["rate"]) / c["rate"] for c in cells)
        assert 1.96 * variance**0.5 <= 1.01 * width * sum(c["passages"] * c["score"] for c in cells)
        found[width] = sum(c["passages"] * c["rate"] for c in cells)
    assert found[0.8] < found[0.1] <= 50


def test_without_a_scorer_nothing_is_settled(make_config: Callable[..., AuditConfig], pack: Pack) -> None:
    config = make_config(["c/*.jsonl"], screen={"rule": "rates"})
    plan = None
    settled = settle(config, pack, Root(config.output), plan, lambda: pytest.fail("not needed"))  # type: ignore[arg-type]
    assert settled == (config, {})


def test_a_small_corpus_keeps_one_rate_a_stratum(
    corpus: None, make_config: Callable[..., AuditConfig], pack: Pack
) -> None:
    config = make_config([{"uri": "c/*.jsonl"}])
    assert config.screen.rule == "auto"
    plan = plan_shards(config.corpus, seed=0)
    assert not pilot.wanted(config, plan)
    settled, noted = settle(config, pack, Root(config.output), plan, lambda: pytest.fail("not needed"))  # type: ignore[arg-type]
    assert (settled.screen.rule, noted) == ("rates", {})
    assert frozen(settled, pack) == frozen(config, pack)


def test_a_large_corpus_gets_a_budget_and_a_root_keeps_what_it_began_with(
    corpus: None,
    make_config: Callable[..., AuditConfig],
    pack: Pack,
    classifier: Classifier,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pilot, "SMALL", 100)
    config = make_config([{"uri": "c/*.jsonl"}], gate={"audit_fraction": 1})
    root, plan = Root(config.output), plan_shards(config.corpus, seed=0)
    assert pilot.wanted(config, plan)
    few, noted = settle(config, pack, root, plan, lambda: pytest.fail("it is small"))  # type: ignore[arg-type]
    assert (few.screen.rule, noted) == ("rates", {}), "fifty passages"

    monkeypatch.setattr(pilot, "MAX_SCORED", 20)
    large, noted = settle(config, pack, root, plan, lambda: classifier)
    assert large.screen.rule == "scored"
    assert noted["pilot"]["max_scored"] == 20
    assert chosen(large, pack)["screen_probability"].sum() == pytest.approx(20, rel=0.05)

    scan_id = audits.scan_id(large, pack)
    root.write_json(frozen(large, pack) | noted, "scans", f"{scan_id}.json")
    monkeypatch.setattr(pilot, "SMALL", 1 << 40)
    again, _ = settle(config, pack, root, plan, lambda: pytest.fail("the root has its rates"))  # type: ignore[arg-type]
    assert audits.scan_id(again, pack) == scan_id

    other = Root(f"{config.output}-grown")
    monkeypatch.setattr(pilot, "SMALL", 100)
    other.write_json(frozen(few, pack), "scans", f"{audits.scan_id(few, pack)}.json")
    grown, _ = settle(config, pack, other, plan, lambda: pytest.fail("the root began without"))  # type: ignore[arg-type]
    assert audits.scan_id(grown, pack) == audits.scan_id(few, pack)


def test_another_rate_than_the_default_is_kept(
    make_config: Callable[..., AuditConfig], pack: Pack, corpus: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pilot, "SMALL", 0)
    config = make_config([{"uri": "c/*.jsonl"}], screen={"hit": 0.5})
    plan = plan_shards(config.corpus, seed=0)
    assert not pilot.wanted(config, plan)
    settled, _ = settle(config, pack, Root(config.output), plan, lambda: pytest.fail("not needed"))  # type: ignore[arg-type]
    assert settled.screen.rule == "rates"
    assert settled.screen.hit == 0.5
    plain = make_config(["c/*.jsonl"])
    assert AuditConfig.model_validate_json(plain.model_dump_json()).screen.by_size, "also on its way to a worker"
