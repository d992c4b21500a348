"""Several trainings of one recipe -> one classifier: the mean of their weights, calibrated again.

Trainings that start from the same encoder and the same head lie near each other, and the mean of them often ranks better than each, at the
cost of one (model soups: Wortsman et al. 2022, arXiv:2203.05482).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from corpus_tools.classifier.annotations import join_texts, label_matrix
from corpus_tools.classifier.fit import calibrated_heads
from corpus_tools.classifier.model import heads_of, read_card, specs
from corpus_tools.classifier.train import held_for, judged
from corpus_tools.compiled import load_encoder
from corpus_tools.config import ClassifierConfig
from corpus_tools.encoder_files import TUNED, EncoderSpec, checked
from corpus_tools.errors import LabelError
from corpus_tools.pack import Pack, file_sha256

State = dict[str, np.ndarray[Any, Any]]


def average(
    pack: Pack,
    models: Sequence[str],
    labels: Sequence[dict[str, Any]],
    texts: Sequence[Mapping[str, Any]],
    folder: Path,
    weights: Sequence[float] = (),
) -> dict[str, Any]:
    """`models` as `classifier.model` names them, each with its weight (alike by default); calibrated and judged on labels with
    `split: validation`. Returns the evaluation there.

    What was trained on is told as the first model's. Raises LabelError where fewer than two models are named, where they are not
    trainings of one recipe, or where nothing is held out.
    """
    held = held_for(models, labels, "average")
    if weights and (len(weights) != len(models) or min(weights) <= 0):
        raise LabelError(f"{len(weights)} weights for {len(models)} models", expected="one above 0 for each, or none")
    shares = np.array(weights or [1.0] * len(models), np.float64)
    shares /= shares.sum()
    joined = join_texts(held, texts)["text"].to_list()
    cards = [read_card(pack, ClassifierConfig(model=model)) for model in models]
    of_each = [specs(card["weights"], source) for card, source in cards]
    first, states = _alike(models, of_each)
    heads = [heads_of(pack, card["weights"], source) for card, source in cards]
    folder.mkdir(parents=True, exist_ok=True)
    _write_mean(states, shares, folder / TUNED)
    coef = np.tensordot(shares, np.stack([h.coef for h in heads]), 1).astype(np.float32)
    intercept = (shares @ np.stack([h.intercept for h in heads])).astype(np.float32)
    spec = replace(first, tuned=str(folder / TUNED), tuned_sha256=file_sha256(folder / TUNED))
    logits = np.asarray(load_encoder(spec).encode(joined) @ coef.T + intercept, np.float32)
    calibrated = calibrated_heads(coef, intercept, logits, label_matrix(held, pack), pack)
    return judged(pack, calibrated, replace(spec, tuned=TUNED), logits, held, joined, cards[0][0]["trained_on"], folder)


def _alike(models: Sequence[str], of_each: Sequence[Sequence[EncoderSpec]]) -> tuple[EncoderSpec, list[State]]:
    """The one encoder that all are trainings of, as the first has it, and the tuned weights of each. Raises LabelError.

    Adapters are refused: the mean of their two factors is not the mean of their product.
    """
    bare = {replace(spec, tuned="", tuned_sha256="") for encoders in of_each for spec in encoders}
    if len(bare) == 1 and all(len(encoders) == 1 and encoders[0].tuned for encoders in of_each):
        states = [load_file(checked(Path(one.tuned), one.tuned_sha256)) for (one,) in of_each]
        adapters = any(name.endswith((".up", ".down")) for name in states[0])
        if not adapters and len({tuple(sorted((n, v.shape) for n, v in state.items())) for state in states}) == 1:
            return of_each[0][0], states
    raise LabelError(
        f"not trainings of one recipe: {', '.join(models)}",
        expected="models that `train` fitted with the same recipe, whose layers learn as wholes",
        todo="To join models of different recipes: `corpus-audit stack`.",
    )


def _write_mean(states: Sequence[State], shares: np.ndarray[Any, Any], path: Path) -> None:
    """Tuned weights of several trainings -> their mean, half floats, in one file."""
    mean = {
        name: np.sum(
            [share * state[name].astype(np.float32) for state, share in zip(states, shares, strict=True)], axis=0
        )
        for name in states[0]
    }
    save_file({name: value.astype(np.float16) for name, value in mean.items()}, path)
