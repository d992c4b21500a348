"""A classifier and labelled texts -> how well it does, in the rows that its card prints; and what training says of its labels."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from corpus_tools.classifier.annotations import join_texts, label_matrix, text_sha256
from corpus_tools.classifier.evaluate import SCHEMA, evaluate, mode_of
from corpus_tools.classifier.fit import calibrate, exhaustive_groups
from corpus_tools.classifier.heads import calibrated
from corpus_tools.classifier.model import load_classifier, read_card
from corpus_tools.config import ClassifierConfig
from corpus_tools.errors import LabelError
from corpus_tools.pack import Pack

Array = np.ndarray[Any, Any]
Label = Mapping[str, Any]
EVALUATION = "evaluation.json"
BY = ("dataset",)


def judge(
    pack: Pack,
    config: ClassifierConfig,
    labels: Sequence[Label],
    texts: Iterable[Mapping[str, Any]],
    *,
    passes: Sequence[Sequence[Label]] = (),
    by: Sequence[str] = BY,
) -> dict[str, Any]:
    """Labels of works that the classifier never saw, and their texts -> an evaluation: `rows` (as evaluate gives them) and their setting.

    `passes`: two annotators' readings of the same passages; `by`: fields of the labels to slice by. Where the weights were calibrated on
    these very texts, each half of the works is calibrated on the other. Raises LabelError.
    """
    joined = join_texts([dict(row) for row in labels], texts)["text"].to_list()
    both = [_aligned(labels, reading, pack) for reading in passes]
    if len(both) not in (0, 2):
        raise LabelError(f"readings to compare: {len(both)}", expected="two files of annotations of the same passages")
    classifier = load_classifier(pack, config)
    logits, truth = classifier.heads.logits(classifier.features(joined)), label_matrix(labels, pack)
    crossed = digest(joined) == read_card(pack, config)[0]["weights"].get("calibrated_on")
    works = [str(row.get("document_id", i)) for i, row in enumerate(labels)]
    heads = classifier.heads
    p = (
        cross_calibrated(logits, truth, works, pack)
        if crossed
        else calibrated(logits, heads.scale, heads.shift, heads.groups)
    )
    return assess(
        p,
        truth,
        labels,
        pack,
        crossed=crossed,
        passes=(both[0], both[1]) if both else None,
        by=by,
        threshold=config.threshold,
    )


def assess(
    probabilities: Array,
    truth: Array,
    labels: Sequence[Label],
    pack: Pack,
    *,
    crossed: bool,
    passes: tuple[Array, Array] | None = None,
    by: Sequence[str] = BY,
    threshold: float = 0.5,
) -> dict[str, Any]:
    """Probabilities [n, L] and truth of n labels -> an evaluation: what `evaluation.json` holds, `rows` as a Polars frame."""
    works = [str(row.get("document_id", i)) for i, row in enumerate(labels)]
    slices = {"mode": mode_of(truth, pack)} if pack.modes else {}
    slices |= {name: [str(r.get(name) or "") for r in labels] for name in by if any(r.get(name) for r in labels)}
    rows = evaluate(probabilities, truth, works, pack, threshold=threshold, passes=passes, slices=slices)
    return {
        "passages": len(labels), "works": len(set(works)), "threshold": threshold, "cross_calibrated": crossed, "rows": rows,
    }  # fmt: skip


def cross_calibrated(logits: Array, truth: Array, works: Sequence[str], pack: Pack) -> Array:
    """Logits of held-out works -> probabilities, each half of the works calibrated on the other."""
    groups = exhaustive_groups(truth, pack)
    names = {name: i % 2 for i, name in enumerate(sorted(set(works)))}
    half = np.array([names[w] for w in works])
    out = np.zeros(logits.shape, np.float32)
    for side in (0, 1):
        scale, shift = calibrate(logits[half != side], truth[half != side], groups)
        out[half == side] = calibrated(logits[half == side], scale.astype(np.float32), shift.astype(np.float32), groups)
    return out


def digest(texts: Iterable[str]) -> str:
    """Texts -> one hash of them, whatever their order: by it a classifier knows the texts that it was calibrated on."""
    return hashlib.sha256("\n".join(sorted({text_sha256(t) for t in texts})).encode()).hexdigest()


def provenance(labels: Iterable[Label], pack: Pack) -> dict[str, Any]:
    """Labels that were trained on -> counts for weights.json: in all, by round, by round and data set, positives by label; annotators."""
    rows = list(labels)
    datasets: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        datasets[_round(row)][str(row.get("dataset") or "")] += 1
    positives = dict(zip(pack.labels, label_matrix(rows, pack).sum(axis=0).tolist(), strict=True))
    return {
        "labels": len(rows),
        "rounds": {name: count.total() for name, count in sorted(datasets.items())},
        "datasets": {name: dict(sorted(count.items())) for name, count in sorted(datasets.items())},
        "positives": positives,
        "annotators": sorted({str(row.get("annotator", "")) for row in rows}),
    }


def _round(row: Label) -> str:
    return str(row.get("round") or ("synthetic" if row.get("synthetic") else ""))


def _aligned(labels: Sequence[Label], reading: Sequence[Label], pack: Pack) -> Array:
    """Another reading of the same passages -> its labels in the order of `labels`."""
    found = {r.get("passage_id"): r for r in reading}
    missing = [r.get("passage_id") for r in labels if r.get("passage_id") not in found]
    if missing:
        raise LabelError(
            f"a reading lacks {len(missing)} of {len(labels)} passages, e.g. {missing[0]}", expected="all of them"
        )
    return label_matrix([found[r.get("passage_id")] for r in labels], pack)


def write_evaluation(evaluation: Mapping[str, Any], folder: Path) -> Path:
    """Writes `evaluation.json` beside the weights, one row a line; figures to four places."""
    rows = evaluation["rows"].with_columns(pl.col("value", "low", "high").round(4)).rows()
    head = json.dumps({key: value for key, value in evaluation.items() if key != "rows"}, sort_keys=True)
    lines = ",\n".join(json.dumps(row) for row in rows)
    path = folder / EVALUATION
    path.write_text(f'{head[:-1]}, "columns": {json.dumps(list(SCHEMA))}, "rows": [\n{lines}\n]}}\n', "utf-8")
    return path


def read_evaluation(folder: Path) -> dict[str, Any]:
    """`evaluation.json` of a folder of weights, `rows` as a frame. Raises LabelError where the weights were never judged."""
    path = folder / EVALUATION
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        rows = pl.DataFrame(found.pop("rows"), schema=SCHEMA, orient="row")
    except FileNotFoundError:
        raise LabelError(
            "these weights were not judged",
            where=str(path),
            todo="Name --labels and --texts of works that they never saw.",
        ) from None
    except (ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
        raise LabelError(f"cannot be read: {error}", where=str(path), todo="Judge again with --write.") from error
    return {key: value for key, value in found.items() if key != "columns"} | {"rows": rows}
