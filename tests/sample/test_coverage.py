"""The stored coverage of the sample is the bundled classifier's, and an audit made again says the same."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from corpus_tools.classifier.model import load_classifier, read_card
from corpus_tools.config import AuditConfig, load_config
from corpus_tools.pack import Pack, load_pack
from pipelines.demo import known_prevalence, truth_answers
from tests.conftest import script

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"


@pytest.fixture(scope="module")
def coverage() -> ModuleType:
    return script(SAMPLE / "coverage.py")


@pytest.fixture(scope="module")
def config() -> AuditConfig:
    return load_config(SAMPLE / "demo.yaml")


@pytest.fixture(scope="module")
def pack(config: AuditConfig) -> Pack:
    return load_pack(config.pack)


def test_the_cache_is_of_the_bundled_classifier(coverage: ModuleType, config: AuditConfig, pack: Pack) -> None:
    """If not: python data/sample/coverage.py."""
    scores, classifier_id = coverage.cached()
    assert classifier_id == read_card(pack, config.classifier)[0]["classifier_id"]
    passages, _ = coverage.chosen(coverage.everything(config), pack)
    drawn = passages.filter("drawn").unique("content", keep="first").sort("content")
    assert drawn["content"].to_list() == scores["content"].to_list()
    some = drawn.gather_every(drawn.height // 24)
    again = load_classifier(pack, config.classifier).score(some["text"].to_list())[pack.headline]
    kept = some.join(scores, on="content", how="left", maintain_order="left")["score"]
    assert again.to_list() == pytest.approx(kept.to_list(), abs=2e-4)


def test_audits_made_again_are_what_was_counted(coverage: ModuleType, config: AuditConfig, pack: Pack) -> None:
    stored = json.loads((SAMPLE / "coverage.json").read_text())
    assert stored["audits"] >= 200
    assert stored["without_labels"] == stored["without_labels"] | {"with_interval": 0, "statuses": ["uncalibrated"]}
    one = next(r for r in stored["rows"] if r["dimension"] == "corpus")
    assert one["with_interval"] == stored["audits"]
    assert one["hold_the_truth"] / one["with_interval"] >= 0.9  # 0.95 less three Monte Carlo errors of 200 audits
    truth = known_prevalence(config, truth_answers())
    assert one["truth"] == pytest.approx(truth["corpus", "all"])
    found = coverage.summary(list(coverage.reseeded(config, pack, 4)), truth)
    row = next(r for r in found["rows"] if r["dimension"] == "corpus")
    assert row["with_interval"] == 4
    assert row["half_width"] == pytest.approx(one["half_width"], rel=0.25)
    assert found["without_labels"]["with_interval"] == 0
