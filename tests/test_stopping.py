from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from corpus_tools.errors import ConfigError
from corpus_tools.estimate import Questions, estimate_audit
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


def shard_world(seed: int, n: int) -> tuple[pl.DataFrame, pl.DataFrame, float]:
    """Hit passages and tallies by shard, sizes heavy-tailed, prevalence rising with size; and the prevalence of them all."""
    rng = np.random.default_rng(seed)
    size = np.minimum(60 * rng.pareto(2.0, n) + 60, 3000).astype(int)
    positives = rng.binomial(size, np.minimum(0.02 * (size / size.mean()) ** 0.5, 0.5))
    shard = np.repeat(np.arange(n), size)
    y = np.concatenate([np.arange(s) < k for s, k in zip(size, positives, strict=True)])
    passages = pl.DataFrame(
        {"content": np.arange(len(y)).astype(str), "shard_id": shard.astype(str), "y": y.astype(float)}
    )
    passages = passages.with_columns(document_id="content", dataset=pl.lit("web"))
    tallies = pl.DataFrame({"shard_id": np.arange(n).astype(str), "documents": size, "words": size}).with_columns(
        dataset=pl.lit("web"), hit_documents="documents", hit_words="words"
    )
    return passages, tallies, float(y.mean())


def look_at(passages: pl.DataFrame, tallies: pl.DataFrame, shards: list[str], n: int) -> dict[str, float]:
    """The corpus row when so many shards are scanned; every passage is labelled, so that only the draw of shards is left."""
    rate = pl.lit(len(shards) / n).alias("shard_probability")
    some = passages.filter(pl.col("shard_id").is_in(shards)).with_columns(rate, stratum=pl.lit("hit"))
    some = some.with_columns(
        n_words=pl.lit(1), unscored=pl.lit(False), drawn=pl.lit(True), open_probability=1.0, screen_probability=1.0,
        document_content="content",
    )  # fmt: skip
    words = {"label": "y", "round": "r", "role": "estimate", "annotator": "t"}
    labels = some.select("content", value="y", probability=1.0, **{k: pl.lit(v) for k, v in words.items()})
    counted = tallies.filter(pl.col("shard_id").is_in(shards)).drop("shard_id").with_columns(rate)
    e = estimate_audit(
        some,
        counted,
        labels,
        Questions(("y",), "y"),
        audit_id="a",
        dimensions=("corpus",),
        shards={"web": (len(shards), n)},
    )
    return e.prevalence.filter(unit="passages", basis="exposure").row(0, named=True)


def test_a_run_stopped_by_its_width_covers_the_truth() -> None:
    """Sizes heavy-tailed, prevalence rising with size, looks at factors of 1.5: 24 of 25 intervals or so should hold the truth."""
    covered, errors, ends, n = 0, [], [], 240
    for seed in range(25):
        passages, tallies, truth = shard_world(seed, n)
        begun: list[str] = []
        for wave in waves(plan(web=n)):
            begun += [s.address for s in wave]
            row = look_at(passages, tallies, begun, n)
            half = (row["ci_high"] - row["ci_low"]) / 2 / row["prevalence"]
            if half <= 0.3:
                break
        covered += row["ci_low"] <= truth <= row["ci_high"]
        errors.append(row["prevalence"] / truth - 1)
        ends.append(len(begun))
    assert covered >= 22
    assert abs(np.mean(errors)) < 0.06
    assert FEWEST < np.mean(ends) < n, "the rule stops early, and not at once"
