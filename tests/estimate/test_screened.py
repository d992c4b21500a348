"""What the screen left out, class by class of its rates; with one rate a stratum nothing is changed by the classes."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from corpus_tools.estimate import Questions, estimate_audit, prevalence
from corpus_tools.estimate.cells import Labels, cells, labels_of, prior_shift, rates
from corpus_tools.estimate.contents import survey
from corpus_tools.estimate.frames import usable_labels
from corpus_tools.estimate.screened import ClassRates, cell_means, class_rates, screen_variance, uneven
from corpus_tools.estimate.simulate import Sample, World, label_round, simulate
from corpus_tools.estimate.survey import NEAR, Floats, Survey

BY_BIN = (0.06, 0.13, 0.21, 0.32, 0.43, 0.55, 1.0)


def reckoned(sample: Sample) -> tuple[Survey, ClassRates, Floats, Labels, Floats]:
    """The survey, its classes, the rate of each content's cell, labels and weights, passages."""
    data = survey(sample.passages, ["y"], [("domain", "")], home=["domain"])
    good, _ = usable_labels(label_round(sample, 400, 11))
    labels = labels_of(data, good.filter(label="y"))
    weight = data.design_weights("passages", "exposure")
    scored = cells(data, data.score("y"), labels, 0.2)
    r = rates(scored, weight, labels, data.in_design)
    return (
        data,
        class_rates(data, scored, r, labels, weight),
        cell_means(scored, r, labels)[scored.cell],
        labels,
        weight,
    )


@pytest.fixture(scope="module")
def one_rate() -> Sample:
    return simulate(World(documents=3000, sources=20, rate=0.01), 7)


@pytest.fixture(scope="module")
def many_rates() -> Sample:
    return simulate(World(documents=3000, sources=20, rate=0.01, by_bin=BY_BIN), 7)


def test_figures_with_one_rate_a_stratum_are_those_of_before_there_were_classes(one_rate: Sample) -> None:
    """Literal figures of the estimates as they were with one sum per stratum (θ's limits: with its parts' covariance)."""
    asked = Questions(labels=("y",), headline="y")
    e = estimate_audit(
        one_rate.passages, one_rate.tallies, label_round(one_rate, 400, 11), asked, audit_id="a", dimensions=("corpus", "domain"),
    ).prevalence.filter(pl.col("ci_high").is_not_null())  # fmt: skip
    found = {(r["source"], r["unit"], r["basis"]): r for r in e.iter_rows(named=True)}
    before = {
        ("all", "passages", "exposure"): (0.010506635408124253, 0.007588924400433699, 0.014584459995415919),
        ("all", "words", "distinct"): (0.016959215078819086, 0.013086522614901178, 0.021318927371247336),
        ("s000", "passages", "exposure"): (0.014072220677071598, 0.010930477666868067, 0.01882594770706097),
        ("s000", "words", "distinct"): (0.022558824701620062, 0.017639318118905775, 0.030462151634031764),
    }
    for key, figures in before.items():
        assert tuple(found[key][c] for c in ("prevalence", "ci_low", "ci_high")) == pytest.approx(figures, rel=1e-9)


def test_one_rate_a_stratum_is_one_class_and_one_sum(one_rate: Sample) -> None:
    data, of, p, _, weight = reckoned(one_rate)
    assert (data.classes.near.tolist(), data.classes.q.tolist()) == ([True], [0.2])
    assert data.stratum(NEAR, None).relative is None
    square = data.corpus.square["passages", "exposure"]
    here = (data.gate == NEAR) & (data.q < 1)
    v = weight[here] ** 2 * (1 - data.q[here])
    rate = max(float(v @ p[here] / v.sum()), float(p[here].mean()))
    expected = float(square.sum()) * rate * (1 + 1 / max(float(p[here].sum()), 1))
    assert screen_variance(data, of, "passages", "exposure") == pytest.approx(expected)
    for pairs in (data.corpus, *data.pairs.values()):
        for near in (True, False):
            assert set(uneven(data, pairs.square["passages", "exposure"], near, of).tolist()) == {1.0}


def test_classes_are_the_rates_and_what_is_left_out_is_less_often_positive(many_rates: Sample) -> None:
    data, of, _, _, _ = reckoned(many_rates)
    assert sorted(set(data.classes.q.tolist())) == sorted(BY_BIN[:-1])
    drawn = data.classes.of >= 0
    assert data.q[drawn].tolist() == data.classes.q[data.classes.of[drawn]].tolist()
    near = data.classes.near
    assert (of.rate[near][:1] >= of.rate[near][-1:]).all(), "a higher rate, more positives"
    short = uneven(data, data.corpus.square["passages", "exposure"], True, of)
    assert 0 < short[0] < 0.9
    by_source, whole = (q.square["passages", "exposure"] for q in (data.pairs["domain", ""], data.corpus))
    assert (by_source.sum(0) <= whole[0] * (1 + 1e-9)).all(), (
        "copies within one source vary together, and all do in the corpus"
    )


def test_what_stands_for_more_counts_for_more_in_the_prior() -> None:
    """Nine low scores drawn at 0.1 and one high score drawn surely: the prior is that of 90 to 1."""
    score = np.array([0.05] * 9 + [0.95])
    group = np.zeros(10, np.int64)
    stands_for = np.array([10.0] * 9 + [1.0])
    weighted, entry, _ = prior_shift(group, score, 0.2, weight=stands_for / stands_for.mean())
    plain, at, _ = prior_shift(group, score, 0.2)
    assert weighted[entry][-1] < plain[at][-1]
    everyone = np.repeat(score, stands_for.astype(int))
    whole, each, _ = prior_shift(np.zeros(len(everyone), np.int64), everyone, 0.2, held=1.0)
    held, entry, _ = prior_shift(group, score, 0.2, weight=stands_for / stands_for.mean(), held=1.0)
    assert held[entry][[0, -1]] == pytest.approx(whole[each][[0, -1]])


def test_a_source_without_a_drawn_positive_may_have_one_that_was_not_drawn() -> None:
    """Every tenth item drawn and all of them labelled: five negatives say little of fifty."""
    n = np.arange(1000)
    scored = pl.DataFrame(
        {"content": [str(i) for i in n], "score": np.where(n < 995, 0.05 + 0.9 * (n % 10 == 0), 0.02), "weight": 10.0}
    ).with_columns(shop=pl.when(pl.Series(n) < 995).then(pl.lit("large")).otherwise(pl.lit("small")))
    labels = pl.DataFrame({"content": scored["content"], "value": (n % 10 == 0) & (n < 995), "probability": 1.0})
    rows = {
        r["source"]: r
        for r in prevalence(scored, labels.cast({"value": pl.Float64}), by=["shop"]).iter_rows(named=True)
    }
    assert rows["small"]["ci_low"] == 0
    assert rows["small"]["ci_high"] >= 10 / 50
    assert rows["large"]["ci_low"] < 0.1 < rows["large"]["ci_high"] < 0.13
