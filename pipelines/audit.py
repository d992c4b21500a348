"""The audit flow: plan -> scan each -> estimate -> load -> report. What is done is found in the root and not done again."""

from __future__ import annotations

import os
import platform
import time
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from typing import Any

from prefect import flow
from prefect.futures import as_completed

from corpus_tools import audit as audits
from corpus_tools.classifier.model import read_card
from corpus_tools.config import AuditConfig, frozen
from corpus_tools.errors import ShardFailed, Stop
from corpus_tools.pack import Pack, load_pack
from corpus_tools.root import Root
from corpus_tools.shards import Plan, Shard
from corpus_tools.stopping import Limit, taken, waves
from pipelines import runners, tasks
from pipelines.watch import Watcher


@dataclass(frozen=True)
class Outcome:
    """What an audit came to. `labels_wanted`: labels still missing for an interval of the corpus; 0 if none."""

    audit_id: str
    scan_id: str
    classifier_id: str
    database: str
    report: str
    scanned: int
    reused: int
    failed: dict[str, str]
    labels_wanted: int


_watcher = Watcher()  # a flow's parameters are shown and stored by Prefect; this is neither


@flow(name="corpus-audit", flow_run_name="audit {config.name}", validate_parameters=False)
def audit_flow(
    config: AuditConfig, only: tuple[str, ...] = (), shown: bool = True, limit: Limit | None = None
) -> Outcome:
    """Audits a corpus: scans what is not scanned yet, estimates, loads the database and writes the report.

    `only`: shard_ids to stay with, of an earlier audit that is scored again. `shown`: False stops after the estimates,
    where labels follow at once and the database and the report are made then. `limit`: stops at a width or after a time.
    """
    watcher, root, pack = _watcher, Root(config.output), load_pack(config.pack)
    started = datetime.now(UTC)
    card, _ = read_card(pack, config.classifier)
    root.write_json({k: v for k, v in card.items() if k != "weights"}, "classifiers", f"{card['classifier_id']}.json")

    watcher.step("plan")
    plan = tasks.plan(config)
    if tasks.wants_pilot(config):
        watcher.step("pilot")
    config, noted = tasks.settle(config, plan)
    scan_id = audits.scan_id(config, pack)
    if root.read_json("scans", f"{scan_id}.json") is None:  # once: it says which question its rates answer
        root.write_json(frozen(config, pack) | {"scan_id": scan_id} | noted, "scans", f"{scan_id}.json")
    root.sweep(scan_id)
    if only:
        plan = replace(plan, shards=tuple(s for s in plan.shards if s.shard_id in only))
    done = root.done(scan_id) & root.scored(card["classifier_id"], scan_id)
    todo = [shard for shard in plan.shards if shard.shard_id not in done]
    watcher.planned(
        len(plan.shards), sum(plan.available.values()), len(plan.shards) - len(todo), sum(s.bytes for s in todo)
    )

    watcher.step("scan")
    with runners.workers(config.runner, watcher.read):
        if limit is None:
            _, failed = _scan_all(config, todo, scan_id, watcher)
        else:
            plan, failed = _scan_until(config, plan, pack, card["classifier_id"], done, limit, watcher)
            todo = [shard for shard in plan.shards if shard.shard_id not in done]
    _stand_or_fall(config, failed, len(plan.shards), {s.shard_id: s for s in plan.shards})

    watcher.step("estimate")
    manifests = {s.shard_id: root.manifest(scan_id, s.shard_id) for s in plan.shards if s.shard_id not in failed}
    audit = audits.describe(config, pack, card["classifier_id"], plan, manifests, failed)
    wanted = tasks.estimate(config.output, audit)
    _log_run(root, audit["audit_id"], config, started)

    database = report = ""
    if shown:
        watcher.step("load")
        database = tasks.load_warehouse(config.output)
        watcher.step("report")
        report = tasks.write_report(config.output, audit["audit_id"])
    return Outcome(
        audit["audit_id"], scan_id, card["classifier_id"], database, report,
        scanned=len(todo) - len(failed), reused=len(plan.shards) - len(todo), failed=failed, labels_wanted=wanted,
    )  # fmt: skip


@flow(name="corpus-audit-estimate", flow_run_name="estimate {audit_id}", validate_parameters=False)
def estimate_flow(output: str, audit_id: str) -> Outcome:
    """Estimates an audit anew, after labels came in, and loads and reports it; no shard is read."""
    watcher, root = _watcher, Root(output)
    audit = audits.read(root, audit_id)
    watcher.step("estimate")
    wanted = tasks.estimate(output, audit)
    watcher.step("load")
    database = tasks.update_labels(output)
    watcher.step("report")
    report = tasks.write_report(output, audit_id)
    failed = {s["shard_id"]: s["error"] for s in audit["shards"] if s["status"] == "failed"}
    return Outcome(
        audit_id, audit["scan_id"], audit["classifier_id"], database, report, 0, len(audit["shards"]), failed, wanted
    )


