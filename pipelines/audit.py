"""The audit flow: plan -> scan each -> estimate -> load -> report. What is done is found in the root and not done again."""

from __future__ import annotations

import platform
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version

from prefect import flow

from corpus_tools import audit as audits
from corpus_tools import pilot
from corpus_tools.claim import claim, prepared
from corpus_tools.classifier.model import read_card
from corpus_tools.config import AuditConfig, frozen
from corpus_tools.errors import Stop
from corpus_tools.pack import load_pack
from corpus_tools.root import Root
from corpus_tools.shards import Shard
from corpus_tools.stopping import Limit
from pipelines import runners, scanning, tasks, watch
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


@flow(name="corpus-audit", flow_run_name="audit {config.name}", validate_parameters=False)
def audit_flow(
    config: AuditConfig, only: tuple[str, ...] = (), shown: bool = True, limit: Limit | None = None
) -> Outcome:
    """Audits a corpus: scans what is not scanned yet, estimates, loads the database and writes the report.

    `only`: shard_ids to stay with, of an earlier audit that is scored again. `shown`: False stops after the estimates,
    where labels follow at once and the database and the report are made then. `limit`: stops at a width or after a time.
    """
    watcher, root, pack = watch.current, Root(config.output), load_pack(config.pack)
    started = datetime.now(UTC)
    card, _ = read_card(pack, config.classifier)
    root.write_json({k: v for k, v in card.items() if k != "weights"}, "classifiers", f"{card['classifier_id']}.json")

    watcher.step("plan")
    plan = tasks.plan(config)
    if pilot.wanted(config, plan):
        watcher.step("pilot")
    config, noted = tasks.settle(config, plan)
    scan_id = audits.scan_id(config, pack)
    if root.read_json("scans", f"{scan_id}.json") is None:  # once: it says which question its rates answer
        root.write_json(frozen(config, pack) | {"scan_id": scan_id} | noted, "scans", f"{scan_id}.json")
    root.sweep(scan_id)
    watcher.scanning(root, scan_id, card["classifier_id"], pack.headline)
    if only:
        plan = replace(plan, shards=tuple(s for s in plan.shards if s.shard_id in only))
    done = root.done(scan_id) & root.scored(card["classifier_id"], scan_id)
    todo = [shard for shard in plan.shards if shard.shard_id not in done]
    watcher.planned(
        len(plan.shards), sum(plan.available.values()), len(plan.shards) - len(todo), sum(s.bytes for s in todo)
    )

    watcher.step("scan")
    with runners.workers(config.runner, tasks.threads(config.runner), watcher.read):
        if limit is None:
            failed = scanning.scan_all(config, todo, scan_id, card["classifier_id"], watcher)
        else:
            plan, failed = scanning.scan_until(config, plan, pack, card["classifier_id"], done, limit, watcher)
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
    watcher, root = watch.current, Root(output)
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
    """Audits, holding the root against other audits; says so where another one holds it. Raises what the library raises."""
    config = tasks.absolute(config)
    root = Root(config.output)
    with prepared(root), claim(root):
        return audit_held(config, watcher, only, shown, limit)


def audit_held(
    config: AuditConfig,
    watcher: Watcher | None = None,
    only: tuple[str, ...] = (),
    shown: bool = True,
    limit: Limit | None = None,
) -> Outcome:
    """Runs the audit flow, with the task runner that the configuration asks for, on a root that the caller holds (claim)."""
    tasks.plan.fn(
        config
    )  # a wrong address is told at once, before a server is started; the hashes are kept for the flow
    watch.current = watcher or Watcher()
    try:
        return audit_flow.with_options(task_runner=runners.task_runner(config.runner))(config, only, shown, limit)
    finally:
        watch.current = Watcher()
