"""One label's counts by dimension, unit and basis, with what is known of them: calibrated, pooled or neither."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from corpus_tools.estimate.cells import Labels, Rates, Scored, cells, rates
from corpus_tools.estimate.draws import shard_variance
from corpus_tools.estimate.late import SHARED, Drift, label_drift, score_drift
from corpus_tools.estimate.missed import Missed, missed
from corpus_tools.estimate.sources import Sources, sources, spread
from corpus_tools.estimate.survey import BASES, UNITS, Bools, Floats, Pairs, Survey, sums
from corpus_tools.estimate.whole import Whole, classifier_recall, whole
from corpus_tools.estimate.wrong_labels import factors, wrong_shares

LABELS_FOR_CORPUS = 300
LABELS_FOR_SOURCE = 30
LABELLED_SOURCES = 20
SHARDS = 30
HELD = 1.0  # the prior of an uncorrected rate, in contents, over the contents there are
AT_ONCE = 2  # topics; each takes about 0.6 GB per 10 million candidates
TRAINED_AT = 0.2  # prevalence at which scores are taken to be calibrated, where nothing is said


Key = tuple[tuple[str, str], str, str]
"""(dimension, second dimension), unit, basis"""


@dataclass(frozen=True)
class Topic:
    """One label's scores and labels over the contents: what is estimated, a label or a label and a mode together."""

    name: str
    scores: Callable[[], Floats]  # [C], made when asked for: of many labels they would fill the memory
    labels: Labels
    trained_at: float | None  # prevalence at which scores are calibrated; None: they are shifted already
    threshold: float = 0.5

    @property
    def score(self) -> Floats:
        """[C]"""
        return self.scores()


@dataclass(frozen=True)
class Counts:
    """Positives per source of one dimension, unit and basis, with what is known of them. Arrays [X]."""

    value: Floats
    variance: Floats
    low: Floats  # nan without an interval
    high: Floats
    one_sided: Bools
    spread: Floats  # nan with an interval
    n_labelled: Floats
    calibrated: Bools
    pooled: Bools
    labelled_by: str = ""
    corrected: bool = True  # by labels; if not, a sum of scores


