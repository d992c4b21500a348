"""What stopping by the width does to bias and coverage: shards with heavy-tailed sizes, prevalence rising with size.

    python benchmarks/stopping.py [--corpora 200] [--worlds NAME…]
    python benchmarks/stopping.py --ratio --corpora 3000         # the interval of a ratio beside that of the count

Every passage that is read is scored and labelled, so that only the draw of shards and the rule are left
(corpus_tools/estimate/simulate_shards.py). Prevalence is a ratio of two totals over the same shards: to reckon both from the known bytes
of all files moves neither the ratio nor its bias, and `--ratio` asks what the residuals' variance (Cochran 1977, chapter 6) would do.
"""

from __future__ import annotations

import argparse
import os
import platform
from datetime import UTC, datetime

import numpy as np
from scipy import stats

from corpus_tools.estimate.simulate_shards import Shards, read_until, sizes

WORLDS = {
    "even sizes": Shards(tail=50.0, steep=0.0),
    "heavy tail": Shards(steep=0.0),
    "heavy tail, prevalence as size^0.5": Shards(),
    "heavy tail, prevalence as size": Shards(steep=1.0),
}
RULES: dict[str, tuple[float | None, int | None]] = {
    "first 30 shards": (None, 30), "first 60 shards": (None, 60), "until 30 %": (0.3, None), "until 20 %": (0.2, None),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", type=int, default=200)
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS), choices=list(WORLDS))
    parser.add_argument("--ratio", action="store_true", help="the first n shards; closed forms alone, quick")
    options = parser.parse_args()
    n = options.corpora
    machine = f"{platform.machine()}, Python {platform.python_version()}, load {os.getloadavg()[0]:.0f}"
    print(f"{n} corpora an arm, {datetime.now(UTC):%Y-%m-%d}, {machine}\n")
    if options.ratio:
        print("| shards | shards read of 240 | variance of | coverage | bias | half-width / figure |")
        print("|---|---|---|---|---|---|")
        for name in options.worlds:
            for read in (30, 60, 120):
                for line in ratio(WORLDS[name], read, n):
                    print(f"| {name} | {read} | {line} |", flush=True)
        return
    print(
        "| shards | rule | coverage | its Monte Carlo error | bias | bias / half-width | half-width / figure | shards read of 240 |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, world in ((name, WORLDS[name]) for name in options.worlds):
        for rule, (width, shards) in RULES.items():
            runs = [read_until(world, seed, width, shards) for seed in range(n)]
            cover = float(np.mean([r.covers for r in runs]))
            bias = float(np.mean([r.row["prevalence"] / r.truth - 1 for r in runs]))
            half = float(np.mean([r.width for r in runs]))
            read = float(np.mean([r.shards for r in runs]))
            error = np.sqrt(cover * (1 - cover) / n)
            numbers = f"{cover:.3f} | {error:.3f} | {bias:+.3f} | {bias / half:+.2f} | {half:.2f} | {read:.0f}"
            print(f"| {name} | {rule} | {numbers} |", flush=True)


def ratio(world: Shards, read: int, corpora: int) -> list[str]:
    """Prevalence from the first shards, with an interval from the variance of the count, as the estimator has it, and of the residuals."""
    found: dict[str, list[tuple[bool, float, float]]] = {"the count": [], "the residuals": []}
    t, f = stats.t.ppf(0.975, read - 1), read / world.shards
    for seed in range(corpora):
        size, positives = sizes(world, np.random.default_rng(10_000_000 + seed))
        truth = positives.sum() / size.sum()
        y, x = positives[:read], size[:read]
        p = y.sum() / x.sum()
        for name, r in (("the count", y - y.mean()), ("the residuals", y - p * x)):
            half = t * np.sqrt((1 - f) * read / (read - 1) * (r**2).sum()) / x.sum()
            found[name].append((abs(p - truth) <= half, p / truth - 1, half / p))
    means = {name: np.mean(values, axis=0) for name, values in found.items()}
    return [f"{name} | {c:.3f} | {bias:+.3f} | {half:.2f}" for name, (c, bias, half) in means.items()]


if __name__ == "__main__":
    main()
