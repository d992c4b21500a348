"""Prevalence for anyone's classifier: a data frame of scores, one of labels, and the probabilities with which both
were drawn."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from corpus_tools.errors import Stop
from corpus_tools.estimate.cells import labels_of
from corpus_tools.estimate.contents import survey
from corpus_tools.estimate.frames import among, as_polars, require, usable_labels
from corpus_tools.estimate.reckon import LABELS_FOR_CORPUS, TRAINED_AT, Counts, Reckoning, Topic
from corpus_tools.estimate.survey import Floats, Pairs, sums


def prevalence(
    scored: Any,
    labels: Any,
    totals: Any = None,
    by: Sequence[str] = (),
    *,
    level: float = 0.95,
    trained_at: float = TRAINED_AT,
    basis: str = "exposure",
    round_weights: Mapping[str, float] | None = None,
) -> pl.DataFrame:
    """scored items and labels -> prevalence of each label, over all and by up to two columns, with intervals where
    labels allow them.

    scored: one row per item: content (what copies share), score (0 to 1, null where not drawn), and optionally
    document_content, stratum (hit, near, sampled), shard_probability, open_probability, screen_probability (1 where
    absent) or one `weight` (at least 1), n_words or `size` (then prevalence is over words or size), and the columns
    of `by`. A column named like a label is its score. labels: content, value (0 to 1), probability (of the draw for
    labelling), optional label, round, role, annotator. totals: `total` per value of `by` (and no further column for
    the whole), else the sum of weights.

    Returns dimension, source, dimension_2, source_2, label, prevalence, ci_low, ci_high, bound, spread, n_scored,
    n_labelled, labelled_by, status, method. Fewer than 300 labels, unless they are every item: status uncalibrated,
    no interval. Labels that cannot count (no probability, no such content or source, role train) are set aside with a
    warning that counts them; a probability outside (0, 1] is an error. A source is calibrated from 30 labels of its
    own, pooled if at least 20 sources are labelled. No label positive: a one-sided bound. Source of the formulas: see
    cells.py, whole.py and sources.py.
    """
    frame, asked = as_polars(scored, "scored"), as_polars(labels, "labels")
    by = [by] if isinstance(by, str) else list(by)
    if len(by) > 2:
        raise Stop(f"by has {len(by)} columns", where="prevalence", expected="at most two", todo="Call once per pair")
    require(frame, ("content", *by), "scored")
    if "weight" in frame.columns:
        if bool((frame["weight"] < 1).any()):
            raise Stop(
                f"a weight of {frame['weight'].to_numpy().min():g}",
                where="scored",
                expected="weights of at least 1: an item stands for itself and others",
                todo="Give 1 / probability of having been drawn",
            )
        frame = frame.with_columns(screen_probability=1 / pl.col("weight"))
    unit = "words" if "n_words" in frame.columns or "size" in frame.columns else "passages"
    if "size" in frame.columns:
        frame = frame.with_columns(n_words=pl.col("size"))
    frame = frame.with_columns(pl.col("content").cast(pl.String))
    require(asked, ("content",), "labels")
    asked, aside = _known_sources(asked, frame, by)
    good, more = usable_labels(asked, among(frame, asked))
    aside |= more
    if aside:
        told = "; ".join(f"{count}: {reason}" for reason, count in aside.items())
        warnings.warn(f"labels set aside: {told}", stacklevel=2)
    names = good["label"].unique().sort().to_list() or [""]
    columns = {n: n if n in frame.columns else "score" for n in names}
    require(frame, set(columns.values()), "scored")
    if "drawn" not in frame.columns:
        frame = frame.with_columns(drawn=pl.col(next(iter(columns.values()))).is_not_null())
    dimension = (*by, "", "")[:2]
    also = [as_polars(totals, "totals")] if totals is not None else []
    data = survey(
        frame, sorted(set(columns.values())), [(dimension[0], dimension[1])] if by else [], home=by[:1], also=also
    )
    pairs = [data.corpus, *data.pairs.values()]
    over = {
        (p.dimension, unit, basis): _totals(p, by if p.dimension[0] else [], also, data, unit, basis) for p in pairs
    }
    reckoning = Reckoning(data, level, units=(unit,), bases=(basis,))
    blocks = []
    for name in names:
        topic = Topic(
            name,
            partial(data.score, columns[name]),
            labels_of(data, good.filter(pl.col("label") == name), dict(round_weights) if round_weights else None),
            trained_at,
        )
        counts, _ = reckoning.counts(topic, list(data.pairs.values()), over)
        blocks += [
            _rows(p, name, counts[p.dimension, unit, basis], over[p.dimension, unit, basis], topic) for p in pairs
        ]
    return pl.concat(blocks)


def _known_sources(labels: pl.DataFrame, scored: pl.DataFrame, by: list[str]) -> tuple[pl.DataFrame, dict[str, int]]:
    """Labels that name a source of their own (a column of `by`) -> those whose source the items have, and the others' count."""
    aside: dict[str, int] = {}
    for column in by:
        if column in labels.columns:
            there = scored[column].cast(pl.String).unique()
            known = pl.col(column).is_null() | pl.col(column).cast(pl.String).is_in(there.implode())
            kept = labels.filter(known)
            if kept.height < labels.height:
                aside[f"{column} is not among the scored items"] = labels.height - kept.height
                labels = kept
    return labels, aside


