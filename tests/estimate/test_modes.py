"""A label by how a text speaks: sums without labels, intervals with them, against a planted truth."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from corpus_tools.estimate import Estimates, Questions, estimate_audit
from corpus_tools.estimate.cells import prior_shift
from corpus_tools.estimate.simulate import Sample, World, label_round, simulate

MODES = Questions(labels=("y",), headline="y", modes={"fiction": "story", "rest": "other"}, trained_at={"y": 0.2})
SMALL = World(documents=15_000, sources=40, rate=0.006, stories=0.3)


def estimates(sample: Sample, labels: pl.DataFrame) -> Estimates:
    return estimate_audit(
        sample.passages,
        sample.tallies,
        labels,
        MODES,
        audit_id="a",
        dimensions=("corpus", "domain", "mode"),
        crossings=[("domain", "mode")],
    )


def passages_of(e: Estimates, **where: str) -> pl.DataFrame:
    return e.prevalence.filter(unit="passages", basis="exposure", **where)


def test_without_labels_a_label_by_mode_adds_up_to_the_label() -> None:
    sample = simulate(SMALL, seed=5)
    out = estimates(sample, label_round(sample, 600, 1).head(0))
    count = out.measures.filter(measure="count", unit="passages", basis="exposure", label="y")
    modes = count.filter(dimension="mode")
    assert modes["value"].sum() == pytest.approx(count.filter(dimension="corpus")["value"][0])
    assert sample.stories is not None
    truth = sample.stories["positives"].sum() / sample.truth["positives"].sum()
    assert modes.filter(source="fiction")["value"][0] / modes["value"].sum() == pytest.approx(
        truth, abs=0.2
    )  # uncorrected: towards the scores
    crossed = passages_of(out, dimension="domain", dimension_2="mode")
    assert set(crossed["status"]) == {"uncalibrated"}
    assert crossed["ci_high"].null_count() == crossed.height
    method = crossed["method"].unique().to_list()
    assert len(method) == 1 and "times the mode's score" in method[0]


def test_with_labels_too_a_label_by_mode_adds_up_to_the_label_in_every_source() -> None:
    sample = simulate(SMALL, seed=5)
    out = estimates(sample, label_round(sample, 900, 1))
    rows = out.prevalence.filter(label="y", basis="exposure").join(
        out.totals.select("dimension", "dimension_2", "source", "source_2", "unit", "basis", "total", "unscored_share"),
        on=["dimension", "dimension_2", "source", "source_2", "unit", "basis"],
        nulls_equal=True,
    )
    count = rows.with_columns(
        count=pl.col("prevalence") * pl.col("total") * (1 - pl.col("unscored_share").fill_null(0))
    )
    for unit in ("passages", "words"):
        some = count.filter(unit=unit)
        whole = some.filter(dimension="corpus")["count"][0]
        assert some.filter(dimension="mode")["count"].sum() == pytest.approx(whole)
        own = some.filter(dimension="domain", dimension_2="").select("source", "count")
        parts = some.filter(dimension="domain", dimension_2="mode").group_by("source").agg(pl.col("count").sum())
        both = own.join(parts, on="source", suffix="_of_modes").filter(pl.col("count") > 0)
        assert both.height > 20
        assert both["count_of_modes"].to_list() == pytest.approx(both["count"].to_list())
    some = rows.filter(pl.col("ci_low").is_not_null())
    assert (some["ci_low"] <= some["prevalence"] + 1e-12).all()
    assert (some["prevalence"] <= some["ci_high"] + 1e-12).all()


def test_a_rare_label_does_not_collapse_where_scores_are_lower_than_they_were() -> None:
    """20 of 2,000 score high; the others lower than negatives did where the classifier was calibrated."""
    lower = np.array([0.9] * 20 + [0.005] * 1980)
    none = np.zeros(2000, np.int64)
    free, entry, _ = prior_shift(none, lower, 0.2)
    assert free[entry].sum() < 0.01  # gone, though twenty score 0.9
    kept, entry, _ = prior_shift(none, lower, 0.2, held=1)
    assert 1 < kept[entry].sum() < lower.sum()


def test_a_held_rate_is_never_above_the_mean_score() -> None:
    score = np.full(1000, 0.03)  # of a label that was positive once in 200 where the classifier was calibrated
    none = np.zeros(1000, np.int64)
    free, entry, _ = prior_shift(none, score, 0.005)
    assert free[entry].sum() > 300
    kept, entry, _ = prior_shift(none, score, 0.005, held=1)
    assert kept[entry].mean() < 0.2


def test_the_error_of_a_modes_total_is_in_the_interval_of_source_by_mode() -> None:
    inside: dict[str, list[float]] = {"total": [], "mode": [], "crossed": []}
    for i in range(12):
        sample = simulate(SMALL, seed=700 + i)
        assert sample.stories is not None
        out = estimates(sample, label_round(sample, 600, 800 + i))
        truth = sample.stories.join(sample.truth.select("domain", all="passages"), on="domain")
        totals = out.totals.filter(unit="passages", basis="exposure", dimension="domain", source_2="fiction")
        assert totals["low"].null_count() == 0
        rows = totals.join(truth, left_on="source", right_on="domain").filter(pl.col("all") > 500)
        inside["total"] += [float(r["low"] <= r["passages"] <= r["high"]) for r in rows.iter_rows(named=True)]
        crossed = passages_of(out, dimension="domain", source_2="fiction").join(
            truth, left_on="source", right_on="domain"
        )
        for r in crossed.filter(pl.col("ci_high").is_not_null(), pl.col("all") > 500).iter_rows(named=True):
            share = r["positives"] / max(r["passages"], 1)
            inside["crossed"].append(float(r["ci_low"] <= share <= r["ci_high"]))
        mode = passages_of(out, dimension="mode", source="fiction").row(0, named=True)
        share = sample.stories["positives"].sum() / sample.stories["passages"].sum()
        inside["mode"].append(float(mode["ci_low"] <= share <= mode["ci_high"]))
    coverage = {k: float(np.mean(v)) for k, v in inside.items()}
    assert min(coverage["total"], coverage["crossed"]) >= 0.9, coverage  # 30 corpora: 0.96 and 0.97
    assert coverage["mode"] >= 0.65, coverage  # 0.95 less three Monte Carlo errors of 12 corpora
