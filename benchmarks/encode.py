"""Passages a second of the pack's encoder: sentence-transformers in fp32 against what this tool offers, in one run on the same texts.

    python benchmarks/encode.py [--texts passages.jsonl] [--labels gold.jsonl] [--passages 256] [--rounds 3] [--model accurate]

Without --texts, the synthetic pairs of data/seed. With --labels (annotations of the texts), the average precision of the headline
label too. Ways take turns, so that other work on the machine falls on all of them; the median of the rounds is told. The way in int8 is
left out where the model has no graph for it.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from corpus_tools.classifier.annotations import join_texts, label_matrix, read_jsonl
from corpus_tools.classifier.model import load_classifier, read_card
from corpus_tools.config import ClassifierConfig
from corpus_tools.pack import load_pack

HERE = Path(__file__).parent.parent
SHOWN = ("agent_mind", "adversarial", "rebellion", "deception", "self_preservation", "threat", "prosocial")
ALONE = 100  # passages that are encoded one by one too
WAYS = {
    "sentence-transformers, fp32": ClassifierConfig(engine="torch"),
    "sentence-transformers, bf16": ClassifierConfig(engine="torch", precision="bf16"),
    "OpenVINO, fp32 (the default)": ClassifierConfig(engine="openvino"),
    "OpenVINO, bf16": ClassifierConfig(engine="openvino", precision="bf16"),
    "OpenVINO, int8": ClassifierConfig(engine="openvino", precision="int8"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--passages", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="pack", help="as classifier.model")
    given = parser.parse_args()
    pack = load_pack("ai_self_preservation")
    texts, truth = passages(given, pack)
    configs = {name: config.model_copy(update={"model": given.model}) for name, config in WAYS.items()}
    if "int8" not in read_card(pack, ClassifierConfig(model=given.model))[0]["weights"]:
        configs = {name: config for name, config in configs.items() if config.precision != "int8"}
    ways = {name: load_classifier(pack, config) for name, config in configs.items()}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    vectors: dict[str, np.ndarray[Any, Any]] = {}
    for turn in range(given.rounds + 1):
        for name, classifier in ways.items():
            started = time.perf_counter()
            vectors[name] = classifier.encoder.encode(texts)
            if turn:  # the first warms up
                rates[name].append(len(texts) / (time.perf_counter() - started))
    base, *_ = ways
    here = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{len(texts)} passages, median of {given.rounds} rounds; {here}\n")
    starts = {name: first_score(config) for name, config in configs.items()}
    print(
        "| way | s to a first score | passages/s | ratio | cosine to fp32, mean (least) | largest difference of a score (mean)"
        f" | the same, alone or in a batch | AP {pack.headline} |"
    )
    print("|---|---|---|---|---|---|---|---|")
    scores = {name: ways[name].score_features(v) for name, v in vectors.items()}
    at = pack.labels.index(pack.headline)
    for name, found in vectors.items():
        cosine = (found * vectors[base]).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(vectors[base], axis=1)
        apart = np.abs(scores[name].to_numpy() - scores[base].to_numpy())
        rate = statistics.median(rates[name])
        alone = np.concatenate([ways[name].encoder.encode([text]) for text in texts[:ALONE]])
        moved = np.abs(ways[name].score_features(alone).to_numpy() - scores[name].to_numpy()[:ALONE]).max()
        ap = "" if truth is None else f"{average_precision_score(truth[:, at], scores[name].to_numpy()[:, at]):.4f}"
        print(
            f"| {name} | {starts[name]:.1f} | {rate:.1f} | {rate / statistics.median(rates[base]):.1f}"
            f" | {cosine.mean():.5f} ({cosine.min():.5f}) | {apart.max():.4f} ({apart.mean():.4f}) | {moved:.4f} | {ap} |"
        )
    if truth is not None:
        print(f"\n| average precision | {' | '.join(SHOWN)} |\n|---|{'---|' * len(SHOWN)}")
        for name, found in scores.items():
            each = (
                average_precision_score(truth[:, pack.labels.index(label)], found[label].to_numpy()) for label in SHOWN
            )
            print(f"| {name} | {' | '.join(f'{value:.3f}' for value in each)} |")


def first_score(config: ClassifierConfig) -> float:
    """Seconds from nothing to one text's scores, in a process of its own; the graph is converted by now. The median of three."""
    code = (
        "from corpus_tools.classifier import score_texts\n"
        "from corpus_tools.config import ClassifierConfig\n"
        f"score_texts(['A text.'], config=ClassifierConfig.model_validate_json({config.model_dump_json()!r}))"
    )
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], cwd=HERE, check=True)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def passages(given: argparse.Namespace, pack: Any) -> tuple[list[str], np.ndarray[Any, Any] | None]:
    if given.texts is None:
        rows = read_jsonl(HERE / "data" / "seed" / "pairs.jsonl")
        return [row["text"] for row in rows][: given.passages], None
    rows = read_jsonl(given.texts)
    if given.labels is None:
        return [row["text"] for row in rows][: given.passages], None
    labels = [row for row in read_jsonl(given.labels) if row.get("split", "validation") == "validation"]
    labels = labels[: given.passages]
    return join_texts(labels, rows)["text"].to_list(), label_matrix(labels, pack)


if __name__ == "__main__":
    main()
