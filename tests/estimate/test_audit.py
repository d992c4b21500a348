"""An audit's tables: what each state looks like, from literal rows and from a corpus with a planted truth."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from corpus_tools import tables
from corpus_tools.errors import Stop
from corpus_tools.estimate import Estimates, Questions, allocate, estimate_audit
from corpus_tools.estimate.frames import keyed
from corpus_tools.estimate.simulate import Sample, World, label_round, simulate

ONE = Questions(labels=("y",), headline="y")


@pytest.fixture(scope="module")
def small() -> Sample:
    return simulate(World(documents=12_000, sources=60, rate=0.01), seed=3)


def estimates(sample: Sample, labels: pl.DataFrame, questions: Questions = ONE, **more: object) -> Estimates:
    more = {"dimensions": ("corpus", "domain")} | more
    return estimate_audit(sample.passages, sample.tallies, labels, questions, audit_id="a", **more)  # type: ignore[arg-type]


def literal() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Four documents, all opened, six passages; one passage is in two documents."""
    passages = pl.DataFrame(
        [
            ("d1", "p1", "c1", "hit", 100, "en", 0.9),
            ("d1", "p2", "c2", "near", 50, "en", 0.1),
            ("d2", "p3", "c1", "hit", 100, "en", 0.9),
            ("d3", "p4", "c3", "sampled", 80, "en", 0.1),
            ("d4", "p5", "c4", "sampled", 30, "de", 0.2),
            ("d4", "p6", "c5", "sampled", 40, "de", 0.2),
        ],
        schema=["document_id", "passage_id", "content", "stratum", "n_words", "language", "y"],
        orient="row",
    ).with_columns(
        document_content=pl.col("document_id"),
        domain=pl.when(pl.col("document_id") == "d1").then(pl.lit("a.example")).otherwise(pl.lit("b.example")),
        shard_probability=1.0,
        open_probability=1.0,
        screen_probability=1.0,
        drawn=True,
        unscored=False,
    )
    tallies = pl.DataFrame(
        {
            "domain": ["a.example", "b.example", "c.example"],
            "documents": [1, 3, 2],
            "words": [150, 250, 300],
            "hit_documents": [1, 1, 0],
            "hit_words": [150, 100, 0],
        }
    )
    return passages, tallies


def labels_of(passages: pl.DataFrame, positive: set[str]) -> pl.DataFrame:
    return (
        passages.select("content")
        .unique("content")
        .select(
            "content",
            label=pl.lit("y"),
            value=pl.col("content").is_in(list(positive)).cast(pl.Float64),
            probability=1.0,
            round=pl.lit("r"),
            role=pl.lit("estimate"),
            annotator=pl.lit("kim"),
        )
    )


def test_keys_and_codes_in_place_of_texts_give_the_same_figures(small: Sample) -> None:
    """As an audit reads its shards: contents and ids as hashes, strata and source keys as codes."""
    labels = label_round(small, 400, 5)
    plain = estimates(small, labels)
    passages = keyed(small.passages)
    assert {passages.schema[c] for c in ("content", "document_id", "document_content")} == {pl.UInt64}
    coded = passages.with_columns(
        pl.col("stratum").cast(pl.Enum(tables.STRATA)),
        *(pl.col(c).cast(pl.Categorical) for c in ("domain", "dataset") if c in passages.columns),
    )
    lean = estimates(replace(small, passages=coded), keyed(labels))
    assert plain.prevalence["ci_high"].is_not_null().any()
    for name in ("totals", "prevalence", "measures"):
        assert_frame_equal(getattr(plain, name), getattr(lean, name), check_exact=True)


def test_a_complete_round_counts() -> None:
    passages, tallies = literal()
    out = estimate_audit(
        passages, tallies, labels_of(passages, {"c1"}), ONE, audit_id="a", dimensions=("corpus", "domain")
    )
    rows = out.prevalence.filter((pl.col("unit") == "words") & (pl.col("basis") == "exposure"))
    assert rows.select("source", "prevalence", "ci_low", "ci_high", "status", "labelled_by").rows() == [
        ("all", 200 / 700, 200 / 700, 200 / 700, "calibrated", "kim"),
        ("a.example", 100 / 150, 100 / 150, 100 / 150, "calibrated", "kim"),
        ("b.example", 100 / 250, 100 / 250, 100 / 250, "calibrated", "kim"),
        ("c.example", 0.0, None, None, "uncalibrated", "kim"),
    ]
    distinct = out.prevalence.filter((pl.col("unit") == "passages") & (pl.col("basis") == "distinct"))
    assert distinct.filter(pl.col("source") == "all")["prevalence"][0] == pytest.approx(1 / 5)


