"""What came of an audit beside the one before it: literal figures in, what stands out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from corpus_tools.changes import changes, last_audit
from corpus_tools.root import Root
from corpus_tools.tables import MEASURES, PREVALENCE, TOTALS

Figures = dict[tuple[str, str], tuple[float, float | None, float | None]]
"""(dimension, source) -> prevalence, low, high"""


def write(root: Root, audit_id: str, figures: Figures, shards: dict[str, str], **more: Any) -> dict[str, Any]:
    """An audit with figures for one label; `shards`: name -> error, '' where it stands."""
    rows = [
        {
            "audit_id": audit_id, "dimension": d, "source": s, "dimension_2": "", "source_2": "", "unit": "passages",
            "basis": "exposure", "label": "odd", "prevalence": p, "ci_low": low, "ci_high": high, "bound": "two",
            "n_scored": 100, "n_labelled": 0 if high is None else 50, "labelled_by": "",
            "status": "uncalibrated" if high is None else "calibrated", "method": "",
        }
        for (d, s), (p, low, high) in figures.items()
    ]  # fmt: skip
    audit = {
        "audit_id": audit_id, "name": "n", "scan_id": "scan", "classifier_id": "model", "headline": "odd",
        "shards": [
            {"dataset": "c", "address": a, "shard_id": a, "status": "failed" if e else "done", "error": e} for a, e in shards.items()
        ],
        **more,
    }  # fmt: skip
    table = pa.Table.from_pylist(rows, schema=PREVALENCE)
    root.write_audit(audit, {"prevalence": table, "totals": TOTALS.empty_table(), "measures": MEASURES.empty_table()})
    return audit


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def test_a_difference_stands_where_its_interval_is_clear_of_nothing(root: Root) -> None:
    before = write(
        root,
        "a1",
        {("corpus", "all"): (0.03, 0.025, 0.035), ("domain", "x.org"): (0.01, 0.008, 0.012), ("domain", "y.org"): (0.1, 0.05, 0.2)},
        {"0": "", "gone": ""},
    )  # fmt: skip
    after = write(
        root,
        "a2",
        {("corpus", "all"): (0.031, 0.026, 0.036), ("domain", "x.org"): (0.05, 0.04, 0.06), ("domain", "y.org"): (0.12, 0.06, 0.2),
         ("domain", "new.org"): (0.5, 0.4, 0.6)},
        {"0": "", "1": "", "2": ""},
    )  # fmt: skip
    found = changes(root, before, after)
    assert found.kind == "changed"
    assert found.events == ("changed",)
    assert found.tested == 3, "a source that only one audit has is not tested"
    rows = found.rows.select("dimension", "source", "before", "after", "value").rows()
    assert rows == [("domain", "x.org", pytest.approx(0.01), pytest.approx(0.05), pytest.approx(0.04))]
    assert found.rows["low"][0] > 0
    assert found.rows["q_value"][0] < 0.05
    assert (found.added, found.gone) == (2, 1)
    assert found.headline is not None
    assert found.headline["prevalence"] == pytest.approx(0.031)


def test_noise_is_unchanged(root: Root) -> None:
    before = write(root, "a1", {("corpus", "all"): (0.03, 0.02, 0.04)}, {"0": ""})
    after = write(root, "a2", {("corpus", "all"): (0.035, 0.025, 0.045)}, {"0": "", "1": ""})
    found = changes(root, before, after)
    assert (found.kind, found.tested, len(found.rows)) == ("unchanged", 1, 0)


def test_without_intervals_nothing_is_tested(root: Root) -> None:
    before = write(root, "a1", {("corpus", "all"): (0.01, None, None)}, {"0": ""})
    after = write(root, "a2", {("corpus", "all"): (0.9, None, None)}, {"0": "", "1": ""})
    found = changes(root, before, after)
    assert (found.kind, found.tested) == ("untested", 0)
    assert "without labels" in found.why


@pytest.mark.parametrize(
    ("key", "said"), [("scan_id", "differ in their scan"), ("classifier_id", "differ in their classifier")]
)
def test_another_scan_or_classifier_is_not_compared(root: Root, key: str, said: str) -> None:
    figures: Figures = {("corpus", "all"): (0.03, 0.02, 0.04)}
    before = write(root, "a1", figures, {"0": ""}, **{key: "other"})
    after = write(root, "a2", figures, {"0": ""})
    assert last_audit(root, [before], after) == before
    found = changes(root, before, after)
    assert found.kind == "untested"
    assert said in found.why


def test_a_shard_that_fails_is_told_once(root: Root) -> None:
    figures: Figures = {("corpus", "all"): (0.03, 0.02, 0.04)}
    first = changes(root, None, write(root, "a1", figures, {"0": "", "bad": "cut off"}))
    assert (first.kind, first.events) == ("first", ("first", "shards-failed"))
    assert first.failed == (("c/bad", "cut off"),)
    second = changes(
        root, first.audit, write(root, "a2", figures, {"0": "", "1": "", "bad": "cut off", "worse": "empty"})
    )
    assert second.failed == (("c/worse", "empty"),)
    assert second.still_failed == 1


def test_which_audit_is_the_one_before(root: Root) -> None:
    figures: Figures = {("corpus", "all"): (0.03, 0.02, 0.04)}
    old, other, now = (
        write(root, name, figures, {name: ""}, classifier_id=model)
        for name, model in (("a1", "model"), ("a2", "other"), ("a3", "model"))
    )
    assert last_audit(root, [], now) is None
    assert last_audit(root, [old, other], now) == old, "the latest of the same classifier"
    assert last_audit(root, [old, now], now) == old, "nobody was told of it: its run broke off"
    root.write_json({}, "audits", "a3", "changes.json")
    assert last_audit(root, [old, now], now) == now
    assert changes(root, now, now).kind == "unchanged"
    assert last_audit(root, [now, old], now) == old, "shards came back: the latest is another"