class Reckoning:
    """A survey, its labels and the rule of the shards -> Counts of any topic by any dimension. Cells are made once
    per topic."""

    def __init__(
        self,
        data: Survey,
        level: float = 0.95,
        no_interval: Mapping[tuple[str, str], Bools] | None = None,
        units: Sequence[str] = UNITS,
        bases: Sequence[str] = BASES,
        gate: Callable[[Survey, Scored, Labels, Rates], Missed] = missed,
    ) -> None:
        self.gate = gate
        self.data, self.level, self.units, self.bases = data, level, units, bases
        self.no_interval = no_interval or {}
        # Topic -> of scores | labels, where shards arrived after the first round.
        self.drifts: dict[str, dict[str, Drift]] = {}

    def corrected(self, topic: Topic) -> bool:
        """Whether there are labels enough: 300, or every candidate."""
        n, size = topic.labels.n, self.data.size
        return n >= LABELS_FOR_CORPUS or (size > 0 and n == size and bool(topic.labels.certain.all()))

    def scored(self, topic: Topic, score: Floats | None = None) -> Scored:
        """Shifted scores and cells (of `score` [C], where it is at hand). Without labels enough nothing corrects a prior
        that ran off: it is held."""
        held = 0.0 if self.corrected(topic) else HELD
        return cells(self.data, topic.score if score is None else score, topic.labels, topic.trained_at, held)

    def counts(
        self, topic: Topic, dimensions: Sequence[Pairs], totals: Mapping[Key, Floats]
    ) -> tuple[dict[Key, Counts], dict[tuple[str, str], Whole]]:
        """Counts by (dimension, unit, basis), and the corpus's parts by (unit, basis) if labelled."""
        data = self.data
        corrected, score = self.corrected(topic), topic.score
        scored = self.scored(topic, score)
        if data.arrived.any() and topic.trained_at is not None:
            found = {
                "scores": score_drift(data, score, data.arrived),
                "labels": label_drift(data, scored, topic.labels, data.arrived),
            }
            self.drifts[topic.name] = {k: d for k, d in found.items() if d is not None}
        out: dict[Key, Counts] = {}
        wholes: dict[tuple[str, str], Whole] = {}
        if not corrected:
            for pairs in (data.corpus, *dimensions):
                for unit in self.units:
                    for basis in self.bases:
                        out[pairs.dimension, unit, basis] = self._uncorrected(topic, scored, pairs, unit, basis)
            return out, wholes
        once = data.design_weights("passages", "distinct")
        gate = None
        if not data.complete_open:
            gate = self.gate(data, scored, topic.labels, rates(scored, once, topic.labels, data.in_design))
        drift = 0.0
        if data.late.any():
            seen = score_drift(data, score, data.late)
            drift = SHARED**2 + (seen.excess if seen else 0.0)
        found_rates: dict[tuple[str, str], Rates] = {}
        for key in ((u, b) for u in self.units for b in self.bases):
            weight = data.design_weights(*key)
            r = found_rates[key] = rates(scored, weight, topic.labels, data.in_design, data.inclusion)
            w = whole(data, scored, topic.labels, r, gate, weight, *key, self.level, drift)
            if key == ("passages", "exposure"):
                above = score >= topic.threshold
                recall = classifier_recall(data, scored, topic.labels, r, weight, above)
                moved = {
                    name: factors(scored, r, topic.labels, weight, wrong)
                    for name, wrong in wrong_shares(topic.labels).items()
                }
                # What was found in rejected text may all be wrong: what is seen alone limits it from below.
                limits = {name: (w.seen.low * a, w.theta.high * b) for name, (a, b) in moved.items()}
                w = replace(w, by_score=recall, if_wrong=limits)
            wholes[key] = w
            out[(data.corpus.dimension, *key)] = self._of_corpus(w, topic.labels, totals, *key)
        for pairs in dimensions:
            here = spread(pairs, scored, topic.labels)
            for key, r in found_rates.items():
                cap = totals.get((pairs.dimension, *key), np.full(len(pairs.names), np.inf))
                s = sources(pairs, data, scored, topic.labels, r, wholes[key], *key, cap, here, self.level, drift)
                out[(pairs.dimension, *key)] = self._of_sources(s, pairs, topic.labels.by)
        return out, wholes

    def in_turn(
        self, topics: Sequence[Topic], dimensions: Sequence[Pairs], totals: Mapping[Key, Floats]
    ) -> Iterator[tuple[str, dict[Key, Counts], dict[tuple[str, str], Whole]]]:
        """Name and counts of each topic in order, AT_ONCE at a time: arrays free the interpreter's lock."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            waiting = list(topics)
            running: deque[tuple[str, Future[Any]]] = deque()
            while waiting or running:
                while waiting and len(running) < AT_ONCE:
                    topic = waiting.pop(0)
                    running.append((topic.name, pool.submit(self.counts, topic, dimensions, totals)))
                name, first = running.popleft()
                yield name, *first.result()

    def _of_corpus(
        self,
        w: Whole,
        labels: Labels,
        totals: Mapping[Key, Floats],
        unit: str,
        basis: str,
    ) -> Counts:
        cap = totals.get((self.data.corpus.dimension, unit, basis), np.array([np.inf]))
        yes = np.array([not self.no_interval.get(self.data.corpus.dimension, np.array([False]))[0]])
        t = w.theta
        late = np.array([bool(self.data.late.any())])
        return Counts(
            value=np.minimum(np.array([t.value]), cap),
            variance=np.array([t.variance]),
            low=np.where(yes, np.minimum(t.low, cap), np.nan),
            high=np.where(yes, np.minimum(t.high, cap), np.nan),
            one_sided=np.array([t.bound == "upper"]),
            spread=np.where(yes, np.nan, 1.96 * np.sqrt(t.variance) / max(t.value, 1e-300)),
            n_labelled=np.array([labels.n], float),
            calibrated=yes & ~late,
            pooled=yes & late,
            labelled_by=labels.by,
        )

    def _of_sources(self, s: Sources, pairs: Pairs, by: str) -> Counts:
        barred = self.no_interval.get(pairs.dimension, np.zeros(len(pairs.names), bool))
        enough = ((s.n_labelled >= LABELS_FOR_SOURCE) | s.complete) & ~barred
        calibrated = enough & ~s.late
        pooled = ~calibrated & ~barred & (enough | (s.n_sources_labelled >= LABELLED_SOURCES))
        yes = calibrated | pooled
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.where(s.value > 0, 1.96 * np.sqrt(s.variance) / s.value, np.nan)
        return Counts(
            value=s.value,
            variance=s.variance,
            low=np.where(yes, s.low, np.nan),
            high=np.where(yes, s.high, np.nan),
            one_sided=s.upper_only,
            spread=np.where(yes, np.nan, spread),
            n_labelled=s.n_labelled.astype(float),
            calibrated=calibrated,
            pooled=pooled,
            labelled_by=by,
        )

    def _uncorrected(self, topic: Topic, scored: Scored, pairs: Pairs, unit: str, basis: str) -> Counts:
        """Probability-weighted sums of scores, shifted to each gate stratum's own prior. Their spread is the
        sampling's alone: the classifier's error, which is larger, is not in it."""
        data, x_size = self.data, len(pairs.names)
        p = scored.shifted[pairs.content]
        value, variance, seen = np.zeros(x_size), np.zeros(x_size), np.zeros(x_size)
        for rest in (False, True):
            w = pairs.weights(data.n_words, unit, basis, rest)
            inclusion = data.q * (data.open_probability if rest else 1.0)
            value += sums(pairs.source, w * p, size=x_size)
            variance += sums(pairs.source, w**2 * (1 - inclusion[pairs.content]) * p, size=x_size)
            seen = seen if rest else value.copy()
        # The draw of shards; what the gate does not hit is taken to differ between them as what it hits does.
        scale = np.divide(value, seen, out=np.ones(x_size), where=seen > 0)
        variance += shard_variance(data, pairs, scored.shifted, unit, basis, self.level) * scale**2
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.where(value > 0, 1.96 * np.sqrt(variance) / value, np.nan)
        n = sums(pairs.source[pairs.of(topic.labels.at)[0]], size=x_size)
        nothing = np.zeros(x_size, bool)
        nan = np.full(x_size, np.nan)
        return Counts(
            value,
            variance,
            nan,
            nan,
            nothing,
            spread,
            n,
            nothing,
            nothing,
            topic.labels.by,
            corrected=False,
        )


def joint(a: Topic, b: Topic, score: Floats) -> Topic:
    """Both true: labels where both are labelled; `score`: of both together, shifted already."""
    common, ia, ib = np.intersect1d(a.labels.at, b.labels.at, return_indices=True)
    labels = Labels(
        at=common,
        y=a.labels.y[ia] * b.labels.y[ib],
        inverse=np.maximum(a.labels.inverse[ia], b.labels.inverse[ib]),
        certain=a.labels.certain[ia] & b.labels.certain[ib],
        several_rounds=a.labels.several_rounds or b.labels.several_rounds,
        by=a.labels.by if a.labels.by == b.labels.by else f"{a.labels.by}, {b.labels.by}",
    )
    return Topic(f"{a.name} and {b.name}", lambda: score, labels, None)


def adding_up(parts: Sequence[Counts], whole: Floats, *, at_most: bool = False) -> list[Counts]:
    """Counts of parts that exclude each other -> the same, scaled so that in every source they add up to the whole [X], which more
    labels stand behind (`at_most`: so that they are no more). A limit only moves outward."""
    together = np.sum([c.value for c in parts], axis=0)
    use = (together > whole if at_most else together > 0) & (whole > 0)
    factor = np.divide(whole, together, out=np.ones(len(whole)), where=use)
    return [
        replace(
            c,
            value=c.value * factor,
            low=c.low * np.minimum(factor, 1),
            high=np.where(c.one_sided, np.maximum(c.high, c.value * factor), c.high * np.maximum(factor, 1)),
        )
        for c in parts
    ]


def stack(counts: Sequence[Counts], interleave: bool = False) -> Counts:
    """Counts of V topics as those of V sources; with `interleave`, [X] each become [X * V], source by source."""

    def together(name: str) -> Floats:
        arrays = [getattr(c, name) for c in counts]
        return np.stack(arrays, 1).ravel() if interleave else np.concatenate(arrays)

    names = ("value", "variance", "low", "high", "one_sided", "spread", "n_labelled", "calibrated", "pooled")
    return Counts(
        **{n: together(n) for n in names},  # type: ignore[arg-type]  # by name
        labelled_by=counts[0].labelled_by,
        corrected=all(c.corrected for c in counts),
    )