def test_frames_are_as_the_contract_says(small: Sample) -> None:
    out = estimates(small, label_round(small, 500, 1))
    for frame, schema in (
        (out.totals, tables.TOTALS),
        (out.prevalence, tables.PREVALENCE),
        (out.measures, tables.MEASURES),
    ):
        assert frame.schema == pl.DataFrame(pl.from_arrow(schema.empty_table())).schema
        assert frame.height == frame.unique([c for c in frame.columns if c in _KEY]).height
        assert frame.equals(frame.sort([c for c in _ORDER if c in frame.columns]))


_ORDER = ("dimension", "dimension_2", "unit", "basis", "label", "measure", "against", "source", "source_2")
_KEY = ("audit_id", "dimension", "source", "dimension_2", "source_2", "unit", "basis", "label", "measure", "against")


def test_without_labels_nothing_has_an_interval(small: Sample) -> None:
    out = estimates(small, label_round(small, 500, 1).head(0))
    assert out.labels_wanted == 300
    assert set(out.prevalence["status"]) == {"uncalibrated"}
    assert out.prevalence["ci_high"].null_count() == out.prevalence.height
    assert out.measures["low"].null_count() == out.measures.height
    assert not set(out.measures["measure"]) & {"rank", "lift", "shrunk", "concentration", "seen", "missed"}
    assert (
        out.prevalence.filter((pl.col("unit") == "passages") & (pl.col("source") == "all"))["spread"].null_count() == 0
    )


def test_with_labels_the_truth_is_inside_and_sources_say_how_they_know(small: Sample) -> None:
    out = estimates(small, label_round(small, 600, 1))
    row = out.prevalence.filter(
        (pl.col("dimension") == "corpus") & (pl.col("unit") == "passages") & (pl.col("basis") == "exposure")
    ).row(0, named=True)
    assert row["ci_low"] < small.theta < row["ci_high"]
    by = out.prevalence.filter((pl.col("dimension") == "domain") & (pl.col("unit") == "passages"))
    assert set(by["status"]) == {"calibrated", "pooled"}
    assert (by.filter(pl.col("n_labelled") >= 30)["status"] == "calibrated").all()
    assert by["ci_high"].null_count() == 0
    assert by.filter(pl.col("prevalence") == 0)["bound"].unique().to_list() in ([], ["upper"])


def test_documents_have_a_bound_and_no_figure(small: Sample) -> None:
    out = estimates(small, label_round(small, 600, 1))
    row = out.prevalence.filter(
        (pl.col("dimension") == "corpus") & (pl.col("unit") == "documents") & (pl.col("basis") == "exposure")
    ).row(0, named=True)
    count = out.measures.filter(
        (pl.col("dimension") == "corpus")
        & (pl.col("measure") == "count")
        & (pl.col("unit") == "passages")
        & (pl.col("basis") == "exposure")
    ).row(0, named=True)
    assert row["prevalence"] is None
    assert row["bound"] == "upper"
    assert row["ci_high"] == pytest.approx(count["high"] / small.tallies["documents"].sum())


def test_a_sampled_data_set_of_few_shards_has_no_interval() -> None:
    few = simulate(World(documents=8_000, sources=20, rate=0.01, shards=100, scanned=20), seed=1)
    out = estimates(few, label_round(few, 600, 1), shards={"web": (20, 100)})
    assert set(out.prevalence["status"]) == {"uncalibrated"}
    enough = simulate(World(documents=8_000, sources=20, rate=0.01, shards=100, scanned=40), seed=1)
    out = estimates(enough, label_round(enough, 600, 1), shards={"web": (40, 100)})
    assert out.prevalence.filter(pl.col("dimension") == "corpus")["status"].unique().to_list() == ["calibrated"]


