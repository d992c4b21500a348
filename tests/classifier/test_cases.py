"""The codebook's hard cases: their form, that they are apart from training, how a pass is judged, and the floor of the pass rate."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from corpus_tools.classifier import Classifier
from corpus_tools.classifier.annotations import read_jsonl, true_labels
from corpus_tools.classifier.cases import checks, pass_rates
from corpus_tools.errors import LabelError
from corpus_tools.pack import Pack
from tests.conftest import script
from tests.sample.test_sample import GOLD, sequences

ROOT = Path(__file__).parents[2]
CASES = ROOT / "data" / "cases" / "cases.jsonl"
FLOORS = json.loads((ROOT / "tests" / "floors.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def cases() -> list[dict[str, Any]]:
    return read_jsonl(CASES)


@pytest.fixture(scope="module")
def report() -> ModuleType:
    return script(ROOT / "data" / "cases" / "report.py")


def test_each_hard_case_has_at_least_three_texts_with_labels_that_hold_together(
    cases: list[dict[str, Any]], pack: Pack
) -> None:
    codebook = (pack.folder / "codebook.md").read_text("utf-8")
    numbered = [
        line for line in codebook[codebook.index("## Hard cases") :].splitlines() if line.split(". ")[0].isdigit()
    ]
    count = Counter(c["case"] for c in cases)
    assert sorted(count) == list(range(1, len(numbered) + 1))
    assert min(count.values()) >= 3
    assert len({c["text"] for c in cases}) == len({c["passage_id"] for c in cases}) == len(cases)
    for case in cases:
        true = true_labels(case, pack, case["passage_id"])
        assert case["synthetic"] is True
        assert 60 <= len(case["text"].split()) <= 180, case["passage_id"]
        assert ("adversarial" in true) == (case["stance"] is not None), case["passage_id"]
        assert case["agent"] == "mind" or not (case["behaviours"] or case["threat"]), case["passage_id"]
        assert set(case["at_stake"].split()) <= {*pack.groups, *pack.labels}


def test_no_case_is_training_text(cases: list[dict[str, Any]], pack: Pack) -> None:
    """By shared sequences of eight words, against the seed data, the sample and the codebook."""
    own = set[tuple[str, ...]]().union(*(sequences(c["text"]) for c in cases))
    assert len(own) > 8_000
    seed = [r["text"] for path in sorted((ROOT / "data" / "seed").glob("*.jsonl")) for r in read_jsonl(path)]
    sample = [
        r["text"] for path in sorted((ROOT / "data" / "sample" / "source").glob("*.jsonl")) for r in read_jsonl(path)
    ]
    assert len(seed) > 300 and len(sample) > 250
    for text in [*seed, *sample, (pack.folder / "codebook.md").read_text("utf-8")]:
        shared = sequences(text) & own
        assert not shared, " ".join(min(shared))


@pytest.mark.real
@pytest.mark.skipif(not GOLD.is_dir(), reason="no ../shared here")
def test_no_case_is_in_the_passages_of_training_and_validation(cases: list[dict[str, Any]]) -> None:
    own = set[tuple[str, ...]]().union(*(sequences(c["text"]) for c in cases))
    for name in ("passages.jsonl", "round0.jsonl"):
        for row in read_jsonl(GOLD / name):
            shared = sequences(row["text"]) & own
            assert not shared, " ".join(min(shared))


def test_a_text_passes_when_all_that_its_rule_decides_is_right(pack: Pack) -> None:
    told = {"agent": "mind", "behaviours": ["rebellion"], "mode": "fiction", "stance": "presents"}
    texts = [
        told | {"case": 7, "passage_id": f"c{i}", "at_stake": stake}
        for i, stake in enumerate(("agent rebellion", "mode", "threat"))
    ]
    low = dict.fromkeys(pack.labels, 0.1)
    scores = pl.DataFrame(
        [low | {"agent_mind": 0.4, "rebellion": 0.49}, low | {"mode_fiction": 0.2}, low | {"threat": 0.5}]
    )
    found = checks(texts, scores, pack)
    assert found.select("at_stake", "wanted", "found", "passes").rows() == [
        ("agent", "agent_mind", "agent_mind", True),
        ("rebellion", "rebellion", "not rebellion", False),
        ("mode", "mode_fiction", "mode_fiction", True),
        ("threat", "not threat", "threat", False),
    ]
    assert pass_rates(found).rows() == [("7", 3, 1, 4, 2)]
    assert checks(texts, scores, pack, 0.3)["passes"].to_list() == [True, True, True, False]
    with pytest.raises(LabelError, match="'mood' cannot be at stake"):
        checks([told | {"case": 7, "passage_id": "x", "at_stake": "mood"}], scores.head(1), pack)


def test_the_pass_rate_is_not_below_its_floor(
    cases: list[dict[str, Any]], classifier: Classifier, pack: Pack, report: ModuleType
) -> None:
    floor = FLOORS["hard_cases"]
    assert floor["cases_sha256"] == hashlib.sha256(CASES.read_bytes()).hexdigest(), (
        "other texts: python data/cases/report.py --floor"
    )
    found = checks(cases, classifier.score([c["text"] for c in cases]), pack)
    assert floor["pass_rate"] <= report.rate(found)


def test_a_lower_floor_takes_a_flag(report: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "floors.json"
    assert report.floor(0.579, lower=False, path=path) == 0.57
    with pytest.raises(SystemExit, match=r"0\.5 is below the floor of 0\.57"):
        report.floor(0.5, lower=False, path=path)
    assert json.loads(path.read_text())["hard_cases"]["pass_rate"] == 0.57
    assert report.floor(0.5, lower=True, path=path) == 0.5
