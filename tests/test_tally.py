from __future__ import annotations

import json

import polars as pl
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from corpus_tools import tally
from corpus_tools.tables import TALLIES, TALLY_COUNTS
from corpus_tools.texts import count_words, join


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(st.none(), st.text(max_size=40), st.text(st.sampled_from(" a\n\0\x0b\x1f\x85é"), max_size=20)),
        max_size=20,
    )
)
def test_words_are_those_of_the_plain_reference(texts: list[str | None]) -> None:
    texts = [t if t is None else t.encode("utf-8", "replace").decode() for t in texts]
    counted = count_words(join(pa.array(texts, pa.large_string())))
    assert counted.tolist() == [len((t or "").encode().split()) for t in texts]


def test_words_across_blocks() -> None:
    text = "ab " * 200_000
    assert count_words(join(pa.array([text, "x", " " + text], pa.large_string()))).tolist() == [
        200_000,
        1,
        200_000,
    ]


def rows(draw: st.DrawFn) -> pl.DataFrame:
    n = draw(st.integers(0, 20))
    frame = {
        "dataset": draw(st.lists(st.sampled_from("ab"), min_size=n, max_size=n)),
        "domain": draw(st.lists(st.sampled_from(["", "x.example"]), min_size=n, max_size=n)),
        "year": draw(st.lists(st.sampled_from([None, 2001, 2002]), min_size=n, max_size=n)),
        "language": [""] * n,
        "sources": draw(st.lists(st.sampled_from(["{}", '{"k":"v"}']), min_size=n, max_size=n)),
    }
    counts = {name: draw(st.lists(st.integers(0, 1000), min_size=n, max_size=n)) for name in TALLY_COUNTS}
    return pl.DataFrame(frame | counts, schema=tally.empty().schema)


@settings(max_examples=60, deadline=None)
@given(st.composite(rows)(), st.integers(0, 20), st.integers(0, 20), st.randoms())
def test_tallies_add_in_any_order_and_grouping(frame: pl.DataFrame, a: int, b: int, random: object) -> None:
    whole = tally.tally(frame)
    parts = [frame[: min(a, b)], frame[min(a, b) : max(a, b)], frame[max(a, b) :]]
    random.shuffle(parts)  # type: ignore[attr-defined]
    assert_frame_equal(tally.add(map(tally.tally, parts)), whole)
    assert_frame_equal(tally.add([tally.add(map(tally.tally, parts[:2])), tally.tally(parts[2])]), whole)


def test_to_arrow_makes_maps() -> None:
    frame = tally.empty().vstack(
        pl.DataFrame(
            [["a", "", None, "", json.dumps({"k": "v", "b": "c"})] + [1] * len(TALLY_COUNTS)],
            schema=tally.empty().schema,
            orient="row",
        )
    )
    table = tally.to_arrow(frame)
    assert table.schema == TALLIES
    assert table["sources"].to_pylist() == [[("b", "c"), ("k", "v")]]
