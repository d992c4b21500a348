"""The words of a scheduled audit: a line, a page, JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from corpus_tools.changes import changes
from corpus_tools.claim import Holder
from corpus_tools.root import Root
from pipelines.audit import Outcome
from pipelines.notice import finished, interrupted, stopped
from tests.test_changes import write

OUTCOME = Outcome("a2", "scan", "model", "r/corpus_audit.duckdb", "r/report.html", 1, 2, {"bad": "cut off"}, 0)


def test_a_change_is_told_with_its_interval(tmp_path: Path) -> None:
    root = Root(tmp_path)
    before = write(
        root, "a1", {("corpus", "all"): (0.03, 0.025, 0.035), ("domain", "x.org"): (0.01, 0.008, 0.012)}, {"0": ""}
    )
    after = write(
        root, "a2", {("corpus", "all"): (0.031, 0.026, 0.036), ("domain", "x.org"): (0.05, 0.04, 0.06)},
        {"0": "", "1": "", "bad": "cut | off\n<b>here</b>"},
    )  # fmt: skip
    told = finished(changes(root, before, after), OUTCOME, "r")
    assert told.events == ("changed", "shards-failed")
    assert told.line == (
        "n: odd 3.10 % of passages, 95 % interval 2.60 % – 3.60 %; 1 shard read, 2 known before; "
        "1 of 2 differences stand: x.org 1.00 % → 5.00 %; 1 shard failed"
    )
    page = told.page.splitlines()
    assert "| odd, share of passages | 3.10 % | 3.00 % |" in page
    assert "| 95 % interval | 2.60 % – 3.60 % | 2.50 % – 3.50 % |" in page
    assert "| domain | x.org | 1.00 % | 5.00 % | +4 | +3 to +5 | 0.0002 |" not in page, "q is as the test gave it"
    assert any(line.startswith("| domain | x.org | 1.00 % | 5.00 % | +4 |") for line in page)
    assert "| c/bad | cut \\| off &lt;b&gt;here&lt;/b&gt; |" in page
    facts = json.loads(json.dumps(told.json(), allow_nan=False))
    assert facts["event"] == "corpus-audit.changed"
    assert facts["changes"][0]["source"] == "x.org"
    assert facts["headline"]["ci_high"] == pytest.approx(0.036)
    assert facts["shards"] == {"read": 1, "known": 2, "new": 1, "gone": 0, "failed": 1}


def test_a_source_cannot_write_into_the_page(tmp_path: Path) -> None:
    root = Root(tmp_path)
    hostile = "](javascript:alert(1)) | <img src=x onerror=alert(1)>\n# `x`"
    before = write(root, "a1", {("domain", hostile): (0.01, 0.008, 0.012)}, {"0": ""})
    after = write(root, "a2", {("domain", hostile): (0.05, 0.04, 0.06)}, {"0": ""})
    page = finished(changes(root, before, after), OUTCOME, "r").page
    assert "<img" not in page
    assert "\n# " not in page
    assert "](" not in page.replace("\\](", "")


def test_before_labels_the_page_says_what_to_do(tmp_path: Path) -> None:
    root = Root(tmp_path)
    after = write(root, "a2", {("corpus", "all"): (0.02, None, None)}, {"0": ""})
    outcome = Outcome("a2", "scan", "model", "d", "h", 1, 0, {}, 300)
    told = finished(changes(root, None, after), outcome, "my-root")
    assert "odd 2.00 % of passages by scores alone, not yet a measurement" in told.line
    assert "the first audit" in told.line
    assert "label 300 passages: `corpus-audit label sample --root my-root`" in told.page
    assert told.json()["before"] is None


def test_a_stop_and_an_interruption() -> None:
    assert stopped("n", "2 of 9 shards failed", "r").json()["text"] == "n: the audit stopped: 2 of 9 shards failed"
    told = interrupted("n", Holder("run", 7, "box", "2026-11-24T03:00:00+00:00"), "It is taken up now.", "r")
    assert told.line == (
        "n: a run was interrupted (process 7 on box, begun 2026-11-24T03:00:00+00:00); finished shards are kept. It is taken up now."
    )
    assert told.json()["interrupted"]["pid"] == 7


def test_the_examples_of_the_page_have_the_keys_that_are_sent(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "schedules.md").read_text("utf-8")
    told, failed, dead = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL))
    root = Root(tmp_path)
    before = write(
        root, "a1", {("corpus", "all"): (0.03, 0.025, 0.035), ("domain", "x.org"): (0.01, 0.008, 0.012)}, {"0": ""}
    )
    after = write(
        root, "a2", {("corpus", "all"): (0.031, 0.026, 0.036), ("domain", "x.org"): (0.05, 0.04, 0.06)}, {"0": "", "bad": "cut off"}
    )  # fmt: skip
    sent = finished(changes(root, before, after), OUTCOME, "r").json()
    assert list(told) == list(sent)
    for part in ("headline", "headline_before", "shards"):
        assert list(told[part]) == list(sent[part])
    assert list(told["changes"][0]) == list(sent["changes"][0])
    assert list(told["failed"][0]) == list(sent["failed"][0])
    assert list(failed) == list(stopped("n", "x", "r").json())
    who = Holder("run", 7, "box", "2026-11-24T03:00:00+00:00")
    assert list(dead) == list(interrupted("n", who, "x", "r").json())
    assert list(dead["interrupted"]) == list(vars(who))
