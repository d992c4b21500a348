"""Intervals cover a planted truth. Small here; benchmarks/estimators.py is the full one."""

from __future__ import annotations

import numpy as np
import polars as pl

from corpus_tools.estimate import Questions, estimate_audit
from corpus_tools.estimate.simulate import World, label_round, simulate

CORPORA = 40
LEAST = 0.85  # 0.95 less three Monte Carlo errors of 40 corpora


def test_the_truth_is_covered_for_the_corpus_and_for_sources_of_every_size() -> None:
    world = World(documents=15_000, sources=80, rate=0.006)
    inside: dict[str, list[float]] = {}
    for i in range(CORPORA):
        sample = simulate(world, 500 + i)
        labels = label_round(sample, 500, 900 + i)
        out = estimate_audit(
            sample.passages,
            sample.tallies,
            labels,
            Questions(labels=("y",), headline="y"),
            audit_id="a",
            dimensions=("corpus", "domain"),
        ).measures.filter((pl.col("unit") == "passages") & (pl.col("basis") == "exposure") & (pl.col("against") == ""))
        truth = sample.truth

        def add(name: str, low: float, high: float, t: float) -> None:
            inside.setdefault(name, []).append(float(low <= t <= high))

        one = out.filter(pl.col("dimension") == "corpus")
        for measure, t in (("count", truth["positives"].sum()), ("seen", truth["seen"].sum())):
            row = one.filter(pl.col("measure") == measure).row(0, named=True)
            add(measure, row["low"], row["high"], float(t))
        by = out.filter((pl.col("dimension") == "domain") & (pl.col("measure") == "count"))
        for row in by.join(truth, left_on="source", right_on="domain").iter_rows(named=True):
            size = "large" if row["passages"] > 3000 else "middle" if row["passages"] > 500 else "small"
            add(size, row["low"], row["high"], row["positives"])
    coverage = {k: float(np.mean(v)) for k, v in inside.items()}
    assert set(coverage) == {"count", "seen", "large", "middle", "small"}
    assert min(coverage.values()) >= LEAST, coverage
