"""Any data frame -> Polars, with the columns an estimate needs; labels that cannot count are set aside, with a count
and a reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from corpus_tools.errors import LabelError, Stop

SEED = 0x5EED  # of the hash that texts are known by here
PROBABILITIES = ("shard_probability", "open_probability", "screen_probability")


def as_polars(frame: Any, name: str) -> pl.DataFrame:
    """pandas, Polars (lazy or not), Arrow, or a mapping of columns -> Polars."""
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if isinstance(frame, pa.Table | pa.RecordBatch):
        return pl.DataFrame(pl.from_arrow(frame))
    if isinstance(frame, Mapping):
        return pl.DataFrame(dict(frame))
    if hasattr(frame, "__arrow_c_stream__"):  # pandas 2.2 and later, and most others
        return pl.DataFrame(frame)
    if type(frame).__module__.split(".")[0] == "pandas":
        return pl.from_pandas(frame)
    raise Stop(
        f"{name} is a {type(frame).__name__}",
        expected="a pandas, Polars or Arrow table, or a mapping of columns",
        todo=f"Convert {name} to one of these",
    )


def require(frame: pl.DataFrame, columns: Iterable[str], name: str) -> None:
    """Raises Stop, naming every missing column at once and the columns there are."""
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        raise Stop(
            f"no column {', '.join(missing)}",
            where=name,
            expected=f"columns {', '.join(columns)}",
            todo=f"There are: {', '.join(frame.columns) or 'none'}",
        )


def probabilities(frame: pl.DataFrame, columns: Sequence[str], name: str) -> pl.DataFrame:
    """Fills absent probability columns with 1. Raises Stop where one is null, 0 or above 1: such a row has no
    weight."""
    frame = frame.with_columns(
        *(pl.lit(1.0).alias(c) for c in columns if c not in frame.columns),
        *(pl.col(c).cast(pl.Float64) for c in columns if c in frame.columns),
    )
    for c in columns:
        bad = frame.filter(pl.col(c).is_null() | pl.col(c).is_nan() | (pl.col(c) <= 0) | (pl.col(c) > 1))
        if bad.height:
            raise Stop(
                f"{c} is {bad[c][0]} in {bad.height} of {frame.height} rows",
                where=name,
                expected="a probability above 0 and at most 1 in every row",
                todo="Give each row the probability with which it was drawn; what could not be drawn is no sample",
            )
    return frame


def key(values: pl.Series) -> pl.Series:
    """Ids or contents -> their 64-bit hashes, a sixth of the memory; hashes stay as they are."""
    return values if values.dtype == pl.UInt64 else values.cast(pl.String).hash(seed=SEED)


def keyed(frame: pl.DataFrame, columns: Sequence[str] = ("content", "document_id", "document_content")) -> pl.DataFrame:
    """The frame with keys in those of these columns that it has."""
    return frame.with_columns(key(frame[c]) for c in columns if c in frame.columns)


def among(passages: pl.DataFrame, labels: pl.DataFrame, column: str = "content") -> pl.Series:
    """Keys of the labels' contents that are in this column of the passages."""
    asked, there = key(labels["content"]).unique(), key(passages[column])
    return there.filter(there.is_in(asked.implode())).unique()


def usable_labels(
    labels: pl.DataFrame, known: pl.Series | None = None, of: str = "passage"
) -> tuple[pl.DataFrame, dict[str, int]]:
    """labels (content, value, probability; optional label, round, role, annotator) -> those that may correct, and
    counts set aside. `known`: keys of the contents that may be labelled.

    Set aside, each with its count of passages (an answer counts once, however many labels it has): role other than
    *estimate*, value null, probability null, and content not among `known`. The same content, label and round given
    twice (annotators) becomes its mean. Raises LabelError where a probability lies outside (0, 1] or a value outside
    [0, 1]: those are mistakes of the file, not of a row.
    """
    require(labels, ("content", "value", "probability"), "labels")
    labels = labels.with_columns(
        pl.col("value").cast(pl.Float64),
        pl.col("probability").cast(pl.Float64),
        *(pl.lit(d).alias(c) for c, d in _LABEL_DEFAULTS.items() if c not in labels.columns),
        *(pl.col(c).cast(pl.String).fill_null(d) for c, d in _LABEL_DEFAULTS.items() if c in labels.columns),
    )
    aside: dict[str, int] = {}

    def keep(rows: pl.DataFrame, condition: pl.Expr | pl.Series, reason: str) -> pl.DataFrame:
        kept = rows.filter(condition)
        if kept.height < rows.height:
            keys = rows.filter(~condition.fill_null(False)).select("content", "round", "annotator").n_unique()
            aside[reason] = aside.get(reason, 0) + keys
        return kept

    labels = keep(labels, pl.col("role") == "estimate", "role is not estimate")
    labels = keep(labels, pl.col("value").is_not_null() & pl.col("value").is_not_nan(), "no value")
    labels = keep(labels, pl.col("probability").is_not_null(), "inclusion probability unknown")
    for column, low in (("probability", "above 0"), ("value", "from 0")):
        inside = pl.col(column).is_between(0, 1) if column == "value" else (pl.col(column) > 0) & (pl.col(column) <= 1)
        bad = labels.filter(~inside)
        if bad.height:
            raise LabelError(
                f"{column} is {bad[column][0]} in {bad.height} of {labels.height} labels",
                where="labels",
                expected=f"{low} to 1",
                todo="Export the round again, or correct the column",
            )
    if known is not None:
        labels = keep(
            labels,
            key(labels["content"]).is_in(known.implode()),
            f"{of} is not among the {'candidates' if of == 'passage' else 'opened ones'}",
        )
    share = [pl.col("round_share").first()] if "round_share" in labels.columns else []
    pooled = labels.group_by("content", "label", "round").agg(
        *share,
        pl.col("value").mean(),
        pl.col("probability").max(),
        pl.col("annotator").unique().sort().str.join("+"),
        pl.len(),
    )
    twice = int(pooled.filter(pl.col("len") > 1).height)
    if twice:
        aside["given more than once (averaged)"] = (
            pooled.filter(pl.col("len") > 1).select("content", "round").n_unique()
        )
    return pooled.drop("len").sort("content", "label", "round"), aside


_LABEL_DEFAULTS = {"label": "", "round": "", "role": "estimate", "annotator": ""}
