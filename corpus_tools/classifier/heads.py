"""Linear heads over features: one logit per label, calibrated; labels of an exhaustive group share a softmax."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from corpus_tools.errors import PackError

Matrix = np.ndarray[tuple[int, int], np.dtype[np.float32]]


@dataclass(frozen=True)
class Heads:
    """coef [L, d], intercept [L], and the calibration of logits: scale [L], shift [L]. `groups`: label indices that sum to one."""

    labels: tuple[str, ...]
    coef: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    intercept: np.ndarray[tuple[int], np.dtype[np.float32]]
    scale: np.ndarray[tuple[int], np.dtype[np.float32]]
    shift: np.ndarray[tuple[int], np.dtype[np.float32]]
    groups: tuple[tuple[int, ...], ...] = ()

    def logits(self, features: Matrix) -> Matrix:
        """Features [n, d] -> logits [n, L], not calibrated."""
        return np.asarray(features @ self.coef.T + self.intercept, np.float32)

    def probabilities(self, features: Matrix) -> Matrix:
        """Features [n, d] -> probabilities [n, L]."""
        return calibrated(self.logits(features), self.scale, self.shift, self.groups)

    def save(self, path: Path) -> None:
        """Writes safetensors; labels and groups stand in weights.json."""
        arrays = {
            name: np.ascontiguousarray(getattr(self, name), np.float32)
            for name in ("coef", "intercept", "scale", "shift")
        }
        save_file(arrays, path)

    @classmethod
    def load(cls, path: Path, labels: Sequence[str], groups: Sequence[Sequence[int]]) -> Heads:
        """Reads safetensors. Raises PackError where shapes do not fit the labels."""
        arrays = load_file(path)
        if any(len(arrays[name]) != len(labels) for name in ("coef", "intercept", "scale", "shift")):
            raise PackError(f"{len(labels)} labels, but heads for {len(arrays['coef'])}", where=str(path))
        return cls(
            tuple(labels),
            arrays["coef"],
            arrays["intercept"],
            arrays["scale"],
            arrays["shift"],
            tuple(map(tuple, groups)),
        )


def calibrated(
    logits: Matrix,
    scale: np.ndarray[tuple[int], np.dtype[np.float32]],
    shift: np.ndarray[tuple[int], np.dtype[np.float32]],
    groups: Sequence[Sequence[int]],
) -> Matrix:
    """Logits [n, L] -> probabilities [n, L]: a logistic function each, a softmax within each group."""
    z = logits.astype(np.float64) * scale + shift
    out = 1 / (1 + np.exp(-np.clip(z, -50, 50)))
    for group in groups:
        part = z[:, group] - z[:, group].max(axis=1, keepdims=True)
        out[:, group] = np.exp(part) / np.exp(part).sum(axis=1, keepdims=True)
    return np.asarray(out, np.float32)
