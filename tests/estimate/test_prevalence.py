"""Anyone's classifier: shop reviews that complain of late delivery."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from corpus_tools.errors import LabelError, Stop
from corpus_tools.estimate import prevalence


def reviews(n: int = 400, every: int = 8) -> pl.DataFrame:
    """`n` reviews of two shops, every 8th a complaint; the score knows it mostly."""
    return pl.DataFrame(
        {
            "content": [f"review {i}" for i in range(n)],
            "score": [0.9 if i % every == 0 else 0.05 for i in range(n)],
            "shop": ["north" if i % 4 else "south" for i in range(n)],
        }
    )


def answers(frame: pl.DataFrame, every: int = 8, probability: float = 1.0) -> pl.DataFrame:
    return frame.select(
        "content",
        value=pl.col("content").str.extract(r"(\d+)").cast(pl.Int64).mod(every).eq(0).cast(pl.Float64),
        probability=pl.lit(probability),
    )


def test_every_item_labelled_is_a_count_without_error() -> None:
    frame = reviews(40)
    out = prevalence(frame, answers(frame), by=["shop"])
    rows = out.select("dimension", "source", "prevalence", "ci_low", "ci_high", "status").rows()
    assert rows == [
        ("corpus", "all", 0.125, 0.125, 0.125, "calibrated"),
        ("shop", "north", 0.0, 0.0, 0.0, "calibrated"),
        ("shop", "south", 0.5, 0.5, 0.5, "calibrated"),
    ]


def test_no_labels_give_a_figure_without_an_interval() -> None:
    out = prevalence(reviews(), answers(reviews()).head(0))
    row = out.row(0, named=True)
    assert (row["ci_low"], row["ci_high"], row["bound"], row["status"]) == (None, None, None, "uncalibrated")
    assert row["prevalence"] > 0


def test_under_300_labels_are_not_yet_a_measurement() -> None:
    frame = reviews(2000)
    some = answers(frame, probability=0.1).filter(pl.int_range(pl.len()) % 10 == 0)
    assert prevalence(frame, some)["status"].to_list() == ["uncalibrated"]


def test_labels_of_a_sample_carry_to_the_rest() -> None:
    frame = reviews(4000)
    some = answers(frame, probability=0.1).filter(pl.int_range(pl.len()) % 10 < 1)
    row = prevalence(frame, some, level=0.95).row(0, named=True)
    assert row["status"] == "calibrated"
    assert row["n_labelled"] == 400
    assert row["ci_low"] < 0.125 < row["ci_high"]


def test_no_positive_label_gives_a_one_sided_bound() -> None:
    frame = reviews(4000)
    none = answers(frame, every=10**9, probability=0.1).filter(pl.int_range(pl.len()) % 10 == 3)
    row = prevalence(frame, none).row(0, named=True)
    assert (row["bound"], row["ci_low"]) == ("upper", 0.0)
    assert 3 / 4000 < row["ci_high"] < 0.05


def test_weights_stand_for_what_was_not_drawn() -> None:
    frame = reviews(1000).with_columns(weight=pl.lit(10.0))
    light = prevalence(frame, answers(frame), totals=pl.DataFrame({"total": [10_000]})).row(0, named=True)
    assert light["prevalence"] == pytest.approx(0.125)
    assert light["ci_low"] < 0.125 < light["ci_high"]  # every drawn item is labelled, but nine in ten were not drawn


@pytest.mark.parametrize(
    "convert", [pl.DataFrame.to_pandas, pl.DataFrame.to_arrow, pl.DataFrame.lazy, pl.DataFrame.to_dict]
)
def test_any_frame_will_do(convert: object) -> None:
    frame = reviews(40)
    expected = prevalence(frame, answers(frame))
    assert prevalence(convert(frame), convert(answers(frame))).equals(expected)  # type: ignore[operator]


def test_pandas_and_arrow_are_what_they_say() -> None:
    assert isinstance(reviews(4).to_pandas(), pd.DataFrame)
    assert isinstance(reviews(4).to_arrow(), pa.Table)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"probability": 0.0}, LabelError, "probability is 0.0 in 40 of 40 labels"),
        ({"probability": 1.2}, LabelError, "above 0 to 1"),
        ({"value": 3.0}, LabelError, "value is 3.0"),
    ],
)
def test_labels_that_cannot_be_are_refused(change: dict[str, float], error: type[Stop], words: str) -> None:
    frame = reviews(40)
    with pytest.raises(error, match=words):
        prevalence(frame, answers(frame).with_columns(**{k: pl.lit(v) for k, v in change.items()}))


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (reviews(4).drop("content"), "no column content"),
        (reviews(4).with_columns(screen_probability=0.0), "screen_probability is 0.0 in 4 of 4 rows"),
        (reviews(4).with_columns(weight=0.5), "a weight of 0.5"),
        ("reviews.csv", "scored is a str"),
    ],
)
def test_frames_that_cannot_be_are_refused(frame: object, words: str) -> None:
    with pytest.raises(Stop, match=words):
        prevalence(frame, answers(reviews(4)))


def test_training_labels_never_correct() -> None:
    frame = reviews(400)
    train = answers(frame).with_columns(role=pl.lit("train"))
    with pytest.warns(UserWarning, match="400: role is not estimate"):
        assert prevalence(frame, train)["status"].to_list() == ["uncalibrated"]


def test_the_draw_of_documents_is_in_the_interval() -> None:
    """1,000 of 10,000 documents opened, 50 positives, all labelled: 500, sd sqrt(50 x 0.9) / 0.1 = 67."""
    frame = reviews(1000, every=20).with_columns(document_content=pl.col("content"), open_probability=pl.lit(0.1))
    row = prevalence(frame, answers(frame, every=20), totals={"total": [10_000]}).row(0, named=True)
    assert row["prevalence"] == pytest.approx(0.05)
    assert (row["ci_high"] - row["ci_low"]) / 2 == pytest.approx(1.96 * 0.0067, rel=0.05)


def test_labels_of_a_source_that_is_not_there_are_counted() -> None:
    frame = pl.DataFrame({"content": list("abcd"), "score": [0.1, 0.2, 0.8, 0.9], "shop": ["x", "x", "y", "y"]})
    labels = pl.DataFrame(
        {"content": list("abcd"), "value": [0, 0, 1, 1], "probability": 1.0, "shop": ["x", "x", "y", "z"]}
    )
    with pytest.warns(UserWarning, match="1: shop is not among the scored items"):
        out = prevalence(frame, labels, by="shop")
    assert out.filter(dimension="corpus")["n_labelled"].to_list() == [3]
