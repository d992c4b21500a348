"""Taking documents out by their highest score: what share of the positives goes with them, and what else.

A list of documents is a fact, not a sample: its documents and words are counted. What is estimated is what the list holds of
the positives, and what it leaves. In a listed document a drawn passage counts for itself; one that the screen left out is
stood for, (1 - q) / q, by drawn passages of documents that are listed *without* them: whether such a passage was drawn then
has no part in whether its document is listed, so the estimate is unbiased (Horvitz and Thompson 1952, for the domain 'listed,
not drawn'). Weighting every passage of the list by 1 / q would count documents twice that are only listed because a rare
draw fell on them. What is left is the whole (`whole.py`: seen and missed) less the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from corpus_tools.errors import Stop
from corpus_tools.estimate.cells import Labels, Rates, Scored, cells, labels_of, rates
from corpus_tools.estimate.contents import survey
from corpus_tools.estimate.frames import as_polars, key, require, usable_labels
from corpus_tools.estimate.intervals import gamma_interval, logit_interval
from corpus_tools.estimate.listing import Held, listing
from corpus_tools.estimate.missed import missed
from corpus_tools.estimate.reckon import LABELS_FOR_CORPUS, SHARDS, TRAINED_AT
from corpus_tools.estimate.survey import Floats, Survey
from corpus_tools.estimate.whole import Whole, whole

UNIT, BASIS = "words", "exposure"


@dataclass(frozen=True)
class Figure:
    """An estimate with its 95 % interval; all three None where labels do not tell."""

    value: float | None
    low: float | None
    high: float | None


UNKNOWN = Figure(None, None, None)


@dataclass(frozen=True)
class Row:
    """One threshold of the trade-off. Shares are of the corpus's words and of its positives, in words."""

    threshold: float
    documents: int  # listed
    words: int  # in them
    words_lost: float  # share of all words of the corpus
    removed: Figure  # share of all positives: recall, over what the gate misses too
    precision: (
        Figure  # share of the listed documents whose highest passage is positive: at least so many are rightly listed
    )
    positive_words: Figure  # share of the listed words that are positive
    labelled: int  # labelled passages in listed documents


@dataclass(frozen=True)
class Beyond:
    """What no threshold reaches: a share of all positives, and where it lies (shares of all positives, that add up)."""

    unreached: Figure
    not_opened: float | None  # in documents that the gate does not hit and the audit draw did not open
    not_drawn: float | None  # in opened documents of which the screen drew no passage
    not_scanned: float | None  # in shards that were not scanned


