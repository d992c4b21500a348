"""Whole documents as units: a document is positive if any of its passages is. Needs documents labelled whole (a round of documents).

Opened documents take the place of passages: content is the document's, the score the highest of its passages'. The rest is the
estimate of passages, but for what the gate misses, which is reckoned in documents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from corpus_tools.estimate.cells import ASSUMED_RECALL, Labels, Rates, Scored
from corpus_tools.estimate.frames import among, usable_labels
from corpus_tools.estimate.missed import DISCREPANCY, PRIOR_EVENTS, Missed, update
from corpus_tools.estimate.survey import Floats, Survey

_OF_PASSAGES = (
    "passage_id", "content", "document_content", "stratum", "screen_probability", "drawn", "n_words", "terms", "text", "start", "end",
)  # fmt: skip


def document_frame(passages: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Passages of opened documents -> one row per document: content (the document's), stratum (hit | sampled), its highest scores
    (0 where none of its passages was scored), words, and every other column as it is in its first passage."""
    others = [c for c in passages.columns if c not in (*_OF_PASSAGES, *columns, "document_id")]
    rows = passages.group_by("document_id", maintain_order=True).agg(
        content=pl.col("document_content" if "document_content" in passages.columns else "document_id").first(),
        stratum=pl.when((pl.col("stratum") == "sampled").all()).then(pl.lit("sampled")).otherwise(pl.lit("hit")),
        n_words=pl.col("n_words").cast(pl.Int64).sum(),
        **{c: pl.col(c).max().fill_null(0) for c in columns},
        **{c: pl.col(c).first() for c in others},
    )
    return rows.with_columns(document_content=pl.col("content"), drawn=pl.lit(True))


@dataclass(frozen=True)
class Answered:
    """One label of documents read whole. `labels`: one row per document, as the estimates take them; `parts`: per document the
    positives in hit passages (multi: of several hits; solo: the only hit) and in near ones, and all of them (k)."""

    labels: pl.DataFrame
    parts: pl.DataFrame


def answered(
    answers: pl.DataFrame, passages: pl.DataFrame, columns: Sequence[str]
) -> tuple[dict[str, Answered], dict[str, int]]:
    """tables.DOCUMENT_LABELS and the passages of opened documents -> label -> Answered, and documents set aside by reason."""
    strata = (
        passages.select("document_content", "content", "stratum", "document_id")
        .with_columns(first=pl.col("document_id").min().over("document_content"))
        .filter(pl.col("document_id") == pl.col("first"))
        .group_by("document_content", "content")
        .agg(pl.col("stratum").first(), pl.len().alias("times"))
    )
    hits = strata.group_by("document_content").agg((pl.col("times") * (pl.col("stratum") == "hit")).sum().alias("hits"))
    rows = (
        answers.rename({"content": "passage", "document": "content"})
        .join(
            strata.rename({"document_content": "content", "content": "passage"}), on=["content", "passage"], how="left"
        )
        .join(hits.rename({"document_content": "content"}), on="content", how="left")
    )
    whole = rows.group_by("content", "label", "round", maintain_order=True).agg(
        pl.col("value").max(),
        *(pl.col(c).first() for c in ("probability", "role")),
        pl.col("annotator").unique().sort().str.join("+"),
    )
    good, aside = usable_labels(whole, among(passages, whole, "document_content"), of="document")
    k = pl.col("value") * pl.col("times")
    hit, one = pl.col("stratum") == "hit", pl.col("hits") == 1
    parts = rows.group_by("content", "label", maintain_order=True).agg(
        near=k.filter(pl.col("stratum") == "near").sum(),
        multi=k.filter(hit & ~one).sum(),
        solo=k.filter(hit & one).sum(),
        k=k.sum(),
    )
    return {
        c: Answered(good.filter(label=c), parts.filter(label=c)) for c in columns
    }, aside  # fmt: skip


def missed_documents(parts: pl.DataFrame) -> Callable[[Survey, Scored, Labels, Rates], Missed]:
    """The capture-recapture argument of whole.missed, from documents read whole.

    omega = near / multi as there. A document with k positive passages is missed with probability proportional to omega^k, and hit by
    exactly one of them k times as often over omega: so omega x sum over solo documents of 1 / k are missed.
    """

    def gate(survey: Survey, scored: Scored, labels: Labels, count: Rates) -> Missed:
        at = survey.find(parts["content"])
        inverse = np.zeros(survey.size)
        inverse[labels.at] = labels.inverse
        use = at >= 0
        w = np.where(use, (survey.content_weights("passages", "distinct") * inverse)[at], 0.0)
        near, multi = w * parts["near"].to_numpy(), w * parts["multi"].to_numpy()
        alone = w * parts["solo"].to_numpy() / np.maximum(parts["k"].to_numpy(), 1e-9)
        omega0 = (1 - ASSUMED_RECALL) / ASSUMED_RECALL
        events = _events(near)
        omega = (PRIOR_EVENTS + events) / (
            PRIOR_EVENTS / omega0 + (events * multi.sum() / near.sum() if events else _events(multi))
        )
        solo = float(alone.sum())
        solo_cv2 = 1 / _events(alone) if solo else 1.0
        shape = 1 / (1 / (PRIOR_EVENTS + events) + solo_cv2 + DISCREPANCY**2)
        return update(survey, scored, labels, max(omega * solo, 1e-9), shape, 0.0, count.total, cluster=1.0)

    return gate


def _events(weighted: Floats) -> float:
    """How many counts a weighted sum is worth (Kish)."""
    total = float(weighted.sum())
    return total**2 / float((weighted**2).sum()) if total else 0.0
