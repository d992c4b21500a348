"""Contents, weights and copies of an audit as arrays: what every estimate is computed from (contents.py makes them of passages).

A *content* is drawn, scored and labelled once, however many copies it has; so arrays are per content (`[C]`), and a
dimension holds *pairs* of content and source (`[P]`). Contents are sorted by their hash: the order and the split of
the input change nothing, not even the last digit. Weights are inverse inclusion probabilities, stage by stage
(Horvitz and Thompson 1952).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus_tools.estimate.frames import key

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

HIT, NEAR, SAMPLED = 0, 1, 2
UNITS = ("passages", "words")
BASES = ("exposure", "distinct")


def sums(codes: NDArray[Any], weights: NDArray[Any] | None = None, size: int = 0) -> Floats:
    """Sum of weights (or count) per code, [max(size, largest code + 1)]."""
    return np.bincount(codes, weights, minlength=size).astype(np.float64, copy=False)


def blocks(size: int, step: int = 1 << 16) -> Iterator[slice]:
    """Slices that cover [size], each small enough for a processor's cache: an array of everything would be written to memory and
    read again at every step of a calculation."""
    for start in range(0, size, step):
        yield slice(start, min(start + step, size))


def sums_of(codes: NDArray[Any], size: int, columns: Callable[[slice], Sequence[Floats]]) -> list[Floats]:
    """Sums per code of columns that are made block by block: `columns` gives those of a slice. Arrays [size], one per column."""
    out: list[Floats] = []
    for part in blocks(len(codes)):
        code = codes[part].astype(np.intp)
        some = [sums(code, column, size=size) for column in columns(part)]
        out = [a + b for a, b in zip(out, some, strict=True)] if out else some
    return out or [sums(np.zeros(0, np.intp), size=size) for _ in columns(slice(0, 0))]


@dataclass(frozen=True)
class Place:
    """A dimension (the second is '' unless two are crossed; both '' for the corpus) and the names of its X sources,
    by code."""

    dimension: tuple[str, str]
    names: list[tuple[str, str]]


WHOLE = Place(("", ""), [("all", "")])


@dataclass(frozen=True)
class Clusters:
    """Drawn passages that came into the audit together, as a document or a shard, source by source. Arrays [E], and per content
    of each [N]: in order of E."""

    of: NDArray[np.int32]  # number of the document (its content: copies are drawn together) or shard
    source: NDArray[np.int32]
    start: Ints  # of its contents
    content: NDArray[np.int32]  # [N]
    weight: Floats  # [N] sum over copies of 1 / (shard x open x screen)
    copies: NDArray[np.int32]  # [N]


@dataclass(frozen=True)
class Pairs(Place):
    """Content x source of one dimension: which contents lie in which source, how often and with what weight. All
    arrays [P]."""

    content: NDArray[np.int32]
    source: NDArray[np.int32]
    w_seen: Floats  # sum over copies in documents that the gate hits of 1 / (shard x open x screen)
    n_seen: NDArray[np.int32]  # those copies
    w_rest: Floats  # the same in sampled documents that it does not hit
    n_rest: NDArray[np.int32]
    n_scored: Floats  # [X] drawn and scored passages
    screened: Mapping[tuple[str, str], Floats]  # [X] by unit, basis: near passages or words, drawn or not, if screened
    square: Mapping[tuple[str, str], Floats]  # [X, G] by class of rate: sum over contents of copies^2 (1 - q) / q
    opened: Clusters  # of the design, by document drawn with a probability below 1
    sharded: Clusters  # of the design, by sampled shard
    _moments: dict[tuple[str, str], tuple[Floats, Floats, Floats]] = field(default_factory=dict)

    @cached_property
    def n_contents(self) -> Floats:
        """[X] candidates of each source, each content once."""
        return sums(self.source, size=len(self.names))

    def of(self, contents: Ints) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of these contents, and for each the position in `contents` (ascending): pairs lie in order of content."""
        wanted = contents.astype(self.content.dtype)  # of another type, all pairs would be copied to it
        start = np.searchsorted(self.content, wanted, side="left")
        n = np.searchsorted(self.content, wanted, side="right") - start
        which = np.repeat(np.arange(len(contents)), n)
        return np.repeat(start - np.cumsum(n) + n, n) + np.arange(int(n.sum())), which

    def moments(self, n_words: Floats, unit: str, basis: str) -> tuple[Floats, Floats, Floats]:
        """[X] sum of weights, of their squares, and the least weight above 0 (inf where none); kept."""
        if (unit, basis) not in self._moments:
            x_size = len(self.names)
            least = np.full(x_size, np.inf)
            for part in blocks(len(self.source)):
                w = self.weights(n_words, unit, basis, rows=part)
                use = w > 0
                np.minimum.at(least, self.source[part][use], w[use])
            w = self.weights(n_words, unit, basis)
            self._moments[unit, basis] = sums(self.source, w, size=x_size), sums(self.source, w**2, size=x_size), least
        return self._moments[unit, basis]

    def weights(
        self, n_words: Floats, unit: str, basis: str, rest: bool = False, rows: slice | Ints = slice(None)
    ) -> Floats:
        """[P], or of some rows: of documents the gate hits, or (`rest`) of the others; *distinct*: each content once per
        source, hit documents first."""
        w, n = (self.w_rest, self.n_rest) if rest else (self.w_seen, self.n_seen)
        w = w[rows]
        if basis == "distinct":
            w = w / np.maximum(n[rows], 1)
            if rest:
                w = np.where(self.n_seen[rows] > 0, 0.0, w)
        return w * n_words[self.content[rows]] if unit == "words" else w


