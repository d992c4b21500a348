"""A budget of scored passages -> rates, by a look at a few shards before the scan; written into the root once, and used from then on.

The pilot takes shards in their hash order, each corpus entry in turn, counts passages by stratum and bin of the cheap score, and has a few
of each scored. Its passages are drawn again, by their own hash, when the scan comes to them: nothing of the pilot enters an estimate.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from corpus_tools.classifier import Classifier
from corpus_tools.config import AuditConfig, CorpusEntry, ScreenConfig, digest, frozen
from corpus_tools.errors import ShardFailed, Stop
from corpus_tools.pack import Pack
from corpus_tools.root import Root
from corpus_tools.scan import Rules, choose
from corpus_tools.screen import Scorer, resolved, scorer_of, within_budget, within_width
from corpus_tools.shards import Plan, Shard
from corpus_tools.tables import STRATA
from corpus_tools.texts import join

log = logging.getLogger(__name__)

PASSAGES = 5_000  # of opened documents, after which the pilot stops once it has read SHARDS
SHARDS = 3  # of each corpus entry, at least
TEXT = 1 << 30  # bytes of text of one corpus entry, after which it stops in any case
SMALL = 100 << 20  # bytes of files; the text of fewer cannot hold MAX_SCORED passages, and needs no look
MAX_SCORED = 500_000  # passages, under screen.rule: auto; some hours of two cores
SCORED = 40  # passages of each stratum and bin
HELD_BY = 5.0  # passages that the scorer's own shape is worth beside them


@dataclass
class _Cell:
    passages: float = 0.0  # expected in the whole corpus
    texts: list[str] = field(default_factory=list)


def wanted(config: AuditConfig, plan: Plan) -> bool:
    """Whether a look at a few shards may be needed before the scan: for a budget, or to see whether the corpus calls for one."""
    if config.screen.by_size:
        return sum(shard.bytes for shard in plan.shards) > SMALL
    return bool(config.screen.budget)


def settle(
    config: AuditConfig, pack: Pack, root: Root, plan: Plan, classifier: Callable[[], Classifier]
) -> tuple[AuditConfig, dict[str, Any]]:
    """A configuration as asked -> the same with every screen rate written out, and what to note beside the frozen one.

    A budget is turned into rates by a pilot, unless this root holds rates for the same question already. `classifier` is called
    only then. Under `screen.rule: auto` a budget of MAX_SCORED is set where one rate a stratum would have more passages scored than
    that; a root keeps what it began with, though its corpus grow. Raises Stop where shards do not say their size, so that nothing
    tells how much of the corpus the pilot saw.
    """
    if config.screen.rule == "auto":
        return _settle_auto(config, pack, root, plan, classifier)
    scorer = scorer_of(config.screen, pack)
    if scorer is None:
        return config, {}
    asked = digest(frozen(config, pack))
    if not config.screen.budget:
        return config.model_copy(update={"screen": resolved(config.screen, scorer)}), {"asked": asked}
    known = _known(root, asked)
    if known:
        return _with(config, known["screen"]["by_bin"]), {"asked": asked, "pilot": known["pilot"]}
    return _by_pilot(config, pack, asked, _look(config, pack, plan), classifier)


def _settle_auto(
    config: AuditConfig, pack: Pack, root: Root, plan: Plan, classifier: Callable[[], Classifier]
) -> tuple[AuditConfig, dict[str, Any]]:
    """One rate a stratum, or a budget: as this root began, else as the pilot finds."""
    plain, budget = _ruled(config, "rates", None), _ruled(config, "scored", MAX_SCORED)
    asked = digest(frozen(budget, pack))
    known = _known(root, asked)
    if known:
        return _with(budget, known["screen"]["by_bin"]), {"asked": asked, "pilot": known["pilot"]}
    begun = root.read_json("scans", f"{digest(frozen(plain, pack))}.json") is not None
    if begun or not wanted(config, plan) or not pack.screen.is_file():
        return plain, {}
    try:
        look = _look(budget, pack, plan)
    except Stop as error:  # some shards do not say their size
        log.info("%s: every stratum keeps its rate", error.what)
        return plain, {}
    passages = sum(cell.passages * getattr(config.screen, stratum) for (stratum, _), cell in look[0].items())
    if passages <= MAX_SCORED:
        return plain, {}
    log.info(
        "about %s passages would be scored: a cheap score draws about %s of them (screen.rule: rates or census would have more scored)",
        f"{passages:,.0f}", f"{MAX_SCORED:,}",
    )  # fmt: skip
    return _by_pilot(budget, pack, asked, look, classifier)


def _ruled(config: AuditConfig, rule: str, max_scored: int | None) -> AuditConfig:
    return config.model_copy(
        update={
            "screen": config.screen.model_copy(update={"rule": rule, "max_scored": max_scored, "target_width": None})
        }
    )


def _known(root: Root, asked: str) -> dict[str, Any]:
    """The scan of this root whose rates answer what is asked; empty if there is none."""
    found = (root.read_json("scans", name) or {} for name in root.names("scans"))
    return next((known for known in found if known.get("asked") == asked), {})


def _by_pilot(
    config: AuditConfig, pack: Pack, asked: str, look: tuple[dict[tuple[str, int], _Cell], dict[str, Any]],
    classifier: Callable[[], Classifier],
) -> tuple[AuditConfig, dict[str, Any]]:  # fmt: skip
    """A budget and what the pilot saw -> the rates that spend it."""
    scorer = scorer_of(config.screen, pack)
    assert scorer is not None
    cells, seen = look
    rates, told = _rates(cells, scorer.shape, config.screen, classifier(), pack.headline)
    log.info("the pilot's rates have about %s passages scored", f"{sum(c['passages'] * c['rate'] for c in told):,.0f}")
    return _with(config, rates), {"asked": asked, "pilot": {**seen, **config.screen.budget, "cells": told}}


def _with(config: AuditConfig, by_bin: Mapping[str, Sequence[float]]) -> AuditConfig:
    return config.model_copy(update={"screen": config.screen.with_rates({s: by_bin[s] for s in STRATA})})


def _look(config: AuditConfig, pack: Pack, plan: Plan) -> tuple[dict[tuple[str, int], _Cell], dict[str, Any]]:
    """Reads the pilot's shards -> cells by stratum and bin, and how much was read."""
    rules = Rules.of(_ruled(config, "rates", None), pack)
    scorer = scorer_of(config.screen, pack)
    assert scorer is not None
    cells: dict[tuple[str, int], _Cell] = {}
    shards = passages_read = 0
    for entry in config.corpus:
        there = [s for s in plan.shards if s.dataset == entry.name]
        sized = all(s.bytes for s in there)  # else shards count as alike
        size = float(sum(s.bytes for s in there)) if sized else float(len(there))
        counts: dict[tuple[str, int], float] = {}
        read = text = 0.0
        number = passages = 0
        for shard in there:
            try:
                found, part = _read(shard, entry, rules, scorer, TEXT - text)
            except ShardFailed:
                continue  # the scan will tell of it
            for key, (n, texts) in found.items():
                counts[key] = counts.get(key, 0) + n
                cell = cells.setdefault(key, _Cell())
                cell.texts += texts[: SCORED - len(cell.texts)]
                passages += n
            text += part
            whole = text < TEXT
            read += _part_of(shard, part, whole, sized)
            number += 1
            if not whole or (number >= SHARDS and passages >= PASSAGES):
                break
        shards += number
        passages_read += passages
        for key, count in counts.items():
            cells.setdefault(key, _Cell()).passages += count * size / max(read, 1e-9)
    return cells, {"shards": shards, "passages": passages_read}


