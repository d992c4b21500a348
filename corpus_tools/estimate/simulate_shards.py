"""Corpora in many shards with a known prevalence, read shard by shard until a rule says stop: what stopping early is tested on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from corpus_tools.estimate.audit import Questions, estimate_audit
from corpus_tools.estimate.survey import Ints
from corpus_tools.shards import Plan, Shard
from corpus_tools.stopping import waves


@dataclass(frozen=True)
class Shards:
    """Sizes are Pareto with exponent `tail` (2: the variance is at its limit), cut at 50 times the least; prevalence goes with
    size to the power `steep`."""

    shards: int = 240
    tail: float = 2.0
    rate: float = 0.02
    steep: float = 0.5
    least: int = 60  # passages


@dataclass(frozen=True)
class Read:
    """Where a run stopped. `row` is the corpus row of `prevalence`."""

    row: dict[str, Any]
    truth: float
    shards: int
    passages: int

    @property
    def width(self) -> float:
        """Half-width over the figure."""
        return float((self.row["ci_high"] - self.row["ci_low"]) / 2 / self.row["prevalence"])

    @property
    def covers(self) -> bool:
        """Whether the interval holds the truth."""
        return bool(self.row["ci_low"] <= self.truth <= self.row["ci_high"])


def read_until(world: Shards, seed: int, width: float | None, shards: int | None = None) -> Read:
    """Reads waves until the interval is as narrow as `width`, or, without the rule, the first `shards`. Every passage that is read is
    scored and labelled, so that only the draw of shards is left."""
    passages, tallies, truth = _corpus(world, seed)
    plan = Plan(
        tuple(Shard("web", str(i), str(i), "jsonl", 1, "r", str(i)) for i in range(world.shards)), {"web": world.shards}
    )
    order = list(waves(plan)) if shards is None else [list(plan.shards[:shards])]
    begun: list[str] = []
    for wave in order:
        begun += [shard.address for shard in wave]
        row, size = _row(passages, tallies, begun, world.shards)
        read = Read(row, truth, len(begun), size)
        if width is not None and read.width <= width:
            break
    return read


def sizes(world: Shards, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """[shards] passages and positives."""
    size = np.minimum(world.least * (1 + rng.pareto(world.tail, world.shards)), 50 * world.least).astype(int)
    return size, rng.binomial(size, np.minimum(world.rate * (size / size.mean()) ** world.steep, 0.5))


def _corpus(world: Shards, seed: int) -> tuple[pl.DataFrame, pl.DataFrame, float]:
    """Passages and tallies by shard, and the prevalence of them all. Shards are independent: any order is a hash order."""
    n = world.shards
    size, positives = sizes(world, np.random.default_rng(seed))
    y = np.concatenate([np.arange(s) < k for s, k in zip(size, positives, strict=True)])
    shard = np.repeat(np.arange(n), size).astype(str)
    passages = pl.DataFrame({"content": np.arange(len(y)).astype(str), "shard_id": shard, "y": y.astype(float)})
    fills = {"stratum": "hit", "n_words": 1, "unscored": False, "drawn": True, "dataset": "web"}
    passages = passages.with_columns(
        **{name: pl.lit(value) for name, value in fills.items()},
        **{name: pl.lit(1.0) for name in ("open_probability", "screen_probability")},
        document_id="content",
        document_content="content",
    )
    tallies = pl.DataFrame({"shard_id": np.arange(n).astype(str), "documents": size, "words": size}).with_columns(
        dataset=pl.lit("web"), hit_documents="documents", hit_words="words"
    )
    return passages, tallies, float(y.mean())


def _row(passages: pl.DataFrame, tallies: pl.DataFrame, shards: list[str], of: int) -> tuple[dict[str, Any], int]:
    """The corpus row of `prevalence` when these shards are read, and their passages."""
    rate = pl.lit(len(shards) / of).alias("shard_probability")
    some = passages.filter(pl.col("shard_id").is_in(shards)).with_columns(rate)
    words = {"label": "y", "round": "r", "role": "estimate", "annotator": "truth"}
    labels = some.select("content", value="y", probability=1.0, **{k: pl.lit(v) for k, v in words.items()})
    counted = tallies.filter(pl.col("shard_id").is_in(shards)).drop("shard_id").with_columns(rate)
    asked = Questions(("y",), "y")
    e = estimate_audit(
        some, counted, labels, asked, audit_id="a", dimensions=("corpus",), shards={"web": (len(shards), of)}
    )
    return e.prevalence.filter(unit="passages", basis="exposure").row(0, named=True), some.height
