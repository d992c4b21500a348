"""The dimension `mode` and its crossings: how a text speaks is itself estimated, and so is what speaks so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from corpus_tools.estimate import measures as m
from corpus_tools.estimate.modes import mode_shares, mode_totals, source_mode_totals
from corpus_tools.estimate.reckon import LABELS_FOR_CORPUS, Counts, Key, Reckoning, Topic, adding_up, joint, stack
from corpus_tools.estimate.survey import WHOLE, Floats, Place
from corpus_tools.estimate.totals import Totals
from corpus_tools.estimate.writer import Writer

UNCORRECTED = "sum of scores, prior shifted and held by stratum, times the mode's score; not corrected"


def write_modes(
    writer: Writer,
    reckoning: Reckoning,
    modes: Mapping[str, Topic],
    of: Sequence[Topic],
    totals: Mapping[tuple[str, str], Mapping[tuple[str, str], Totals]],
    over: Mapping[Key, Floats],
    done: Mapping[str, Mapping[Key, Counts]],
    wholes: Mapping[str, Mapping[Key, Floats]],
    alone: bool,
    crossed: Sequence[tuple[str, str]],
) -> None:
    """Totals of each mode, and of each label in `of` and the mode together: over the corpus (`alone`) and by source.

    Scores of both together: the label's, shifted to its stratum, times the mode's share of the modes' scores as they
    are. A shift of the product would start from a prior that no one knows and ends at 0; the modes' scores were
    calibrated where such passages are many, which is where positives lie. The modes of a label add up to the label: without labels
    by themselves, with labels once they are scaled. `wholes`: label -> its counts by source.
    """
    data = reckoning.data
    values, of_mode = list(modes), list(modes.values())
    scores = [t.score for t in of_mode]
    corrected = all(t.labels.n >= LABELS_FOR_CORPUS for t in of_mode)
    by = mode_totals(data, scores, [t.labels for t in of_mode], totals["", ""], corrected)
    place = Place(("mode", ""), [(v, "") for v in values])
    if alone:
        writer.totals(place, by)
    pairs, places, parts = [], [], []
    for a, b in crossed:
        p = data.pairs[(b if a == "mode" else a), ""]
        pairs.append(p)
        places.append(Place((a, b), [(n[0], v) if b == "mode" else (v, n[0]) for n in p.names for v in values]))
        parts.append(
            {
                key: source_mode_totals(data, p, mode_shares(data, p, scores, *key), totals[p.dimension][key], t, *key)
                for key, t in by.items()
            }
        )
        writer.totals(places[-1], parts[-1])
    together = np.maximum(np.sum(scores, axis=0), 1e-9)
    for topic in of:
        mine = reckoning.scored(topic).shifted
        counted = [reckoning.counts(joint(topic, t, mine * (t.score / together)), pairs, over)[0] for t in of_mode]
        found = {
            key: adding_up([k[key] for k in counted], wholes[topic.name][key])
            for key in counted[0]
            if key in wholes[topic.name]
        }
        n_mode = np.array([float((t.labels.y >= 0.5).sum()) for t in of_mode])
        for unit, basis in by:
            c = replace(stack(found[WHOLE.dimension, unit, basis]), n_labelled=n_mode)
            if alone:
                scored = np.repeat(data.corpus.n_scored, len(values))
                writer.prevalence(place, unit, basis, topic.name, c, by, scored, uncorrected=UNCORRECTED)
                if basis == "exposure":
                    whole = done[topic.name][WHOLE.dimension, unit, basis]
                    x = m.Measure(c.value, c.low, c.high)
                    writer.measure(place, unit, basis, topic.name, "count", x, c, "weighted count")
                    x = m.share(c.value, c.variance, float(whole.value[0]), float(whole.variance[0]))
                    writer.measure(place, unit, basis, topic.name, "share", x, c, "part of all, log odds")
            for p, there, part in zip(pairs, places, parts, strict=True):
                c = stack(found[p.dimension, unit, basis], interleave=True)
                scored = np.repeat(p.n_scored, len(values))
                writer.prevalence(there, unit, basis, topic.name, c, part, scored, uncorrected=UNCORRECTED)
