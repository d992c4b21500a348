"""The cheap scorer: integer weights of hashed words and pairs of words, and the bins that a passage's sum falls into."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpus_tools.errors import PackError
from corpus_tools.screen.ngrams import features
from corpus_tools.texts import Joined

FORMAT = 1


@dataclass(frozen=True)
class Scorer:
    """`weights` [2**bits], integers; `edges` [B - 1], ascending: sums below the first are bin 0; `shape` [B]: rates over the last bin's.

    `card`: what it was fitted on, in words and numbers; nothing depends on it.
    """

    weights: NDArray[np.int16]
    edges: NDArray[np.int64]
    shape: NDArray[np.float64]
    card: Mapping[str, Any]

    @property
    def bits(self) -> int:
        """log2 of the number of weights."""
        return len(self.weights).bit_length() - 1

    @property
    def n_bins(self) -> int:
        """B."""
        return len(self.edges) + 1

    def score(self, texts: Joined) -> NDArray[np.int64]:
        """Joined texts [n] -> sum of the weights of each text's features, each feature once [n]. Exact on every machine."""
        out = np.zeros(len(texts), np.int64)
        mask, shift = np.uint64(len(self.weights) - 1), np.uint64(self.bits)
        for first, last, keys in features(texts, self.bits):
            if len(keys):
                text = (keys >> shift).astype(np.int64)
                each = self.weights[(keys & mask).astype(np.int64)]
                out[first:last] = np.bincount(text, each, minlength=last - first)  # sums of integers below 2**53: exact
        return out

    def bins(self, texts: Joined) -> NDArray[np.int64]:
        """Joined texts [n] -> bin of each [n], 0 the lowest."""
        return np.searchsorted(self.edges, self.score(texts), side="right").astype(np.int64)

    def save(self, path: Path) -> None:
        """Writes the npz. The same scorer gives the same bytes."""
        np.savez_compressed(
            path, format=np.int64(FORMAT), weights=self.weights, edges=self.edges, shape=self.shape,
            card=np.frombuffer(json.dumps(self.card, sort_keys=True).encode(), np.uint8),
        )  # fmt: skip


def load_scorer(path: Path) -> Scorer:
    """An npz -> the scorer. Raises PackError where it is missing, or not one."""
    if not path.is_file():
        raise PackError(
            "no weights of a screen", where=str(path), expected="an npz written by `corpus-audit train-screen`",
            todo="Name one as screen.model, or use screen.rule: rates.",
        )  # fmt: skip
    try:
        with np.load(path, allow_pickle=False) as file:
            if int(file["format"]) != FORMAT:
                raise ValueError(f"format {int(file['format'])}, not {FORMAT}")
            scorer = Scorer(
                file["weights"].astype(np.int16),
                file["edges"].astype(np.int64),
                file["shape"].astype(np.float64),
                json.loads(file["card"].tobytes()),
            )
    except (OSError, ValueError, KeyError) as error:
        raise PackError(f"the screen cannot be read: {error}", where=str(path), todo="Train it again.") from error
    size, steps = len(scorer.weights), np.diff(scorer.edges)
    sound = size == 1 << scorer.bits and bool((steps > 0).all()) and len(scorer.shape) == scorer.n_bins
    if not sound or not bool(((scorer.shape > 0) & (scorer.shape <= 1)).all()):
        raise PackError("the screen's bins and weights do not fit each other", where=str(path), todo="Train it again.")
    return scorer
