from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus_tools.sampling import content_hash, draw, drawn, hash64, hash_order, threshold


def test_content_is_the_hash_of_the_utf8_bytes() -> None:
    assert content_hash("") == "99aa06d3014798d86001c324468d497f"
    assert content_hash("né") == content_hash("né".encode())
    assert content_hash("né") != content_hash("ne")


def test_fixed_draws_stay_fixed() -> None:
    """Ids, probabilities and draws are stored in roots: these numbers may never change."""
    assert hash64("audit", "abc", 0) == 2066340414672709770
    assert [drawn("audit", f"{i}", 2026, 0.2) for i in range(12)] == draw(
        "audit", [f"{i}" for i in range(12)], 2026, 0.2
    ).tolist()
    assert sum(draw("screen", [f"{i}" for i in range(1000)], 7, 0.25)) == 225


@pytest.mark.parametrize("purpose", ["audit", "screen", "shard", "label:round-1"])
def test_rate_is_kept(purpose: str) -> None:
    keys = [str(i) for i in range(100_000)]
    assert abs(draw(purpose, keys, 1, 0.01).mean() - 0.01) < 4 * np.sqrt(0.01 * 0.99 / 1e5)


def test_draws_with_other_purposes_or_seeds_are_independent() -> None:
    keys = [str(i) for i in range(200_000)]
    first = draw("audit", keys, 0, 0.01)
    for second in (draw("screen", keys, 0, 0.2), draw("label:a", keys, 0, 0.2), draw("audit", keys, 1, 0.2)):
        assert abs(second[first].mean() - 0.2) < 4 * np.sqrt(0.2 * 0.8 / first.sum())


def test_edges() -> None:
    assert not any(draw("audit", ["a", "b"], 0, 0.0))
    assert all(draw("audit", ["a", "b"], 0, 1.0))
    assert threshold(1) == 2**64
    with pytest.raises(ValueError, match="between 0 and 1"):
        threshold(1.1)
    with pytest.raises(ValueError, match="unknown purpose"):
        hash64("labels", "a", 0)
    with pytest.raises(ValueError, match="2 keys but 1"):
        draw("audit", ["a", "b"], 0, [0.1])


@given(st.lists(st.text(), unique=True), st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**63))
def test_a_lower_rate_draws_a_part_of_a_higher(keys: list[str], a: float, b: float, seed: int) -> None:
    low, high = draw("screen", keys, seed, min(a, b)), draw("screen", keys, seed, max(a, b))
    assert not (low & ~high).any()


@given(st.lists(st.text(), unique=True), st.integers(0, 2**32))
def test_hash_order_does_not_depend_on_the_order_given(keys: list[str], seed: int) -> None:
    assert hash_order("shard", keys, seed) == hash_order("shard", sorted(keys), seed)
    assert sorted(hash_order("shard", keys, seed)) == sorted(keys)
