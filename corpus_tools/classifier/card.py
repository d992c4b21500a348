"""weights.json and evaluation.json -> the model card's tables; the prose between them is written by hand and stays.

A card is Markdown with blocks, `<!-- NAME -->` to `<!-- end -->`: `model`, `training`, `metrics`, `slices`. Filling it again after a
training replaces the blocks and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from corpus_tools.classifier.judge import read_evaluation
from corpus_tools.classifier.model import encoders_of, named
from corpus_tools.pack import Pack

SKELETON = """# Model card: {name}, version {version}

{title}. Written by training; say below what it is for and where it fails before you rely on it.

<!-- model -->
<!-- end -->

## Training data

<!-- training -->
<!-- end -->

## How well it does

<!-- metrics -->
<!-- end -->

## By mode and data set

<!-- slices -->
<!-- end -->
"""
_BLOCK = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def card_path(pack: Pack, folder: Path) -> Path:
    """Where the card of weights in `folder` is: the pack's own card for the pack's own weights, else beside the weights."""
    return (pack.folder if folder.resolve() == pack.weights.resolve() else folder) / "card.md"


def write_card(pack: Pack, folder: Path) -> Path:
    """Fills the card of the weights in `folder` (a new one if there is none). Raises PackError, LabelError."""
    path = card_path(pack, folder)
    weights = json.loads((folder / "weights.json").read_text("utf-8"))
    title = pack.title.rstrip(".")
    text = (
        path.read_text("utf-8")
        if path.is_file()
        else SKELETON.format(name=pack.name, version=pack.version, title=title)
    )
    path.write_text(filled(text, blocks(weights, read_evaluation(folder))), "utf-8")
    return path


def filled(text: str, parts: Mapping[str, str]) -> str:
    """A card and its blocks -> the card with these blocks; others stay as they are."""
    return _BLOCK.sub(lambda m: f"{m[1]}{parts[m[2]]}\n{m[3]}" if m[2] in parts else m[0], text)


def blocks(weights: Mapping[str, Any], evaluation: Mapping[str, Any]) -> dict[str, str]:
    """weights.json and an evaluation -> every block of a card."""
    return {
        "model": model(weights), "training": training(weights.get("trained_on", {})), "metrics": metrics(evaluation),
        "slices": slices(evaluation["rows"]),
    }  # fmt: skip


def model(weights: Mapping[str, Any]) -> str:
    """What the classifier is made of, and its hashes."""
    rows = []
    for encoder in encoders_of(weights):
        rows += [
            ("encoder", named(encoder)),
            ("its weights, SHA-256", encoder["sha256"]),
            ("tuned weights, SHA-256", encoder.get("tuned_sha256") or "none: the encoder is used as it is"),
            ("pooling", " and ".join(encoder["pooling"])),
            ("longest text, tokens", encoder["max_tokens"]),
        ]
    rows += [
        ("heads", f"{len(weights['labels'])} linear ones, {len(weights['groups'])} groups of them share a softmax"),
        ("heads, SHA-256", weights["heads"]["sha256"]),
    ]
    return _table(("part", "what"), [(a, str(b)) for a, b in rows])


def training(trained_on: Mapping[str, Any]) -> str:
    """Labels by round and data set, and the positives of each label."""
    datasets: Mapping[str, Mapping[str, int]] = trained_on.get("datasets") or {
        r: {"": n} for r, n in trained_on.get("rounds", {}).items()
    }
    named = {
        name: ", ".join(f"{key or 'not said'} {n:,}" for key, n in some.items()) for name, some in datasets.items()
    }
    rows = [(name or "not said", f"{sum(datasets[name].values()):,}", line) for name, line in named.items()]
    table = _table(("round", "passages", "from"), [*rows, ("all", f"{trained_on.get('labels', 0):,}", "")])
    positives = ", ".join(f"{label} {n:,}" for label, n in trained_on.get("positives", {}).items())
    who = ", ".join(a for a in trained_on.get("annotators", []) if a)
    taught = trained_on.get("taught")
    return (
        table
        + f"\n\nAnnotators: {who or 'not said'}."
        + (f"\n\nPositives: {positives}." if positives else "")
        + (
            f"\n\nBesides {taught['passages']:,} passages without labels, by the scores of classifier {taught['by']}."
            if taught
            else ""
        )
    )


def metrics(evaluation: Mapping[str, Any]) -> str:
    """The figures by label and group: what `corpus-audit evaluate` prints too."""
    rows = evaluation["rows"].filter(slice="")
    agreed = not rows.filter(measure="f1_agreement").is_empty()
    measures = {"average_precision": "average precision", "f1": f"F1 at {evaluation['threshold']}"}
    measures |= {"f1_agreement": "F1 of two readings"} if agreed else {}
    measures |= {"precision": "precision", "recall": "recall", "ece": "calibration error"}
    how = (
        "The same passages set the calibration, so it is cross-fitted here: each half of the works calibrated on the other."
        if evaluation["cross_calibrated"]
        else "Calibrated on other passages."
    )
    judged = f"On {evaluation['passages']:,} passages of {evaluation['works']:,} works"
    head = f"{judged}; 95 % intervals by drawing works with replacement. {how}"
    groups = ", ".join(f"{r['label']} {figure(r)}" for r in rows.filter(measure="macro_f1").iter_rows(named=True))
    table = _by_label(rows.filter(pl.col("measure") != "macro_f1"), measures)
    return f"{head}\n\n{table}" + (f"\n\nMacro F1 of the most probable value: {groups}." if groups else "")


def slices(rows: pl.DataFrame) -> str:
    """The figures of the derived labels within each mode and data set."""
    some = rows.filter((pl.col("slice") != "") & (pl.col("measure") != "macro_f1"))
    return (
        _by_label(some, {"average_precision": "average precision", "f1": "F1", "ece": "calibration error"})
        if some.height
        else "None."
    )


def figure(row: Mapping[str, Any]) -> str:
    """A row's value with its interval: '0.75 [0.66, 0.83]', without one where positives are few."""
    if row["value"] is None:
        return "–"
    interval = f" [{row['low']:.2f}, {row['high']:.2f}]" if row["low"] is not None else ""
    return f"{row['value']:.2f}{interval}"


def _by_label(rows: pl.DataFrame, measures: Mapping[str, str]) -> str:
    sliced = bool((rows["slice"] != "").any())
    out = []
    for (where, label), some in rows.group_by("slice", "label", maintain_order=True):
        found = {row["measure"]: row for row in some.iter_rows(named=True)}
        first = next(iter(found.values()))
        name = (str(where), f"{first['n']:,}", str(label)) if sliced else (str(label),)
        out.append((*name, f"{first['positives']:,}", *(figure(found[m]) if m in found else "–" for m in measures)))
    lead = ("slice", "passages", "label") if sliced else ("label",)
    return _table((*lead, "positives", *measures.values()), out)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