def _scan_all(
    config: AuditConfig, todo: list[Shard], scan_id: str, watcher: Watcher, ends: float | None = None
) -> tuple[set[str], dict[str, str]]:
    """Scans in groups, side by side -> shard_ids that were begun, and shard_id -> error of those that failed.

    `ends`: from then on (time.monotonic) nothing new is begun; groups are smaller, and no more begin than there are workers.
    """
    local = config.runner.kind in ("threads", "processes")
    threads = max(1, (os.cpu_count() or 1) // config.runner.workers) if local else 1
    workers = config.runner.workers
    groups = tasks.groups(todo, workers if ends is None else tasks.MOST_AT_A_LOOK // 8)
    window, waiting = len(groups) if ends is None else workers, iter(groups)
    failed: dict[str, str] = {}
    begun: set[str] = set()
    running: dict[Any, list[Shard]] = {}
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
                done = Root(config.output).done(scan_id)
                lost = {s.shard_id: str(error) for s in group if s.shard_id not in done}
            failed |= lost
            watcher.finished(len(group), sum(s.bytes for s in group), len(lost))
            if ends is not None:
                break  # a place is free


def _scan_until(
    config: AuditConfig, plan: Plan, pack: Pack, classifier_id: str, done: set[str], limit: Limit, watcher: Watcher
) -> tuple[Plan, dict[str, str]]:
    """Scans from look to look until the width is reached or the time is up -> what was begun, and the errors of what failed."""
    root, scan_id = Root(config.output), audits.scan_id(config, pack)
    ends = None if limit.hours is None else time.monotonic() + 3600 * limit.hours
    begun: set[str] = set()
    failed: dict[str, str] = {}
    for wave in waves(plan, done):
        started, lost = _scan_all(config, [s for s in wave if s.shard_id not in done], scan_id, watcher, ends)
        begun |= {s.shard_id for s in wave if s.shard_id in done or s.shard_id in started}
        failed |= lost
        part = taken(plan, begun)
        standing = [s.shard_id for s in part.shards if s.shard_id not in failed]
        manifests = {s: root.manifest(scan_id, s) for s in standing}
        figure = tasks.look(
            config.output, audits.describe(config, pack, classifier_id, part, manifests, failed), len(begun)
        )
        watcher.look(figure)
        late = ends is not None and time.monotonic() >= ends
        if late or len(started) < len([s for s in wave if s.shard_id not in done]) or figure.enough(limit):
            break
    return taken(plan, begun), failed


def _stand_or_fall(config: AuditConfig, failed: dict[str, str], shards: int, by_id: dict[str, Shard]) -> None:
    if len(failed) > config.max_failed_shards * shards:
        lines = "\n".join(
            f"  {by_id[s].dataset}/{by_id[s].address}: {error}" for s, error in sorted(failed.items())[:10]
        )
        more = f"\n  … and {len(failed) - 10} more" if len(failed) > 10 else ""
        raise Stop(
            f"{len(failed)} of {shards} shards failed:\n{lines}{more}\n",
            expected=f"at most {config.max_failed_shards:.1%} (max_failed_shards)",
            todo="Mend or remove them, or raise max_failed_shards, and run again: finished shards are kept.",
        )


def _log_run(root: Root, audit_id: str, config: AuditConfig, started: datetime) -> None:
    run = f"{started:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    root.write_json(
        {
            "run_id": run, "audit_id": audit_id, "started": started.isoformat(), "finished": datetime.now(UTC).isoformat(),
            "version": version("corpus-audit"), "host": platform.node(), "config": config.model_dump(mode="json"),
        },
        "runs", f"{run}.json",
    )  # fmt: skip


def run_audit(
    config: AuditConfig,
    watcher: Watcher | None = None,
    only: tuple[str, ...] = (),
    shown: bool = True,
    limit: Limit | None = None,
) -> Outcome:
    """Runs the audit flow with the task runner that the configuration asks for. Raises what the library raises."""
    global _watcher
    config = tasks.absolute(config)
    Root(config.output).prepare()
    tasks.plan.fn(
        config
    )  # a wrong address is told at once, before a server is started; the hashes are kept for the flow
    _watcher = watcher or Watcher()
    try:
        return audit_flow.with_options(task_runner=runners.task_runner(config.runner))(config, only, shown, limit)
    finally:
        _watcher = Watcher()
