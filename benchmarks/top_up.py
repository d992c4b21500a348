"""Figures before and after a round is topped up: coverage of what the gate sees. `python benchmarks/top_up.py [corpora]`

A quarter of the shards (by source: some sources arrive whole) comes after a round of about 500 labels.
`ignored`: the same labels, taken as if they covered everything.
"""

from __future__ import annotations

import platform
import sys

import numpy as np
import polars as pl

from corpus_tools.estimate import Questions, estimate_audit
from corpus_tools.estimate.simulate import World, late_round, simulate

LATE = [str(i) for i in range(15, 20)]


def main(corpora: int) -> None:
    print(f"{corpora} corpora each, {platform.machine()}, Python {platform.python_version()}\n")
    print(
        "| scores shift by | stage | θ | θ_seen | half-width / truth | drift told: scores | labels |\n|---|---|---|---|---|---|---|"
    )
    for shift in (0.3, 0.8):
        inside: dict[str, list[tuple[bool, bool, float]]] = {}
        told: dict[tuple[str, str], list[bool]] = {}
        for i in range(corpora):
            world = World(documents=15_000, sources=80, rate=0.006, shift=shift, shards=20, scanned=20)
            sample = simulate(world, 2000 + i)
            passages, before, after = late_round(sample, 500, 100 + i, LATE)
            stages = {
                "before": (passages, before),
                "after": (passages.with_columns(late=pl.lit(False)), after),
                "ignored": (passages.drop("late", "arrived"), before),
            }
            for stage, (rows, labels) in stages.items():
                out = estimate_audit(
                    rows,
                    sample.tallies,
                    labels,
                    Questions(labels=("y",), headline="y"),
                    audit_id="a",
                    dimensions=("corpus",),
                ).measures.filter(unit="passages", basis="exposure", dimension="corpus")
                found = {(r["measure"], r["against"]): r for r in out.iter_rows(named=True)}
                truth, seen = float(sample.truth["positives"].sum()), float(sample.truth["seen"].sum())
                whole, part = found["count", ""], found["seen", ""]
                inside.setdefault(stage, []).append(
                    (
                        whole["low"] <= truth <= whole["high"],
                        part["low"] <= seen <= part["high"],
                        (part["high"] - part["low"]) / 2 / seen,
                    )
                )
                for kind in ("scores", "labels"):
                    if ("drift", kind) in found:
                        row = found["drift", kind]
                        told.setdefault((stage, kind), []).append(row["low"] > 0 or row["high"] < 0)
        for stage, rows_of in inside.items():
            theta, theta_seen, width = np.mean(rows_of, axis=0)
            drift = [f"{np.mean(told[stage, k]):.2f}" if (stage, k) in told else "" for k in ("scores", "labels")]
            print(f"| {shift} | {stage} | {theta:.3f} | {theta_seen:.3f} | {width:.3f} | {drift[0]} | {drift[1]} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
