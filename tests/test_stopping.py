from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from corpus_tools.errors import ConfigError
from corpus_tools.estimate.simulate_shards import Shards, read_until
from corpus_tools.shards import Plan, Shard
from corpus_tools.stopping import FEWEST, Figure, Limit, read_width, taken, waves


def plan(**sizes: int) -> Plan:
    shards = [Shard(d, f"{i}", f"{d}/{i}", "jsonl", 1, "r", f"{d}{i}") for d, n in sizes.items() for i in range(n)]
    return Plan(tuple(shards), dict(sizes))


def test_waves_are_all_shards_in_hash_order_entry_by_entry_in_proportion() -> None:
    p = plan(a=400, b=100, c=5)
    found = list(waves(p))
    assert sorted(s.shard_id for wave in found for s in wave) == sorted(s.shard_id for s in p.shards)
    for name in "abc":
        order = [int(s.address) for wave in found for s in wave if s.dataset == name]
        assert order == sorted(order), "each entry in its own order"
    counts = [
        {d: sum(s.dataset == d for wave in found[: i + 1] for s in wave) for d in "abc"} for i in range(len(found))
    ]
    assert counts[0] == {"a": FEWEST, "b": FEWEST, "c": 5}
    totals = [sum(c.values()) for c in counts]
    assert all(1.45 <= b / a <= 1.6 for a, b in pairwise(totals[:-1])), totals
    late = counts[-2]
    assert late["a"] / 400 == pytest.approx(late["b"] / 100, abs=0.02)


def test_waves_begin_where_an_earlier_run_ended() -> None:
    p = plan(a=400)
    done = {f"a{i}" for i in range(97)} | {"a200"}
    assert len(next(waves(p, done))) == 97
    assert [s.address for s in taken(p, {"a3", "a1"}).shards] == ["1", "3"]
    assert [len(w) for w in waves(plan(a=7))] == [7]


def test_when_a_look_is_enough() -> None:
    figure = Figure(0.01, 0.008, 0.012, 0.2, True, 30, 90)
    assert figure.enough(Limit(width=0.2))
    assert not figure.enough(Limit(width=0.19))
    assert not figure.enough(Limit(hours=1))
    assert not Figure(None, None, None, None, False, 30, 90).enough(Limit(width=0.2))
    assert [read_width(t) for t in ("20%", "0.2", " 5 % ")] == [0.2, 0.2, 0.05]
    for wrong in ("20", "0", "wide", "-5%"):
        with pytest.raises(ConfigError, match="--until-width"):
            read_width(wrong)


def test_a_run_stopped_by_its_width_covers_the_truth() -> None:
    """Sizes heavy-tailed, prevalence rising with size: a hard case, see docs/methods.md for its coverage."""
    runs = [read_until(Shards(), seed, 0.3) for seed in range(25)]
    assert sum(run.covers for run in runs) >= 22
    assert abs(np.mean([run.row["prevalence"] / run.truth - 1 for run in runs])) < 0.06
    assert all(run.width <= 0.3 or run.shards == 240 for run in runs)
    assert FEWEST < np.mean([run.shards for run in runs]) < 240, "the rule stops early, and not at once"