def _totals(p: Pairs, by: list[str], also: list[pl.DataFrame], data: Any, unit: str, basis: str) -> Floats:
    if also:
        require(also[0], ("total", *by), "totals")
        if not by:
            return np.array([float(also[0]["total"].sum())])
        known = {
            tuple(str(v) if v is not None else "" for v in r[:-1]): float(r[-1])
            for r in also[0].group_by(by).agg(pl.col("total").sum()).select(*by, "total").iter_rows()
        }
        return np.array([known.get(n[: len(by)], np.nan) for n in p.names])
    weight = p.weights(data.n_words, unit, basis) + p.weights(data.n_words, unit, basis, rest=True)
    return sums(p.source, weight, size=len(p.names))


def _rows(p: Pairs, label: str, c: Counts, total: Floats, topic: Topic) -> pl.DataFrame:
    status = np.where(c.calibrated, "calibrated", np.where(c.pooled, "pooled", "uncalibrated")).tolist()
    methods = {
        "calibrated": "labels corrected by stratum",
        "pooled": "labels of other sources, shift by empirical Bayes",
        "uncalibrated": f"sum of scores, prior shifted and held by stratum, not corrected: fewer than {LABELS_FOR_CORPUS} labels"
        if topic.labels.n < LABELS_FOR_CORPUS
        else "labels of other sources, too few labelled sources for an interval",
    }
    over = np.where(total > 0, total, np.nan)
    return pl.DataFrame(
        {
            "dimension": [p.dimension[0] or "corpus"] * len(p.names),
            "source": [n[0] for n in p.names],
            "dimension_2": [p.dimension[1]] * len(p.names),
            "source_2": [n[1] for n in p.names],
            "label": [label] * len(p.names),
            "prevalence": c.value / over,
            "ci_low": c.low / over,
            "ci_high": np.minimum(c.high / over, 1),
            "bound": [
                "" if np.isnan(h) else "upper" if one else "two" for h, one in zip(c.high, c.one_sided, strict=True)
            ],
            "spread": c.spread,
            "n_scored": p.n_scored,
            "n_labelled": c.n_labelled.astype(np.int64),
            "labelled_by": [topic.labels.by] * len(p.names),
            "status": status,
            "method": [methods[s] for s in status],
        }
    ).with_columns(
        pl.col(pl.Float64).fill_nan(None),
        pl.when(pl.col("bound") == "").then(None).otherwise(pl.col("bound")).alias("bound"),
    )
