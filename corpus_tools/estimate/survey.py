"""Passages of an audit -> contents, weights and copies as arrays: what every estimate is computed from.

A *content* is drawn, scored and labelled once, however many copies it has; so arrays are per content (`[C]`), and a
dimension holds *pairs* of content and source (`[P]`). Contents are sorted by their hash: the order and the split of
the input change nothing, not even the last digit. Weights are inverse inclusion probabilities, stage by stage
(Horvitz and Thompson 1952).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus_tools.errors import Stop
from corpus_tools.estimate.frames import PROBABILITIES, probabilities, require

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

HIT, NEAR, SAMPLED = 0, 1, 2
UNITS = ("passages", "words")
BASES = ("exposure", "distinct")


def sums(codes: NDArray[Any], weights: NDArray[Any] | None = None, size: int = 0) -> Floats:
    """Sum of weights (or count) per code, [max(size, largest code + 1)]."""
    return np.bincount(codes, weights, minlength=size).astype(np.float64, copy=False)


@dataclass(frozen=True)
class Place:
    """A dimension (the second is '' unless two are crossed; both '' for the corpus) and the names of its X sources,
    by code."""

    dimension: tuple[str, str]
    names: list[tuple[str, str]]


WHOLE = Place(("", ""), [("all", "")])


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
    opened_source: NDArray[np.int32]  # [O] source of each row of Survey.opened
    sharded_source: NDArray[np.int32]  # [S] source of each row of Survey.sharded
    _moments: dict[tuple[str, str], tuple[Floats, Floats, Floats]] = field(default_factory=dict)

    @cached_property
    def n_contents(self) -> Floats:
        """[X] candidates of each source, each content once."""
        return sums(self.source, size=len(self.names))

    def of(self, contents: Ints) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of these contents, and for each the position in `contents` (ascending): pairs lie in order of content."""
        start = np.searchsorted(self.content, contents, side="left")
        n = np.searchsorted(self.content, contents, side="right") - start
        which = np.repeat(np.arange(len(contents)), n)
        return np.repeat(start - np.cumsum(n) + n, n) + np.arange(int(n.sum())), which

    def moments(self, n_words: Floats, unit: str, basis: str) -> tuple[Floats, Floats, Floats]:
        """[X] sum of weights, of their squares, and the least weight above 0 (inf where none); kept."""
        if (unit, basis) not in self._moments:
            w, x_size = self.weights(n_words, unit, basis), len(self.names)
            least = np.full(x_size, np.inf)
            use = w > 0
            np.minimum.at(least, self.source[use], w[use])
            self._moments[unit, basis] = sums(self.source, w, size=x_size), sums(self.source, w**2, size=x_size), least
        return self._moments[unit, basis]

    def weights(self, n_words: Floats, unit: str, basis: str, rest: bool = False) -> Floats:
        """[P] of documents the gate hits, or (`rest`) of the others; *distinct*: each content once per source, hit
        documents first."""
        w, n = (self.w_rest, self.n_rest) if rest else (self.w_seen, self.n_seen)
        if basis == "distinct":
            w = w / np.maximum(n, 1)
            if rest:
                w = np.where(self.n_seen > 0, 0.0, w)
        return w * n_words[self.content] if unit == "words" else w


@dataclass(frozen=True)
class Classes:
    """What the screen draws from, by stratum and rate. Arrays [G], and per content [C]."""

    near: Bools  # stratum near, or another
    q: Floats  # least rate
    of: NDArray[np.int16]  # [C] class of each content, that of its lowest rate; -1 where it was sure to be scored


@dataclass(frozen=True)
class Opened:
    """Rows of documents drawn with a probability below 1. Arrays [O]."""

    content: NDArray[np.int64]
    document: NDArray[np.int64]  # code of the document's content: copies are drawn together
    weight: Floats  # 1 / (shard x open x screen)
    probability: Floats  # of the document