def _read(
    shard: Shard, entry: CorpusEntry, rules: Rules, scorer: Scorer, most: float
) -> tuple[dict[tuple[str, int], tuple[int, list[str]]], float]:
    """A shard, up to so many bytes of text -> passages and the first few texts by stratum and bin; bytes read."""
    found: dict[tuple[str, int], tuple[int, list[str]]] = {}
    part = 0.0
    for chosen in choose(shard, entry, rules):
        frame = chosen.passages.filter(~pl.col("unscored"))
        bins = scorer.bins(join(pa.array(frame["text"].to_list(), pa.large_string())))
        for stratum, b, words in zip(frame["stratum"], bins.tolist(), frame["text"], strict=True):
            count, texts = found.get((stratum, b), (0, []))
            found[stratum, b] = count + 1, [*texts, words] if len(texts) < SCORED else texts
        part += float(chosen.tally["bytes"].sum())
        if part >= most:
            break
    return found, part


def _part_of(shard: Shard, text: float, whole: bool, sized: bool) -> float:
    """Bytes of a shard's file (or a share of one shard) that were read. Of one that was not read to its end, what the text would
    take at the three-to-one of web text, compressed."""
    if not sized:
        if not whole:
            raise Stop(
                f"the pilot cannot tell how much of {shard.dataset} it saw: its shards do not say their size",
                expected="files, for screen.max_scored and target_width", todo="Give screen.by_bin, or no budget.",
            )  # fmt: skip
        return 1.0
    return float(shard.bytes) if whole else min(text / 3, float(shard.bytes))


def _rates(
    cells: Mapping[tuple[str, int], _Cell], shape: Any, screen: ScreenConfig, classifier: Classifier, headline: str
) -> tuple[dict[str, list[float]], list[dict[str, Any]]]:
    """Cells -> rates by stratum and bin, and one line for each that was met. A cell that was not met has the highest rate: it is rare."""
    keys = sorted(cells)
    texts = [text for key in keys for text in cells[key].texts]
    scores = classifier.score(texts)[headline].to_numpy() if texts else np.empty(0)
    bounds = np.cumsum([0, *(len(cells[key].texts) for key in keys)])
    highest = float(scores.max(initial=0.5))
    positive = np.array(
        [
            (scores[a:b].sum() + HELD_BY * highest * shape[key[1]] ** 2) / (b - a + HELD_BY)
            for key, a, b in zip(keys, bounds[:-1], bounds[1:], strict=True)
        ]
    )
    passages = np.array([cells[key].passages for key in keys])
    found = np.empty(0)
    if keys and screen.target_width:
        found = within_width(passages, positive, screen.target_width)
    elif keys and screen.max_scored:
        found = within_budget(passages, positive, screen.max_scored)
    top = float(found.max(initial=0.0)) or 1.0
    rates = {s: [top] * len(shape) for s in STRATA}
    told = []
    for (stratum, b), rate, n, p in zip(keys, found.tolist(), passages.tolist(), positive.tolist(), strict=True):
        rates[stratum][b] = rate
        told.append({"stratum": stratum, "bin": b, "passages": round(n), "score": round(p, 4), "rate": rate})
    return rates, told
