"""What a list of documents takes out: against a planted truth, and by hand where every passage is labelled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from corpus_tools.errors import Stop
from corpus_tools.estimate import Figure, Removal, allocate

NONE = pl.DataFrame(schema={"content": pl.String, "label": pl.String, "value": pl.Float64, "probability": pl.Float64})


def small(**columns: list[object]) -> pl.DataFrame:
    """Three documents: a has a positive that scores high and one that scores low, b a high negative, c nothing."""
    rows: dict[str, list[object]] = {
        "document_id": ["a", "a", "b", "c"],
        "content": ["1", "2", "3", "4"],
        "stratum": ["hit", "hit", "hit", "hit"],
        "n_words": [100, 50, 100, 100],
        "y": [0.9, 0.2, 0.6, 0.1],
    }
    return pl.DataFrame(rows | columns)


DOCUMENTS = pl.DataFrame({"document_id": ["a", "b", "c"], "words": [160, 100, 100]})
LABELS = pl.DataFrame(
    {"content": ["1", "2", "3", "4"], "label": "y", "value": [1.0, 1.0, 0.0, 0.0], "probability": 1.0}
)


def test_a_census_labelled_whole_is_counted() -> None:
    found = Removal(small(), DOCUMENTS, LABELS, "y", words=1000)
    assert found.measured
    high, low = found.at(0.7), found.at(0.5)
    assert (high.documents, high.words, high.words_lost) == (1, 160, 0.16)
    assert high.removed == Figure(1.0, 1.0, 1.0), "the low passage goes with its document"
    assert high.precision == Figure(1.0, 1.0, 1.0)
    assert low.precision == Figure(0.5, 0.5, 0.5)
    assert low.positive_words.value == pytest.approx(150 / 260)
    assert found.at(0.95).removed == Figure(0.0, 0.0, 0.0)
    assert found.beyond().unreached == Figure(0.0, 0.0, 0.0)


def test_without_labels_documents_and_words_are_counted_and_the_rest_is_unknown() -> None:
    found = Removal(small(), DOCUMENTS, NONE, "y", words=1000)
    row = found.at(0.5)
    assert not found.measured
    assert (row.documents, row.words, row.words_lost) == (2, 260, 0.26)
    assert row.removed == row.precision == row.positive_words == Figure(None, None, None)
    assert found.beyond().unreached.value is None


def test_a_sampled_data_set_with_few_shards_has_no_interval() -> None:
    assert not Removal(small(), DOCUMENTS, LABELS, "y", words=1000, shards={"web": (3, 90)}).measured
    assert Removal(small(), DOCUMENTS, LABELS, "y", words=1000, shards={"web": (30, 90)}).measured


def test_shards_that_were_not_scanned_are_beyond_every_list() -> None:
    half = small(shard_probability=[0.5] * 4, shard_id=["s", "s", "t", "t"], dataset=["web"] * 4)
    found = Removal(half, DOCUMENTS, LABELS, "y", words=2000, shards={"web": (30, 60)})
    row, beyond = found.at(0.7), found.beyond()
    assert row.removed.value == pytest.approx(0.5, abs=0.02)
    assert row.words_lost == 0.08
    assert beyond.not_scanned == pytest.approx(0.5, abs=0.02)
    assert beyond.not_opened == beyond.not_drawn == pytest.approx(0.0, abs=0.01)


def test_what_lists_and_what_is_counted_may_be_two_labels() -> None:
    passages = small().with_columns(good=pl.Series([0.1, 0.1, 0.9, 0.9]))
    labels = LABELS.with_columns(label=pl.lit("good"), value=pl.Series([0.0, 0.0, 1.0, 1.0]))
    row = Removal(passages, DOCUMENTS, labels, "y", words=1000, of="good").at(0.5)
    assert row.removed.value == 0.5, "b is listed for its y, and with it half of what is good goes"


def test_documents_that_another_list_names_are_left_to_it() -> None:
    barred = pl.Series(["a"])
    row = Removal(small(), DOCUMENTS, LABELS, "y", words=1000, barred=barred).at(0.5)
    assert (row.documents, row.words) == (1, 100)
    assert row.removed == row.precision == Figure(0.0, 0.0, 0.0)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(Stop, match="no column z"):
        Removal(small(), DOCUMENTS, LABELS, "z", words=1000)


@dataclass(frozen=True)
class Planted:
    """A corpus as audited, and the truth of every passage."""

    passages: pl.DataFrame  # of opened documents
    documents: pl.DataFrame
    labels: pl.DataFrame
    words: int
    truth: pl.DataFrame  # every passage: document_id, n_words, true


def planted(seed: int, documents: int = 12_000, labels: int = 500, screen: float = 0.3, audit: float = 0.02) -> Planted:
    """Positives come in clusters; a gate hits most of them, a screen draws of the rest, copies of passages abound."""
    rng = np.random.default_rng(seed)
    n = 1 + rng.geometric(0.3, documents)
    document = np.repeat(np.arange(documents), n)
    storied = (rng.random(documents) < 0.03)[document]
    content = np.arange(len(document))
    content[rng.random(len(document)) < 0.05] = rng.integers(0, len(document) // 50)
    true = (storied & (rng.random(len(document)) < 0.45))[content]
    term = (rng.random(len(document)) < np.where(true, 0.6, 0.02))[content]
    z = rng.normal(0, 1, len(document))[content] + 2.1 * true
    score = np.round(1 / (1 + np.exp(-(np.log(0.25) + 2.1 * z - 2.1**2 / 2))), 4)
    words = rng.integers(80, 180, len(document))[content]
    hit = np.bincount(document, term, minlength=documents)[document] > 0
    opened = hit | (rng.random(documents) < audit)[document]
    near = hit & ~term
    drawn = opened & (~near | (rng.random(len(document)) < screen)[content])
    rows = pl.DataFrame(
        {
            "document_id": document.astype(str), "content": content.astype(str), "n_words": words, "true": true,
            "stratum": np.where(term, "hit", np.where(hit, "near", "sampled")),
            "open_probability": np.where(hit, 1.0, audit), "screen_probability": np.where(near, screen, 1.0),
            "drawn": drawn, "y": np.where(drawn, score, np.nan),
        }
    ).with_columns(pl.col("y").fill_nan(None).cast(pl.Float32))  # fmt: skip
    passages = rows.filter(pl.Series(opened))
    rates = allocate(passages.filter("drawn"), labels, score="y").probabilities().sort("content")
    picked = rates.filter(pl.Series(rng.random(rates.height)) < pl.col("probability"))
    answers = picked.join(rows.unique("content").select("content", value=pl.col("true").cast(pl.Float64)), on="content")
    return Planted(
        passages.drop("true"),
        passages.group_by("document_id").agg(words=pl.col("n_words").sum()),
        answers.select("content", "value", "probability", label=pl.lit("y")),
        int(words.sum()),
        rows.select("document_id", "n_words", "true"),
    )


THRESHOLDS = (0.2, 0.5, 0.8)


def coverage(corpora: int, seed: int = 0, **world: float) -> dict[tuple[str, float], tuple[float, float, float]]:
    """(figure, threshold) -> share of corpora whose interval holds the truth, mean error and mean half-width, in points."""
    seen: dict[tuple[str, float], list[tuple[float, float, float]]] = {}
    for i in range(corpora):
        one = planted(seed + i, **world)  # type: ignore[arg-type]  # by name
        found = Removal(one.passages, one.documents, one.labels, "y", words=one.words)
        best = found.scores.select("document_id", "score")
        rows = one.truth.join(best, on="document_id", how="left").with_columns(pl.col("score").fill_null(-1.0))
        right = rows.group_by("document_id").agg(pl.col("true").any(), pl.col("score").first())
        positive = float(rows.filter("true")["n_words"].sum())
        for t in THRESHOLDS:
            row, listed = found.at(t), rows.filter(pl.col("score") >= t)
            removed = float(listed.filter("true")["n_words"].sum())
            truths = {"removed": removed / positive, "positive_words": removed / float(listed["n_words"].sum())}
            for name, figure in (("removed", row.removed), ("positive_words", row.positive_words)):
                assert figure.value is not None
                assert figure.low is not None
                assert figure.high is not None
                inside = float(figure.low <= truths[name] <= figure.high)
                error, half = figure.value - truths[name], (figure.high - figure.low) / 2
                seen.setdefault((name, t), []).append((inside, error, half))
            share = float(right.filter(pl.col("score") >= t)["true"].mean())  # type: ignore[arg-type]  # a share
            assert row.precision.low is not None
            seen.setdefault(("precision, a lower bound", t), []).append(
                (float(row.precision.low <= share), (row.precision.value or 0.0) - share, 0.0)
            )
    return {k: tuple(np.mean(v, axis=0)) for k, v in seen.items()}  # type: ignore[misc]  # three


def test_intervals_hold_the_truth() -> None:
    found = coverage(25)
    for key, (inside, error, half) in found.items():
        assert inside >= 0.8, (key, found)  # 0.95 less three and a half Monte Carlo errors of 25 corpora
        if key[0] != "precision, a lower bound":
            assert abs(error) < half / 2, (key, found)


def test_the_share_removed_falls_with_the_threshold() -> None:
    one = planted(3, documents=3000)
    found = Removal(one.passages, one.documents, one.labels, "y", words=one.words)
    shares = [row.removed.value or 0.0 for row in found.curve(found.thresholds())]
    assert shares == sorted(shares, reverse=True)
    assert len(shares) > 20
    beyond = found.beyond()
    assert 0 < (beyond.unreached.value or 0) < 0.5
    assert sum(x or 0 for x in (beyond.not_opened, beyond.not_drawn, beyond.not_scanned)) == pytest.approx(
        beyond.unreached.value
    )