@dataclass(frozen=True)
class Sharded:
    """Design rows of data sets whose shards were sampled. Arrays [S], and per data set [D]."""

    content: NDArray[np.int64]
    shard: NDArray[np.int64]  # code of the shard
    weight: Floats  # 1 / (shard x open x screen)
    dataset: NDArray[np.int64]  # of each row
    scanned: Floats  # [D] shards scanned
    fraction: Floats  # [D] of all its shards
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
    population_known: bool  # the passages that the screen left out are among the rows
    classes: Classes
    shard_probability: Floats
    sharded: Sharded | None
    opened: Opened  # rows of documents drawn with a probability below 1 that belong to the design
    rest: Opened  # the same of documents that the gate does not hit
    late: Bools  # [C] every copy lies in a shard that no label round covers yet
    arrived: Bools  # [C] every copy lies in a shard that the oldest round did not begin with
    _strata: dict[tuple[int, bool | None], Stratum] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """C, the number of contents that were drawn and scored."""
        return len(self.keys)

    def score(self, column: str) -> Floats:
        """[C] of a score column; products and minima of columns are made by the caller."""
        scores: Floats = self.scores[column].gather(self.row).fill_null(0).to_numpy().astype(np.float64)
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
    def screens(self) -> bool:
        """Whether any passage was drawn with a rate below 1."""
        return bool((self.q < 1).any())

    @cached_property
    def screens_elsewhere(self) -> bool:
        """Whether a stratum other than *near* was screened."""
        return bool(((self.q < 1) & (self.gate != NEAR)).any())

    def content_weights(self, unit: str, basis: str, rest: bool = False) -> Floats:
        """[C] summed over copies. The corpus is one source, so its pairs are the contents in their order."""
        return self.corpus.weights(self.n_words, unit, basis, rest)

    def find(self, contents: pl.Series) -> NDArray[np.int64]:
        """contents -> positions in the arrays, -1 where not a candidate."""
        wanted = contents.hash(seed=_SEED).to_numpy()
        at = np.searchsorted(self.keys, wanted)
        at[at == self.size] = 0
        found = self.keys[at] == wanted if self.size else np.zeros(len(wanted), bool)
        return np.where(found, at, -1).astype(np.int64)


_SEED = 0x5EED


