"""Corpora with a known truth: passages, tallies and labels drawn as an audit draws them. What the estimates are
tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus_tools.estimate.plan import allocate, by_rule
from corpus_tools.estimate.survey import Floats, sums


@dataclass(frozen=True)
class World:
    """What a simulated corpus is like. Numbers as in a web corpus, made small."""

    documents: int = 60_000  # distinct
    sources: int = 200  # Zipf-sized
    rate: float = 0.003  # positives per passage
    recall: float = 0.92  # of the gate: positives in documents that it hits
    term_rate: float = 0.005  # of other passages that carry a term
    shift: float = 0.3  # sd over sources of the score's shift, logit
    separation: float = 2.09  # of positive and negative scores, sd units: AUC 0.93
    copied: float = 0.05  # of documents and of passages, with 2 to 50 copies
    audit_fraction: float = 0.01
    screen: float = 0.2  # near passages
    by_bin: tuple[
        float, ...
    ] = ()  # rates of all passages of hit documents by bins of a cheap score (AUC 0.90), lowest first
    flat: float = 0.0  # instead: one rate of all of them, whatever their score
    misses_like_negatives: bool = False  # positives without a term score like negatives
    label_error: float = 0.0
    shards: int = 1  # in which documents lie, partly by source
    scanned: int = 1  # of them, in random order: an audit that stopped early
    stories: float = 0.0  # share of documents that are stories, differing by source; positives are mostly in these


@dataclass(frozen=True)
class Sample:
    """One corpus, as audited, and its truth."""

    passages: pl.DataFrame
    tallies: pl.DataFrame
    truth: (
        pl.DataFrame
    )  # per source: passages, positives, seen, words, positive_words, distinct_passages, distinct_positives, shift
    distinct: tuple[float, float, float]  # of the corpus: passages, positives, seen
    positive: pl.DataFrame  # content, value: of the candidates; with stories also `story`, 0 or 1
    every: pl.DataFrame  # content, value: of every passage of an opened document
    positive_documents: int  # documents with a positive passage, copies counted
    stories: pl.DataFrame | None = None  # per source: passages, positives of stories

    @property
    def theta(self) -> float:
        """Prevalence of passages."""
        return float(self.truth["positives"].sum()) / float(self.truth["passages"].sum())


def simulate(world: World, seed: int) -> Sample:
    """A corpus of about 5.5 passages a document, one label `y`, and the audit of it."""
    rng = np.random.default_rng(seed)
    size = 1 / np.arange(1, world.sources + 1) ** 1.1
    size /= size.sum()
    rates = rng.lognormal(0, 1.2, world.sources) * (rng.random(world.sources) > 0.2)
    rates *= world.rate / float(size @ rates)
    rates = np.minimum(rates, 0.25)

    home = rng.choice(world.sources, world.documents, p=size)
    n_in = 1 + rng.geometric(1 / 4.5, world.documents)
    storied = rng.random(world.documents) < np.minimum(rates[home] / 0.4, 1)  # narratives come in clusters
    document = np.repeat(np.arange(world.documents), n_in)
    y = storied[document] & (rng.random(len(document)) < 0.4)
    content = np.arange(len(document))
    # Passages quoted elsewhere: a passage takes the content of another.
    quoted = rng.random(len(document)) < world.copied
    targets = np.flatnonzero(quoted)
    if len(targets):
        origin = rng.choice(len(document), max(len(targets) // 4, 1))
        content[targets] = origin[(len(origin) * rng.random(len(targets)) ** 2).astype(int)]
        content = content[content]  # a copy of a copy is a copy of the first
    y = y[content]
    term = rng.random(len(document)) < world.term_rate
    with_term = _term_probability(world.recall, document, y, term[content], world.documents)
    term = np.where(y, rng.random(len(document)) < with_term, term)[content]
    hit_document = sums(document, term, size=world.documents) > 0

    shift = rng.normal(0, world.shift, world.sources)
    origin_source = home[document][content]
    looks = y & ~term if world.misses_like_negatives else np.zeros(len(y), bool)
    z = rng.normal(0, 1, len(document))[content] + world.separation * (y & ~looks)
    logit = np.log(0.25) + world.separation * z - world.separation**2 / 2 + shift[origin_source]
    score = np.round(1 / (1 + np.exp(-logit)), 4)
    words = rng.integers(80, 180, len(document))[content]

    story = np.zeros(len(document), bool)
    if world.stories:  # drawn apart: corpora without stories stay as they were
        own = np.random.default_rng(seed + 1)
        odds = world.stories / (1 - world.stories) * own.lognormal(0, 1, world.sources)
        told = np.where(storied, 0.7, (odds / (1 + odds))[home])
        story = (own.random(world.documents) < told)[document][content]
        z = own.normal(0, 1, len(document))[content] + 3.0 * story - 1.5
        by_source = own.normal(0, 0.5, world.sources)[origin_source]
        story_score = np.round(1 / (1 + np.exp(-3.0 * z - by_source - np.log(world.stories / (1 - world.stories)))), 4)

    # Copies of whole documents, into any source.
    copies = np.ones(world.documents, int)
    many = rng.random(world.documents) < world.copied
    copies[many] = np.minimum(1 + rng.zipf(1.7, int(many.sum())), 50)
    doc_of_row = np.repeat(np.arange(world.documents), copies)
    first = np.concatenate([[True], doc_of_row[1:] != doc_of_row[:-1]])
    source_of_row = np.where(first, home[doc_of_row], rng.choice(world.sources, len(doc_of_row), p=size))
    start = np.concatenate([[0], np.cumsum(n_in)])
    lengths = n_in[doc_of_row]
    row_document = np.repeat(np.arange(len(doc_of_row)), lengths)
    offset = np.arange(len(row_document)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    at = start[doc_of_row][row_document] + offset

    source = source_of_row[row_document]
    c, d = content[at], doc_of_row[row_document]
    hit_d, t, pos, w = hit_document[d], term[at], y[at], words[at]
    audit = rng.random(world.documents) < world.audit_fraction
    q = _screen_rates(world, term, y, z, seed)
    screened = rng.random(len(document)) < q
    opened = hit_d | audit[d]
    stratum = np.where(t, "hit", np.where(hit_d, "near", "sampled"))
    drawn = opened & (~hit_d | screened[c])
    block = max(world.shards // 4, 1)
    shard = (source_of_row * 7 + rng.integers(0, block, len(source_of_row))) % world.shards
    in_audit = np.isin(shard, rng.permutation(world.shards)[: world.scanned])
    o = np.flatnonzero(opened & in_audit[row_document])
    drawn &= in_audit[row_document]
    names = np.array([f"s{i:03d}" for i in range(world.sources)])
    passages = pl.DataFrame(
        {
            "document_id": row_document[o],
            "content": c[o],
            "document_content": d[o],
            "stratum": stratum[o],
            "open_probability": np.where(hit_d, 1.0, world.audit_fraction)[o],
            "screen_probability": np.where(hit_d, q[c], 1.0)[o],
            "drawn": drawn[o],
            "n_words": w[o],
            "domain": names[source[o]],
            "y": np.where(drawn, score[at], np.nan)[o].astype(np.float32),
        }
    ).with_columns(
        pl.col("document_id", "content", "document_content").cast(pl.String),
        pl.col("y").fill_nan(None),
        shard_probability=pl.lit(world.scanned / world.shards),
        shard_id=pl.Series(shard[row_document][o]).cast(pl.String),
        unscored=pl.lit(False),
        dataset=pl.lit("web"),
    )
    rows = pl.DataFrame(
        {"domain": names[source], "x": source, "c": c, "y": pos, "seen": pos & hit_d, "w": w, "hit": hit_d}
    )
    truth = rows.group_by("domain").agg(
        pl.len().alias("passages"),
        pl.col("y").sum().alias("positives"),
        pl.col("seen").sum(),
        pl.col("w").sum().alias("words"),
        (pl.col("w") * pl.col("y")).sum().alias("positive_words"),
        pl.col("c").n_unique().alias("distinct_passages"),
        pl.col("c").filter("y").n_unique().alias("distinct_positives"),
    )
    truth = truth.sort("domain").join(pl.DataFrame({"domain": names, "shift": shift}), on="domain")
    by_document = pl.DataFrame(
        {
            "domain": names[source_of_row],
            "hit": hit_document[doc_of_row],
            "sampled": (audit & ~hit_document)[doc_of_row],
            "words": sums(row_document, w),
            "passages": lengths,
        }
    ).filter(pl.Series(in_audit))
    tallies = by_document.group_by("domain").agg(
        pl.len().alias("documents"),
        pl.col("words").sum(),
        pl.col("hit").sum().alias("hit_documents"),
        pl.col("sampled").sum().alias("sampled_documents"),
        pl.col("words").filter("hit").sum().alias("hit_words"),
        pl.col("words").filter("sampled").sum().alias("sampled_words"),
    )
    tallies = (
        tallies.sort("domain")
        .with_columns(pl.exclude("domain").cast(pl.Int64))
        .with_columns(dataset=pl.lit("web"), shard_probability=pl.lit(world.scanned / world.shards))
    )
    stories = None
    if world.stories:
        passages = passages.with_columns(
            story=pl.when("drawn").then(pl.Series(story_score[at][o], dtype=pl.Float32))
        ).with_columns(other=1 - pl.col("story"))
        stories = (
            rows.with_columns(story=pl.Series(story[at]))
            .group_by("domain")
            .agg(pl.col("story").sum().alias("passages"), (pl.col("y") & pl.col("story")).sum().alias("positives"))
            .sort("domain")
        )
    unique = rows.unique("c", keep="first")
    distinct = (
        float(unique.height),
        float(unique["y"].sum()),
        float(rows.filter("seen")["c"].n_unique()),
    )
    candidates = (
        pl.DataFrame(
            {"content": c[o][drawn[o]], "value": pos[o][drawn[o]].astype(float)}
            | ({"story": story[at][o][drawn[o]].astype(float)} if world.stories else {})
        )
        .unique("content")
        .sort("content")
    )
    every = pl.DataFrame({"content": c[o], "value": pos[o].astype(float)}).unique("content").sort("content")
    return Sample(
        passages,
        tallies,
        truth,
        distinct,
        candidates.with_columns(pl.col("content").cast(pl.String)),
        every.with_columns(pl.col("content").cast(pl.String)),
        int((sums(row_document, pos) > 0).sum()),
        stories,
    )


def _screen_rates(world: World, term: NDArray[np.bool_], y: NDArray[np.bool_], z: Floats, seed: int) -> Floats:
    """[contents] the screen's rate in a hit document, by term or by a cheap score that knows half of what the costly one knows."""
    if world.flat:
        return np.full(len(y), world.flat)
    if not world.by_bin:
        return np.where(term, 1.0, world.screen)
    noise = np.random.default_rng([seed, 1]).normal(0, 1, len(y))
    cheap = 0.5 * (z - world.separation * y) + np.sqrt(0.75) * noise + 1.8 * y
    # Bins as a fit cuts them: each higher one holds about half of what is left.
    edges = np.quantile(cheap, 1 - 0.45 * 0.5 ** np.arange(len(world.by_bin) - 1))
    rates: Floats = np.array(world.by_bin)[np.searchsorted(edges, cheap, side="right")]
    return rates


