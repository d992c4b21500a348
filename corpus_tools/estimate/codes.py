"""Values of source columns and documents -> codes, and rows in order of content and source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus_tools.errors import Stop
from corpus_tools.estimate.survey import WHOLE, Ints


def source_names(frames: Sequence[pl.DataFrame], named: Sequence[str]) -> pl.DataFrame:
    """Distinct values of the source columns over all frames that have them, in alphabetical order, with their
    `code`."""
    having = [f.select(named).unique().select(_texts(named)) for f in frames if all(n in f.columns for n in named)]
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
    mine = rows.select(named)
    distinct = mine.unique()  # values are compared with texts once each: columns may be of any type
    codes = distinct.select(_texts(named)).join(known, on=list(named), how="left", maintain_order="left")["code"]
    distinct = distinct.with_columns(code=codes.cast(pl.Int32))
    found = mine.join(distinct, on=list(named), how="left", maintain_order="left", nulls_equal=True)["code"]
    return found.to_numpy()


def pair_names(known: pl.DataFrame, named: Sequence[str]) -> list[tuple[str, str]]:
    """Names of sources in the order of their codes, as Place has them; the corpus where no column is named."""
    if not named:
        return list(WHOLE.names)
    return [(str(r[0]), str(r[1]) if len(named) > 1 else "") for r in known.select(named).iter_rows()]


def grouped(keys: NDArray[np.uint64]) -> tuple[Ints, NDArray[np.int32]]:
    """Rows in order of their keys, those of one key as they came, and the number of the key of each, from 0."""
    order = np.argsort(keys)  # a stable one takes three times as long, and few keys have several rows
    ordered = keys[order]
    new = np.ones(len(keys), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    group = np.cumsum(new, dtype=np.int32)
    group -= 1
    several = np.flatnonzero(~(new & np.append(new[1:], True)))
    rows = order[several]
    order[several] = rows[np.lexsort((rows, group[several]))]
    return order, group


def runs(group: NDArray[np.int32], code: NDArray[np.int32]) -> tuple[Ints, Ints]:
    """Rows that lie in order of a group (of one content), each with the code of its source -> their order by group and source,
    and where each begins in it. Rows of one group and source stay as they came."""
    mixed = group * np.int64(int(code.max(initial=0)) + 1)
    mixed += code
    order = np.argsort(mixed, kind="stable")  # nearly in order: quick
    ordered = mixed[order]
    return order, np.flatnonzero(np.diff(ordered, prepend=-1))


def reduced(how: np.ufunc, values: NDArray[Any], starts: Ints) -> NDArray[Any]:
    """Values in runs -> one of each run: its sum, least …; `starts` as of runs."""
    out: NDArray[Any] = how.reduceat(values, starts) if len(starts) else values
    return out


def codes_of(values: pl.Series) -> NDArray[np.int32]:
    """[rows] a number per value, from 0."""
    codes: NDArray[np.int32] = (values.rank("dense").cast(pl.Int32) - 1).to_numpy()
    return codes


def document_codes(document: pl.Series) -> NDArray[np.int32]:
    """[rows] a number per document, from 0; quick where a document's passages lie together, as a scan writes them."""
    run = document.rle_id().to_numpy()
    of_run = document.gather(np.flatnonzero(np.diff(run, prepend=np.uint32(2**32 - 1))))
    codes: NDArray[np.int32] = codes_of(of_run)[run]
    return codes
