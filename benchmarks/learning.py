"""Average precision on held-out works by number of training labels: linear heads over one encoder's features. A Markdown table.

    python benchmarks/learning.py --labels data/labels/gold.jsonl --texts gold.jsonl --labels data/labels/round2.jsonl --texts round2.jsonl
        [--features gold.npy --features round2.npy] [--model pack | base | FOLDER] [--label NAME] [--draws 3]

Each --labels goes with the --texts (and the --features, rows in the order of the texts) at the same place. Labels with `split: validation`
judge, all others train; works are drawn at random for each size, the same ones for every label. Without --features the texts are encoded:
`pack` by the bundled tuned encoder, `base` by the one it started from. An encoder that was tuned on some of the labels makes the curve over
these flatter than it is: say so where you show it.
"""

from __future__ import annotations

import argparse
import os
import platform
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from corpus_tools.classifier import load_classifier
from corpus_tools.classifier.annotations import join_texts, label_matrix, read_jsonl
from corpus_tools.classifier.evaluate import average_precision
from corpus_tools.classifier.train import MINILM
from corpus_tools.config import ClassifierConfig
from corpus_tools.embed import Encoder
from corpus_tools.pack import Pack, load_pack

Array = np.ndarray[Any, Any]
SIZES = (0.125, 0.25, 0.5, 1.0)


def encoded(texts: list[str], model: str, pack: Pack) -> Array:
    """Texts [n] -> features [n, d]."""
    if model == "base":
        return Encoder(MINILM).encode(texts)
    return load_classifier(pack, ClassifierConfig(model=model)).features(texts)


def part(
    labels: Path, texts: Path, features: Path | None, model: str, pack: Pack
) -> tuple[list[dict[str, Any]], Array]:
    """One file of labels with its texts -> the labels and their features."""
    rows, passages = read_jsonl(labels), read_jsonl(texts)
    joined = join_texts(rows, passages)["text"].to_list()
    if features is None:
        return rows, encoded(joined, model, pack)
    found = np.load(features, allow_pickle=False)
    assert len(found) == len(passages), f"{features}: {len(found)} rows, {texts}: {len(passages)} passages"
    at = {p["passage_id"]: i for i, p in enumerate(passages)}
    return rows, found[[at[r["passage_id"]] for r in rows]]


def curve(
    features: Array, truth: Array, works: list[str], held: Array, columns: list[int], strength: float, draws: int
) -> dict[tuple[float, int], list[tuple[int, float]]]:
    """-> (share of works, column) -> of each draw, positives trained on and average precision on the held-out rows."""
    out: dict[tuple[float, int], list[tuple[int, float]]] = {}
    scaler = StandardScaler().fit(features[~held])
    x, ones = scaler.transform(features), np.ones((1, int(held.sum())), np.int64)
    names, code = np.unique(works, return_inverse=True)
    for size in SIZES:
        for draw in range(draws if size < 1 else 1):
            taken = np.random.default_rng(draw).permutation(len(names))[: round(size * len(names))]
            rows = ~held & np.isin(code, taken)
            for i in columns:
                y = truth[rows, i]
                if not 1 < y.sum() < len(y):
                    continue
                fitted = LogisticRegression(C=strength, max_iter=500).fit(x[rows], y)
                value = average_precision(fitted.decision_function(x[held]), truth[held, i], ones)[0]
                out.setdefault((size, i), []).append((int(y.sum()), float(value)))
    return out


def main() -> None:
    """Prints the table, and where it ran."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, action="append", required=True)
    parser.add_argument("--texts", type=Path, action="append", required=True)
    parser.add_argument("--features", type=Path, action="append")
    parser.add_argument("--model", default="pack")
    parser.add_argument(
        "--label", action="append", help="default: the pack's derived labels and those they are made of"
    )
    parser.add_argument("--strength", type=float, default=0.003, help="inverse regularisation, C")
    parser.add_argument("--draws", type=int, default=3)
    args = parser.parse_args()
    pack = load_pack("ai_self_preservation")
    features = args.features or [None] * len(args.labels)
    parts = [part(*files, args.model, pack) for files in zip(args.labels, args.texts, features, strict=True)]
    rows = [row for labels, _ in parts for row in labels]
    held = np.array([row.get("split") == "validation" for row in rows])
    works = [str(row.get("document_id", i)) for i, row in enumerate(rows)]
    truth = label_matrix(rows, pack)
    used = {n for rule in pack.derived.values() for n in (*rule.all_of, *rule.any_of)} | {*pack.derived}
    wanted = args.label or [label for label in pack.labels if label in used]
    columns = [pack.labels.index(label) for label in wanted if truth[held, pack.labels.index(label)].sum() >= 5]
    found = curve(np.vstack([x for _, x in parts]), truth, works, held, columns, args.strength, args.draws)
    print(
        f"{(~held).sum():,} labels to train on, {held.sum():,} to judge by. Average precision (positives trained on).\n"
    )
    print(f"| label | {' | '.join(f'{size:.0%} of the works' for size in SIZES)} |\n|---|{'---|' * len(SIZES)}")
    for i in columns:
        cells = []
        for size in SIZES:
            got = found.get((size, i), [])
            cells.append(f"{np.mean([v for _, v in got]):.2f} ({np.mean([n for n, _ in got]):.0f})" if got else "–")
        print(f"| {pack.labels[i]} | {' | '.join(cells)} |")
    print(f"\n{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {datetime.now(UTC):%Y-%m-%d}")


if __name__ == "__main__":
    main()
