from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_tools.config import ScreenConfig
from corpus_tools.errors import ConfigError, PackError
from corpus_tools.pack import load_pack
from corpus_tools.sampling import drawn
from corpus_tools.screen import Scorer, load_scorer, resolved, scorer_of, screen, table_of, within_budget, within_width
from corpus_tools.screen.fit import fit, kept
from corpus_tools.screen.ngrams import features
from corpus_tools.texts import Joined, join
from tests.conftest import BREAD, ROBOT


def joined(texts: list[str]) -> Joined:
    return join(pa.array(texts, pa.large_string()))


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    """Robots above bread; four bins."""
    texts = [f"{ROBOT} No. {i}." if i % 2 else f"{BREAD} No. {i}." for i in range(40)]
    fitted = fit(texts, np.arange(40) % 2.0, [str(i // 4) for i in range(40)], bits=12)
    middle = int(fitted.score(joined([ROBOT, BREAD])).mean())
    assert fitted.shape[0] < fitted.shape[-1] == 1
    assert (np.diff(fitted.shape) >= 0).all()
    assert len(fitted.shape) == len(fitted.edges) + 1
    assert (np.diff(fitted.edges) > 0).all()
    edges = np.array([middle, middle + 1, middle + 2])
    return replace(fitted, edges=edges, shape=np.array([0.1, 0.2, 0.5, 1.0]))


def test_probabilities_by_stratum_and_draws_by_content() -> None:
    passages = pl.DataFrame(
        {
            "content": [str(i % 300) for i in range(600)],
            "stratum": ["near"] * 300 + ["sampled"] * 300,
            "unscored": [i % 10 == 0 for i in range(600)],
        }
    )
    out = screen(passages, table_of(ScreenConfig(hit=1, near=0.2, sampled=0.5), None), seed=3)
    assert out["screen_probability"].to_list() == [0.2] * 300 + [0.5] * 300
    expected = [
        drawn("screen", c, 3, p) and not u
        for c, u, p in out.select("content", "unscored", "screen_probability").iter_rows()
    ]
    assert out["drawn"].to_list() == expected
    near, sampled = out["drawn"][:300], out["drawn"][300:]
    assert not (near & ~sampled).any(), "a draw at a lower rate is part of one at a higher"


def test_probabilities_by_bin(scorer: Scorer) -> None:
    texts = joined([ROBOT, BREAD, ROBOT])
    assert scorer.bins(texts).tolist() == [3, 0, 3]
    passages = pl.DataFrame({"content": ["a", "b", "c"], "stratum": ["hit", "hit", "near"], "unscored": [False] * 3})
    table = {"hit": [0.1, 0.2, 0.3, 1.0], "near": [0.1, 0.1, 0.1, 0.5], "sampled": [1.0] * 4}
    out = screen(passages, table, 0, texts, scorer)
    assert out["screen_probability"].to_list() == [1.0, 0.1, 0.5]
    assert out["drawn"].to_list() == [True, drawn("screen", "b", 0, 0.1), drawn("screen", "c", 0, 0.5)]


def slow_score(text: str, scorer: Scorer) -> int:
    """The scorer's sum by loops over words: what the fast one must give."""
    words = []
    word = b""
    for byte in text.encode() + b"\0":
        folded = byte + 32 if 65 <= byte <= 90 else byte
        if folded >= 128 or 48 <= folded <= 57 or 97 <= folded <= 122:
            word += bytes([folded])
        elif word:
            words.append(word)
            word = b""
    full = (1 << 64) - 1

    def mixed(x: int) -> int:
        for _ in range(2):
            x = (x ^ (x >> 32)) * 0xD6E8FEB86659FD93 & full
        return x

    hashed = [mixed(sum(b * pow(0x9E3779B97F4A7C15, i, 1 << 64) for i, b in enumerate(w)) & full) for w in words]
    pairs = [mixed((a * 0xC2B2AE3D27D4EB4F + b) & full) for a, b in pairwise(hashed)]
    return sum(int(scorer.weights[f]) for f in {h >> (64 - scorer.bits) for h in [*hashed, *pairs]})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=6))
def test_the_fast_score_is_the_slow_one(texts: list[str]) -> None:
    rng = np.random.default_rng(1)
    scorer = Scorer(rng.integers(-99, 99, 1 << 10).astype(np.int16), np.array([0]), np.array([0.5, 1.0]), {})
    texts = [t.replace("\0", " ") for t in texts]
    assert scorer.score(joined(texts)).tolist() == [slow_score(t, scorer) for t in texts]


def test_a_score_does_not_depend_on_the_batch(scorer: Scorer) -> None:
    texts = [f"{ROBOT} {'word ' * (i % 7)} No. {i}" for i in range(500)] + ["x " * 200_000, "", "Ä b"]
    together = scorer.score(joined(texts)).tolist()
    assert together == [int(scorer.score(joined([t]))[0]) for t in texts]
    assert len(list(features(joined(texts), 10))) > 3, "more than one block"


def test_saved_and_loaded(scorer: Scorer, tmp_path: Path) -> None:
    scorer.save(tmp_path / "a.npz")
    scorer.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    again = load_scorer(tmp_path / "a.npz")
    assert again.score(joined([ROBOT, BREAD])).tolist() == scorer.score(joined([ROBOT, BREAD])).tolist()
    assert (again.edges.tolist(), again.shape.tolist()) == (scorer.edges.tolist(), scorer.shape.tolist())
    with pytest.raises(PackError, match="no weights of a screen"):
        load_scorer(tmp_path / "c.npz")
    (tmp_path / "c.npz").write_bytes(b"PK nothing")
    with pytest.raises(PackError, match="cannot be read"):
        load_scorer(tmp_path / "c.npz")


def test_a_fit_ranks_what_it_has_not_seen(scorer: Scorer) -> None:
    texts = [ROBOT.replace("engineer", "miner"), BREAD.replace("oven", "stove")]
    shares = kept(scorer, texts, np.array([True, False]))
    assert shares == [(0.5, 1.0)] * 3
    with pytest.raises(ValueError, match="five works"):
        fit([ROBOT, BREAD], np.array([1.0, 0.0]), ["a", "b"])


def test_bins_do_not_hang_on_the_last_bits_of_a_score() -> None:
    """Rows in another order are summed in another order, as on another processor."""
    texts = [f"{ROBOT if i % 2 else BREAD} {'word ' * (i % 3)}" for i in range(60)]
    target, works = np.arange(60) % 2.0, [str(i // 6) for i in range(60)]
    fitted = fit(texts, target, works, bits=12)
    for order in (np.argsort(np.arange(60) % 7, kind="stable"), np.arange(60)[::-1]):
        again = fit([texts[i] for i in order], target[order], [works[i] for i in order], bits=12)
        assert again.edges.tolist() == fitted.edges.tolist()
        assert again.shape == pytest.approx(fitted.shape)


def test_the_bundled_screen() -> None:
    """Pinned: a changed sum would be another draw under the same scan_id."""
    scorer = scorer_of(ScreenConfig(rule="scored"), load_pack("ai_self_preservation"))
    assert scorer is not None
    assert (scorer.bits, scorer.n_bins) == (18, 7)
    assert scorer.score(joined([ROBOT, BREAD])).tolist() == [136, 60]
    assert scorer.bins(joined([ROBOT, BREAD])).tolist() == [2, 1]


def test_the_rates_of_a_configuration(scorer: Scorer) -> None:
    assert table_of(ScreenConfig(rule="census"), None) == {"hit": [1.0], "near": [1.0], "sampled": [1.0]}
    shaped = table_of(ScreenConfig(rule="scored", near=0.1), scorer)
    assert [len(rates) for rates in shaped.values()] == [4, 4, 4]
    assert (shaped["hit"][-1], shaped["near"][-1]) == (1.0, 0.1)
    assert min(min(rates) for rates in shaped.values()) >= 0.02
    frozen = resolved(ScreenConfig(rule="scored", near=0.1), scorer)
    assert table_of(frozen, scorer) == shaped
    assert resolved(frozen, scorer) == frozen
    with pytest.raises(ConfigError, match="3 rates a stratum, but the scorer has 7 bins"):
        three = {"hit": (0.1, 0.2, 0.3), "near": (0.1, 0.2, 0.3), "sampled": (0.1, 0.2, 0.3)}
        scorer_of(ScreenConfig(rule="scored", by_bin=three), load_pack("ai_self_preservation"))


def test_a_budget_is_spent_where_positives_are() -> None:
    passages, positive = np.array([1e6, 1e5, 1e4]), np.array([1e-4, 1e-3, 0.1])
    rates = within_budget(passages, positive, 30_000)
    assert passages @ rates == pytest.approx(30_000, rel=1e-3)
    assert (rates > 0).all()
    assert rates[1] / rates[0] == pytest.approx(np.sqrt(10), rel=1e-2)
    variance = (passages * positive * (1 - rates) / rates).sum()
    even = 30_000 / passages.sum()
    assert variance < 0.7 * (passages * positive * (1 - even) / even).sum()
    assert within_budget(passages, positive, 2e6).tolist() == [1, 1, 1]
    tight = within_budget(passages, positive, 5_000)
    assert passages @ tight == pytest.approx(5_000, rel=0.01)
    assert tight.min() >= 5_000 / passages.sum() / 2 * 0.999


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.floats(1e-5, 0.9)), min_size=1, max_size=12),
    st.floats(0.005, 0.5),
)
def test_a_width_is_kept_and_not_paid_for_twice(cells: list[tuple[int, float]], width: float) -> None:
    passages, positive = (np.array(x, float) for x in zip(*cells, strict=True))

    def half(q: np.ndarray) -> float:
        return 1.96 * float(np.sqrt((passages * positive * (1 - q) / q).sum())) / float(passages @ positive)

    q = within_width(passages, positive, width)
    assert half(q) <= width * (1 + 1e-6)
    assert q.min() >= 0.02
    if (q > 0.021).all() and (q < 0.95).all():
        assert half(q) == pytest.approx(width, rel=0.05), "with fewer it would be wider"
    assert passages @ within_width(passages, positive, width / 2) >= passages @ q * 0.999
