"""Stopping early: which shards come next, when to look, and when a look is enough.

Each corpus entry is a stratum with its own hash order, and all are advanced in proportion; so what has been scanned at any look is a random
sample of each. Looks come at factors of 1.5 in shards: looking often costs coverage, too few shards cost more (none below 30 of an entry
that has more). At a deadline nothing new begins, and what has begun is finished and counted: dropping it would favour small shards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from math import ceil

from corpus_tools.errors import ConfigError
from corpus_tools.shards import Plan, Shard

FEWEST = 30  # shards of an entry that is not read whole
FACTOR = 1.5  # in shards, from one look to the next


@dataclass(frozen=True)
class Limit:
    """Until when an audit goes on. `width`: relative half-width of the headline figure; `hours` from its start. None: no such limit."""

    width: float | None = None
    hours: float | None = None


@dataclass(frozen=True)
class Figure:
    """A look at the headline figure of the corpus. `width`: half-width over the figure, of its 95 % interval or, without `interval`,
    of what sampling alone explains (`spread`); None where there is neither."""

    value: float | None
    low: float | None
    high: float | None
    width: float | None
    interval: bool
    shards: int
    of: int

    def enough(self, limit: Limit) -> bool:
        """Whether the wanted width is reached."""
        return limit.width is not None and self.width is not None and self.width <= limit.width


def waves(plan: Plan, done: Set[str] = frozenset()) -> Iterator[list[Shard]]:
    """A plan -> shards from one look to the next, in the order to begin them; together they are all shards of the plan.

    The first wave goes to FEWEST shards of each entry (all of a smaller one), or as far as the first shards of its order are done.
    """
    entries: dict[str, list[Shard]] = {}
    for shard in plan.shards:
        entries.setdefault(shard.dataset, []).append(shard)
    start = {name: max(min(FEWEST, len(s)), _leading(s, done)) for name, s in entries.items()}
    now = dict.fromkeys(entries, 0)
    target = start
    while True:
        wave = [
            ((i + 0.5 - now[name]) / (target[name] - now[name]), name, shard)
            for name, shards in entries.items()
            for i, shard in enumerate(shards[: target[name]])
            if i >= now[name]
        ]
        yield [shard for _, _, shard in sorted(wave, key=lambda w: w[:2])]
        now = target
        left = sum(len(s) for s in entries.values()) - sum(now.values())
        if not left:
            return
        # All entries go on to the same share of their shards, so far that there are FACTOR times as many.
        wanted, share = FACTOR * sum(now.values()), 0.0
        ends = {n: len(s) for n, s in entries.items()}
        low, high = 0.0, 1.0
        for _ in range(60):
            share = (low + high) / 2
            reached = sum(max(now[n], ceil(share * end)) for n, end in ends.items())
            low, high = (share, high) if reached < wanted else (low, share)
        target = {n: max(now[n], min(ceil(high * end), end)) for n, end in ends.items()}


def _leading(shards: list[Shard], done: Set[str]) -> int:
    """How many of the first shards are done."""
    return next((i for i, shard in enumerate(shards) if shard.shard_id not in done), len(shards))


def taken(plan: Plan, begun: Set[str]) -> Plan:
    """A plan -> the plan of what was begun."""
    return replace(plan, shards=tuple(s for s in plan.shards if s.shard_id in begun))


def read_width(text: str) -> float:
    """'20%', '20 %' or '0.2' -> 0.2. Raises ConfigError."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*", text)
    width = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not 0 < width < 1:
        raise ConfigError([f"--until-width: a share of the figure between 0 and 1, as 20% or 0.2 (came: {text!r})"])
    return width
