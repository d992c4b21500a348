"""Where a classifier errs, on labels that it has not seen: by certainty of the annotator, by mode, among its neighbours. Markdown.

    python benchmarks/errors.py --labels data/labels/round2.jsonl --texts round2.jsonl [--features round2.npy] [--split validation]
        [--label adversarial] [--beside threat] [--readings gold.pass1.jsonl gold.pass2.jsonl] [--worst FILE] [--take 4]

`--worst FILE` writes the highest-scored negatives and the lowest-scored positives of `--label` and of every `--beside` with their texts, to
be read and sorted by hand: keep that file out of the repository. `--readings` asks how well two annotators agree at each certainty.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from learning import part

from corpus_tools.classifier.annotations import join_texts, label_matrix, read_jsonl
from corpus_tools.classifier.evaluate import average_precision, mode_of
from corpus_tools.classifier.model import load_classifier
from corpus_tools.pack import load_pack

Array = np.ndarray[Any, Any]


def precision_of(p: Array, y: Array) -> str:
    """Average precision, or a dash where there are no positives."""
    return f"{average_precision(p, y, np.ones((1, len(y)), np.int64))[0]:.2f}" if y.any() else "–"


def f1(a: Array, b: Array) -> str:
    """F1 of one reading judged by another, or a dash."""
    return f"{2 * (a & b).sum() / (a.sum() + b.sum()):.2f}" if a.any() or b.any() else "–"


def share(value: float) -> str:
    """0.171 -> '17 %', nan -> a dash."""
    return f"{value:.0%}".replace("%", " %") if np.isfinite(value) else "–"


def table(name: str, values: Array, p: Array, y: Array, more: dict[str, Callable[[Array], str]]) -> list[str]:
    """One row per value: passages, positives, average precision, missed and falsely found at 0.5."""
    heads = (name, "passages", "positives", "average precision", "missed", "falsely found", *more)
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for value in sorted({*values.tolist()}):
        at = values == value
        missed = (p[at & y] < 0.5).mean() if (at & y).any() else np.nan
        false = (p[at & ~y] >= 0.5).mean() if (at & ~y).any() else np.nan
        cells = [
            str(value),
            f"{at.sum():,}",
            f"{(at & y).sum():,}",
            precision_of(p[at], y[at]),
            share(missed),
            share(false),
        ]
        lines.append(f"| {' | '.join([*cells, *(of(at) for of in more.values())])} |")
    return lines


def main() -> None:
    """Prints the tables; writes the worst errors where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, action="append", required=True)
    parser.add_argument("--texts", type=Path, action="append", required=True)
    parser.add_argument("--features", type=Path, action="append")
    parser.add_argument("--split", default="")
    parser.add_argument("--label", default="adversarial")
    parser.add_argument(
        "--beside", action="append", default=[], help="a label to tell apart within the positives of --label"
    )
    parser.add_argument("--readings", type=Path, nargs=2)
    parser.add_argument("--worst", type=Path)
    parser.add_argument("--take", type=int, default=4)
    args = parser.parse_args()
    pack = load_pack("ai_self_preservation")
    files = zip(args.labels, args.texts, args.features or [None] * len(args.labels), strict=True)
    parts = [part(*some, "pack", pack) for some in files]
    rows = [row for labels, _ in parts for row in labels]
    keep = np.array([not args.split or row.get("split") == args.split for row in rows])
    rows = [row for row, kept in zip(rows, keep, strict=True) if kept]
    p = load_classifier(pack).heads.probabilities(np.vstack([x for _, x in parts])[keep])
    truth = label_matrix(rows, pack)
    at = pack.labels.index(args.label)
    score, y = p[:, at], truth[:, at]
    shown = (args.label, *args.beside)
    more: dict[str, Callable[[Array], str]] = {}
    if args.readings:
        read = [{r["passage_id"]: r for r in read_jsonl(path)} for path in args.readings]
        one, two = (label_matrix([found[r["passage_id"]] for r in rows], pack)[:, at] for found in read)
        more["F1 of two readings"] = lambda rows: f1(one[rows], two[rows])
    overall = ", ".join(
        f"{name} {precision_of(p[:, i], truth[:, i])}" for name, i in [(n, pack.labels.index(n)) for n in shown]
    )
    print(f"{len(rows):,} passages; average precision: {overall}\n\n**{args.label}**\n")
    print("\n".join(table("sure (1 least)", np.array([int(r.get("sure", 0)) for r in rows]), score, y, more)), "\n")
    print("\n".join(table("mode", np.array(mode_of(truth, pack)), score, y, more)), "\n")
    for name in args.beside:
        i = pack.labels.index(name)
        inside, ones = truth[y, i], np.ones((1, int(y.sum())), np.int64)
        value = average_precision(p[y, i], inside, ones)[0]
        print(f"- {name} within {args.label}: average precision {value:.2f} where {inside.mean():.0%} have it")
    if args.worst:
        texts = join_texts(rows, (row for path in args.texts for row in read_jsonl(path)))["text"].to_list()
        lines = []
        for name in shown:
            i = pack.labels.index(name)
            negatives, positives = np.flatnonzero(~truth[:, i]), np.flatnonzero(truth[:, i])
            for j in [
                *negatives[np.argsort(-p[negatives, i])][: args.take],
                *positives[np.argsort(p[positives, i])][: args.take],
            ]:
                true = [label for label, yes in zip(pack.labels, truth[j], strict=True) if yes]
                lines.append(f"{name} {p[j, i]:.2f} {rows[j]['passage_id']}\n{' '.join(true)}\n{texts[j]}\n")
        args.worst.write_text("\n".join(lines), "utf-8")


if __name__ == "__main__":
    main()
