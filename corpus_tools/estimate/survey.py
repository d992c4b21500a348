"""Passages of an audit -> contents, weights and copies as arrays: what every estimate is computed from.

A *content* is drawn, scored and labelled once, however many copies it has; so arrays are per content (`[C]`), and a
dimension holds *pairs* of content and source (`[P]`). Contents are sorted by their hash: the order and the split of
the input change nothing, not even the last digit. Weights are inverse inclusion probabilities, stage by stage
(Horvitz and Thompson 1952).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

    @cached_property
    def n_contents(self) -> Floats:
        """[X] candidates of each source, each content once."""
        return sums(self.source, size=len(self.names))

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
    of: NDArray[np.int64]  # [C] class of each content, -1 where it was sure to be scored


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
class Survey:
    """One audit's candidates. Arrays are per content [C] unless said."""

    keys: NDArray[np.uint64]  # hash of the content, ascending
    gate: NDArray[np.int8]  # HIT, NEAR or SAMPLED
    n_words: Floats
    q: Floats  # screen probability
    open_probability: Floats  # 1 for HIT and NEAR
    home: NDArray[np.int32]  # a source per content, for the prior of its scores: the first that holds it
    columns: pl.DataFrame  # score columns, one row per content
    corpus: Pairs  # one source, all
    pairs: Mapping[tuple[str, str], Pairs]
    alone: Floats  # share of a hit content's copies that are the only hit passage of their document
    complete_open: bool  # nothing is missed by a gate: every document was opened, or no stratum is `sampled`
    population_known: bool  # the passages that the screen left out are among the rows
    classes: Classes
    documents: pl.DataFrame  # opened documents, see `_documents`
    shard_probability: Floats
    sharded: Sharded | None
    opened: Opened  # rows of documents drawn with a probability below 1 that belong to the design
    rest: Opened  # the same of documents that the gate does not hit

    @property
    def size(self) -> int:
        """C, the number of contents that were drawn and scored."""
        return len(self.keys)

    def score(self, column: str) -> Floats:
        """[C] of a score column; products and minima of columns are made by the caller."""
        return self.columns[column].to_numpy().astype(np.float64)

    @cached_property
    def in_design(self) -> Bools:
        """[C] contents of documents that the gate hits; all of them where every document was opened."""
        return np.ones(self.size, bool) if self.complete_open else self.gate != SAMPLED

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
    drawn by true, unscored by false, n_words by 1. Sources that only `also` (tallies, totals) knows get a place too.
    Raises Stop where a probability is not in (0, 1].
    """
    require(passages, ("content", *score_columns), "passages")
    frame = probabilities(passages, PROBABILITIES, "passages")
    absent = [
        c
        for c in ("document_id", "document_content", "stratum", "drawn", "unscored", "n_words")
        if c not in frame.columns
    ]
    fills = {
        "document_id": pl.int_range(pl.len()).cast(pl.String),
        "document_content": pl.col("document_id") if "document_id" in frame.columns else pl.col("content"),
        "stratum": pl.lit("hit"),
        "drawn": pl.lit(True),
        "unscored": pl.lit(False),
        "n_words": pl.lit(1),
    }
    frame = frame.with_columns(**{c: fills[c] for c in absent})
    frame = frame.with_columns(
        gate=pl.col("stratum").replace_strict({"hit": HIT, "near": NEAR, "sampled": SAMPLED}, return_dtype=pl.Int8),
        hash=pl.col("content").hash(seed=_SEED),
        w_open=1 / (pl.col("shard_probability") * pl.col("open_probability")),
    )
    # Without a stratum that the gate left out, there is nothing for it to miss: the opened documents are a sample
    # like any other.
    complete_open = bool((frame["open_probability"] == 1).all()) or not bool((frame["gate"] == SAMPLED).any())

    drawn = frame.filter(pl.col("drawn") & ~pl.col("unscored"))
    if score_columns:
        drawn = drawn.filter(pl.col(score_columns[0]).is_not_null())
    keys, first, at = np.unique(drawn["hash"].to_numpy(), return_index=True, return_inverse=True)
    size, at = len(keys), at.astype(np.int32)
    gate_row = drawn["gate"].to_numpy()
    gate = np.full(size, SAMPLED, np.int8)
    np.minimum.at(gate, at, gate_row)
    seen_row = np.ones(len(at), bool) if complete_open else gate_row != SAMPLED
    w_row = (drawn["w_open"] / drawn["screen_probability"]).to_numpy()
    design_q = np.ones(size)
    np.minimum.at(design_q, at, drawn["screen_probability"].to_numpy())

    # Passages subject to the screen draw, drawn or not: a copied passage that was left out has a variance too.
    population = frame.filter((pl.col("screen_probability") < 1) & ~pl.col("unscored"))
    if not complete_open:
        population = population.filter(pl.col("gate") != SAMPLED)
    population_known = bool((~population["drawn"]).any()) if population.height else True

    population = population.with_columns(kind=_kinds(population["gate"].to_numpy(), population["screen_probability"]))
    near_class, class_q, content_class = _classes(population, keys)

    drawn_open = drawn["open_probability"].to_numpy()
    opened_row = np.flatnonzero((drawn_open < 1) & (gate_row != SAMPLED))
    document_hash = drawn["document_content"].hash(seed=_SEED).to_numpy()

    def opened_of(rows: NDArray[np.int64]) -> Opened:
        return Opened(
            content=at[rows].astype(np.int64),
            document=np.unique(document_hash[rows], return_inverse=True)[1].astype(np.int64),
            weight=w_row[rows],
            probability=drawn_open[rows],
        )

    sharded_row = np.flatnonzero((drawn["shard_probability"].to_numpy() < 1) & seen_row)
    sharded = _sharded(frame, drawn, at, w_row, sharded_row, shards or {}) if len(sharded_row) else None

    def pairs_of(dimension: tuple[str, str]) -> Pairs:
        named = [d for d in dimension if d]
        known = source_names([frame, *also], named) if named else pl.DataFrame({"code": [0]})
        x_size = known.height
        x = source_codes(drawn, named, known).astype(np.int64)
        if x_size == 1:
            order, which = np.arange(size, dtype=np.int64), at.astype(np.int64)
        else:
            order, which = np.unique(at.astype(np.int64) * x_size + x, return_inverse=True)
        n_pairs = len(order)
        content, source = (order // x_size).astype(np.int32), (order % x_size).astype(np.int32)

        def total(weight: Floats | None, rows: Bools) -> Floats:
            return sums(which[rows], None if weight is None else weight[rows], size=n_pairs).astype(float)

        code = source_codes(population, named, known)
        screened, square = _screened(population, code, x_size, near_class, population_known)
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
    np.minimum.at(home_first, at, source_codes(drawn, home, homes))

    alone_row = _alone(frame, drawn)
    hit_row = gate_row == HIT
    copies = sums(at[hit_row], size=size)
    alone = sums(at[hit_row], alone_row[hit_row], size=size) / np.maximum(copies, 1)

    take = drawn[first.astype(np.uint32)]
    return Survey(
        keys=keys,
        gate=gate,
        n_words=take["n_words"].cast(pl.Float64).to_numpy(),
        q=design_q,
        open_probability=take["open_probability"].to_numpy(),
        home=home_first,
        columns=take.select(score_columns).fill_null(0),
        corpus=pairs_of(("", "")),
        pairs={d: pairs_of(d) for d in dimensions},
        alone=alone,
        complete_open=complete_open,
        population_known=population_known,
        classes=Classes(near_class, class_q, content_class),
        documents=_documents(frame),
        shard_probability=take["shard_probability"].to_numpy(),
        sharded=sharded,
        opened=opened_of(opened_row),
        rest=opened_of(np.flatnonzero(~seen_row)),
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


_FINENESS = 4  # classes of rate per factor of two: rates that a configuration names fall into classes of their own


def _kinds(gate: NDArray[np.int8], q: pl.Series) -> pl.Series:
    """[rows] stratum and rate as one number."""
    level = np.floor(-_FINENESS * np.log2(q.to_numpy()) + 1e-9).astype(np.int64)
    return pl.Series(2 * level + (gate == NEAR), dtype=pl.Int64)


def _classes(population: pl.DataFrame, keys: NDArray[np.uint64]) -> tuple[Bools, Floats, NDArray[np.int64]]:
    """Rows subject to the screen, `kind` numbered from 0 -> near [G], q [G], and the class of each content [C] (the lowest rate's)."""
    by_kind = population.group_by("kind").agg(pl.col("screen_probability").min()).sort("kind")
    kinds = by_kind["kind"].to_numpy()
    of = np.full(len(keys), -1, np.int64)
    first = population.group_by("hash").agg(pl.col("kind").sort_by("screen_probability", "kind").first())
    at = np.searchsorted(keys, first["hash"].to_numpy())
    at[at == len(keys)] = 0
    found = keys[at] == first["hash"].to_numpy() if len(keys) else np.zeros(len(at), bool)
    of[at[found]] = np.searchsorted(kinds, first["kind"].to_numpy()[found])
    return kinds % 2 == 1, by_kind["screen_probability"].to_numpy(), of


def _screened(
    population: pl.DataFrame, code: NDArray[np.int32], x_size: int, near: Bools, all_rows: bool
) -> tuple[dict[tuple[str, str], Floats], dict[tuple[str, str], Floats]]:
    """Per source: size of the near passages that the screen draws from [X], and by class of rate [X, G] the sum over contents of
    (weight of all copies)^2 (1 - q) / q. Where only drawn rows are there (not `all_rows`), each stands for 1 / q of them."""
    kinds = np.unique(population["kind"].to_numpy())
    grouped = (
        population.select(
            "hash", "w_open", "screen_probability", pl.col("n_words").cast(pl.Float64), x=pl.Series(code),
            near=pl.col("gate") == NEAR, g=pl.Series(np.searchsorted(kinds, population["kind"].to_numpy())),
        )
        .group_by("x", "near", "hash")
        .agg(
            pl.col("w_open").sum(),
            pl.len().alias("n"),
            pl.col("screen_probability").min(),
            pl.col("g").sort_by("screen_probability", "g").first(),
            pl.col("n_words").first(),
        )
        .sort("x", "near", "hash")
    )  # fmt: skip
    x, g, q = grouped["x"].to_numpy(), grouped["g"].to_numpy(), grouped["screen_probability"].to_numpy()
    is_near = grouped["near"].to_numpy()
    size: dict[tuple[str, str], Floats] = {}
    square: dict[tuple[str, str], Floats] = {}
    for basis in BASES:
        w = grouped["w_open"].to_numpy() / (grouped["n"].to_numpy() if basis == "distinct" else 1)
        for unit in UNITS:
            u = w * grouped["n_words"].to_numpy() if unit == "words" else w
            each = u if all_rows else u / q
            size[unit, basis] = sums(x[is_near], each[is_near], size=x_size)
            code_xg = x.astype(np.int64) * len(near) + g
            square[unit, basis] = sums(code_xg, u * each * (1 - q) / q, size=x_size * len(near)).reshape(x_size, -1)
    return size, square


def _sharded(
    frame: pl.DataFrame,
    drawn: pl.DataFrame,
    at: NDArray[np.signedinteger[Any]],
    weight: Floats,
    rows: NDArray[np.int64],
    shards: Mapping[str, tuple[int, int]],
) -> Sharded:
    part = drawn[rows.astype(np.uint32)]
    texts = (
        part["dataset"].cast(pl.String).fill_null("") if "dataset" in part.columns else pl.Series([""] * part.height)
    )
    names, dataset = np.unique(texts.to_numpy(), return_inverse=True)
    known = "shard_id" in part.columns
    shard = part["shard_id"].cast(pl.String).to_numpy() if known else np.zeros(part.height, "U1")
    fraction = np.zeros(len(names))
    fraction[dataset] = part["shard_probability"].to_numpy()
    scanned = []
    for i, name in enumerate(names):
        seen = len(np.unique(shard[dataset == i])) if known else 1
        scanned.append(max(seen, shards.get(str(name), (seen, 0))[0]))
    return Sharded(
        content=at[rows].astype(np.int64),
        shard=np.unique(shard, return_inverse=True)[1].astype(np.int64),
        weight=weight[rows],
        dataset=dataset.astype(np.int64),
        scanned=np.array(scanned, np.float64),
        fraction=fraction,
        known=known,
    )


def _alone(frame: pl.DataFrame, drawn: pl.DataFrame) -> Floats:
    """[drawn rows] 1 where the passage is the only hit passage of its document, else 0."""
    hits = frame.filter(pl.col("gate") == HIT).group_by("document_id").agg(pl.len().alias("_hits"))
    return (
        drawn.select("document_id")
        .join(hits, on="document_id", how="left", maintain_order="left")["_hits"]
        .eq(1)
        .fill_null(False)
        .cast(pl.Float64)
        .to_numpy()
    )


def _documents(frame: pl.DataFrame) -> pl.DataFrame:
    """Opened documents (document_id, document_content, hit, open_probability, w, passages, words, unscored, source
    columns)."""
    keep = [
        c
        for c in frame.columns
        if c
        not in {
            "document_id",
            "content",
            "stratum",
            "screen_probability",
            "drawn",
            "n_words",
            "passage_id",
            "hash",
            "gate",
            "w_open",
        }
        and not frame.schema[c].is_float()
    ]
    return frame.group_by("document_id").agg(
        pl.col("gate").min().ne(SAMPLED).alias("hit"),
        pl.col("open_probability").first(),
        pl.col("w_open").first(),
        pl.len().alias("passages"),
        pl.col("n_words").cast(pl.Int64).sum().alias("words"),
        *(pl.col(c).first() for c in keep),
    )
