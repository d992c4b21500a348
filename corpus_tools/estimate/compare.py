"""Two audits side by side: what changed per source, with intervals and false-discovery control."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import stats

from corpus_tools import tables
from corpus_tools.errors import CompareError
from corpus_tools.estimate.intervals import q_values

_KEY = ("dimension", "source", "dimension_2", "source_2", "unit", "basis", "label")


@dataclass(frozen=True)
class Audited:
    """One audit's prevalence (as tables.PREVALENCE says), and what defines which passages it kept and how it scored
    them."""

    prevalence: pl.DataFrame
    scan_id: str
    classifier_id: str


def compare(before: Audited, after: Audited, level: float = 0.95) -> pl.DataFrame:
    """Two audits -> rows as tables.MEASURES says: `difference` of prevalence, after less before, against the earlier
    audit_id.

    Interval from the two intervals (method of variance estimates recovery: Newcombe 1998, Statistics in Medicine 17;
    Zou and Donner 2008, 27), which need not be symmetric; the audits are taken as independent, which is cautious
    where they share shards or labels. q_value: Benjamini-Hochberg over the sources of one dimension, unit, basis and
    label. Keys in one audit only are left out; a row without an interval on either side has a value, no interval, and
    status uncalibrated. Raises CompareError where the scans or the classifiers differ: then a difference may be the
    tool's, not the text's.
    """
    for what, mine, theirs, todo in (
        (
            "scan",
            before.scan_id,
            after.scan_id,
            "Scan both with one configuration: rates, rules, lexicon and seed decide what is kept",
        ),
        (
            "classifier",
            before.classifier_id,
            after.classifier_id,
            "Score the earlier audit with the later classifier: rescore",
        ),
    ):
        if mine != theirs:
            raise CompareError(
                f"the audits differ in their {what}: {mine} and {theirs}",
                where="compare",
                expected=f"one {what}_id",
                todo=todo,
            )
    wanted = ("prevalence", "ci_low", "ci_high", "status", "audit_id")
    both = (
        before.prevalence.select(*_KEY, *wanted)
        .join(after.prevalence.select(*_KEY, *wanted), on=list(_KEY), suffix="_after", nulls_equal=True)
        .filter(pl.col("prevalence").is_not_null() & pl.col("prevalence_after").is_not_null())
        .sort(_KEY)
    )
    p, lo, hi = (both[c].cast(pl.Float64).fill_null(np.nan).to_numpy() for c in ("prevalence", "ci_low", "ci_high"))
    q, qlo, qhi = (
        both[c + "_after"].cast(pl.Float64).fill_null(np.nan).to_numpy() for c in ("prevalence", "ci_low", "ci_high")
    )
    d = q - p
    low, high = d - np.hypot(q - qlo, hi - p), d + np.hypot(qhi - q, p - lo)
    z = stats.norm.ppf((1 + level) / 2)
    towards = np.where(d > 0, d - low, high - d)
    with np.errstate(divide="ignore", invalid="ignore"):
        tail = 2 * stats.norm.sf(np.abs(d) / towards * z)
    tail = np.where(np.isnan(low), np.nan, np.where(towards > 0, tail, np.where(d == 0, 1.0, 0.0)))
    both = both.with_columns(value=pl.Series(d), low=pl.Series(low), high=pl.Series(high), tail=pl.Series(tail))
    parts = [
        part.with_columns(q_value=pl.Series(q_values(part["tail"].to_numpy())))
        for part in both.partition_by("dimension", "dimension_2", "unit", "basis", "label", maintain_order=True)
    ]
    rows = pl.concat(parts) if parts else both.with_columns(q_value=pl.lit(None, pl.Float64))
    status = (
        pl.when(pl.col("low").is_nan())
        .then(pl.lit("uncalibrated"))
        .when((pl.col("status") == "calibrated") & (pl.col("status_after") == "calibrated"))
        .then(pl.lit("calibrated"))
        .otherwise(pl.lit("pooled"))
    )
    rows = rows.with_columns(
        status.alias("status"),
        measure=pl.lit("difference"),
        against=pl.col("audit_id"),
        method=pl.lit("two intervals combined, audits taken as independent"),
    ).with_columns(audit_id=pl.col("audit_id_after"))
    empty = pl.DataFrame(pl.from_arrow(tables.MEASURES.empty_table()))
    return rows.select(
        (pl.col(c).fill_nan(None) if t.is_float() else pl.col(c)).cast(t).alias(c) for c, t in empty.schema.items()
    )
