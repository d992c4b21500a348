"""Values of source columns -> codes, and rows in order of source and content."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from corpus_tools.errors import Stop
from corpus_tools.estimate.survey import WHOLE


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


def pair_names(known: pl.DataFrame, named: Sequence[str]) -> list[tuple[str, str]]:
    """Names of sources in the order of their codes, as Place has them; the corpus where no column is named."""
    if not named:
        return list(WHOLE.names)
    return [(str(r[0]), str(r[1]) if len(named) > 1 else "") for r in known.select(named).iter_rows()]


def runs(keys: NDArray[np.uint64], code: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order of the rows by source and content, and where each (source, content) begins in it. Sums over a group run
    in the order of the rows, as they came."""
    mixed = keys * np.uint64(0x9E3779B97F4A7C15) + code.astype(np.uint64) * np.uint64(0xD1B54A32D192ED03)
    order = np.argsort(mixed, kind="stable")
    ordered = mixed[order]
    return order, np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(order) else order
