"""Shards that arrive after the labels: each stage's figures against a planted truth, and a drift that is seen."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from corpus_tools.estimate import Estimates, Questions, allocate, by_rule, estimate_audit
from corpus_tools.estimate.documents import document_frame
from corpus_tools.estimate.simulate import Sample, World, label_round, late_round, simulate

ONE = Questions(labels=("y",), headline="y")
WORLD = World(documents=9_000, sources=40, rate=0.008, shards=20, scanned=20)
LATE = [str(i) for i in range(15, 20)]
CORPORA = 12
LEAST = 0.75  # 0.95 less three Monte Carlo errors of 12 corpora


def estimates(sample: Sample, passages: pl.DataFrame, labels: pl.DataFrame, **more: object) -> Estimates:
    return estimate_audit(
        passages, sample.tallies, labels, ONE, audit_id="a", dimensions=("corpus", "domain"), **more  # type: ignore[arg-type]
    )  # fmt: skip


def row(out: Estimates, measure: str, **more: str) -> dict[str, object]:
    found = out.measures.filter(measure=measure, dimension="corpus", unit="passages", basis="exposure", **more)
    return found.row(0, named=True)


def test_before_and_after_a_top_up_the_truth_is_covered() -> None:
    inside: dict[str, list[float]] = {}
    for i in range(CORPORA):
        sample = simulate(WORLD, 700 + i)
        passages, before, after = late_round(sample, 500, i, LATE)
        assert after.height > before.height
        truth = float(sample.truth["seen"].sum())
        early = estimates(sample, passages, before)
        whole = estimates(sample, passages.with_columns(late=pl.lit(False)), after)
        for stage, out, status in (("before", early, "pooled"), ("after", whole, "calibrated")):
            seen = row(out, "seen", against="")
            inside.setdefault(stage, []).append(float(seen["low"] <= truth <= seen["high"]))  # type: ignore[operator]
            corpus = out.prevalence.filter(dimension="corpus", unit="passages", basis="exposure")
            assert corpus["status"].to_list() == [status]
        by = early.prevalence.filter(dimension="domain", unit="passages", basis="exposure")
        drawn = passages.filter("drawn")
        covered = drawn.filter(~pl.col("late"))["content"].unique().implode()
        seen_late = drawn.filter((pl.col("stratum") != "sampled") & ~pl.col("content").is_in(covered))
        late = seen_late["domain"].unique().implode()
        assert "calibrated" not in by.filter(pl.col("source").is_in(late))["status"].to_list()
        assert by.filter(pl.col("n_labelled") >= 30)["ci_high"].null_count() == 0
    coverage = {stage: float(np.mean(found)) for stage, found in inside.items()}
    assert min(coverage.values()) >= LEAST, coverage


def test_a_drift_is_seen_in_labels_and_scores_and_told() -> None:
    sample = simulate(WORLD, 3)
    passages, _, labels = late_round(sample, 600, 1, LATE)
    covered = passages.with_columns(late=pl.lit(False))
    arrived = covered.filter("arrived")["content"].implode()
    still = estimates(sample, covered, labels)
    fewer = labels.with_columns(value=pl.when(pl.col("content").is_in(arrived)).then(0.0).otherwise("value"))
    drift = estimates(sample, covered, fewer)
    moved = row(drift, "drift", against="labels")
    assert moved["high"] < 0 < row(still, "drift", against="labels")["high"]  # type: ignore[operator]
    assert any(note.startswith("drift: labels") for note in drift.notes)
    lower = pl.when(pl.col("arrived")).then(pl.col("y") * 0.3).otherwise(pl.col("y"))
    shifted = estimates(sample, covered.with_columns(y=lower), labels)
    assert row(shifted, "drift", against="scores")["high"] < 0  # type: ignore[operator]
    assert any(note.startswith("drift: scores") for note in shifted.notes)


def test_without_later_shards_nothing_changes_and_no_drift_is_told() -> None:
    sample = simulate(WORLD, 3)
    labels = label_round(sample, 500, 1)
    plain = estimates(sample, sample.passages, labels)
    same = estimates(sample, sample.passages.with_columns(late=pl.lit(False), arrived=pl.lit(False)), labels)
    assert plain.prevalence.equals(same.prevalence)
    assert not plain.measures.filter(measure="drift").height


def test_a_rule_gives_later_candidates_its_own_rates() -> None:
    sample = simulate(WORLD, 3)
    candidates = sample.passages.filter("drawn")
    rule = allocate(candidates, 500, score="y", source_class="dataset")
    again = by_rule(candidates, rule.rates.to_dicts(), score="y", source_class="dataset").probabilities()
    assert again.equals(rule.probabilities()), "the same candidates, the same rates"
    strange = candidates.with_columns(dataset=pl.lit("another"), y=pl.lit(0.5))
    rates = by_rule(strange, rule.rates.to_dicts(), score="y", source_class="dataset").probabilities()
    assert rates["probability"].min() > 0  # type: ignore[operator]
    assert set(rates["cell"]) <= set(rule.rates["cell"])


def test_rounds_that_cover_different_shards_are_weighed_where_both_speak() -> None:
    """A round of the first shards and one of all: together they are surer than either."""
    sample = simulate(WORLD, 6)
    passages, first, _ = late_round(sample, 500, 2, LATE)
    second = label_round(sample, 500, 9, name="s")
    only_new = passages.filter("arrived")["content"].unique()
    share = pl.when(pl.col("content").is_in(only_new.implode())).then(1.0).otherwise(0.5)
    both = pl.concat([first, second]).with_columns(round_share=share)
    covered = passages.with_columns(late=pl.lit(False))
    widths = []
    for labels in (second, both):
        seen = row(estimates(sample, covered, labels), "seen", against="")
        assert seen["low"] <= sample.truth["seen"].sum() <= seen["high"]  # type: ignore[operator]
        widths.append(seen["high"] - seen["low"])  # type: ignore[operator]
    assert widths[1] < widths[0]


def document_answers(sample: Sample, size: int, seed: int) -> pl.DataFrame:
    """A round of documents, answered from the truth."""
    rates = allocate(document_frame(sample.passages, ["y"]), size, score="y").probabilities().sort("content")
    rates = rates.filter(pl.Series(np.random.default_rng(seed).random(rates.height)) < pl.col("probability"))
    rows = sample.passages.select("document_content", "content").unique().join(
        rates.select("probability", document_content="content"), on="document_content"
    )  # fmt: skip
    return rows.join(sample.every, on="content").select(
        pl.col("document_content").alias("document"), "content", pl.lit("y").alias("label"), "value", "probability",
        pl.lit("d").alias("round"), pl.lit("estimate").alias("role"), pl.lit("truth").alias("annotator"),
    )  # fmt: skip


def test_documents_read_whole_cover_the_truth_of_documents() -> None:
    inside = []
    for i in range(CORPORA):
        sample = simulate(WORLD, 900 + i)
        out = estimates(
            sample, sample.passages, label_round(sample, 400, i), documents=document_answers(sample, 500, i)
        )
        found = out.prevalence.filter(dimension="corpus", unit="documents", basis="exposure").row(0, named=True)
        assert found["status"] == "calibrated"
        truth = sample.positive_documents / float(sample.tallies["documents"].sum())
        inside.append(float(found["ci_low"] <= truth <= found["ci_high"]))
    assert np.mean(inside) >= LEAST


def test_documents_of_no_audit_are_counted() -> None:
    sample = simulate(WORLD, 3)
    answers = document_answers(sample, 500, 1)
    strange = answers.head(1).with_columns(document=pl.lit("elsewhere"))
    out = estimates(sample, sample.passages, label_round(sample, 400, 1), documents=pl.concat([answers, strange]))
    assert out.set_aside == {"document is not among the opened ones": 1}
    with pytest.raises(Exception, match="probability is 2"):
        wrong = answers.with_columns(probability=pl.lit(2.0))
        estimates(sample, sample.passages, label_round(sample, 400, 1), documents=wrong)