def test_labels_that_cannot_count_are_counted(small: Sample) -> None:
    good = label_round(small, 600, 1)
    bad = pl.concat(
        [
            good.head(3).with_columns(role=pl.lit("train")),
            good.head(2).with_columns(probability=pl.lit(None, pl.Float64)),
            good.head(4).with_columns(content=pl.lit("elsewhere") + pl.col("content")),
        ]
    )
    out = estimates(small, pl.concat([good, bad]))
    assert out.set_aside == {
        "role is not estimate": 3,
        "inclusion probability unknown": 2,
        "passage is not among the candidates": 4,
    }
    assert out.prevalence.equals(estimates(small, good).prevalence)


def test_one_class_only(small: Sample) -> None:
    labels = label_round(small, 600, 1)
    none = estimates(small, labels.with_columns(value=pl.lit(0.0))).prevalence.filter(pl.col("unit") == "passages")
    assert set(none["bound"]) == {"upper"}
    assert (none["ci_low"] == 0).all()
    every = estimates(small, labels.with_columns(value=pl.lit(1.0))).prevalence.filter(pl.col("source") == "all")
    assert every["ci_high"].max() <= 1  # type: ignore[operator]


def test_two_rounds_are_averaged_with_fixed_weights(small: Sample) -> None:
    first, second = (label_round(small, 500, s, name=n) for s, n in ((1, "r1"), (2, "r2")))
    both = pl.concat([first, second])
    alone = estimates(small, first)
    assert (
        estimates(small, both, round_weights={"r1": 1.0, "r2": 0.0}).prevalence["n_labelled"].max()
        > alone.prevalence["n_labelled"].max()
    )  # type: ignore[operator]

    def width(e: Estimates) -> float:
        row = e.measures.filter(
            (pl.col("measure") == "seen") & (pl.col("unit") == "passages") & (pl.col("basis") == "distinct")
        )
        return float(row["high"][0] - row["low"][0])

    assert width(estimates(small, both)) < width(alone)


def test_modes_and_crossings_add_up(small: Sample) -> None:
    passages = small.passages.with_columns(
        speaks=pl.when(pl.col("content").cast(pl.Int64) % 3 == 0).then(0.9).otherwise(0.1).cast(pl.Float32)
    ).with_columns(other=(1 - pl.col("speaks")))
    passages = passages.with_columns(
        pl.when(pl.col("drawn")).then(pl.col(c)).otherwise(None).alias(c) for c in ("speaks", "other")
    )
    labels = label_round(small, 900, 1)
    true = labels["content"].cast(pl.Int64) % 3 == 0
    labels = pl.concat(
        [
            labels,
            labels.with_columns(label=pl.lit("speaks"), value=true.cast(pl.Float64)),
            labels.with_columns(label=pl.lit("other"), value=(~true).cast(pl.Float64)),
        ]
    )
    questions = Questions(labels=("y",), headline="y", modes={"story": "speaks", "rest": "other"})
    out = estimate_audit(
        passages,
        small.tallies,
        labels,
        questions,
        audit_id="a",
        dimensions=("corpus", "mode"),
        crossings=[("domain", "mode")],
    )
    t = out.totals.filter((pl.col("unit") == "words") & (pl.col("basis") == "exposure"))
    modes = t.filter(pl.col("dimension") == "mode")
    assert modes["total"].sum() == pytest.approx(t.filter(pl.col("dimension") == "corpus")["total"][0])
    assert modes.filter(pl.col("source") == "story")["total"][0] / modes["total"].sum() == pytest.approx(
        1 / 3, abs=0.05
    )
    crossed = t.filter(pl.col("dimension_2") == "mode")
    assert crossed["total"].sum() == pytest.approx(modes["total"].sum())
    rows = out.prevalence.filter((pl.col("dimension") == "mode") & (pl.col("unit") == "words"))
    assert set(rows["status"]) == {"calibrated"}


def test_shards_that_were_all_read_need_no_probability(small: Sample) -> None:
    labels, questions = label_round(small, 900, 1), Questions(labels=("y",), headline="y")
    with_it, without = (
        estimate_audit(p, t, labels, questions, audit_id="a", dimensions=("corpus", "domain"))
        for p, t in (
            (small.passages.with_columns(shard_probability=pl.lit(1.0)), small.tallies),
            (small.passages.drop("shard_probability"), small.tallies.drop("shard_probability")),
        )
    )
    assert_frame_equal(with_it.prevalence, without.prevalence)
    assert_frame_equal(with_it.totals, without.totals)