class Removal:
    """The documents of an audit by their highest score of `label`, and what a list of those at or above a threshold holds.

    passages, labels: as for estimate_audit (words are n_words). documents: document_id and words of every opened document.
    `words`: of the whole corpus. `of`: the label whose positives are counted, by default the label that lists. `barred`:
    documents that no list names, because another does. Figures are UNKNOWN unless `measured`: 300 labels of `of` or every
    candidate labelled, and no sampled data set with fewer than 30 shards (`shards`: dataset -> scanned, of). Raises Stop
    where a column is missing.
    """

    def __init__(
        self,
        passages: Any,
        documents: Any,
        labels: Any,
        label: str,
        *,
        words: float,
        of: str = "",
        shards: Mapping[str, tuple[int, int]] | None = None,
        trained_at: float = TRAINED_AT,
        barred: pl.Series | None = None,
    ) -> None:
        frame, documents = as_polars(passages, "passages"), as_polars(documents, "documents")
        of = of or label
        require(frame, ("document_id", "content", label, of), "passages")
        require(documents, ("document_id", "words"), "documents")
        if words <= 0:
            raise Stop(f"the corpus has {words} words", expected="more than none")
        self.data: Survey = survey(frame, list(dict.fromkeys((label, of))), home=("dataset", "domain"), shards=shards)
        good, _ = usable_labels(as_polars(labels, "labels"), key(frame["content"]).unique())
        self.labels: Labels = labels_of(self.data, good.filter(pl.col("label") == of))
        self.words, self.short = float(words), _short(shards)
        self._score, self._trained_at = self.data.score(of), trained_at
        self._rows = listing(frame, self.data, label, pl.Series([], dtype=pl.String) if barred is None else barred)
        self.scores = self._rows.scores(documents)

    @property
    def measured(self) -> bool:
        """Whether there are labels, and shards, enough for intervals."""
        everything = self.data.size > 0 and self.labels.n == self.data.size and bool(self.labels.certain.all())
        return (self.labels.n >= LABELS_FOR_CORPUS or everything) and not self.short

    def at(self, threshold: float) -> Row:
        """What the list of documents whose score reaches the threshold holds."""
        listed = self.scores.filter(pl.col("score") >= threshold)
        words = int(listed["words"].sum())
        removed = precision = positive = UNKNOWN
        held = self._rows.held(threshold)
        if self.measured and listed.height:
            inside = self._inside(held)
            removed = self._share(held, inside)
            top = self._rows.tops(threshold)
            precision = _proportion(self._rates(top, top > 0), float(top.sum()))
            positive = self._count(held, inside, words)
        elif self.measured:
            removed = Figure(0.0, 0.0, 0.0)
        labelled = int(((held.seen + held.rest)[self.labels.at] > 0).sum())
        return Row(threshold, listed.height, words, words / self.words, removed, precision, positive, labelled)

    def curve(self, thresholds: list[float]) -> list[Row]:
        """Rows by threshold, ascending. The share removed is made to fall with the threshold, as it must."""
        rows = [self.at(t) for t in sorted(set(thresholds))]
        most = Figure(0.0, 0.0, 0.0)
        out = []
        for row in reversed(rows):
            most = _larger(row.removed, most)
            out.append(Row(**{**vars(row), "removed": most if row.removed.value is not None else UNKNOWN}))
        return out[::-1]

    def thresholds(self, points: int = 40) -> list[float]:
        """Thresholds worth a look: even ones, and quantiles of the documents' scores."""
        scores = self.scores["score"].to_numpy()
        even = np.linspace(0.05, 0.95, 19)
        inside = scores[scores >= 0.005]
        spread = np.quantile(inside, np.linspace(0, 1, points)) if len(inside) else np.empty(0)
        most = float(scores.max(initial=0.0))
        return sorted({t for x in (*even, *spread, 0.01, 0.02) if 0 < (t := round(float(x), 4)) <= most})

    def beyond(self) -> Beyond:
        """What no list of this audit reaches, whatever the threshold."""
        if not self.measured:
            return Beyond(UNKNOWN, None, None, None)
        held = self._rows.held(0.0)
        inside = self._inside(held)
        share = self._share(held, inside)
        w = self._weight
        scanned = w * self.data.shard_probability
        opened = scanned * self.data.open_probability
        of_all, of_scanned, of_opened = (self._rates(x, self.data.in_design).total for x in (w, scanned, opened))
        parts = np.array(
            [
                max(self._whole.missed.value - inside[1].total, 0.0) + max(of_scanned - of_opened, 0.0),
                max(of_opened - inside[0].total, 0.0),
                max(of_all - of_scanned, 0.0),
            ]
        )
        parts *= (1 - (share.value or 0.0)) / max(float(parts.sum()), 1e-300)
        unreached = Figure(*(1 - (x or 0.0) for x in (share.value, share.high, share.low)))
        return Beyond(unreached, *(float(p) for p in parts))

    # Rates of the whole and of parts of it.

    @cached_property
    def _scored(self) -> Scored:
        return cells(self.data, self._score, self.labels, self._trained_at)

    @cached_property
    def _weight(self) -> Floats:
        return self.data.design_weights(UNIT, BASIS)

    def _rates(self, weight: Floats, use: NDArray[np.bool_]) -> Rates:
        return rates(self._scored, np.where(use, weight, 0.0), self.labels, use)

    @cached_property
    def _whole(self) -> Whole:
        gate = None
        if not self.data.complete_open:
            once = self.data.design_weights("passages", "distinct")
            gate = missed(self.data, self._scored, self.labels, self._rates(once, self.data.in_design))
        r = self._rates(self._weight, self.data.in_design)
        return whole(self.data, self._scored, self.labels, r, gate, self._weight, UNIT, BASIS)

    def _inside(self, held: Held) -> tuple[Rates, Rates]:
        """Rates of the list's part in documents that the gate hits, and of its part in the others."""
        return self._rates(held.seen, self.data.in_design), self._rates(held.rest, ~self.data.in_design)

    def _guess(self, held: Held, r: Rates) -> tuple[float, float]:
        """Positive words that the screen left out of listed documents, and the variance of that: (1 - q) / q of the draw's.

        A few draws carry it, each with a large weight: those that are labelled count as they are labelled, or a lucky cell
        would make the variance of an unlucky draw.
        """
        y = r.rate[self._scored.cell]
        y[self.labels.at] = self.labels.y
        here = self.data.q < 1
        g, q = held.guessed[here], self.data.q[here]
        value, variance = float(g @ y[here]), float((g**2 / (1 - q)) @ y[here])
        return value, variance * (1 + 1 / max(value**2 / max(variance, 1e-300), 1.0))

    def _count(self, held: Held, inside: tuple[Rates, Rates], words: int) -> Figure:
        """Positive words of the list over its words; the interval of a sum from those of its parts (Zou and Donner 2008)."""
        value = inside[0].total + inside[1].total
        guess, variance = self._guess(held, inside[0])
        known = stats.norm.ppf(0.975) * np.sqrt(sum(r.label_variance() for r in inside))
        low, high = (float(x) for x in gamma_interval(guess, variance))
        ends = value, value - np.hypot(guess - low, known), value + np.hypot(high - guess, known)
        return Figure(*(float(np.clip(x / max(words, 1), 0, 1)) for x in ends))

    def _share(self, held: Held, inside: tuple[Rates, Rates]) -> Figure:
        """The list's positives over all positives. List and rest have labels of their own, so that their relative variances
        add on the log odds."""
        weight = np.maximum(self._weight - held.seen, 0.0)
        left, w = self._rates(weight, self.data.in_design), self._whole
        part = inside[0].total + inside[1].total
        rest = left.total + max(w.missed.value - inside[1].total, 0.0)
        if part <= 0 or rest <= 0:
            end = 0.0 if part <= 0 else 1.0
            return Figure(end, end, end)
        screen = float((weight**2 * (1 - self.data.q) * left.rate[self._scored.cell]).sum())
        drawn = max(w.seen.variance - self._label_and_screen, 0.0)  # documents and shards as they were drawn
        v_rest = left.label_variance() + screen + w.missed.variance + drawn
        v_part = sum(r.label_variance() for r in inside) + self._guess(held, inside[0])[1]
        sd = np.sqrt(v_part / part**2 + v_rest / rest**2)
        low, high = logit_interval(part / (part + rest), sd)
        return Figure(part / (part + rest), float(low), float(high))

    @cached_property
    def _label_and_screen(self) -> float:
        return self._rates(self._weight, self.data.in_design).label_variance() + self._whole.screen_variance


def _short(shards: Mapping[str, tuple[int, int]] | None) -> list[str]:
    return [d for d, (n, of) in (shards or {}).items() if n < of and n < SHARDS]


def _larger(a: Figure, b: Figure) -> Figure:
    if a.value is None or b.value is None or a.low is None or b.low is None or a.high is None or b.high is None:
        return b if a.value is None else a
    return a if a.value >= b.value else Figure(b.value, min(a.low, b.value), max(a.high, b.value))


def _proportion(r: Rates, of: float) -> Figure:
    """A share from an estimated count: a Beta with its mean and variance."""
    if of <= 0:
        return UNKNOWN
    p, v = min(r.total / of, 1.0), r.label_variance() / of**2
    if v <= 0 or p <= 0 or p >= 1:
        return Figure(p, p, p)
    size = max(p * (1 - p) / v - 1, 1.0)
    low, high = stats.beta.ppf((0.025, 0.975), p * size, (1 - p) * size)
    return Figure(p, float(low), float(high))
