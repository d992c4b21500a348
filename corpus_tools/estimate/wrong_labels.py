"""If labels are wrong: how far a corpus figure could move."""

from __future__ import annotations

import numpy as np

from corpus_tools.estimate.cells import Labels, Rates, Scored
from corpus_tools.estimate.survey import Floats, sums

SHARES = (0.01, 0.02, 0.05)  # of labels, that are looked at whoever labelled
FEWEST_TWICE = 30  # passages labelled twice from which their disagreement says how often a label is wrong


def wrong_shares(labels: Labels) -> dict[str, float]:
    """Name -> share of labels taken to be wrong: the fixed ones, and what annotators' disagreement d says, if two err
    alike and apart: d = 2 e (1 - e). Errors that both make do not show in it."""
    out = {f"{s:.0%} of labels wrong": s for s in SHARES}
    if labels.twice >= FEWEST_TWICE:
        d = min(labels.differ / labels.twice, 0.5)
        out["as annotators differ"] = float((1 - np.sqrt(1 - 2 * d)) / 2)
    return out


def factors(scored: Scored, rates: Rates, labels: Labels, weight: Floats, wrong: float) -> tuple[float, float]:
    """What is seen, over its figure, if a share `wrong` of the labels of negatives say yes, and if that share of the
    labels of positives say no: cell by cell the observed rate put right (Rogan and Gladen 1978, Am. J. Epidemiol.
    107), never below 0. Both at once lie between. `weight` [C]: 0 outside the design."""
    at, h = labels.at, scored.n_cells
    size = rates.unlabelled + sums(scored.cell[at], weight[at], size=h)
    seen = rates.unlabelled * rates.rate + sums(scored.cell[at], weight[at] * labels.y, size=h)
    observed = seen / np.maximum(size, 1e-300)
    total = max(float(seen.sum()), 1e-300)
    fewest = float((size * np.clip((observed - wrong) / (1 - wrong), 0, 1)).sum())
    most = float((size * np.clip(observed / (1 - wrong), 0, 1)).sum())
    return fewest / total, most / total
