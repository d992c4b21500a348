"""Values as codes, and rows in order of content and source."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from corpus_tools.estimate.codes import document_codes, grouped, reduced, runs, source_codes, source_names
from corpus_tools.estimate.frames import key, keyed


def test_rows_of_one_key_stay_as_they_came() -> None:
    order, group = grouped(np.array([7, 3, 7, 9, 3, 7], np.uint64))
    assert order.tolist() == [1, 4, 0, 2, 5, 3]
    assert group.tolist() == [0, 0, 1, 1, 1, 2]
    many = np.random.default_rng(0).integers(0, 300, 5000).astype(np.uint64)
    assert grouped(many)[0].tolist() == np.argsort(many, kind="stable").tolist()


def test_runs_are_of_one_content_and_source() -> None:
    content, source = np.array([0, 0, 0, 1, 2, 2], np.int32), np.array([1, 0, 1, 0, 1, 1], np.int32)
    order, starts = runs(content, source)
    assert order.tolist() == [1, 0, 2, 3, 4, 5]
    assert reduced(np.add, np.ones(6)[order], starts).tolist() == [1, 2, 1, 2]


def test_nothing_has_no_groups() -> None:
    order, group = grouped(np.zeros(0, np.uint64))
    assert not len(order) and not len(group)
    assert not len(runs(group, group)[1]) and not len(reduced(np.add, np.zeros(0), np.zeros(0, np.int64)))


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical])
def test_sources_have_the_order_of_their_names(dtype: pl.DataType) -> None:
    rows = pl.DataFrame({"d": pl.Series(["b", None, "a", "b"], dtype=dtype), "y": [2, 1, 1, 2]})
    tallies = pl.DataFrame({"d": ["c", "a"], "y": [1, 1]})
    known = source_names([rows, tallies], ["d"])
    assert known["d"].to_list() == ["", "a", "b", "c"]
    assert source_codes(rows, ["d"], known).tolist() == [2, 0, 1, 2]
    crossed = source_names([rows, tallies], ["d", "y"])
    assert crossed.rows() == [(0, "", "1"), (1, "a", "1"), (2, "b", "2"), (3, "c", "1")]
    assert source_codes(rows, ["d", "y"], crossed).tolist() == [2, 0, 1, 2]


def test_a_document_has_one_code_wherever_its_passages_lie() -> None:
    codes = document_codes(pl.Series(["x", "x", "w", "x", "v"]))
    assert codes[0] == codes[1] == codes[3] and len(set(codes.tolist())) == 3
    assert sorted(set(codes.tolist())) == [0, 1, 2]


def test_a_key_is_made_once() -> None:
    once = key(pl.Series("content", ["a", "b", "a"]))
    assert once.dtype == pl.UInt64 and once[0] == once[2] != once[1]
    assert key(once).to_list() == once.to_list()
    frame = pl.DataFrame({"content": ["a"], "other": ["a"]})
    assert keyed(frame).dtypes == [pl.UInt64, pl.String]
