"""Two classifiers on the same labels that neither was trained on: average precision of each and of the difference. A Markdown table.

    python benchmarks/apart.py --labels round.labels.jsonl --texts round.jsonl --model pack --model OLD_FOLDER [--split validation]
        [--trained data/labels/gold.jsonl --trained-texts gold.jsonl ...] [--write FOLDER]

Passages are left out that were labelled in any file of --trained (by the SHA-256 of the text), or that share a tenth of their sequences of
eight words with a text of --trained-texts. A second table has only the documents (`document_id`) with no label in those files, a third the
others. 95 % intervals by drawing documents with replacement, the same draws for both. `--write` keeps the labels and texts that were left.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from corpus_tools.classifier import load_classifier
from corpus_tools.classifier.annotations import join_texts, label_matrix, read_jsonl
from corpus_tools.classifier.evaluate import average_precision, drawn
from corpus_tools.config import ClassifierConfig
from corpus_tools.pack import load_pack

Array = np.ndarray[Any, Any]
Row = dict[str, Any]
SHOWN = ("adversarial", "agent_mind", "rebellion", "deception", "self_preservation", "threat", "prosocial")
DRAWS = 1000


def sequences(text: str) -> set[tuple[str, ...]]:
    """The sequences of eight words in a text."""
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + 8]) for i in range(len(words) - 7)}


def apart(rows: list[Row], texts: list[str], trained: list[Row], trained_texts: list[Row]) -> Array:
    """Which rows are no text that was labelled, and share hardly a sequence of words with one."""
    hashes = {r["sha256"] for r in trained}
    known = set[tuple[str, ...]]().union(*(sequences(r["text"]) for r in trained_texts))
    new = [r["sha256"] not in hashes for r in rows]
    shared = [len(own & known) < 0.1 * max(1, len(own)) for own in map(sequences, texts)]
    return np.array([a and b for a, b in zip(new, shared, strict=True)])


def interval(values: Array) -> str:
    """Draws -> '[0.12, 0.34]'."""
    low, high = np.nanquantile(values, [0.025, 0.975])
    return f"[{low:.2f}, {high:.2f}]"


def table(scores: list[Array], truth: Array, documents: list[str], columns: dict[str, int]) -> str:
    """Scores [n, labels] of each model -> a row per label: average precision of each, and last minus first's difference."""
    counts = drawn(documents, DRAWS, seed=0)
    lines = [f"| label | positives |{''.join(f' model {i + 1} |' for i in range(len(scores)))} first − last |"]
    lines.append("|---" * (len(scores) + 3) + "|")
    for name, i in columns.items():
        y = truth[:, i]
        if y.sum() < 3:
            continue
        found = [average_precision(p[:, i], y, counts) for p in scores]  # the first as they are, the others drawn
        cells = [f"{values[0]:.2f} {interval(values[1:])}" for values in found]
        lines.append(f"| {name} | {y.sum()} | {' | '.join(cells)} | {interval((found[0] - found[-1])[1:])} |")
    return f"{len(documents)} passages of {len(set(documents))} documents\n\n" + "\n".join(lines) + "\n"


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--model", action="append", required=True)
    parser.add_argument("--trained", type=Path, action="append", default=[])
    parser.add_argument("--trained-texts", type=Path, action="append", default=[])
    parser.add_argument("--split", default="")
    parser.add_argument("--write", type=Path)
    args = parser.parse_args()
    pack = load_pack("ai_self_preservation")
    rows = [r for r in read_jsonl(args.labels) if not args.split or r.get("split") == args.split]
    texts = join_texts(rows, read_jsonl(args.texts))["text"].to_list()
    trained = [r for path in args.trained for r in read_jsonl(path)]
    keep = apart(rows, texts, trained, [r for path in args.trained_texts for r in read_jsonl(path)])
    rows, texts = ([one for one, kept in zip(some, keep, strict=True) if kept] for some in (rows, texts))
    print(f"{(~keep).sum()} of {len(keep)} passages left out")
    truth, columns = label_matrix(rows, pack), {name: pack.labels.index(name) for name in SHOWN}
    scored = [load_classifier(pack, ClassifierConfig(model=model)).score(texts) for model in args.model]
    scores = [found.select(pack.labels).to_numpy() for found in scored]
    documents = [str(r.get("document_id", r["passage_id"])) for r in rows]
    seen = {r.get("document_id") for r in trained if r.get("split") != "validation"}
    fresh = np.array([d not in seen for d in documents])
    for at in (np.ones(len(rows), bool), fresh, ~fresh) if trained else (np.ones(len(rows), bool),):
        print(
            table([p[at] for p in scores], truth[at], [d for d, yes in zip(documents, at, strict=True) if yes], columns)
        )
    if args.write:
        args.write.mkdir(parents=True, exist_ok=True)
        joined = [{"passage_id": r["passage_id"], "text": text} for r, text in zip(rows, texts, strict=True)]
        for name, some in (("labels", rows), ("texts", joined)):
            (args.write / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in some), "utf-8")


if __name__ == "__main__":
    main()
