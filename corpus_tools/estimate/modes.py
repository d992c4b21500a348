"""Kinds of passage that are themselves estimated (how a text speaks): their totals over all text, and a label within
each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import special

from corpus_tools.estimate.cells import Labels, cells, rates
from corpus_tools.estimate.draws import open_variance, rest_variance
from corpus_tools.estimate.intervals import inflation, logit_interval
from corpus_tools.estimate.screened import cell_means, class_rates, screen_variance
from corpus_tools.estimate.survey import SAMPLED, Floats, Pairs, Survey, sums
from corpus_tools.estimate.totals import Totals

BORROWED = 20  # passages of the whole corpus that a source's own shares are held by
ALIKE = 0.5  # sd between sources of the log odds by which a mode's scores are off
Z = 1.959963984540054


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
    few = _few_documents(survey)
    out: dict[tuple[str, str], Totals] = {}
    for unit, basis in [k for k in of if k[0] != "documents"]:
        values, variances = [], []
        seen = survey.design_weights(unit, basis)
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
            variance = r.label_variance() + screen_variance(
                survey, class_rates(survey, scored, r, mine, seen), unit, basis
            )
            variance += float(open_variance(survey, survey.corpus, p, unit, basis)[0])
            if rest.any():
                sampled = rest > 0
                r = rates(scored, rest, mine, sampled)
                p = np.where(survey.gate == SAMPLED, cell_means(scored, r, mine)[scored.cell], share)
                value += r.total
                variance += r.label_variance() + rest_variance(survey, p, unit, basis) * few
            values.append(value)
            variances.append(variance)
        total = float(of[unit, basis].scored[0])
        factor = total / max(sum(values), 1e-300)
        value_v = np.array(values) * factor
        sd = np.sqrt(np.array(variances)) * factor
        # Shares of one whole: what one mode gains another loses.
        sd = sd * np.sqrt(np.maximum(1 - value_v / max(total, 1e-300), 0.05))
        out[unit, basis] = _as_totals(
            np.array([total]), value_v[None, :] / max(total, 1e-300), sd[None, :] / max(total, 1e-300), corrected
        )
    return out


def _few_documents(survey: Survey) -> float:
    """(t / z) squared for the draw of documents that the gate does not hit: a few of many copies carry most of it."""
    if not len(survey.rest.start):
        return 1.0
    weight = np.add.reduceat(survey.rest.weight, survey.rest.start)
    return inflation(weight**2, np.ones(len(weight)))


def source_mode_totals(
    survey: Survey, pairs: Pairs, shares: Floats, of: Totals, corpus: Totals, unit: str, basis: str
) -> Totals:
    """Text of each source and mode [X x V]: the source's text by its shares [X, V], scaled so that they add up to the
    corpus's modes and (nearly) to the source.

    Their error: the corpus's, that of the passages a share was read from, how far sources differ where it was
    borrowed, and what the scores may be off in one source alone (log odds within ALIKE). None without the corpus's.
    """
    text = of.scored
    raw = text[:, None] * shares
    raw *= (corpus.total / np.maximum(raw.sum(0), 1e-300))[None, :]
    raw *= (text / np.maximum(raw.sum(1), 1e-300))[:, None]
    s = raw / np.maximum(text, 1e-300)[:, None]
    w = pairs.weights(survey.n_words, unit, basis) + pairs.weights(survey.n_words, unit, basis, rest=True)
    x_size = len(pairs.names)
    base, square = sums(pairs.source, w, size=x_size), sums(pairs.source, w**2, size=x_size)
    n = (base**2 / np.maximum(square, 1e-300))[:, None]
    weight = (base / max(float(base.sum()), 1e-300))[:, None]
    between = (weight * (shares - (weight * shares).sum(0)) ** 2).sum(0)
    corrected = not bool(np.isnan(corpus.high).any())
    cv = np.zeros(shares.shape[1])
    if corrected:  # of log odds, so of the share itself where it is small
        cv = (special.logit(corpus.high / corpus.scored.sum()) - special.logit(corpus.low / corpus.scored.sum())) / (
            2 * Z
        )
    spread = s * (1 - s)
    variance = (spread * cv) ** 2 + spread / (n + BORROWED) + (spread * ALIKE) ** 2
    variance += (BORROWED / (n + BORROWED)) ** 2 * between
    return _as_totals(text, s, np.sqrt(variance), corrected)


def _as_totals(text: Floats, share: Floats, sd: Floats, corrected: bool) -> Totals:
    """[X] text, [X, V] shares and their standard errors -> Totals [X x V], limits on the log odds."""
    inside = np.clip(share, 1e-12, 1 - 1e-12)
    low, high = logit_interval(inside, sd / (inside * (1 - inside)))
    value = text[:, None] * share
    if not corrected:
        none = np.full(value.size, np.nan)
        return Totals(value.ravel(), none, none, np.zeros(value.size))
    return Totals(value.ravel(), (text[:, None] * low).ravel(), (text[:, None] * high).ravel(), np.zeros(value.size))


def mode_shares(survey: Survey, pairs: Pairs, scores: Sequence[Floats], unit: str, basis: str) -> Floats:
    """[X, V] share of each mode in each source's text by the scores alone, a source's own held by BORROWED passages' worth
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
        out[:, v] = (sums(pairs.source, mine, size=x_size) + BORROWED * typical * all_share) / (
            base + BORROWED * typical
        )
    return np.asarray(out / np.maximum(out.sum(1, keepdims=True), 1e-300), np.float64)
