"""Measures, intervals, comparison, why and plan, from literal numbers."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from corpus_tools.errors import CompareError, Stop
from corpus_tools.estimate import Audited, compare, labels_needed, why, why_each
from corpus_tools.estimate import intervals as i
from corpus_tools.estimate import measures as m
from corpus_tools.estimate.cells import labels_of
from corpus_tools.estimate.contents import survey
from corpus_tools.estimate.missed import Missed
from corpus_tools.estimate.reckon import Reckoning, Topic
from corpus_tools.estimate.simulate import World, label_round, simulate


def test_gamma_interval_is_the_poisson_one_for_equal_weights() -> None:
    _, high = i.gamma_interval(11, 11)  # shape 11: upper end of the exact Poisson interval of 10
    assert float(high) == pytest.approx(18.39, abs=0.01)
    assert i.gamma_quantile([0.0, 5.0], [0.0, 0.0], 0.975).tolist() == [0.0, 5.0]


@pytest.mark.parametrize(
    ("k", "n", "expected"),
    [(0, 0, (0.0, 1.0)), (0, 10, (0.0, 0.2589)), (10, 10, (0.7411, 1.0)), (2, 10, (0.0252, 0.5561))],
)
def test_clopper_pearson(k: int, n: int, expected: tuple[float, float]) -> None:
    assert i.clopper_pearson(k, n) == pytest.approx(expected, abs=1e-4)


def test_q_values_skip_what_was_not_tested() -> None:
    out = i.q_values([0.01, np.nan, 0.04, 0.03])
    assert out.tolist() == pytest.approx([0.03, np.nan, 0.04, 0.04], nan_ok=True)


def test_shares_add_up_and_ranks_say_what_is_not_known() -> None:
    value, variance = np.array([90.0, 9.0, 1.0, 0.0]), np.array([90.0, 9.0, 1.0, 0.0])
    totals = np.array([1000.0, 1000.0, 1000.0, 1000.0])
    shares = m.share(value, variance, 100.0, 100.0)
    assert shares.value.tolist() == [0.9, 0.09, 0.01, 0.0]
    assert (shares.low <= shares.value).all() and (shares.value <= shares.high).all()
    lift = m.lift(shares, totals)
    assert lift.value.tolist() == pytest.approx([3.6, 0.36, 0.04, 0.0])
    assert lift.q is not None and lift.q[0] < 0.01 and lift.q[3] == 1
    rank = m.rank(value, variance, totals, np.array([False, False, False, True]))
    assert rank.value.tolist() == [1, 2, 3, 4]
    assert (rank.low[0], rank.high[0]) == (1, 1)
    assert rank.low[2] == 2 and rank.high[1] == 3  # 9 and 1 of 1000 cannot be told apart from their neighbours


def test_shrunk_moves_thin_evidence_most() -> None:
    out = m.shrunk(np.array([100.0, 3.0]), np.array([100.0, 3.0]), np.array([10_000.0, 100.0]))
    rate = 103 / 10_100
    assert abs(out.value[0] - 0.01) < 0.0005
    assert rate < out.value[1] < 0.03


def test_concentration() -> None:
    even = m.concentration(np.full(10, 5.0), np.zeros(10))
    assert even["top 1"][0] == pytest.approx(0.1)
    assert even["gini"][0] == pytest.approx(0.0, abs=1e-12)
    assert m.concentration(np.array([97.0, 1, 1, 1]), np.zeros(4))["gini"][0] == pytest.approx(0.72)


def test_what_is_seen_and_what_is_missed_err_together() -> None:
    sample = simulate(World(documents=8_000, sources=20, rate=0.01, recall=0.85), seed=4)
    survey_of = survey(sample.passages, ["y"])
    labels = labels_of(survey_of, label_round(sample, 500, 5).filter(label="y"))
    topic = Topic("y", lambda: survey_of.score("y"), labels, 0.2)
    _, wholes = Reckoning(survey_of).counts(topic, [], {})
    for w in wholes.values():
        apart = w.seen.variance + w.missed.variance
        assert apart < w.theta.variance <= (w.seen.variance**0.5 + w.missed.variance**0.5) ** 2 * (1 + 1e-9)


def test_nothing_seen_is_no_division_by_nothing() -> None:
    sample = simulate(World(documents=4_000, sources=20, rate=0.01), seed=4)
    of = survey(sample.passages, ["y"])
    labels = labels_of(of, label_round(sample, 400, 5).filter(label="y"))
    nothing = Reckoning(of, gate=lambda *_: Missed(1.0, 1.0, 0, 1.0, 0.0, seen=0.0))
    _, wholes = nothing.counts(Topic("y", lambda: of.score("y"), labels, 0.2), [], {})
    assert all(np.isfinite(w.theta.variance) for w in wholes.values())


def test_labels_needed() -> None:
    assert labels_needed(0.2, now=400, target=0.1) == 1600
    assert labels_needed(0.2, now=400, target=0.15, fixed=0.1) == 960
    with pytest.raises(Stop, match="below the 10% that labels cannot narrow"):
        labels_needed(0.2, now=400, target=0.1, fixed=0.1)


def audit(audit_id: str, rows: list[tuple[str, float, float | None, float | None]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            (audit_id, "domain", s, "", "", "words", "exposure", "y", p, lo, hi, "calibrated" if lo is not None else "uncalibrated")
            for s, p, lo, hi in rows
        ],
        schema=[
            "audit_id", "dimension", "source", "dimension_2", "source_2", "unit", "basis", "label",
            "prevalence", "ci_low", "ci_high", "status",
        ],
        orient="row",
    )  # fmt: skip


def test_compare_gives_differences_with_intervals() -> None:
    before = Audited(audit("one", [("a", 0.10, 0.08, 0.12), ("b", 0.10, None, None), ("c", 0.1, 0.0, 0.2)]), "s", "k")
    after = Audited(audit("two", [("a", 0.20, 0.17, 0.24), ("b", 0.30, 0.2, 0.4), ("d", 0.1, 0.0, 0.2)]), "s", "k")
    a, b = compare(before, after).iter_rows(named=True)
    assert (a["source"], a["measure"], a["against"], a["audit_id"], a["status"]) == (
        "a",
        "difference",
        "one",
        "two",
        "calibrated",
    )
    assert (a["value"], a["low"], a["high"]) == pytest.approx((0.10, 0.10 - 0.0360555, 0.10 + 0.0447214))
    assert a["q_value"] < 0.001
    assert (b["low"], b["high"], b["q_value"], b["status"]) == (None, None, None, "uncalibrated")


@pytest.mark.parametrize(("scan", "classifier", "words"), [("x", "k", "differ in their scan"), ("s", "x", "rescore")])
def test_compare_refuses_what_is_not_alike(scan: str, classifier: str, words: str) -> None:
    rows = audit("one", [("a", 0.1, 0.0, 0.2)])
    with pytest.raises(CompareError, match=words):
        compare(Audited(rows, "s", "k"), Audited(rows, scan, classifier))


def test_why_lists_what_moves_the_number() -> None:
    sample = simulate(World(documents=5_000, sources=20, rate=0.02), seed=2)
    labels = label_round(sample, 400, 1)
    out = why(sample.passages, labels, "y", dimension="domain", source="s001", size=15)
    assert out["influence"].abs().is_sorted(descending=True)
    assert out["content"].n_unique() == out.height
    assert out["rate"].min() > 0 and out["rate"].max() <= 1  # type: ignore[operator]
    assert out["rate"].sum() <= 15.001
    unlabelled = out.filter(pl.col("value").is_null())
    assert (unlabelled["if_yes"] > 0).all() and (unlabelled["if_no"] < 0).all()
    with pytest.raises(Stop, match="no source 'nowhere'"):
        why(sample.passages, labels, "y", dimension="domain", source="nowhere")


def test_many_sources_are_asked_about_at_once() -> None:
    sample = simulate(World(documents=2_000, sources=20, rate=0.02), seed=2)
    labels = label_round(sample, 300, 1)
    wanted = {"domain": ["s003", "s001"], "corpus": ["all"]}
    out = why_each(sample.passages, labels, "y", wanted, size=15, most=5)
    named = out.select("dimension", "source").unique(maintain_order=True).rows()
    assert named == [("domain", "s003"), ("domain", "s001"), ("corpus", "all")]
    for dimension, source in named:
        alone = why(sample.passages, labels, "y", dimension=dimension, source=source, size=15).head(5)
        part = out.filter(dimension=dimension, source=source).drop("dimension", "source")
        assert part["influence"].to_list() == pytest.approx(alone["influence"].to_list())
