"""One audit: passages, tallies and labels -> totals, prevalence and measures, in the order and types of the
contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from corpus_tools import tables
from corpus_tools.estimate import measures as m
from corpus_tools.estimate.cells import Labels, Scored, cells, labels_of, rates
from corpus_tools.estimate.frames import as_polars, require, usable_labels
from corpus_tools.estimate.sources import Sources, label_counts, sources
from corpus_tools.estimate.survey import BASES, UNITS, WHOLE, Bools, Floats, Pairs, Place, Survey, sums, survey
from corpus_tools.estimate.totals import Denominators, Totals
from corpus_tools.estimate.whole import Whole, whole

LABELS_FOR_CORPUS = 300
LABELS_FOR_SOURCE = 30
LABELLED_SOURCES = 20
SHARDS = 30
TRAINED_AT = 0.2  # prevalence at which scores are taken to be calibrated, where nothing is said


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
    """Frames as tables.TOTALS, PREVALENCE and MEASURES say; labels set aside by reason; the labels still wanted (0:
    none)."""

    totals: pl.DataFrame
    prevalence: pl.DataFrame
    measures: pl.DataFrame
    set_aside: Mapping[str, int]
    labels_wanted: int


@dataclass(frozen=True)
class Topic:
    """One label's scores and labels over the contents: what is estimated, a label or a label and a mode together."""

    name: str
    score: Floats
    labels: Labels
    trained_at: float


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
    ) -> None:
        self.data, self.level, self.units, self.bases = data, level, units, bases
        self.no_interval = no_interval or {}

    def counts(
        self, topic: Topic, dimensions: Sequence[Pairs], totals: Mapping[tuple[tuple[str, str], str, str], Floats]
    ) -> tuple[dict[tuple[tuple[str, str], str, str], Counts], dict[tuple[str, str], Whole]]:
        """Counts by (dimension, unit, basis), and the corpus's parts by (unit, basis) if labelled."""
        data = self.data
        scored = cells(data, topic.score, topic.labels, topic.trained_at)
        everything = bool(data.size) and topic.labels.n == data.size and bool(topic.labels.certain.all())
        out: dict[tuple[tuple[str, str], str, str], Counts] = {}
        wholes: dict[tuple[str, str], Whole] = {}
        if topic.labels.n < LABELS_FOR_CORPUS and not everything:
            for pairs in (data.corpus, *dimensions):
                for unit in self.units:
                    for basis in self.bases:
                        out[pairs.dimension, unit, basis] = self._uncorrected(topic, scored, pairs, unit, basis)
            return out, wholes
        design_weight = {
            (u, b): np.where(data.in_design, data.content_weights(u, b), 0.0) for u in self.units for b in self.bases
        }
        inclusion = data.q * data.open_probability * data.shard_probability
        once = np.where(data.in_design, data.content_weights("passages", "distinct"), 0.0)
        count = rates(scored, once, topic.labels, data.in_design)
        for unit in self.units:
            for basis in self.bases:
                weight = design_weight[unit, basis]
                r = rates(scored, weight, topic.labels, data.in_design, inclusion)
                w = whole(data, scored, topic.labels, r, count, weight, unit, basis, self.level)
                wholes[unit, basis] = w
                out[data.corpus.dimension, unit, basis] = self._of_corpus(w, topic.labels, totals, unit, basis)
                for pairs in dimensions:
                    cap = totals.get((pairs.dimension, unit, basis), np.full(len(pairs.names), np.inf))
                    s = sources(pairs, data, scored, topic.labels, r, w, unit, basis, cap, self.level)
                    out[pairs.dimension, unit, basis] = self._of_sources(s, pairs)
        return out, wholes

    def _of_corpus(
        self,
        w: Whole,
        labels: Labels,
        totals: Mapping[tuple[tuple[str, str], str, str], Floats],
        unit: str,
        basis: str,
    ) -> Counts:
        cap = totals.get((self.data.corpus.dimension, unit, basis), np.array([np.inf]))
        yes = np.array([not self.no_interval.get(self.data.corpus.dimension, np.array([False]))[0]])
        t = w.theta
        return Counts(
            value=np.minimum(np.array([t.value]), cap),
            variance=np.array([t.variance]),
            low=np.where(yes, np.minimum(t.low, cap), np.nan),
            high=np.where(yes, np.minimum(t.high, cap), np.nan),
            one_sided=np.array([t.bound == "upper"]),
            spread=np.where(yes, np.nan, 1.96 * np.sqrt(t.variance) / max(t.value, 1e-300)),
            n_labelled=np.array([labels.n], float),
            calibrated=yes,
            pooled=np.array([False]),
        )

    def _of_sources(self, s: Sources, pairs: Pairs) -> Counts:
        barred = self.no_interval.get(pairs.dimension, np.zeros(len(pairs.names), bool))
        calibrated = ((s.n_labelled >= LABELS_FOR_SOURCE) | s.complete) & ~barred
        pooled = ~calibrated & ~barred & (s.n_sources_labelled >= LABELLED_SOURCES)
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
        )

    def _uncorrected(self, topic: Topic, scored: Scored, pairs: Pairs, unit: str, basis: str) -> Counts:
        """Probability-weighted sums of scores, shifted to each gate stratum's own prior. Their spread is the
        sampling's alone: the classifier's error, which is larger, is not in it."""
        data, x_size = self.data, len(pairs.names)
        p = scored.shifted[pairs.content]
        value, variance = np.zeros(x_size), np.zeros(x_size)
        for rest in (False, True):
            w = pairs.weights(data.n_words, unit, basis, rest)
            inclusion = data.q * (data.open_probability if rest else 1.0)
            value += sums(pairs.source, w * p, size=x_size)
            variance += sums(pairs.source, w**2 * (1 - inclusion[pairs.content]) * p, size=x_size)
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.where(value > 0, 1.96 * np.sqrt(variance) / value, np.nan)
        n, _, _ = label_counts(pairs, data, topic.labels)
        nothing = np.zeros(x_size, bool)
        nan = np.full(x_size, np.nan)
        return Counts(value, variance, nan, nan, nothing, spread, n.astype(float), nothing, nothing)


