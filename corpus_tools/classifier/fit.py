"""Features and annotations -> heads: logistic regression per label, multinomial per group, calibrated out of fold by work."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from corpus_tools.classifier.heads import Heads, calibrated
from corpus_tools.pack import Pack

Array = np.ndarray[Any, Any]


def exhaustive_groups(truth: Array, pack: Pack) -> tuple[tuple[int, ...], ...]:
    """Label indices of the pack's groups of which every row has exactly one."""
    index = {label: i for i, label in enumerate(pack.labels)}
    groups = [tuple(index[label] for label in values) for values in pack.groups.values()]
    return tuple(g for g in groups if (truth[:, g].sum(axis=1) == 1).all())


def _linear(
    features: Array, truth: Array, groups: Sequence[Sequence[int]], strength: float, weights: Array | None
) -> tuple[Array, Array]:
    """coef [L, d], intercept [L]. A label with one class only gets a constant logit of its smoothed rate."""
    n, count = truth.shape
    coef, intercept = np.zeros((count, features.shape[1])), np.zeros(count)
    grouped = {i for group in groups for i in group}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for i in range(count):
            positives = truth[:, i].sum()
            rate = (positives + 0.5) / (n + 1)
            intercept[i] = np.log(rate / (1 - rate))
            if i not in grouped and 1 < positives < n - 1:
                model = LogisticRegression(C=strength, max_iter=1000).fit(features, truth[:, i], weights)
                coef[i], intercept[i] = model.coef_[0], model.intercept_[0]
        for group in groups:
            classes = truth[:, group].argmax(axis=1)
            if len(np.unique(classes)) < 2:  # nothing to tell apart: the smoothed rates stand
                continue
            model = LogisticRegression(C=strength, max_iter=1000).fit(features, classes, weights)
            if len(model.classes_) == 2:  # binary: one row stands for the second class
                coef[group[model.classes_[1]]], intercept[group[model.classes_[1]]] = (
                    model.coef_[0],
                    model.intercept_[0],
                )
                coef[group[model.classes_[0]]], intercept[group[model.classes_[0]]] = 0, 0
            else:
                for row, which in enumerate(model.classes_):
                    coef[group[which]], intercept[group[which]] = model.coef_[row], model.intercept_[row]
    return coef, intercept


def out_of_fold(
    features: Array,
    truth: Array,
    works: Sequence[str],
    groups: Sequence[Sequence[int]],
    *,
    strength: float,
    folds: int = 5,
    weights: Array | None = None,
) -> Array:
    """Logits [n, L] of each row by heads that never saw its work."""
    logits = np.zeros(truth.shape)
    folds = min(folds, len(set(works)))
    for fit, held in GroupKFold(folds).split(features, groups=list(works)):
        coef, intercept = _linear(
            features[fit], truth[fit], groups, strength, None if weights is None else weights[fit]
        )
        logits[held] = features[held] @ coef.T + intercept
    return logits


def calibrate(logits: Array, truth: Array, groups: Sequence[Sequence[int]]) -> tuple[Array, Array]:
    """Out-of-fold logits [n, L] -> scale [L], shift [L]: Platt (1999) per label with his smoothed targets, a temperature per group."""
    count = truth.shape[1]
    scale, shift = np.ones(count), np.zeros(count)
    grouped = {i for group in groups for i in group}
    for i in set(range(count)) - grouped:
        positives = int(truth[:, i].sum())
        if not 2 < positives < len(truth) - 2:
            continue
        high, low = (positives + 1) / (positives + 2), 1 / (len(truth) - positives + 2)
        target = np.where(truth[:, i], high, low)

        def loss(ab: Array, z: Array = logits[:, i], t: Array = target) -> float:
            return float(np.mean(np.logaddexp(0, ab[0] * z + ab[1]) - t * (ab[0] * z + ab[1])))

        scale[i], shift[i] = minimize(loss, [1.0, 0.0], bounds=[(0.05, 5), (-10, 10)]).x
    for group in groups:
        which = truth[:, group].argmax(axis=1)

        def group_loss(a: Array, z: Array = logits[:, group], which: Array = which) -> float:
            scaled = a[0] * z
            top = scaled.max(axis=1)
            return float(
                np.mean(np.log(np.exp(scaled - top[:, None]).sum(axis=1)) + top - scaled[np.arange(len(z)), which])
            )

        scale[list(group)] = minimize(group_loss, [1.0], bounds=[(0.05, 5)]).x[0]
    return scale, shift


def calibrated_heads(coef: Array, intercept: Array, logits: Array, truth: Array, pack: Pack) -> Heads:
    """coef [L, d], intercept [L], and logits [m, L] of texts that they were not fitted on -> heads, calibrated on these."""
    groups = exhaustive_groups(truth, pack)
    scale, shift = calibrate(logits, truth, groups)
    coef32, intercept32, scale32, shift32 = (np.asarray(a, np.float32) for a in (coef, intercept, scale, shift))
    return Heads(pack.labels, coef32, intercept32, scale32, shift32, groups)


def fit_heads(
    features: Array,
    truth: Array,
    works: Sequence[str],
    pack: Pack,
    *,
    strength: float = 1.0,
    weights: Array | None = None,
) -> tuple[Heads, Array]:
    """features [n, d], truth bool [n, L], work of each row [n] -> heads, and out-of-fold probabilities [n, L] to judge them by."""
    groups = exhaustive_groups(truth, pack)
    logits = out_of_fold(features, truth, works, groups, strength=strength, weights=weights)
    heads = calibrated_heads(*_linear(features, truth, groups, strength, weights), logits, truth, pack)
    return heads, calibrated(np.asarray(logits, np.float32), heads.scale, heads.shift, groups)
