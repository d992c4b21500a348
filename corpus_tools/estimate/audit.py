"""One audit: passages, tallies and labels -> totals, prevalence and measures, in the order and types of the
contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import polars as pl

from corpus_tools.estimate import measures as m
from corpus_tools.estimate.by_mode import write_modes
from corpus_tools.estimate.cells import labels_of
from corpus_tools.estimate.contents import survey
from corpus_tools.estimate.documents import answered, document_frame, missed_documents
from corpus_tools.estimate.frames import among, as_polars, keyed, require, usable_labels
from corpus_tools.estimate.reckon import (
    LABELS_FOR_CORPUS,
    SHARDS,
    TRAINED_AT,
    Counts,
    Key,
    Reckoning,
    Topic,
    adding_up,
    joint,
)
from corpus_tools.estimate.rows import FIRST, write_attribution, write_comparison, write_counts, write_drifts
from corpus_tools.estimate.survey import BASES, UNITS, WHOLE, Bools, Floats, Pairs, Survey
from corpus_tools.estimate.totals import Denominators, Totals
from corpus_tools.estimate.writer import Blocks, Writer


@dataclass(frozen=True)
class Questions:
    """What is asked of the labels; comes from a pack. No label is known to this library by name.

    labels: score columns that are estimated, derived ones included. headline: the one that concentration is shown for.
    modes: value of the dimension `mode` -> its score column; exactly one is true of a passage. balance: pairs whose
    counts are compared. outcomes: outcome -> its score column, as a share of the passages where `outcome_of` is true.
    trained_at: prevalence at which a column's scores are calibrated, TRAINED_AT where it is not given.
    """

    labels: tuple[str, ...]
    headline: str
    modes: Mapping[str, str] = field(default_factory=dict)
    balance: tuple[tuple[str, str], ...] = ()
    outcomes: Mapping[str, str] = field(default_factory=dict)
    outcome_of: str = ""
    trained_at: Mapping[str, float] = field(default_factory=dict)
    threshold: float = 0.5

    @property
    def columns(self) -> tuple[str, ...]:
        """Every score column that is needed, each once."""
        wanted = [
            *self.labels,
            *self.modes.values(),
            *self.outcomes.values(),
            *([self.outcome_of] if self.outcome_of else []),
        ]
        return tuple(dict.fromkeys(wanted))


@dataclass(frozen=True)
class Estimates:
    """Tables as tables.TOTALS, PREVALENCE and MEASURES say; passages whose labels were set aside, by reason; the labels
    still wanted (0: none; never more than there are unlabelled candidates); what a reader should know before quoting a
    figure, a sentence each. A frame is made when it is asked for; `tables` gives the same in pieces."""

    tables: Mapping[str, Blocks]
    set_aside: Mapping[str, int]
    labels_wanted: int
    notes: tuple[str, ...] = ()

    @cached_property
    def totals(self) -> pl.DataFrame:
        """tables.TOTALS"""
        return self.tables["totals"].frame()

    @cached_property
    def prevalence(self) -> pl.DataFrame:
        """tables.PREVALENCE"""
        return self.tables["prevalence"].frame()

    @cached_property
    def measures(self) -> pl.DataFrame:
        """tables.MEASURES"""
        return self.tables["measures"].frame()


def estimate_audit(
    passages: pl.DataFrame,
    tallies: pl.DataFrame,
    labels: pl.DataFrame,
    questions: Questions,
    *,
    audit_id: str,
    dimensions: Sequence[str],
    crossings: Sequence[tuple[str, str]] = (),
    exposure: Mapping[str, float] | None = None,
    shards: Mapping[str, tuple[int, int]] | None = None,
    round_weights: Mapping[str, float] | None = None,
    documents: pl.DataFrame | None = None,
    seed: int = 0,
) -> Estimates:
    """passages of opened documents, tallies and labels -> totals, prevalence and measures of one audit.

    passages: one row per passage of every opened document, drawn or not (tables.PASSAGES and the document's source
    keys, content as document_content, shard_probability, open_probability and unscored; one float32 column per label,
    null where not scored). Contents and ids may be keys (frames.key), then those of labels too; strata and source keys
    may be codes. tallies: tables.TALLIES, further source keys and shard_probability as plain columns.
    labels: tables.LABELS. `exposure`: dataset -> epochs, for the share of training exposure. `shards`: dataset -> (scanned, of);
    rows of sampled shards carry `shard_id`, or get no interval. A sampled data set with fewer than 30 gets no interval.
    `round_weights`: fixed weights of the label rounds. `documents`: tables.DOCUMENT_LABELS; with 300 documents read whole, rows of
    documents have figures.

    Without 300 labels of a label (or every candidate labelled) its rows are uncalibrated and carry no interval.
    Prevalence is over the text that the classifier knows: its denominator is total x (1 - unscored_share).
    """
    passages, tallies = keyed(as_polars(passages, "passages")), as_polars(tallies, "tallies")
    require(tallies, ("documents", "words"), "tallies")
    plain = [(d, "") for d in dict.fromkeys(dimensions) if d not in ("corpus", "mode")]
    crossed = [(a, b) for a, b in dict.fromkeys(crossings) if "mode" not in (a, b)]
    by_mode = [(a, b) for a, b in dict.fromkeys(crossings) if "mode" in (a, b) and questions.modes]
    wanted = dict.fromkeys([*plain, *crossed, *(((b if a == "mode" else a), "") for a, b in by_mode)])
    data = survey(passages, questions.columns, list(wanted), home=("dataset", "domain"), also=(tallies,), shards=shards)
    labels = as_polars(labels, "labels")
    require(labels, ("content",), "labels")
    good, aside = usable_labels(labels, among(passages, labels))
    weights = dict(round_weights) if round_weights else None
    topics = {
        c: Topic(
            c,
            partial(data.score, c),
            labels_of(data, good.filter(pl.col("label") == c), weights),
            questions.trained_at.get(c, TRAINED_AT),
            questions.threshold,
        )
        for c in questions.columns
    }
    denominators = Denominators(passages, tallies)
    dims = {p.dimension: p for p in (data.corpus, *data.pairs.values())}
    totals = {d: denominators.of(p, [n for n in d if n]) for d, p in dims.items()}
    del denominators
    over: dict[Key, Floats] = {(d, u, b): t.scored for d, by in totals.items() for (u, b), t in by.items()}
    reckoning = Reckoning(data, no_interval=_barred(list(dims.values()), shards, passages, data))
    writer = Writer(audit_id, gate=not data.complete_open)
    places = [data.corpus, *(data.pairs[d] for d in (*plain, *crossed))]
    for p in places:
        writer.totals(p, totals[p.dimension])
    read_whole, set_aside = _documents(passages, documents, questions, list(wanted), (tallies,), shards, totals)
    aside |= set_aside
    crossed_with_mode = {WHOLE.dimension, *(((b if a == "mode" else a), "") for a, b in by_mode)}
    of_label: dict[str, dict[Key, Floats]] = {}
    done: dict[str, dict[Key, Counts]] = {}  # what is asked for again: of all sources it would fill the memory
    again = {questions.outcome_of, *(name for pair in questions.balance for name in pair)}
    asked = dict.fromkeys([*questions.labels, *([questions.outcome_of] if questions.outcome_of else [])])
    for name, counts, wholes in reckoning.in_turn([topics[a] for a in asked], list(data.pairs.values()), over):
        done[name] = {k: c for k, c in counts.items() if k[0] == WHOLE.dimension or (name in again and k[1:] == FIRST)}
        if name not in questions.labels:
            continue
        of_label[name] = {k: c.value for k, c in counts.items() if k[0] in crossed_with_mode}
        read = read_whole(name)
        for p in places:
            for unit, basis in ((u, b) for u in UNITS for b in BASES):
                note = ""
                if p is data.corpus and (unit, basis) in wholes and basis == "exposure":
                    note = f"; largest content {wholes[unit, basis].largest:.0%} of the variance"
                c = counts[p.dimension, unit, basis]
                of_documents = read.get((p.dimension, unit, basis)) if unit == "passages" else None
                writer.prevalence(p, unit, basis, name, c, totals[p.dimension], p.n_scored, note, read=of_documents)
        for (unit, basis), w in wholes.items():
            writer.parts(name, unit, basis, w)
        write_counts(writer, data.corpus, name, counts)
        for p in places[1:]:
            rank_by = seed if name == questions.headline else None
            write_attribution(writer, p, name, counts, totals[p.dimension], exposure, rank_by)
    for a, b in questions.balance:
        for p in places:
            write_comparison(writer, p, "balance", a, b, done[a], done[b], m.ratio)
    _write_outcomes(writer, reckoning, questions, topics, places, over, done)
    if questions.modes and ("mode" in dimensions or by_mode):
        named = {v: topics[c] for v, c in questions.modes.items()}
        of = [topics[n] for n in questions.labels if n not in questions.modes.values()]
        write_modes(writer, reckoning, named, of, totals, over, done, of_label, "mode" in dimensions, by_mode)
    n = max((t.labels.n for t in topics.values()), default=0)
    left = max(data.size - n, 0)
    notes = (
        *_few(n, left),
        *write_drifts(writer, data.corpus, reckoning, questions.labels, questions.headline, done),
        *_one_class(topics[questions.headline]),
    )
    return Estimates(
        writer.tables(), set_aside=aside, labels_wanted=min(max(0, LABELS_FOR_CORPUS - n), left), notes=notes
    )


def _few(n: int, left: int) -> list[str]:
    if not left or n + left >= LABELS_FOR_CORPUS:
        return []
    return [
        f"there are {n + left:,} candidates, fewer than the {LABELS_FOR_CORPUS} labels that an interval takes; it has one once all are "
        f"labelled: {left:,} are not yet"
    ]


def _write_outcomes(
    writer: Writer,
    reckoning: Reckoning,
    questions: Questions,
    topics: Mapping[str, Topic],
    places: Sequence[Pairs],
    over: Mapping[Key, Floats],
    done: Mapping[str, Mapping[Key, Counts]],
) -> None:
    """Each outcome as a share of what it is an outcome of. Outcomes exclude each other: in no source are they more than the whole."""
    if not questions.outcomes:
        return
    whole, columns = topics[questions.outcome_of], list(questions.outcomes.values())
    counted = []
    for column in columns:
        least = np.minimum(reckoning.scored(topics[column]).shifted, reckoning.scored(whole).shifted)
        counted.append(reckoning.counts(joint(topics[column], whole, least), places[1:], over)[0])
    of = done[questions.outcome_of]
    for p in places:
        key = (p.dimension, *FIRST)
        for column, c in zip(columns, adding_up([k[key] for k in counted], of[key].value, at_most=True), strict=True):
            write_comparison(writer, p, "outcome", column, questions.outcome_of, {key: c}, of, m.part_of)


def _documents(
    passages: pl.DataFrame,
    answers: pl.DataFrame | None,
    questions: Questions,
    wanted: list[tuple[str, str]],
    also: Sequence[pl.DataFrame],
    shards: Mapping[str, tuple[int, int]] | None,
    totals: Mapping[tuple[str, str], Mapping[tuple[str, str], Totals]],
) -> tuple[Callable[[str], Mapping[Key, Counts]], dict[str, int]]:
    """Where documents were read whole: label -> counts of documents, under the unit `passages` of a survey of documents, made when
    asked for; and the documents set aside."""
    if answers is None or not answers.height:
        return lambda _: {}, {}
    told, aside = answered(keyed(answers, ("document", "content")), passages, questions.labels)
    frame = document_frame(passages, questions.labels)
    data = survey(frame, questions.labels, wanted, home=("dataset", "domain"), also=also, shards=shards)
    dims = [data.corpus, *data.pairs.values()]
    barred = _barred(dims, shards, frame, data)
    over = {(p.dimension, "passages", b): totals[p.dimension]["documents", b].scored for p in dims for b in BASES}

    def counted(name: str) -> Mapping[Key, Counts]:
        given = told[name]
        reckoning = Reckoning(data, no_interval=barred, units=("passages",), gate=missed_documents(given.parts))
        trained_at = questions.trained_at.get(name, TRAINED_AT)
        topic = Topic(name, partial(data.score, name), labels_of(data, given.labels), trained_at, questions.threshold)
        return reckoning.counts(topic, list(data.pairs.values()), over)[0]

    return counted, aside


def _one_class(topic: Topic) -> list[str]:
    if not topic.labels.n or 0 < topic.labels.y.sum() < topic.labels.n:
        return []
    if topic.labels.y.sum():
        return [
            f"all {topic.labels.n} labelled passages have {topic.name}: labels of one class tell nothing of the other"
        ]
    return [f"none of {topic.labels.n} labelled passages has {topic.name}: its figures are upper bounds"]


def _barred(
    dims: Sequence[Pairs], shards: Mapping[str, tuple[int, int]] | None, passages: pl.DataFrame, data: Survey
) -> dict[tuple[str, str], Bools]:
    """Sources without an interval: any that lie in a data set of which fewer than 30 shards were scanned, and not
    all."""
    short = {d for d, (n, of) in (shards or {}).items() if n < of and n < SHARDS}
    if data.sharded is not None and not data.sharded.known:  # sampled shards, and no row says which is its own
        short |= set(passages.filter(pl.col("shard_probability") < 1)["dataset"].unique().to_list())
    out: dict[tuple[str, str], Bools] = {}
    if not short:
        return out
    inside = passages.filter(pl.col("dataset").is_in(list(short)))
    for p in dims:
        named = [d for d in p.dimension if d]
        if not named:
            out[p.dimension] = np.array([True])
            continue
        hit = {tuple(str(v or "") for v in r) for r in inside.select(named).unique().iter_rows()}
        out[p.dimension] = np.array([tuple(n for n in name[: len(named)]) in hit for name in p.names])
    return out
