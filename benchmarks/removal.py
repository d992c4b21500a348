"""How often the intervals of an exported list hold a planted truth: a Markdown table.

    python -m benchmarks.removal [--corpora 200]

Corpora are those of tests/estimate/test_removal.py: 12,000 documents, 1.3 % of passages positive and in clusters, copies, about
500 labels; the screen draws 30 % (or all, or 10 %) of passages without a term in documents that the gate hits, 2 % (or all) of the
other documents are opened. Monte Carlo error of a coverage c over n corpora is sqrt(c (1 - c) / n).
"""

from __future__ import annotations

import argparse

from tests.estimate.test_removal import coverage

ARMS: dict[str, dict[str, float]] = {
    "screen 0.3, audit 0.02": {},
    "all looked at": {"screen": 1.0, "audit": 1.0},
    "screen 0.1, audit 0.02": {"screen": 0.1},
}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", type=int, default=200)
    corpora = parser.parse_args().corpora
    print("| corpus | figure | threshold | coverage | bias, points | half-width, points |")
    print("|---|---|---:|---:|---:|---:|")
    for name, world in ARMS.items():
        for (figure, threshold), (inside, error, half) in coverage(corpora, 100, **world).items():
            width = f"{100 * half:.1f}" if half else ""
            print(f"| {name} | {figure} | {threshold} | {inside:.3f} | {100 * error:+.1f} | {width} |", flush=True)


if __name__ == "__main__":
    main()