def test_outcomes_and_balance(small: Sample) -> None:
    passages = small.passages.with_columns(half=pl.col("y") * 0.5)
    labels = label_round(small, 900, 1)
    even = (labels["content"].cast(pl.Int64) % 2 == 0).cast(pl.Float64)
    labels = pl.concat([labels, labels.with_columns(label=pl.lit("half"), value=labels["value"] * even)])
    questions = Questions(
        labels=("y", "half"), headline="y", balance=(("y", "half"),), outcomes={"one": "half"}, outcome_of="y"
    )
    out = estimate_audit(passages, small.tallies, labels, questions, audit_id="a", dimensions=("corpus",))
    found = {
        r["measure"]: r
        for r in out.measures.filter(pl.col("measure").is_in(["balance", "outcome"])).iter_rows(named=True)
    }
    assert found["outcome"]["low"] < 0.5 < found["outcome"]["high"]
    assert found["balance"]["low"] < 2 < found["balance"]["high"]


def test_outcomes_are_never_more_than_what_they_are_outcomes_of(small: Sample) -> None:
    """Two that exclude each other, with noisy answers: by themselves they would add up to more than the whole in some sources."""
    passages = small.passages.with_columns(a=pl.col("y") * 0.9, b=pl.col("y") * 0.9)
    labels = label_round(small, 900, 1)
    even = (labels["content"].cast(pl.Int64) % 2 == 0).cast(pl.Float64)
    labels = pl.concat(
        [
            labels,
            labels.with_columns(label=pl.lit("a"), value=labels["value"] * even),
            labels.with_columns(label=pl.lit("b"), value=labels["value"] * (1 - even)),
        ]
    )
    questions = Questions(labels=("y",), headline="y", outcomes={"one": "a", "two": "b"}, outcome_of="y")
    out = estimate_audit(passages, small.tallies, labels, questions, audit_id="a", dimensions=("corpus", "domain"))
    shares = out.measures.filter(measure="outcome").drop_nulls("value")
    together = shares.group_by("dimension", "source").agg(pl.col("value").sum())
    assert together.height > 50
    assert together["value"].max() <= 1 + 1e-9  # type: ignore[operator]
    assert (shares["low"].fill_null(0) <= shares["value"]).all()
    assert (shares["high"].fill_null(1) >= shares["value"]).all()


def test_a_ratio_with_nothing_to_divide_by_says_so(small: Sample) -> None:
    passages = small.passages.with_columns(half=pl.lit(0.0))
    labels = label_round(small, 900, 1)
    labels = pl.concat([labels, labels.with_columns(label=pl.lit("half"), value=pl.lit(0.0))])
    questions = Questions(labels=("y", "half"), headline="y", balance=(("y", "half"), ("half", "y")))
    out = estimate_audit(passages, small.tallies, labels, questions, audit_id="a", dimensions=("corpus",))
    rows = out.measures.filter(measure="balance").sort("against").select("against", "value", "low", "high", "status")
    assert rows.row(0) == ("half", None, None, None, "no denominator")
    assert rows.row(1)[-1] == "calibrated"


def test_allocation_has_every_rate_above_zero_and_the_size_asked_for(small: Sample) -> None:
    candidates = small.passages.filter("drawn")
    out = allocate(candidates, 500, score="y")
    assert out.expected == pytest.approx(500)
    assert out.rates["rate"].min() > 0  # type: ignore[operator]
    assert out.probabilities().height == candidates["content"].n_unique()
    whole = allocate(candidates, 10**6, score="y").probabilities()
    assert whole["probability"].unique().to_list() == [1.0]
    with pytest.raises(Stop, match="0 labels of"):
        allocate(candidates, 0, score="y")


def test_how_far_wrong_labels_move_the_figure(small: Sample) -> None:
    labels = label_round(small, 600, 1)
    rows = estimates(small, labels).measures.filter(measure="label_error", unit="passages", basis="exposure")
    assert rows["against"].to_list() == ["1% of labels wrong", "2% of labels wrong", "5% of labels wrong"]
    assert rows["low"].is_sorted(descending=True) and rows["high"].is_sorted()
    assert (rows["low"] > 0).all()
    # A tenth read twice, one in ten of these differently: each errs in 5.3 %.
    both = labels.with_row_index("i").with_columns(
        annotator=pl.when(pl.col("i") % 10 == 0).then(pl.lit("kim+lee")).otherwise("annotator"),
        value=pl.when(pl.col("i") % 100 == 0).then(0.5).otherwise("value"),
    )
    out = estimates(small, both.drop("i")).measures.filter(measure="label_error", unit="passages", basis="exposure")
    assert out["against"].to_list()[-1] == "as annotators differ"
    five, found = (out.filter(against=a).row(0, named=True) for a in ("5% of labels wrong", "as annotators differ"))
    assert found["low"] == pytest.approx(five["low"], rel=0.1)


