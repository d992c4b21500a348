from __future__ import annotations

import pytest

from corpus_tools.estimate.reliability import reliability


def test_bins_weigh_labels_by_what_they_stand_for() -> None:
    rows = reliability([0.01, 0.9, 0.95, 1.0], [0, 1, 1, 0], [5.0, 1.0, 1.0, 2.0]).to_dicts()
    assert [(r["from"], r["to"], r["n"]) for r in rows] == [(0.0, 0.02, 1), (0.8, 1.0, 3)]
    assert rows[1]["share"] == pytest.approx(0.5)
    assert rows[1]["score"] == pytest.approx((0.9 + 0.95 + 2) / 4)
    assert rows[1]["low"] < 0.5 < rows[1]["high"]
    assert rows[0]["share"] == rows[0]["low"] == 0
    assert rows[0]["high"] == pytest.approx(0.95), "one label, effective number 1"


def test_equal_weights_are_a_plain_binomial() -> None:
    row = reliability([0.9] * 10, [1] * 5 + [0] * 5, [3.0] * 10).to_dicts()[0]
    assert (row["low"], row["high"]) == (pytest.approx(0.1871, abs=1e-4), pytest.approx(0.8129, abs=1e-4))


def test_no_labels_no_rows() -> None:
    assert reliability([], [], []).is_empty()
    assert reliability([0.5], [1], [0.0]).is_empty()