def survey(
    passages: pl.DataFrame,
    score_columns: Sequence[str],
    dimensions: Sequence[tuple[str, str]] = (),
    home: Sequence[str] = (),
    also: Sequence[pl.DataFrame] = (),
    shards: Mapping[str, tuple[int, int]] | None = None,
) -> Survey:
    """passages (content, stratum, the three probabilities, drawn, unscored, n_words, scores, source columns) -> Survey.

    Missing columns are filled: document_id and document_content by the row, stratum by `hit`, probabilities by 1,
    drawn by true, unscored, late and arrived by false, n_words by 1. Sources that only `also` (tallies, totals) knows get a place too.
    Raises Stop where a probability is not in (0, 1].
    """
    require(passages, ("content", *score_columns), "passages")
    frame = probabilities(passages, PROBABILITIES, "passages")
    rows = _rows(frame)
    open_row, screen_row, shard_row = (
        rows[c].to_numpy() for c in ("open_probability", "screen_probability", "shard_probability")
    )
    gate_row, hash_row, words_row = (rows[c].to_numpy() for c in ("gate", "hash", "n_words"))
    drawn_row, scored_row = rows["drawn"].to_numpy(), ~rows["unscored"].to_numpy()
    # Without a stratum that the gate left out, there is nothing for it to miss: the opened documents are a sample
    # like any other.
    complete_open = bool((open_row == 1).all()) or not bool((gate_row == SAMPLED).any())

    known_score = frame[score_columns[0]].is_not_null().to_numpy() if score_columns else True
    drawn = np.flatnonzero(drawn_row & scored_row & known_score)
    keys, first, inverse = np.unique(hash_row[drawn], return_index=True, return_inverse=True)
    size, at = len(keys), inverse.astype(np.int32)
    gate_drawn, open_drawn, screen_drawn = gate_row[drawn], open_row[drawn], screen_row[drawn]
    gate = np.full(size, SAMPLED, np.int8)
    np.minimum.at(gate, at, gate_drawn)
    seen_row = np.ones(len(at), bool) if complete_open else gate_drawn != SAMPLED
    w_row = 1 / (shard_row[drawn] * open_drawn * screen_drawn)
    design_q = np.ones(size)
    np.minimum.at(design_q, at, screen_drawn)

    # Passages subject to the screen draw, drawn or not: a copied passage that was left out has a variance too.
    subject = (screen_row < 1) & scored_row & (complete_open | (gate_row != SAMPLED))
    population = np.flatnonzero(subject)
    population_known = bool((~drawn_row[population]).any()) if len(population) else True
    class_row, class_near, class_q = _classes(gate_row[population] == NEAR, screen_row[population])
    content_class = np.full(size, -1, np.int16)
    of_row = np.full(len(hash_row), -1, np.int16)
    of_row[population] = class_row
    np.maximum.at(content_class, at, of_row[drawn])
    del of_row
    screened_rows = pl.DataFrame(
        {
            "hash": hash_row[population],
            "w_open": 1 / (shard_row[population] * open_row[population]),
            "q": screen_row[population],
            "n_words": words_row[population].astype(np.float64),
            "near": gate_row[population] == NEAR,
            "g": class_row,
        }
    )

    def opened_of(which: NDArray[np.int64]) -> Opened:
        documents = rows["document_hash"].gather(drawn[which]).to_numpy()
        return Opened(
            content=at[which].astype(np.int64),
            document=np.unique(documents, return_inverse=True)[1].astype(np.int64),
            weight=w_row[which],
            probability=open_drawn[which],
        )

    opened_row = np.flatnonzero((open_drawn < 1) & (gate_drawn != SAMPLED))
    sharded_row = np.flatnonzero((shard_row[drawn] < 1) & seen_row)
    sharded = _sharded(frame, drawn[sharded_row], at[sharded_row], w_row[sharded_row], shards or {})

    def pairs_of(dimension: tuple[str, str]) -> Pairs:
        named = [d for d in dimension if d]
        known = source_names([frame, *also], named) if named else pl.DataFrame({"code": [0]})
        x_size = known.height
        code = source_codes(frame, named, known)
        x = code[drawn].astype(np.int64)
        if x_size == 1:
            order, which = np.arange(size, dtype=np.int64), at.astype(np.int64)
        else:
            order, which = np.unique(at.astype(np.int64) * x_size + x, return_inverse=True)
        n_pairs = len(order)
        content, source = (order // x_size).astype(np.int32), (order % x_size).astype(np.int32)

        def total(weight: Floats | None, rows: Bools) -> Floats:
            return sums(which[rows], None if weight is None else weight[rows], size=n_pairs).astype(float)

        near = screened_rows["near"].to_numpy()
        of_population = code[population]
        size_classes = x_size, len(class_q)
        screened, near_square = _screened(
            screened_rows.filter(pl.Series(near)), of_population[near], size_classes, population_known
        )
        _, square = _screened(
            screened_rows.filter(pl.Series(~near)), of_population[~near], size_classes, population_known
        )
        for key in square:
            square[key] += near_square.pop(key)  # classes of their own: nothing meets
        return Pairs(
            dimension=dimension,
            names=_pair_names(known, named),
            content=content,
            source=source,
            w_seen=total(w_row, seen_row),
            n_seen=total(None, seen_row).astype(np.int32),
            w_rest=total(w_row, ~seen_row),
            n_rest=total(None, ~seen_row).astype(np.int32),
            n_scored=sums(x, size=x_size),
            screened=screened,
            square=square,
            opened_source=x[opened_row].astype(np.int32),
            sharded_source=x[sharded_row].astype(np.int32),
        )

    home = [h for h in home if h in frame.columns]
    homes = source_names([frame], home) if home else pl.DataFrame({"code": [0]})
    home_first = np.full(size, homes.height, np.int32)
    np.minimum.at(home_first, at, source_codes(frame, home, homes)[drawn])

    hit_row = gate_drawn == HIT
    alone_row = _alone(rows["document"].to_numpy(), gate_row == HIT, drawn)
    copies = sums(at[hit_row], size=size)
    alone = sums(at[hit_row], alone_row[hit_row], size=size) / np.maximum(copies, 1)
    one = drawn[first]
    return Survey(
        keys=keys,
        gate=gate,
        n_words=words_row[one].astype(np.float64),
        q=design_q,
        open_probability=open_row[one],
        home=home_first,
        scores=frame.select(score_columns),
        row=one.astype(np.uint32),
        corpus=pairs_of(("", "")),
        pairs={d: pairs_of(d) for d in dimensions},
        alone=alone,
        complete_open=complete_open,
        population_known=population_known,
        classes=Classes(class_near, class_q, content_class),
        shard_probability=shard_row[one],
        sharded=sharded,
        opened=opened_of(opened_row),
        rest=opened_of(np.flatnonzero(~seen_row)),
        late=_everywhere(rows, "late", drawn, at, size),
        arrived=_everywhere(rows, "arrived", drawn, at, size),
    )


def _everywhere(rows: pl.DataFrame, column: str, drawn: NDArray[np.int64], at: NDArray[np.int32], size: int) -> Bools:
    """[C] whether a column, where there is one, is true of every copy that was drawn."""
    if column not in rows.columns:
        return np.zeros(size, bool)
    out = np.ones(size, bool)
    out[at[~rows[column].to_numpy()[drawn]]] = False
    return out


def _rows(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns that the design rests on, hashes in place of texts; absent ones filled, but for `late` and `arrived`."""
    there = set(frame.columns)
    document = (
        pl.col("document_id").hash(seed=_SEED) if "document_id" in there else pl.int_range(pl.len(), dtype=pl.UInt64)
    )
    content = next((c for c in ("document_content", "document_id") if c in there), "content")
    codes = {"hit": HIT, "near": NEAR, "sampled": SAMPLED}
    return frame.select(
        "open_probability",
        "screen_probability",
        "shard_probability",
        *(pl.col(c) for c in ("late", "arrived") if c in there),
        hash=pl.col("content").hash(seed=_SEED),
        document=document,
        document_hash=pl.col(content).hash(seed=_SEED),
        gate=pl.col("stratum").replace_strict(codes, return_dtype=pl.Int8)
        if "stratum" in there
        else pl.repeat(HIT, pl.len(), dtype=pl.Int8),
        drawn=pl.col("drawn") if "drawn" in there else pl.repeat(True, pl.len()),
        unscored=pl.col("unscored") if "unscored" in there else pl.repeat(False, pl.len()),
        n_words=pl.col("n_words") if "n_words" in there else pl.repeat(1, pl.len()),
    )


def _pair_names(known: pl.DataFrame, named: Sequence[str]) -> list[tuple[str, str]]:
    if not named:
        return [("all", "")]
    return [(str(r[0]), str(r[1]) if len(named) > 1 else "") for r in known.select(named).iter_rows()]


def source_names(frames: Sequence[pl.DataFrame], named: Sequence[str]) -> pl.DataFrame:
    """Distinct values of the source columns over all frames that have them, in alphabetical order, with their
    `code`."""
    having = [f.select(_texts(named)).unique() for f in frames if all(n in f.columns for n in named)]
    if not having:
        raise Stop(
            f"no column {', '.join(named)}",
            where="passages and tallies",
            expected="every dimension as a column of at least one of them",
            todo="Name the dimension as the column is named",
        )
    return pl.concat(having).unique().sort(named).with_row_index("code")


def _texts(named: Sequence[str]) -> list[pl.Expr]:
    return [pl.col(n).cast(pl.String).fill_null("").alias(n) for n in named]


def source_codes(rows: pl.DataFrame, named: Sequence[str], known: pl.DataFrame) -> NDArray[np.int32]:
    """[rows] the code of each row's source; zeros where no column is named."""
    if not named or not all(n in rows.columns for n in named):
        return np.zeros(rows.height, np.int32)
    codes = rows.select(_texts(named)).join(known, on=list(named), how="left", maintain_order="left")["code"]
    return codes.cast(pl.Int32).to_numpy()


FINENESS = 4  # classes of rate per factor of two: rates that a configuration names fall into classes of their own


def _classes(near: Bools, q: Floats) -> tuple[NDArray[np.int16], Bools, Floats]:
    """[rows] that the screen draws from -> class of stratum and rate of each, the higher the lower its rate; per class
    whether its stratum is near, and its least rate."""
    kind = np.floor(-FINENESS * np.log2(q) + 1e-9).astype(np.int64)
    kind *= 2
    kind += near
    there = np.bincount(kind) > 0
    kinds = np.flatnonzero(there)
    of = (np.cumsum(there) - 1).astype(np.int16)[kind] if len(kind) else np.zeros(0, np.int16)
    least = np.ones(len(kinds))
    np.minimum.at(least, of, q)
    return of, kinds % 2 == 1, least


def _screened(
    population: pl.DataFrame, code: NDArray[np.int32], size_classes: tuple[int, int], all_rows: bool
) -> tuple[dict[tuple[str, str], Floats], dict[tuple[str, str], Floats]]:
    """Per source: size of what the screen draws from [X], and by class of rate [X, G] the sum over contents of (weight of
    all copies)^2 (1 - q) / q. Where only drawn rows are there (not `all_rows`), each stands for 1 / q of them."""
    x_size, g_size = size_classes
    order, starts = runs(population["hash"].to_numpy(), code)
    x = code[order][starts]
    key = x.astype(np.int64) * g_size
    key += np.maximum.reduceat(population["g"].to_numpy()[order], starts) if len(starts) else 0
    q = _reduced(np.minimum, population["q"].to_numpy()[order], starts)
    w_open = _reduced(np.add, population["w_open"].to_numpy()[order], starts)
    n_words = population["n_words"].to_numpy()[order][starts]
    n = np.diff(starts, append=len(order))
    size: dict[tuple[str, str], Floats] = {}
    square: dict[tuple[str, str], Floats] = {}
    for basis in BASES:
        w = w_open / (n if basis == "distinct" else 1)
        for unit in UNITS:
            u = w * n_words if unit == "words" else w
            each = u if all_rows else u / q
            size[unit, basis] = sums(x, each, size=x_size)
            square[unit, basis] = sums(key, u * each * (1 - q) / q, size=x_size * g_size).reshape(x_size, g_size)
    return size, square


def runs(keys: NDArray[np.uint64], code: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order of the rows by source and content, and where each (source, content) begins in it. Sums over a group run
    in the order of the rows, as they came."""
    mixed = keys * np.uint64(0x9E3779B97F4A7C15) + code.astype(np.uint64) * np.uint64(0xD1B54A32D192ED03)
    order = np.argsort(mixed, kind="stable")
    ordered = mixed[order]
    return order, np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(order) else order


def _reduced(how: np.ufunc, values: NDArray[Any], starts: NDArray[np.int64]) -> Floats:
    return np.asarray(how.reduceat(values, starts) if len(starts) else values, np.float64)


def _sharded(
    frame: pl.DataFrame,
    rows: NDArray[np.int64],
    content: NDArray[np.signedinteger[Any]],
    weight: Floats,
    shards: Mapping[str, tuple[int, int]],
) -> Sharded | None:
    """Rows of sampled shards (positions in the frame, their contents and weights) -> Sharded; None where there are
    none."""
    if not len(rows):
        return None
    known = "shard_id" in frame.columns
    wanted = [c for c in ("dataset", "shard_id", "shard_probability") if c in frame.columns]
    part = frame.select(wanted)[rows.astype(np.uint32)]
    texts = (
        part["dataset"].cast(pl.String).fill_null("") if "dataset" in part.columns else pl.Series([""] * part.height)
    )
    names, dataset = np.unique(texts.to_numpy(), return_inverse=True)
    shard = part["shard_id"].cast(pl.String).to_numpy() if known else np.zeros(part.height, "U1")
    fraction = np.zeros(len(names))
    fraction[dataset] = part["shard_probability"].to_numpy()
    scanned = []
    for i, name in enumerate(names):
        seen = len(np.unique(shard[dataset == i])) if known else 1
        scanned.append(max(seen, shards.get(str(name), (seen, 0))[0]))
    return Sharded(
        content=content.astype(np.int64),
        shard=np.unique(shard, return_inverse=True)[1].astype(np.int64),
        weight=weight,
        dataset=dataset.astype(np.int64),
        scanned=np.array(scanned, np.float64),
        fraction=fraction,
        known=known,
    )


def _alone(document: NDArray[np.uint64], hit: Bools, drawn: NDArray[np.int64]) -> Floats:
    """[drawn rows] 1 where the passage is the only hit passage of its document, else 0."""
    names, n = np.unique(document[hit], return_counts=True)
    single = names[n == 1]
    if not len(single):
        return np.zeros(len(drawn))
    wanted = document[drawn]
    place = np.minimum(np.searchsorted(single, wanted), len(single) - 1)
    return np.asarray(single[place] == wanted, np.float64)
