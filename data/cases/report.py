"""How many of the codebook's hard cases a classifier gets right, case by case: a Markdown table.

    python data/cases/report.py [--model FOLDER] [--misses] [--floor [--lower]]

`--floor` writes the overall pass rate into tests/floors.json, which a test holds, and the table into README.md; a lower rate than stands
there takes `--lower` too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import polars as pl

from corpus_tools.classifier.annotations import read_jsonl
from corpus_tools.classifier.card import filled
from corpus_tools.classifier.cases import checks, pass_rates
from corpus_tools.classifier.model import load_classifier
from corpus_tools.config import ClassifierConfig
from corpus_tools.pack import load_pack

HERE = Path(__file__).parent
CASES = HERE / "cases.jsonl"
FLOORS = HERE.parents[1] / "tests" / "floors.json"


def checked(model: str = "pack", threshold: float = 0.5) -> pl.DataFrame:
    """Scores every case with a classifier -> its checks."""
    pack = load_pack("ai_self_preservation")
    cases = read_jsonl(CASES)
    scores = load_classifier(pack, ClassifierConfig(model=model)).score([c["text"] for c in cases])
    return checks(cases, scores, pack, threshold)


def rate(found: pl.DataFrame) -> float:
    """Checks -> the share of texts that pass all of theirs."""
    rates = pass_rates(found)
    return float(rates["passed"].sum() / rates["texts"].sum())


def table(found: pl.DataFrame) -> str:
    """Checks -> a Markdown table, one row per case."""
    rates = pass_rates(found)
    total = ("all", *rates.select(pl.exclude("case").sum()).row(0))
    lines = [f"| {' | '.join(map(str, row))} |" for row in [*rates.rows(), total]]
    lines = ["| case | texts | passed | checks | passed |", "|---|---|---|---|---|", *lines]
    return "\n".join([*lines, "", f"{rate(found):.0%} of the texts, {total[4] / total[3]:.0%} of the checks."])


def floor(value: float, *, lower: bool, path: Path = FLOORS) -> float:
    """Writes a pass rate, rounded down to two places, as the floor. SystemExit where it would be lower and `lower` is not set."""
    floors: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    new, old = math.floor(100 * value) / 100, floors.get("hard_cases", {}).get("pass_rate", 0.0)
    if new < old and not lower:
        raise SystemExit(
            f"{new} is below the floor of {old}: mend the classifier, or add --lower and say why in the commit"
        )
    floors["hard_cases"] = {"pass_rate": new, "cases_sha256": hashlib.sha256(CASES.read_bytes()).hexdigest()}
    path.write_text(json.dumps(floors, indent=1, sort_keys=True) + "\n", "utf-8")
    return new


def main() -> None:
    """Prints the table; with --misses also what each failing check wanted and found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="pack")
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--floor", action="store_true")
    parser.add_argument("--lower", action="store_true")
    args = parser.parse_args()
    found = checked(args.model)
    shown = table(found)
    print(shown)
    if args.misses:
        for row in found.filter(~pl.col("passes")).iter_rows(named=True):
            print(f"{row['passage_id']}: {row['wanted']} wanted, {row['found']} found")
    if args.floor:
        print(f"floor {floor(rate(found), lower=args.lower)}")
        page = HERE / "README.md"
        page.write_text(filled(page.read_text("utf-8"), {"cases": shown}), "utf-8")


if __name__ == "__main__":
    main()
