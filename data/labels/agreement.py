"""Cohen's kappa of the two blind passes over the gold passages, per label, with a 95 % bootstrap interval over works.

    python data/labels/agreement.py

Prints the Markdown table of data/labels/README.md.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from corpus_tools.classifier.annotations import label_matrix, read_jsonl
from corpus_tools.pack import load_pack

HERE = Path(__file__).parent
DRAWS = 1000


def kappa(a: np.ndarray, b: np.ndarray) -> float:
    """Two bool arrays -> Cohen's kappa (1960); nan if both are constant."""
    agree = (a == b).mean()
    chance = a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
    return float((agree - chance) / (1 - chance)) if chance < 1 else float("nan")


def main() -> None:
    """Prints one row per label."""
    pack = load_pack("ai_self_preservation")
    first, second = (read_jsonl(HERE / f"gold.pass{n}.jsonl") for n in (1, 2))
    assert [r["passage_id"] for r in first] == [r["passage_id"] for r in second]
    a, b = label_matrix(first, pack), label_matrix(second, pack)
    works = np.unique([r["document_id"] for r in first], return_inverse=True)[1]
    members = [np.flatnonzero(works == w) for w in range(works.max() + 1)]
    rng = np.random.default_rng(0)
    samples = [np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))]) for _ in range(DRAWS)]
    print("| label | pass 1 | pass 2 | differ | kappa |\n|---|---|---|---|---|")
    for i, label in enumerate(pack.labels):
        x, y = a[:, i], b[:, i]
        if x.sum() + y.sum() < 4:
            continue
        low, high = np.nanquantile([kappa(x[s], y[s]) for s in samples], [0.025, 0.975])
        print(f"| {label} | {x.sum()} | {y.sum()} | {(x != y).sum()} | {kappa(x, y):.2f} [{low:.2f}, {high:.2f}] |")


if __name__ == "__main__":
    main()
