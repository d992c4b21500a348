"""Cohen's kappa of two readings of the same passages, per label, with a 95 % bootstrap interval over works.

    python data/labels/agreement.py [first.jsonl second.jsonl]

Without files: the two blind passes over the gold passages, the second readings of a tenth of rounds 2 and 4, and what a blind reader
made of the synthetic passages of data/seed/genres.jsonl, against who wrote them. Prints the Markdown
tables of data/labels/README.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from corpus_tools.classifier.annotations import label_matrix, read_jsonl
from corpus_tools.pack import load_pack

HERE = Path(__file__).parent
DRAWS = 1000
PAIRS = (
    ("gold.pass1.jsonl", "gold.pass2.jsonl"),
    ("round2.jsonl", "round2.twice.jsonl"),
    ("round4.jsonl", "round4.twice.jsonl"),
    ("genres.pass1.jsonl", "genres.pass2.jsonl"),
)


def kappa(a: np.ndarray, b: np.ndarray) -> float:
    """Two bool arrays -> Cohen's kappa (1960); nan if both are constant."""
    agree = (a == b).mean()
    chance = a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
    return float((agree - chance) / (1 - chance)) if chance < 1 else float("nan")


def table(first: Path, second: Path) -> list[str]:
    """Two files of annotations -> the rows of a Markdown table, one per label, over the passages that stand in both."""
    pack = load_pack("ai_self_preservation")
    one = {r["passage_id"]: r for r in read_jsonl(first)}
    both = [(one[r["passage_id"]], r) for r in read_jsonl(second) if r["passage_id"] in one]
    assert all(x["sha256"] == y["sha256"] for x, y in both), "the two readings are of different texts"
    a, b = label_matrix([x for x, _ in both], pack), label_matrix([y for _, y in both], pack)
    works = np.unique([x["document_id"] for x, _ in both], return_inverse=True)[1]
    members = [np.flatnonzero(works == w) for w in range(works.max() + 1)]
    rng = np.random.default_rng(0)
    samples = [np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))]) for _ in range(DRAWS)]
    rows = [f"| label ({len(both):,} passages) | pass 1 | pass 2 | differ | kappa |", "|---|---|---|---|---|"]
    for i, label in enumerate(pack.labels):
        x, y = a[:, i], b[:, i]
        if x.sum() + y.sum() < 4:
            continue
        low, high = np.nanquantile([kappa(x[s], y[s]) for s in samples], [0.025, 0.975])
        rows.append(
            f"| {label} | {x.sum()} | {y.sum()} | {(x != y).sum()} | {kappa(x, y):.2f} [{low:.2f}, {high:.2f}] |"
        )
    return rows


def main(files: list[str]) -> None:
    """Prints a table for each pair of files."""
    pairs = [(Path(files[0]), Path(files[1]))] if files else [(HERE / a, HERE / b) for a, b in PAIRS]
    for first, second in pairs:
        print(f"{first.name} against {second.name}\n")
        print("\n".join(table(first, second)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
