"""Order, split and doubling change nothing; tallies add."""

from __future__ import annotations

import polars as pl
import polars.selectors as cs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from corpus_tools.estimate import Estimates, Questions, estimate_audit
from corpus_tools.estimate.simulate import World, label_round, simulate

SAMPLE = simulate(World(documents=5_000, sources=25, rate=0.02), seed=11)
LABELS = label_round(SAMPLE, 400, 1)
ONE = Questions(labels=("y",), headline="y")


def estimates(passages: pl.DataFrame, tallies: pl.DataFrame, labels: pl.DataFrame) -> Estimates:
    return estimate_audit(passages, tallies, labels, ONE, audit_id="a", dimensions=("corpus", "domain"))


AS_IT_WAS = estimates(SAMPLE.passages, SAMPLE.tallies, LABELS)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_order_and_split_change_nothing(seed: int, pieces: int) -> None:
    passages = SAMPLE.passages.sample(fraction=1, shuffle=True, seed=seed)
    rows = SAMPLE.tallies.sample(fraction=1, shuffle=True, seed=seed)
    counts = [c for c in rows.columns if rows.schema[c].is_integer()]
    part = rows.with_columns(pl.col(counts) // pieces)
    rest = rows.with_columns(pl.col(c) - (pl.col(c) // pieces) * (pieces - 1) for c in counts)
    tallies = pl.concat([*([part] * (pieces - 1)), rest])  # shards of one corpus: their tallies add up to the same
    out = estimates(passages, tallies, LABELS.sample(fraction=1, shuffle=True, seed=seed))
    assert_frame_equal(out.prevalence, AS_IT_WAS.prevalence, rel_tol=1e-9)
    assert_frame_equal(out.measures, AS_IT_WAS.measures, rel_tol=1e-9)
    assert_frame_equal(out.totals, AS_IT_WAS.totals, rel_tol=1e-9)


@pytest.mark.parametrize("times", [2, 3])
def test_doubling_every_document_leaves_prevalence_and_interval_alone(times: int) -> None:
    passages = pl.concat([SAMPLE.passages.with_columns(pl.col("document_id") + f"/{i}") for i in range(times)])
    tallies = SAMPLE.tallies.with_columns(cs.integer() * times)
    out = estimates(passages, tallies, LABELS)
    assert_frame_equal(
        out.prevalence.filter(pl.col("unit") != "documents").drop("n_scored"),
        AS_IT_WAS.prevalence.filter(pl.col("unit") != "documents").drop("n_scored"),
        rel_tol=1e-6,
    )