def test_unscored_text_is_no_negative() -> None:
    passages, tallies = literal()
    german = passages.with_columns(unscored=pl.col("language") == "de", drawn=pl.col("language") != "de")
    out = estimate_audit(
        german, tallies, labels_of(german.filter("drawn"), {"c1"}), ONE, audit_id="a", dimensions=("corpus", "language")
    )
    words = (pl.col("unit") == "words") & (pl.col("basis") == "exposure")
    totals = {r["source"]: (r["total"], r["unscored_share"]) for r in out.totals.filter(words).iter_rows(named=True)}
    assert totals["all"] == (700.0, 70 / 400)
    assert totals["de"][1] == 1.0 and totals["en"][1] == 0.0
    assert totals["de"][0] + totals["en"][0] == pytest.approx(
        700.0
    )  # tallies do not know the language: split as opened
    share = {r["source"]: r["prevalence"] for r in out.prevalence.filter(words).iter_rows(named=True)}
    assert share["all"] == pytest.approx(200 / (700 * (1 - 70 / 400)))
    assert share["de"] is None


def test_two_dimensions_crossed() -> None:
    kind = pl.when(pl.col("domain") == "a.example").then(pl.lit("forum")).otherwise(pl.lit(""))
    passages, tallies = (f.with_columns(year=pl.lit(2001, pl.Int16), kind=kind) for f in literal())
    out = estimate_audit(
        passages,
        tallies,
        labels_of(passages, {"c1"}),
        ONE,
        audit_id="a",
        dimensions=("corpus", "kind"),
        crossings=[("kind", "year")],
    )
    rows = out.prevalence.filter((pl.col("unit") == "words") & (pl.col("basis") == "exposure"))
    assert rows.select("dimension", "source", "dimension_2", "source_2", "prevalence").rows() == [
        ("corpus", "all", "", "", 200 / 700),
        ("kind", "", "", "", 100 / 550),
        ("kind", "forum", "", "", 100 / 150),
        ("kind", "", "year", "2001", 100 / 550),
        ("kind", "forum", "year", "2001", 100 / 150),
    ]


def test_epochs_weigh_the_share_of_training_exposure() -> None:
    passages, tallies = literal()
    passages, tallies = (
        f.with_columns(dataset=pl.when(pl.col("domain") == "a.example").then(pl.lit("a")).otherwise(pl.lit("b")))
        for f in (passages, tallies)
    )
    out = estimate_audit(
        passages,
        tallies,
        labels_of(passages, {"c1"}),
        ONE,
        audit_id="a",
        dimensions=("corpus", "dataset"),
        exposure={"a": 3.0},
    ).measures.filter(unit="words", dimension="dataset")
    shares = {r["source"]: r["value"] for r in out.filter(measure="share").iter_rows(named=True)}
    exposed = {r["source"]: r["value"] for r in out.filter(measure="exposure_share").iter_rows(named=True)}
    assert shares == {"a": 0.5, "b": 0.5}
    assert exposed == {"a": 0.75, "b": 0.25}


def test_nothing_scanned_is_nothing_estimated() -> None:
    passages, tallies = literal()
    out = estimate_audit(
        passages.head(0), tallies, labels_of(passages, set()), ONE, audit_id="a", dimensions=("corpus", "domain")
    )
    assert out.totals.filter((pl.col("unit") == "words") & (pl.col("source") == "all"))["total"].to_list() == [
        None,
        700.0,
    ]
    assert set(out.prevalence["status"]) == {"uncalibrated"}
    assert out.set_aside == {"passage is not among the candidates": 5}


def test_a_dimension_that_is_nowhere_is_named() -> None:
    passages, tallies = literal()
    with pytest.raises(Stop, match="no column colour"):
        estimate_audit(passages, tallies, labels_of(passages, set()), ONE, audit_id="a", dimensions=("colour",))
