"""How often the intervals cover a known truth, how wide they are, and what the simpler methods would have said.

    python benchmarks/estimators.py --corpora 200 --labels 400 800 2000 --arms sd0.3 sd0.8 recall0.85 --output table.md

Each arm draws corpora (corpus_tools/estimate/simulate.py), audits them, labels a round, estimates, and compares with the truth.
Monte Carlo error of a coverage c over n corpora is sqrt(c (1 - c) / n); of sources it is taken over corpora, not over sources.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import polars as pl
from scipy import stats

from corpus_tools.estimate import Estimates, Questions, estimate_audit
from corpus_tools.estimate.intervals import clopper_pearson
from corpus_tools.estimate.simulate import Sample, World, label_round, simulate

BY_BIN = (0.06, 0.13, 0.21, 0.32, 0.43, 0.55, 1.0)  # as the square root of the share of positives
ARMS: dict[str, World] = {
    "sd0.3": World(),
    "sd0.8": World(shift=0.8),
    "recall0.85": World(recall=0.85),
    "recall0.99": World(recall=0.99),
    "negatives": World(misses_like_negatives=True),
    "negatives-sd0.8": World(misses_like_negatives=True, shift=0.8),
    "label-error-1": World(label_error=0.01),
    "label-error": World(label_error=0.02),
    "label-error-5": World(label_error=0.05),
    "stories": World(documents=20_000, sources=60, rate=0.006, stories=0.3),
    "no-copies": World(copied=0.0),
    "rare": World(rate=0.0005),
    "scored": World(by_bin=BY_BIN),
    "flat": World(
        flat=0.159
    ),  # as many passages of hit documents scored as in the arm before (six corpora), all at one rate
    "early-stop": World(shards=200, scanned=60),
}
Z = 1.959963984540054


def rivals(sample: Sample, labels: pl.DataFrame) -> dict[str, tuple[float, float, float]]:
    """Seen positives by the methods that estimation.md rules out, and by the plain design-based ones: value, low, high."""
    rows = sample.passages.filter(pl.col("drawn") & (pl.col("stratum") != "sampled")).with_columns(
        w=1 / pl.col("screen_probability")
    )
    contents = rows.group_by("content").agg(
        pl.col("w").sum(), pl.col("y").first().cast(pl.Float64).alias("s"), pl.col("stratum").first()
    )
    c = contents.join(labels.select("content", "value", "probability"), on="content", how="left").sort("content")
    w, s = c["w"].to_numpy(), c["s"].to_numpy()
    mine = c["value"].is_not_null().to_numpy()
    y, rho = c["value"].fill_null(0).to_numpy(), c["probability"].fill_null(1).to_numpy()
    out: dict[str, tuple[float, float, float]] = {}

    def normal(name: str, value: float, variance: float) -> None:
        half = Z * np.sqrt(variance)
        out[name] = (value, value - half, value + half)

    screen = float(
        (w[mine] ** 2 * np.where(c["stratum"].to_numpy()[mine] == "near", 0.8, 0) * y[mine] / rho[mine]).sum()
    )
    ht = float((w * y / rho)[mine].sum())
    normal("Horvitz-Thompson", ht, float(((w * y) ** 2 * (1 - rho) / rho**2)[mine].sum()) + screen)
    for name, power in (("difference (PPI)", 1.0), ("difference, power-tuned (PPI++)", None)):
        if power is None:
            ww = ((1 - rho) / rho**2 * w**2)[mine]
            power = float(np.clip((ww * s[mine] * y[mine]).sum() / max((ww * s[mine] ** 2).sum(), 1e-300), 0, 1))
        r = y - power * s
        normal(
            name,
            power * float(w @ s) + float((w * r / rho)[mine].sum()),
            float(((w * r) ** 2 * (1 - rho) / rho**2)[mine].sum()) + screen,
        )
    n_bins = np.digitize(s, (0.05, 0.2, 0.5, 0.8)) + 5 * (c["stratum"].to_numpy() == "near")
    low = high = value = 0.0
    for b in np.unique(n_bins):
        here, lab = n_bins == b, (n_bins == b) & mine
        weight = float(w[here].sum())
        n, k = int(lab.sum()), float(y[lab].sum())
        lo, hi = clopper_pearson(k, n)
        value, low, high = value + weight * (k / n if n else 0.5), low + weight * lo, high + weight * hi
    out["Clopper-Pearson by stratum, summed"] = (value, low, high)
    flagged = s >= 0.5
    normal("classify and count", float(w[flagged].sum()), float((w[flagged] ** 2).sum()))
    inv = 1 / rho[mine]
    yes, no = (inv * y[mine]).sum(), (inv * (1 - y[mine])).sum()
    tpr = (inv * y[mine] * flagged[mine]).sum() / max(yes, 1e-9)
    fpr = (inv * (1 - y[mine]) * flagged[mine]).sum() / max(no, 1e-9)
    share = float(w[flagged].sum() / w.sum())
    adjusted = float(np.clip((share - fpr) / max(tpr - fpr, 1e-3), 0, 1)) * float(w.sum())
    z = Z * np.sqrt(tpr * (1 - tpr) / max(yes, 1) + fpr * (1 - fpr) / max(no, 1)) * float(w.sum())
    out["Rogan-Gladen, pooled rates"] = (adjusted, adjusted - z, adjusted + z)
    return out


class Score:
    """Coverage, half-width, error and truth, one entry per corpus (of sources: over its sources)."""

    def __init__(self) -> None:
        self.cover: list[float] = []
        self.over: list[float] = []
        self.half: list[float] = []
        self.error: list[float] = []
        self.truth: list[float] = []

    def add(self, value: object, low: object, high: object, truth: object) -> None:
        v, lo, hi, t = (np.atleast_1d(np.asarray(x, float)) for x in (value, low, high, truth))
        known = ~np.isnan(hi)
        if not known.any():
            return
        v, lo, hi, t = v[known], lo[known], hi[known], t[known]
        self.cover.append(float(np.mean((lo <= t * (1 + 1e-9)) & (t * (1 - 1e-9) <= hi))))
        self.over.append(float(np.mean(t * (1 - 1e-9) > hi)))
        self.half.append(float((hi - lo).sum() / 2))
        self.error.append(float((v - t).sum()))
        self.truth.append(float(t.sum()))

    def row(self) -> str:
        if not self.cover:
            return " | " * 5
        n = len(self.cover)
        # Over the mean truth: sources with labels enough may hold no positive in one corpus.
        scale = max(float(np.mean(self.truth)), 1e-9)
        half, error = float(np.mean(self.half)) / scale, np.array(self.error) / scale
        shown = (np.mean(self.cover), np.std(self.cover) / np.sqrt(n), np.mean(self.over), half, np.mean(error) / half)
        return " | ".join(f"{x:.3f}" for x in shown) + f" | {np.sqrt(np.mean(error**2)):.2f}"


def classes(sample: Sample) -> dict[str, np.ndarray]:
    """Sources by size (not by what was found), and two classes across: never hit by the gate, and with an outlying score shift."""
    truth = sample.truth
    size = stats.rankdata(-truth["passages"].to_numpy())
    hit = (
        truth["domain"]
        .is_in(sample.passages.filter(pl.col("stratum") != "sampled")["domain"].unique().implode())
        .to_numpy()
    )
    shift = truth["shift"].to_numpy()
    return {
        "large (10)": hit & (size <= 10),
        "middle (11-50)": hit & (size > 10) & (size <= 50),
        "small": hit & (size > 50),
        "never hit": ~hit,
        "misfit (shift above 1.5 sd)": hit & (np.abs(shift - shift.mean()) > 1.5 * max(shift.std(), 1e-9)),
    }


def by_story(scores: dict[tuple[int, str], Score], size: int, sample: Sample, e: Estimates) -> None:
    """Text that is a story, and the label within it, over the corpus and by source."""
    assert sample.stories is not None
    truth = sample.stories.join(sample.truth.select("domain", all="passages"), on="domain")
    passages = (pl.col("unit") == "passages") & (pl.col("basis") == "exposure")
    totals, shares = e.totals.filter(passages), e.prevalence.filter(passages)
    one = totals.filter(dimension="mode", source="fiction").row(0, named=True)
    scores[size, "stories, total"].add(one["total"], one["low"], one["high"], truth["passages"].sum())
    row = shares.filter(dimension="mode", source="fiction", label="y").row(0, named=True)
    over, positives = truth["passages"].sum(), truth["positives"].sum()
    scores[size, "label in stories"].add(*(row[k] * over for k in ("prevalence", "ci_low", "ci_high")), positives)
    for name, low, high in (("large, 3,000 passages", 3000, 10**9), ("middle, 500", 500, 3000), ("small", 0, 500)):
        some = truth.filter(pl.col("all") > low, pl.col("all") <= high)
        t = totals.filter(dimension="domain", source_2="fiction").join(some, left_on="source", right_on="domain")
        scores[size, f"stories of sources, {name}"].add(t["total"], t["low"], t["high"], t["passages"])
        p = shares.filter(dimension="domain", source_2="fiction", label="y").join(
            some, left_on="source", right_on="domain"
        )
        of = p["passages"].to_numpy()
        limits = (p[k].cast(pl.Float64).fill_null(np.nan).to_numpy() * of for k in ("prevalence", "ci_low", "ci_high"))
        scores[size, f"label in stories of sources, {name}"].add(*limits, p["positives"])


def run(name: str, world: World, sizes: list[int], corpora: int, seed: int) -> list[str]:
    scores: dict[tuple[int, str], Score] = defaultdict(Score)
    modes = {"fiction": "story", "rest": "other"} if world.stories else {}
    questions = Questions(labels=("y",), headline="y", modes=modes)
    dimensions = ("corpus", "domain", "mode") if world.stories else ("corpus", "domain")
    for i in range(corpora):
        sample = simulate(world, seed + i)
        truth = sample.truth
        for size in sizes:
            labels = label_round(sample, size, seed + 7919 * (i + 1) + size, error=world.label_error)
            e = estimate_audit(
                sample.passages,
                sample.tallies,
                labels,
                questions,
                audit_id="a",
                dimensions=dimensions,
                shards={"web": (world.scanned, world.shards)},
                crossings=[("domain", "mode")] if world.stories else [],
            )
            if sample.stories is not None:
                by_story(scores, size, sample, e)
            one = pl.col("dimension") == "corpus"

            def measure(
                label: str, unit: str, basis: str, frame: pl.DataFrame = e.measures, one: pl.Expr = one
            ) -> tuple[float, float, float]:
                row = frame.filter(
                    one
                    & (pl.col("measure") == label)
                    & (pl.col("against") == "")
                    & (pl.col("unit") == unit)
                    & (pl.col("basis") == basis)
                )
                return row["value"][0], row["low"][0], row["high"][0]

            scores[size, "θ, passages"].add(*measure("count", "passages", "exposure"), truth["positives"].sum())
            if world.label_error:
                for share in ("1% of labels wrong", "2% of labels wrong", "5% of labels wrong"):
                    row = e.measures.filter(
                        one, measure="label_error", against=share, unit="passages", basis="exposure"
                    )
                    limits = row["value"][0], row["low"][0], row["high"][0]
                    scores[size, f"θ, passages, if {share}"].add(*limits, truth["positives"].sum())
            scores[size, "θ_seen, passages"].add(*measure("seen", "passages", "exposure"), truth["seen"].sum())
            scores[size, "θ_missed, passages"].add(
                *measure("missed", "passages", "exposure"), truth["positives"].sum() - truth["seen"].sum()
            )
            scores[size, "θ, words"].add(*measure("count", "words", "exposure"), truth["positive_words"].sum())
            scores[size, "θ_seen, distinct passages"].add(*measure("seen", "passages", "distinct"), sample.distinct[2])
            for rival, (value, low, high) in rivals(sample, labels.filter(label="y")).items():
                scores[size, f"seen by {rival}"].add(value, low, high, truth["seen"].sum())
            by = (
                e.prevalence.filter(
                    (pl.col("dimension") == "domain")
                    & (pl.col("dimension_2") == "")
                    & (pl.col("unit") == "passages")
                    & (pl.col("basis") == "exposure")
                )
                .join(truth, left_on="source", right_on="domain", how="right")
                .sort("domain")
            )
            counts = (
                e.measures.filter(
                    (pl.col("dimension") == "domain") & (pl.col("measure") == "count") & (pl.col("unit") == "passages")
                )
                .join(truth.select("domain"), left_on="source", right_on="domain", how="right")
                .sort("domain")
            )
            v, lo, hi = (counts[k].fill_null(np.nan).to_numpy() for k in ("value", "low", "high"))
            t = truth["positives"].to_numpy()
            n = by["n_labelled"].fill_null(0).to_numpy()
            for label, here in (classes(sample) | {"30 labels or more": n >= 30}).items():
                scores[size, f"sources, {label}"].add(v[here], lo[here], hi[here], t[here])
    lines = []
    for size in sizes:
        for key in [k for k in scores if k[0] == size]:
            lines.append(f"| {name} | {size} | {key[1]} | {scores[key].row()} |")
    return lines


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--corpora", type=int, default=200, help="corpora per arm")
    p.add_argument("--labels", type=int, nargs="+", default=[400, 800, 2000])
    p.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS))
    p.add_argument("--seed", type=int, default=1_000_000, help="of the first corpus")
    p.add_argument("--output", type=Path, help="write the Markdown table here too")
    o = p.parse_args()
    start = time.time()
    lines: list[str] = []
    for arm in o.arms:
        new = run(arm, ARMS[arm], o.labels, o.corpora, o.seed)
        print("\n".join(new), flush=True)
        lines += new
    head = [
        f"{o.corpora} corpora per arm from seed {o.seed}, {datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}, "
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, polars {pl.__version__}, "
        f"{time.time() - start:.0f} s",
        "",
        "| arm | labels | what | coverage | its Monte Carlo error | truth above | half-width / truth | bias / half-width | rmse / truth |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    text = "\n".join(head + lines) + "\n"
    if o.output:
        o.output.write_text(text)
    print("\n".join(head))


if __name__ == "__main__":
    main()
