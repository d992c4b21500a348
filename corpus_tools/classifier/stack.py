"""Several classifiers of one pack -> one: their encoders side by side, the mean of their calibrated logits, calibrated again.

A mean of linear heads is a linear head over the features together, so what comes out is a folder of weights like any other.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from corpus_tools.classifier.annotations import join_texts, label_matrix
from corpus_tools.classifier.fit import calibrated_heads
from corpus_tools.classifier.model import load_classifier, read_card, specs
from corpus_tools.classifier.train import held_for, judged
from corpus_tools.config import ClassifierConfig
from corpus_tools.encoder_files import EncoderSpec
from corpus_tools.pack import Pack


def stack(
    pack: Pack,
    models: Sequence[str],
    labels: Sequence[dict[str, Any]],
    texts: Sequence[Mapping[str, Any]],
    folder: Path,
) -> dict[str, Any]:
    """`models` as `classifier.model` names them; calibrated and judged on labels with `split: validation`. Returns the evaluation there.

    What was trained on is told as the first model's. Raises LabelError where fewer than two models are named or nothing is held out.
    """
    held = held_for(models, labels, "stack")
    joined = join_texts(held, texts)["text"].to_list()
    configs = [ClassifierConfig(model=model) for model in models]
    cards = [read_card(pack, config) for config in configs]
    loaded = [load_classifier(pack, config) for config in configs]
    features = np.hstack([classifier.features(joined) for classifier in loaded])
    share = np.float32(1 / len(loaded))
    each = [classifier.heads for classifier in loaded]
    coef = np.hstack([share * h.scale[:, None] * h.coef for h in each])
    intercept = np.sum([share * (h.scale * h.intercept + h.shift) for h in each], axis=0)
    logits = np.asarray(features @ coef.T + intercept, np.float32)
    heads = calibrated_heads(coef, intercept, logits, label_matrix(held, pack), pack)
    folder.mkdir(parents=True, exist_ok=True)
    encoders: list[EncoderSpec] = []
    for card, source in cards:
        for spec in specs(card["weights"], source):
            name = f"encoder-{len(encoders) + 1}.safetensors" if spec.tuned else ""
            if spec.tuned:
                shutil.copyfile(spec.tuned, folder / name)
            encoders.append(replace(spec, tuned=name))
    return judged(pack, heads, encoders, logits, held, joined, cards[0][0]["trained_on"], folder)
