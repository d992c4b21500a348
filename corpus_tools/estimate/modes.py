"""Kinds of passage that are themselves estimated (how a text speaks): their totals over all text, and a label within
each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from corpus_tools.estimate.cells import Labels, cells, rates
from corpus_tools.estimate.survey import SAMPLED, Floats, Pairs, Survey, sums
from corpus_tools.estimate.totals import Totals
from corpus_tools.estimate.whole import cell_means, open_variance, screen_variance


def mode_totals(
    survey: Survey,
    scores: Sequence[Floats],
    labels: Sequence[Labels],
    of: Mapping[tuple[str, str], Totals],
    corrected: bool,
) -> dict[tuple[str, str], Totals]:
    """Totals of V exclusive modes by (unit, basis), each [V], adding up to the corpus's scored text.

    scores: V arrays [C]. labels: V of them. `corrected`: by the labels, else sums of scores without low and high.
    Over all text: the sampled documents stand for those that the gate does not hit, and the draw of documents is in
    the interval.
    """
    together = np.maximum(np.sum(scores, axis=0), 1e-9)
    out: dict[tuple[str, str], Totals] = {}
    for unit, basis in [k for k in of if k[0] != "documents"]:
        values, variances = [], []
        seen = np.where(survey.in_design, survey.content_weights(unit, basis), 0.0)
        rest = np.zeros(survey.size) if survey.complete_open else survey.content_weights(unit, basis, rest=True)
        for score, mine in zip(scores, labels, strict=True):
            share = score / together
            if not corrected:
                values.append(float(((seen + rest) * share).sum()))
                variances.append(0.0)
                continue
            scored = cells(survey, share, mine, 0.5)
            r = rates(scored, seen, mine, survey.in_design)
            p = cell_means(scored, r, mine)[scored.cell]
            value = r.total
            variance = r.label_variance() + screen_variance(survey, scored, r, mine, seen, unit, basis)
            variance += float(open_variance(survey, survey.corpus, p, unit, basis)[0])
            if rest.any():
                sampled = rest > 0
                r = rates(scored, rest, mine, sampled)
                p = np.where(survey.gate == SAMPLED, cell_means(scored, r, mine)[scored.cell], share)
                value += r.total
                variance += r.label_variance() + float(
                    open_variance(survey, survey.corpus, p, unit, basis, rest=True)[0]
                )
            values.append(value)
            variances.append(variance)
        total = float(of[unit, basis].scored[0])
        factor = total / max(sum(values), 1e-300)
        value_v = np.array(values) * factor
        sd = np.sqrt(np.array(variances)) * factor
        # Shares of one whole: what one mode gains another loses.
        sd = sd * np.sqrt(np.maximum(1 - value_v / max(total, 1e-300), 0.05))
        none = np.full(len(values), np.nan)
        z = 1.959963984540054
        out[unit, basis] = Totals(
            value_v,
            np.maximum(value_v - z * sd, 0) if corrected else none,
            np.minimum(value_v + z * sd, total) if corrected else none,
            np.zeros(len(values)),
        )
    return out


def mode_shares(survey: Survey, pairs: Pairs, scores: Sequence[Floats], unit: str, basis: str) -> Floats:
    """[X, V] share of each mode in each source's text by the scores alone, a source's own held by 20 passages' worth
    of the corpus."""
    together = np.maximum(np.sum(scores, axis=0), 1e-9)
    x_size = len(pairs.names)
    w = pairs.weights(survey.n_words, unit, basis) + pairs.weights(survey.n_words, unit, basis, rest=True)
    base = sums(pairs.source, w, size=x_size)
    typical = float(w.sum()) / max(len(w), 1)
    out = np.zeros((x_size, len(scores)))
    for v, score in enumerate(scores):
        mine = w * (score / together)[pairs.content]
        all_share = float(mine.sum()) / max(float(w.sum()), 1e-300)
        out[:, v] = (sums(pairs.source, mine, size=x_size) + 20 * typical * all_share) / (base + 20 * typical)
    return np.asarray(out / np.maximum(out.sum(1, keepdims=True), 1e-300), np.float64)