def _term_probability(
    recall: float, document: NDArray[np.int64], y: NDArray[np.bool_], term: NDArray[np.bool_], n: int
) -> float:
    """Chance that a positive passage carries a term, so that a share `recall` of them lies in documents with any."""
    positives = sums(document, y, size=n)
    other = sums(document, term & ~y, size=n) > 0
    total = max(float(positives.sum()), 1.0)
    low, high = 0.0, 1.0
    for _ in range(40):
        p = (low + high) / 2
        missed = float((positives * (1 - p) ** positives)[~other].sum()) / total
        low, high = (p, high) if missed > 1 - recall else (low, p)
    return high


def label_round(
    sample: Sample, size: int, seed: int, *, flat: float = 0.1, error: float = 0.0, name: str = "r"
) -> pl.DataFrame:
    """A round of about `size` labels by `allocate`, drawn and answered from the truth (each answer wrong with
    probability `error`)."""
    rng = np.random.default_rng(seed)
    candidates = sample.passages.filter("drawn")
    rates = allocate(candidates, size, score="y", flat=flat).probabilities().sort("content")
    rates = rates.filter(pl.Series(rng.random(rates.height)) < pl.col("probability"))
    labels = rates.join(sample.positive, on="content")
    wrong: Floats = (rng.random(labels.height) < error).astype(float)
    labels = labels.with_columns(label=pl.lit("y"), value=(pl.col("value") - pl.Series(wrong)).abs())
    if "story" in labels.columns:
        modes = [
            labels.with_columns(label=pl.lit("story"), value=pl.col("story")),
            labels.with_columns(label=pl.lit("other"), value=1 - pl.col("story")),
        ]
        labels = pl.concat([labels, *modes])
    return labels.select(
        "content",
        "label",
        "value",
        "probability",
        pl.lit(name).alias("round"),
        pl.lit("estimate").alias("role"),
        pl.lit("truth").alias("annotator"),
    ).sort("content", "label")