@dataclass(frozen=True)
class Classes:
    """What the screen draws from, by stratum and rate. Arrays [G], and per content [C]."""

    near: Bools  # stratum near, or another
    q: Floats  # least rate
    of: NDArray[np.int16]  # [C] class of each content, that of its lowest rate; -1 where it was sure to be scored


@dataclass(frozen=True)
class Sharded:
    """Data sets whose shards were sampled. Arrays [D]."""

    dataset: NDArray[np.int32]  # of each shard, by its number
    scanned: Floats  # shards scanned
    fraction: Floats  # of all its shards
    known: bool  # rows say their shard; without it no variance can be had


@dataclass(frozen=True)
class Stratum:
    """Contents of one gate stratum. Arrays [S]."""

    contents: NDArray[np.int64]
    home: NDArray[np.int32]
    per_drawn: Floats  # 1 / screen probability

    @cached_property
    def relative(self) -> Floats | None:
        """What each stands for over the mean of them; None where all stand for as much."""
        w = self.per_drawn
        return None if not len(w) or w.min() == w.max() else w / w.mean()


@dataclass(frozen=True)
class Survey:
    """One audit's candidates. Arrays are per content [C] unless said."""

    keys: NDArray[np.uint64]  # hash of the content, ascending
    gate: NDArray[np.int8]  # HIT, NEAR or SAMPLED
    n_words: Floats
    q: Floats  # screen probability
    open_probability: Floats  # 1 for HIT and NEAR
    home: NDArray[np.int32]  # a source per content, for the prior of its scores: the first that holds it
    scores: pl.DataFrame  # score columns of the passages as they came
    row: NDArray[np.uint32]  # a passage of each content
    corpus: Pairs  # one source, all
    pairs: Mapping[tuple[str, str], Pairs]
    alone: Floats  # share of a hit content's copies that are the only hit passage of their document
    complete_open: bool  # nothing is missed by a gate: every document was opened, or no stratum is `sampled`
    classes: Classes
    shard_probability: Floats
    sharded: Sharded | None
    open_rates: Floats  # of documents drawn with a probability below 1, by their numbers
    rest: Clusters  # documents that the gate does not hit, all sources together
    rest_rates: Floats  # their probabilities, by their numbers
    late: Bools  # [C] every copy lies in a shard that no label round covers yet
    arrived: Bools  # [C] every copy lies in a shard that the oldest round did not begin with
    _strata: dict[tuple[int, bool | None], Stratum] = field(default_factory=dict)
    _design: dict[tuple[str, str], Floats] = field(default_factory=dict)
    _elsewhere: dict[tuple[str, str], Ints] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """C, the number of contents that were drawn and scored."""
        return len(self.keys)

    def score(self, column: str) -> Floats:
        """[C] of a score column; products and minima of columns are made by the caller."""
        by_row = self.scores[column].fill_null(0).to_numpy()
        scores = np.empty(self.size)
        for part in blocks(self.size):
            scores[part] = by_row[self.row[part]]
        return scores

    def stratum(self, gate: int, alone: bool | None) -> Stratum:
        """Contents of a gate stratum; `alone`: whether they are their document's only hit, None for either. Kept."""
        if (gate, alone) not in self._strata:
            here = self.gate == gate
            if alone is not None:
                here &= (self.alone > 0.5) == alone
            at = np.flatnonzero(here)
            self._strata[gate, alone] = Stratum(at, self.home[at], 1 / self.q[at])
        return self._strata[gate, alone]

    @cached_property
    def in_design(self) -> Bools:
        """[C] contents of documents that the gate hits; all of them where every document was opened."""
        return np.ones(self.size, bool) if self.complete_open else self.gate != SAMPLED

    @cached_property
    def screened(self) -> Ints:
        """Contents of the design that were drawn with a rate below 1."""
        return np.flatnonzero(self.in_design & (self.q < 1) & (self.classes.of >= 0))

    @cached_property
    def inclusion(self) -> Floats:
        """[C] probability of having been drawn, all stages."""
        return self.q * self.open_probability * self.shard_probability

    @cached_property
    def screens(self) -> bool:
        """Whether any passage was drawn with a rate below 1."""
        return bool((self.q < 1).any())

    @cached_property
    def screens_elsewhere(self) -> bool:
        """Whether a stratum other than *near* was screened."""
        return bool(self._screened_elsewhere.any())

    @cached_property
    def _screened_elsewhere(self) -> Bools:
        elsewhere: Bools = (self.q < 1) & (self.gate != NEAR)
        return elsewhere

    def elsewhere(self, pairs: Pairs) -> Ints:
        """Rows of pairs whose content was screened, but not in the stratum *near*; kept."""
        if pairs.dimension not in self._elsewhere:
            self._elsewhere[pairs.dimension] = np.flatnonzero(self._screened_elsewhere[pairs.content])
        return self._elsewhere[pairs.dimension]

    def content_weights(
        self, unit: str, basis: str, rest: bool = False, contents: slice | Ints = slice(None)
    ) -> Floats:
        """[C], or of some contents: summed over copies. The corpus is one source, so its pairs are the contents in their
        order."""
        return self.corpus.weights(self.n_words, unit, basis, rest, contents)

    def design_weights(self, unit: str, basis: str) -> Floats:
        """[C] kept: every label needs them. Outside the design they are 0, as no copy is in a document that the gate hits."""
        if (unit, basis) not in self._design:
            self._design[unit, basis] = self.content_weights(unit, basis)
        return self._design[unit, basis]

    def find(self, contents: pl.Series) -> NDArray[np.int64]:
        """contents -> positions in the arrays, -1 where not a candidate."""
        wanted = key(contents).to_numpy()
        at = np.searchsorted(self.keys, wanted)
        at[at == self.size] = 0
        found = self.keys[at] == wanted if self.size else np.zeros(len(wanted), bool)
        return np.where(found, at, -1).astype(np.int64)
