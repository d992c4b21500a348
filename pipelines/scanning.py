"""The scan of an audit: all its shards, or those until a limit. To be called within a flow."""

from __future__ import annotations

import time
from collections.abc import Sequence, Set
from itertools import islice
from typing import Any

from prefect.futures import as_completed

from corpus_tools import audit as audits
from corpus_tools.config import AuditConfig
from corpus_tools.errors import ShardFailed
from corpus_tools.pack import Pack
from corpus_tools.root import Root
from corpus_tools.shards import Plan, Shard
from corpus_tools.stopping import Limit, taken, waves
from pipelines import tasks
from pipelines.watch import Watcher


def scan_all(
    config: AuditConfig, todo: Sequence[Shard], scan_id: str, classifier_id: str, watcher: Watcher
) -> dict[str, str]:
    """Scans in groups, side by side, large shards in parts; shard_id -> error of those that failed."""
    units, whole = tasks.divide(config, todo, scan_id)
    for shard in todo:
        if shard.shard_id in whole:
            watcher.note(f"{tasks.label_of([shard])} is one worker's work: {whole[shard.shard_id]}")
    _, failed = _scan(config, tasks.groups(units, config.runner.workers), scan_id, classifier_id, watcher)
    parted: dict[str, list[Shard]] = {}
    for unit in units:
        if unit.part is not None and unit.shard_id not in failed:
            parted.setdefault(unit.shard_id, []).append(unit)
    for shard_parts in parted.values():
        tasks.join(config, shard_parts, scan_id, classifier_id, tasks.label_of(shard_parts[:1]))
        watcher.finished(1, 0, 0)
    return failed


def scan_until(
    config: AuditConfig, plan: Plan, pack: Pack, classifier_id: str, done: Set[str], limit: Limit, watcher: Watcher
) -> tuple[Plan, dict[str, str]]:
    """Scans from look to look until the width is reached or the time is up -> what was begun, and the errors of what failed.

    Shards are scanned whole: one that has begun is finished and counted, and many lie before each look, so that none keeps the
    workers waiting for long.
    """
    root, scan_id = Root(config.output), audits.scan_id(config, pack)
    ends = None if limit.hours is None else time.monotonic() + 3600 * limit.hours
    most = config.runner.workers if ends is None else tasks.MOST_AT_A_LOOK // 8
    begun: set[str] = set()
    failed: dict[str, str] = {}
    for wave in waves(plan, done):
        wanted = [s for s in wave if s.shard_id not in done]
        started, lost = _scan(config, tasks.groups(wanted, most), scan_id, classifier_id, watcher, ends)
        begun |= {s.shard_id for s in wave if s.shard_id in done or s.shard_id in started}
        failed |= lost
        part = taken(plan, begun)
        standing = [s.shard_id for s in part.shards if s.shard_id not in failed]
        manifests = {s: root.manifest(scan_id, s) for s in standing}
        described = audits.describe(config, pack, classifier_id, part, manifests, failed)
        figure = tasks.look(config.output, described, len(begun))
        watcher.look(figure)
        late = ends is not None and time.monotonic() >= ends
        if late or len(started) < len(wanted) or figure.enough(limit):
            break
    return taken(plan, begun), failed


def _scan(
    config: AuditConfig,
    groups: Sequence[Sequence[Shard]],
    scan_id: str,
    classifier_id: str,
    watcher: Watcher,
    ends: float | None = None,
) -> tuple[set[str], dict[str, str]]:
    """Scans groups side by side -> shard_ids that were begun, and shard_id -> error of those that failed.

    `ends`: from then on (time.monotonic) nothing new is begun, and before it no more begin than there are workers.
    """
    threads = tasks.threads(config.runner)
    window, waiting = len(groups) if ends is None else config.runner.workers, iter(groups)
    failed: dict[str, str] = {}
    begun: set[str] = set()
    running: dict[Any, Sequence[Shard]] = {}
    while True:
        open_still = ends is None or time.monotonic() < ends or not begun  # something is begun in any case
        room = window - len(running) if open_still else 0
        for group in islice(waiting, room):
            running[tasks.scan_group.submit(config, group, scan_id, threads, tasks.label_of(group))] = group
            begun |= {s.shard_id for s in group}
        if not running:
            return begun, failed
        for future in as_completed(list(running)):
            group = running.pop(future)
            try:
                lost = dict(future.result())
            except ShardFailed as error:  # tried again in vain: what this group did not finish is lost
                lost = {s.shard_id: str(error) for s in tasks.unfinished(config, group, scan_id, classifier_id)}
            failed |= lost
            watcher.finished(sum(s.part is None for s in group), sum(s.to_read for s in group), len(lost))
            if ends is not None:
                break  # a place is free
