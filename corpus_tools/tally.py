"""Exact counts per tuple of source keys, and how two add: `add([a, b])` in any order and grouping gives the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import numpy as np
import orjson
import polars as pl
import pyarrow as pa

from corpus_tools.tables import TALLIES, TALLY_COUNTS

KEYS = ("dataset", "domain", "year", "language", "sources")
"""`sources` is JSON text here (sorted keys), since a map is no group key; `to_arrow` makes it a map."""


def tally(counted: pl.DataFrame) -> pl.DataFrame:
    """Documents with source keys and counts (columns KEYS and TALLY_COUNTS) -> one row per tuple of keys, sorted."""
    return (
        counted.group_by(KEYS)
        .agg(pl.col(name).sum().cast(pl.Int64) for name in TALLY_COUNTS)
        .sort(KEYS, nulls_last=True)
    )


def counted(read: pl.DataFrame, opened: pl.DataFrame) -> pl.DataFrame:
    """A batch of documents, and the opened ones among them (by `row`) with their passages counted -> what `tally` takes, a row each."""
    hit = (opened["stratum"] == "hit").to_numpy()
    words, rows = opened["words"].to_numpy(), opened["row"].to_numpy()
    parts = {
        "hit_documents": hit,
        "sampled_documents": ~hit,
        "hit_words": np.where(hit, words, 0),
        "sampled_words": np.where(hit, 0, words),
        "unscored_documents": opened["unscored"].to_numpy(),
        **{name: opened[name].to_numpy() for name in ("hit_passages", "near_passages", "sampled_passages")},
    }
    columns = []
    for name, values in parts.items():
        whole = np.zeros(len(read), np.int64)
        whole[rows] = values
        columns.append(pl.Series(name, whole))
    everything = read.select(*KEYS, "bytes", "words", documents=pl.lit(1, pl.Int64))
    return everything.with_columns(columns).select(*KEYS, *TALLY_COUNTS)


def add(tallies: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Tallies -> their sum."""
    parts = list(tallies)
    return tally(pl.concat(parts)) if parts else empty()


def empty() -> pl.DataFrame:
    """The tally of no documents."""
    schema: dict[str, Any] = dict.fromkeys(KEYS, pl.String) | {"year": pl.Int16}
    return pl.DataFrame(schema=schema | dict.fromkeys(TALLY_COUNTS, pl.Int64))


def to_arrow(frame: pl.DataFrame, schema: pa.Schema = TALLIES) -> pa.Table:
    """A frame whose `sources` is JSON text -> the Arrow table of `schema`, where it is a map."""
    unique = frame["sources"].unique()
    columns = []
    for field in schema:
        if field.name == "sources":
            maps = {text: sorted(_json(text).items()) for text in unique}
            columns.append(pa.array([maps[text] for text in frame["sources"]], field.type))
        else:
            columns.append(frame[field.name].to_arrow().cast(field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def from_arrow(table: pa.Table) -> pl.DataFrame:
    """What `to_arrow` made -> the frame again."""
    texts = [orjson.dumps(dict(pairs), option=orjson.OPT_SORT_KEYS).decode() for pairs in table["sources"].to_pylist()]
    rest = cast(pl.DataFrame, pl.from_arrow(table.drop_columns(["sources"])))
    return rest.with_columns(sources=pl.Series(texts, dtype=pl.String)).select(*KEYS, *TALLY_COUNTS)


def _json(text: str) -> dict[str, str]:
    return dict(orjson.loads(text))
