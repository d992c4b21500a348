"""What stopping by the width does to bias and coverage: shards with heavy-tailed sizes, prevalence rising with size.

    python benchmarks/stopping.py [--corpora 200] [--worlds NAME…]

Every passage that is read is scored and labelled, so that only the draw of shards and the rule are left
(corpus_tools/estimate/simulate_shards.py).
"""

from __future__ import annotations

import argparse
import os
import platform
from datetime import UTC, datetime

import numpy as np

from corpus_tools.estimate.simulate_shards import Shards, read_until

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
    options = parser.parse_args()
    n = options.corpora
    machine = f"{platform.machine()}, Python {platform.python_version()}, load {os.getloadavg()[0]:.0f}"
    print(f"{n} corpora an arm, {datetime.now(UTC):%Y-%m-%d}, {machine}\n")
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


if __name__ == "__main__":
    main()