def late_round(
    sample: Sample, size: int, seed: int, late: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """A round drawn before the shards `late` arrived, and topped up by its own rule -> the passages (+ late, arrived), labels before
    the top-up, labels after it."""
    passages = sample.passages.with_columns(arrived=pl.col("shard_id").is_in(list(late)))
    passages = passages.with_columns(late=pl.col("arrived"))
    there, new = (passages.filter(pl.col("drawn") & (pl.col("arrived") == late)) for late in (False, True))
    rule = allocate(there, size, score="y")
    first = rule.probabilities()
    more = by_rule(new, rule.rates.to_dicts(), score="y").probabilities()
    both = pl.concat([first, more]).group_by("content").agg(pl.col("probability").max()).sort("content")
    chance = both.with_columns(u=pl.Series(np.random.default_rng(seed).random(both.height)))
    out = []
    for rates in (first, both):
        drawn = rates.select("content", "probability").join(chance.select("content", "u"), on="content")
        out.append(_answered(drawn.filter(pl.col("u") < pl.col("probability")), sample))
    return passages, out[0], out[1]


def _answered(drawn: pl.DataFrame, sample: Sample) -> pl.DataFrame:
    return (
        drawn.join(sample.positive, on="content")
        .select(
            "content",
            pl.lit("y").alias("label"),
            "value",
            "probability",
            pl.lit("r").alias("round"),
            pl.lit("estimate").alias("role"),
            pl.lit("truth").alias("annotator"),
        )
        .sort("content")
    )