def estimate_audit(
    passages: pl.DataFrame,
    tallies: pl.DataFrame,
    labels: pl.DataFrame,
    questions: Questions,
    *,
    audit_id: str,
    dimensions: Sequence[str],
    crossings: Sequence[tuple[str, str]] = (),
    kinds: Mapping[str, str] | None = None,
    exposure: Mapping[str, float] | None = None,
    shards: Mapping[str, tuple[int, int]] | None = None,
    round_weights: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Estimates:
    """passages of opened documents, tallies and labels -> totals, prevalence and measures of one audit.

    passages: one row per passage of every opened document, drawn or not (tables.PASSAGES and the document's source
    keys, content as document_content, shard_probability, open_probability and unscored; one float32 column per label,
    null where not scored). tallies: tables.TALLIES, further source keys and shard_probability as plain columns.
    labels: tables.LABELS. `kinds`: domain -> kind, used where no column `kind` is given. `exposure`: dataset ->
    epochs, for the share of training exposure. `shards`: dataset -> (scanned, of): a sampled data set with fewer than
    30 gets no interval. `round_weights`: fixed weights of the label rounds.

    Without 300 labels of a label (or every candidate labelled) its rows are uncalibrated and carry no interval.
    Prevalence is over the text that the classifier knows: its denominator is total x (1 - unscored_share).
    """
    passages, tallies = as_polars(passages, "passages"), as_polars(tallies, "tallies")
    require(tallies, ("documents", "words"), "tallies")
    if kinds is not None:
        passages, tallies = (
            f
            if "kind" in f.columns or "domain" not in f.columns
            else f.with_columns(kind=pl.col("domain").replace_strict(dict(kinds), default="", return_dtype=pl.String))
            for f in (passages, tallies)
        )
    plain = [(d, "") for d in dict.fromkeys(dimensions) if d not in ("corpus", "mode")]
    crossed = [(a, b) for a, b in dict.fromkeys(crossings) if "mode" not in (a, b)]
    data = survey(passages, questions.columns, [*plain, *crossed], home=("dataset", "domain"), also=(tallies,))
    good, aside = usable_labels(as_polars(labels, "labels"), passages["content"].unique())
    weights = dict(round_weights) if round_weights else None
    topics = {
        c: Topic(
            c,
            data.score(c),
            labels_of(data, good.filter(pl.col("label") == c), weights),
            questions.trained_at.get(c, TRAINED_AT),
        )
        for c in questions.columns
    }
    denominators = Denominators(passages, tallies)
    dims = [data.corpus, *data.pairs.values()]
    totals: dict[tuple[str, str], dict[tuple[str, str], Totals]] = {
        p.dimension: denominators.of(p, [d for d in p.dimension if d]) for p in dims
    }
    over = {(d, u, b): t.scored for d, by in totals.items() for (u, b), t in by.items()}
    reckoning = Reckoning(data, no_interval=_barred(dims, shards, passages))
    writer = _Writer(audit_id)
    for p in dims:
        writer.totals(p, totals[p.dimension])
    done: dict[str, dict[tuple[tuple[str, str], str, str], Counts]] = {}
    for name in questions.columns:
        counts, wholes = reckoning.counts(topics[name], list(data.pairs.values()), over)
        done[name] = counts
        for p in dims:
            for unit in UNITS:
                for basis in BASES:
                    writer.prevalence(
                        p, unit, basis, name, counts[p.dimension, unit, basis], totals[p.dimension], topics[name], data
                    )
        for (unit, basis), w in wholes.items():
            writer.parts(name, unit, basis, w)
        for p in data.pairs.values():
            writer.attribution(
                p,
                name,
                counts,
                data.corpus.dimension,
                totals[p.dimension],
                exposure,
                seed if name == questions.headline else None,
            )
        writer.corpus_count(data.corpus, name, counts)
    for a, b in questions.balance:
        for p in dims:
            writer.compared(p, "balance", a, b, done[a], done[b], m.ratio)
    for column in questions.outcomes.values():
        both = _joint(topics[column], topics[questions.outcome_of], "least")
        counts, _ = reckoning.counts(both, list(data.pairs.values()), over)
        for p in dims:
            writer.compared(p, "outcome", column, questions.outcome_of, counts, done[questions.outcome_of], m.part_of)
    n = max((t.labels.n for t in topics.values()), default=0)
    return Estimates(*writer.frames(), set_aside=aside, labels_wanted=max(0, LABELS_FOR_CORPUS - n))


def _joint(a: Topic, b: Topic, how: str) -> Topic:
    """Both true: labels where both are labelled; score their product, or the lesser where one is part of the other."""
    common, ia, ib = np.intersect1d(a.labels.at, b.labels.at, return_indices=True)
    labels = Labels(
        at=common,
        y=a.labels.y[ia] * b.labels.y[ib],
        inverse=np.maximum(a.labels.inverse[ia], b.labels.inverse[ib]),
        certain=a.labels.certain[ia] & b.labels.certain[ib],
        several_rounds=a.labels.several_rounds or b.labels.several_rounds,
        by=a.labels.by if a.labels.by == b.labels.by else f"{a.labels.by}, {b.labels.by}",
    )
    score = np.minimum(a.score, b.score) if how == "least" else a.score * b.score
    return Topic(f"{a.name} and {b.name}", score, labels, min(a.trained_at, b.trained_at))


def _barred(
    dims: Sequence[Pairs], shards: Mapping[str, tuple[int, int]] | None, passages: pl.DataFrame
) -> dict[tuple[str, str], Bools]:
    """Sources without an interval: any that lie in a data set of which fewer than 30 of more shards were scanned."""
    short = {d for d, (n, of) in (shards or {}).items() if n < of and n < SHARDS}
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


_METHODS = {
    "calibrated": "labels corrected by stratum, seen + missed",
    "pooled": "labels of other sources, shift by empirical Bayes, seen + missed",
    "uncalibrated": "sum of scores, prior shifted by stratum, not corrected",
}


class _Writer:
    """Blocks of rows -> the three frames."""

    def __init__(self, audit_id: str) -> None:
        self.audit_id = audit_id
        self._blocks: dict[str, list[pl.DataFrame]] = {"totals": [], "prevalence": [], "measures": []}

    def _key(self, p: Place, unit: str, basis: str, keep: Bools | None = None) -> dict[str, object]:
        names = p.names if keep is None else [n for n, k in zip(p.names, keep, strict=True) if k]
        return {
            "audit_id": self.audit_id,
            "dimension": p.dimension[0] or "corpus",
            "source": [n[0] for n in names],
            "dimension_2": p.dimension[1],
            "source_2": [n[1] for n in names],
            "unit": unit,
            "basis": basis,
        }

    def _add(self, table: str, key: dict[str, object], **columns: object) -> None:
        size = len(key["source"])  # type: ignore[arg-type]  # a list
        arrays = {c: v for c, v in {**key, **columns}.items() if isinstance(v, list | np.ndarray)}
        frame = pl.DataFrame(arrays) if size else pl.DataFrame()
        if size:
            self._blocks[table].append(
                frame.with_columns(*(pl.lit(v).alias(c) for c, v in {**key, **columns}.items() if c not in arrays))
            )

    def totals(self, p: Pairs, by: Mapping[tuple[str, str], Totals]) -> None:
        for (unit, basis), t in by.items():
            self._add(
                "totals",
                self._key(p, unit, basis),
                total=t.total,
                low=t.low,
                high=t.high,
                unscored_share=t.unscored_share,
            )

    def prevalence(
        self,
        p: Pairs,
        unit: str,
        basis: str,
        label: str,
        c: Counts,
        totals: Mapping[tuple[str, str], Totals],
        topic: Topic,
        data: Survey,
    ) -> None:
        t = totals[unit, basis]
        status = np.where(c.calibrated, "calibrated", np.where(c.pooled, "pooled", "uncalibrated")).tolist()
        methods = dict(_METHODS)
        if data.complete_open:
            methods = {k: v.replace(", seen + missed", "") for k, v in methods.items()}
        with np.errstate(divide="ignore", invalid="ignore"):
            over = np.where(t.scored > 0, t.scored, np.nan)
            # The total's own error, where it is an estimate, widens the interval.
            loose = np.nan_to_num((t.high - t.low) / (2 * t.total)) if unit == "passages" else np.zeros(len(over))
            value = c.value / over
            low = np.where(c.value > 0, value - np.hypot(value - c.low / over, value * loose), c.low / over)
            high = np.where(c.value > 0, value + np.hypot(c.high / over - value, value * loose), c.high / over)
        bound = np.where(np.isnan(high), "", np.where(c.one_sided, "upper", "two")).tolist()
        common = {
            "label": label,
            "n_scored": p.n_scored,
            "n_labelled": c.n_labelled.astype(np.int64),
            "labelled_by": topic.labels.by,
            "status": status,
        }
        self._add(
            "prevalence",
            self._key(p, unit, basis),
            prevalence=value,
            ci_low=np.maximum(low, 0),
            ci_high=np.minimum(high, 1),
            bound=bound,
            spread=c.spread,
            method=[methods[s] for s in status],
            **common,
        )
        if (
            unit == "passages"
        ):  # a document's truth is 'any passage': without its own labels no more than a bound is known
            documents = totals["documents", basis]
            with np.errstate(divide="ignore", invalid="ignore"):
                most = np.where(documents.scored > 0, c.high / documents.scored, np.nan)
            self._add(
                "prevalence",
                self._key(p, "documents", basis),
                prevalence=np.full(len(most), np.nan),
                ci_low=np.where(np.isnan(most), np.nan, 0.0),
                ci_high=np.minimum(most, 1),
                bound=["" if b else "upper" for b in np.isnan(most)],
                spread=np.full(len(most), np.nan),
                method="at most the passages' upper bound over documents",
                **common,
            )

    def _measure(
        self,
        p: Place,
        unit: str,
        basis: str,
        label: str,
        name: str,
        against: str,
        x: m.Measure,
        c: Counts | None,
        method: str,
    ) -> None:
        size = len(x.value)
        if c is None:
            status: list[str] = ["calibrated"] * size
            yes = np.ones(size, bool)
        else:
            yes = c.calibrated | c.pooled
            status = np.where(c.calibrated, "calibrated", np.where(c.pooled, "pooled", "uncalibrated")).tolist()
        self._add(
            "measures",
            self._key(p, unit, basis),
            label=label,
            measure=name,
            against=against,
            value=x.value,
            low=np.where(yes, x.low, np.nan),
            high=np.where(yes, x.high, np.nan),
            q_value=np.full(size, np.nan) if x.q is None else np.where(yes, x.q, np.nan),
            status=status,
            method=method,
        )

    def corpus_count(self, p: Pairs, label: str, counts: Mapping[tuple[tuple[str, str], str, str], Counts]) -> None:
        for unit in UNITS:
            for basis in BASES:
                c = counts[p.dimension, unit, basis]
                self._measure(
                    p, unit, basis, label, "count", "", m.Measure(c.value, c.low, c.high), c, "weighted count"
                )

    def parts(self, label: str, unit: str, basis: str, w: Whole) -> None:
        """seen, missed and the gate's recall of the corpus."""
        p = WHOLE
        one = [
            ("seen", "", w.seen.value, w.seen.low, w.seen.high, "design-based, documents that the gate hits"),
            (
                "missed",
                "",
                w.missed.value,
                w.missed.low,
                w.missed.high,
                "capture-recapture of terms within documents, assumed prior",
            ),
            (
                "missed",
                "no model",
                w.missed.value,
                0.0,
                w.missed_design,
                "upper bound from labelled rejected text alone",
            ),
            ("recall", "gate", *w.recall, "seen over seen + missed"),
        ]
        if w.missed is w.seen or w.recall == (1.0, 1.0, 1.0):
            one = [o for o in one if o[0] == "seen"]
        for name, against, value, low, high, method in one:
            measure = m.Measure(np.array([value]), np.array([low]), np.array([high]))
            self._measure(p, unit, basis, label, name, against, measure, None, method)

    def attribution(
        self,
        p: Pairs,
        label: str,
        counts: Mapping[tuple[tuple[str, str], str, str], Counts],
        corpus: tuple[str, str],
        totals: Mapping[tuple[str, str], Totals],
        exposure: Mapping[str, float] | None,
        seed: int | None,
    ) -> None:
        for unit in UNITS:
            basis = "exposure"
            c, whole_ = counts[p.dimension, unit, basis], counts[corpus, unit, basis]
            total = totals[unit, basis].scored
            shares = m.share(c.value, c.variance, float(whole_.value[0]), float(whole_.variance[0]))
            self._measure(p, unit, basis, label, "count", "", m.Measure(c.value, c.low, c.high), c, "weighted count")
            self._measure(p, unit, basis, label, "share", "", shares, c, "part of all, log odds")
            if exposure and p.dimension == ("dataset", ""):
                epochs = np.array([exposure.get(n[0], 1.0) for n in p.names])
                fed = c.value * epochs
                variance = c.variance * epochs**2
                x = m.share(fed, variance, float(fed.sum()), float(variance.sum()))
                self._measure(p, unit, basis, label, "exposure_share", "", x, c, "part of all, by epochs")
            if unit != "passages" or not (c.calibrated | c.pooled).any():
                continue
            self._measure(
                p, unit, basis, label, "lift", "", m.lift(shares, total), c, "share of positives over share of text"
            )
            ranks = m.rank(c.value, c.variance, total, c.one_sided)
            self._measure(p, unit, basis, label, "rank", "", ranks, c, "joint interval")
            self._measure(p, unit, basis, label, "shrunk", "", m.shrunk(c.value, c.variance, total), c, "gamma-Poisson")
            if seed is not None:
                for name, (value, low, high) in m.concentration(c.value, c.variance, seed=seed).items():
                    whole_p = Place(p.dimension, [("all", "")])
                    measure = m.Measure(np.array([value]), np.array([low]), np.array([high]))
                    self._measure(
                        whole_p, unit, basis, label, "concentration", name, measure, None, "over sources, 400 draws"
                    )

    def compared(
        self,
        p: Pairs,
        measure: str,
        a: str,
        b: str,
        counts_a: Mapping[tuple[tuple[str, str], str, str], Counts],
        counts_b: Mapping[tuple[tuple[str, str], str, str], Counts],
        how: object,
    ) -> None:
        ca, cb = counts_a[p.dimension, "passages", "exposure"], counts_b[p.dimension, "passages", "exposure"]
        x = how(ca.value, ca.variance, cb.value, cb.variance)  # type: ignore[operator]  # m.ratio or m.part_of
        worse = ca if not (ca.calibrated | ca.pooled).all() else cb
        self._measure(p, "passages", "exposure", a, measure, b, x, worse, "delta method on the log scale")

    def frames(self) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        return tuple(  # type: ignore[return-value]  # three of them
            _typed(self._blocks[name], schema)
            for name, schema in (
                ("totals", tables.TOTALS),
                ("prevalence", tables.PREVALENCE),
                ("measures", tables.MEASURES),
            )
        )


def _typed(blocks: list[pl.DataFrame], schema: object) -> pl.DataFrame:
    empty = pl.DataFrame(pl.from_arrow(schema.empty_table()))  # type: ignore[attr-defined]
    if not blocks:
        return empty
    frame = pl.concat(blocks, how="diagonal_relaxed")
    columns = []
    for name, dtype in empty.schema.items():
        column = pl.col(name)
        if dtype.is_float():
            column = column.fill_nan(None)
        if name == "bound":
            column = pl.when(pl.col(name) == "").then(None).otherwise(pl.col(name))
        columns.append(column.cast(dtype).alias(name))
    key = ["dimension", "dimension_2", "source", "source_2", "unit", "basis"]
    more = [c for c in ("label", "measure", "against") if c in empty.columns]
    return frame.select(columns).sort([*key, *more])
