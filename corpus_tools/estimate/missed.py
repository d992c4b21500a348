"""What the gate misses: a capture-recapture argument, updated by what labels found in rejected text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from corpus_tools.estimate.cells import ASSUMED_RECALL, Labels, Rates, Scored
from corpus_tools.estimate.intervals import gamma_quantile
from corpus_tools.estimate.screened import class_rates, uneven
from corpus_tools.estimate.survey import HIT, NEAR, SAMPLED, Floats, Survey, sums, sums_of

PRIOR_EVENTS = 0.1  # near positives that the assumed recall of the gate is worth

DISCREPANCY = 0.6  # relative, of the capture-recapture argument: terms of one document are not quite independent


@dataclass(frozen=True)
class Missed:
    """What the gate misses, in contents, with the labelled positives found in rejected text."""

    value: float  # contents
    variance: float
    found: int
    design_bound: float
    near_cv2: float
    seen: float  # positives in documents that the gate hits, to scale by
    seen_variance: float = 0.0  # of `seen`, as far as it moves with what is missed
    covariance: float = 0.0  # of `seen` and `value`: both rest on the same near passages and lone hits


def missed(survey: Survey, scored: Scored, labels: Labels, count: Rates) -> Missed:
    """Positives in documents that the gate does not hit, counted in contents: a capture-recapture argument.

    Among positive passages whose document is hit by *another* passage, those without a term of their own (near) and
    those with one (multi) tell the odds omega that a positive carries no term. Documents hit by this passage alone
    (solo) then leave omega x solo unseen. Assumes that a passage lacks a term independently of the others of its
    document (Chao 2001 reviews the bias if not: too low where misses cluster). omega: gamma with a tenth of a count at
    an assumed gate recall of 0.9. The missed count: gamma at that mean, updated by the labelled
    positives found in rejected text.
    """
    weight = survey.design_weights("passages", "distinct")
    unlabelled = np.ones(survey.size, bool)
    unlabelled[labels.at] = False
    hit, near = scored.gate == HIT, scored.gate == NEAR  # of each cell
    of = scored.cell[labels.at]
    known = weight[labels.at] * labels.y
    alone = survey.alone[labels.at]

    def columns(part: slice) -> tuple[Floats, Floats, Floats]:
        w, lone = np.where(unlabelled[part], weight[part], 0.0), survey.alone[part]
        return w * lone, w * (1 - lone), lone

    solo_weight, multi_weight, lone = sums_of(scored.cell, scored.n_cells, columns)
    solo = float((known * alone)[hit[of]].sum() + (solo_weight * count.rate)[hit].sum())
    multi = float((known * (1 - alone))[hit[of]].sum() + (multi_weight * count.rate)[hit].sum())
    near_value = float(known[near[of]].sum() + (count.unlabelled * count.rate)[near].sum())
    near_weight = float(count.unlabelled[near].sum()) + float(weight[labels.at][near[of]].sum())
    each = survey.corpus.square["passages", "distinct"]
    of_classes = class_rates(survey, scored, count, labels, weight)
    square = float(each[0][survey.classes.near].sum() * uneven(survey, each, True, of_classes)[0])
    near_rate = near_value / max(near_weight, 1e-300)
    near_variance = (
        float((count.unlabelled**2 * count.variance)[near].sum())
        + float((count.square * count.rate * (1 - count.rate))[near].sum())
        + square * near_rate
    )
    solo_cv2 = float(((lone * hit) ** 2 * count.variance).sum()) / max(solo, 1e-9) ** 2
    solo_variance = solo_cv2 * solo**2
    multi_variance = float((multi_weight**2 * count.variance)[hit].sum())
    omega0 = (1 - ASSUMED_RECALL) / ASSUMED_RECALL
    if near_value > 0 and near_variance > 0:
        events = near_value**2 / near_variance
        omega = (PRIOR_EVENTS + events) / (PRIOR_EVENTS / omega0 + events * multi / near_value)
        near_cv2 = 1 / events
    else:  # no near passages, or a census of them
        events = near_value
        omega = (PRIOR_EVENTS + events) / (PRIOR_EVENTS / omega0 + multi)
        near_cv2 = 0.0
    # How sure the argument is: the noise of omega and of solo, and what independence of the terms may be wrong by.
    shape = 1 / (1 / (PRIOR_EVENTS + events) + solo_cv2 + DISCREPANCY**2)
    # ln(omega x solo) moves with each part by 1 / part, multi against it; the seen moves with each by itself.
    together = near_variance / near_value if near_cv2 else 0.0
    together += solo_variance / max(solo, 1e-9) - multi_variance / max(multi, 1e-9)
    moves = near_variance + solo_variance + multi_variance
    return update(
        survey, scored, labels, max(omega * solo, 1e-9), shape, near_cv2, count.total, moves=moves, together=together
    )


def update(
    survey: Survey,
    scored: Scored,
    labels: Labels,
    expected: float,
    shape: float,
    near_cv2: float,
    seen: float,
    cluster: float = 3.0,
    moves: float = 0.0,
    together: float = 0.0,
) -> Missed:
    """What the gate is expected to miss, a gamma of `shape`, updated by what labels found in rejected text. `cluster`: how many
    positives come together. `moves`: variance of `seen`; `together`: its covariance with the logarithm of `expected`."""
    rest = survey.stratum(SAMPLED, None).contents
    opened = survey.open_probability[rest] * survey.q[rest]
    w = survey.content_weights("passages", "distinct", rest=True, contents=rest)
    labelled = label_inclusion(scored, labels)[scored.cell[rest]]
    found = float(labels.y[survey.gate[labels.at] == SAMPLED].sum())
    phi = anywhere = 0.0
    if len(rest) and w.sum() > 0:
        audit = float(np.average(opened, weights=w))
        anywhere = audit * float(np.average(labelled, weights=w))
        by_score = audit * float(np.average(labelled, weights=np.maximum(w * scored.shifted[rest], 1e-300)))
        phi = min(anywhere, by_score)
    b = shape / expected + phi
    value = (shape + found) / b
    variance = (shape + found) / b**2 + cluster * value  # passages come in clusters of about three (trial)
    bound = float(gamma_quantile(found + 1, found + 1, 0.95)) / anywhere if anywhere > 0 else float("inf")
    covariance = value * together * (shape / expected) / b  # labels in rejected text loosen the tie
    return Missed(value, variance, round(found), bound, near_cv2, seen, moves, covariance)


def label_inclusion(scored: Scored, labels: Labels) -> Floats:
    """[H] expected label probability of a cell's contents (those that were not labelled do not tell theirs): labels /
    contents."""
    n = sums(scored.cell[labels.at], size=scored.n_cells)
    return n / np.maximum(scored.size, 1)
