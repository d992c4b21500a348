"""Library calls as Prefect tasks: names and retries. No arithmetic, no SQL, no file formats."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State

from corpus_tools import audit as audits
from corpus_tools import parts
from corpus_tools.classifier import Classifier, load_classifier
from corpus_tools.config import AuditConfig, RunnerConfig
from corpus_tools.embed import limit_threads
from corpus_tools.errors import CorpusAuditError, ShardFailed
from corpus_tools.pack import load_pack
from corpus_tools.root import Root
from corpus_tools.scan import Rules, rescore, scan
from corpus_tools.shards import Plan, Shard, plan_shards
from corpus_tools.stopping import Figure
from pipelines import runners
from pipelines.show import figure_line

log = logging.getLogger(__name__)
_local = threading.local()
_lock = threading.Lock()


@task(name="plan shards", task_run_name="plan shards")
def plan(config: AuditConfig) -> Plan:
    """Lists the corpus's shards; revisions of local files are cached in the root."""
    root = Root(config.output)
    revisions: dict[str, str] = root.read_json("revisions.json") or {}
    known = dict(revisions)
    planned = plan_shards(config.corpus, seed=config.seed, revisions=revisions)
    if revisions != known:
        root.write_json(revisions, "revisions.json")
    return planned


@task(name="settle rates")
def settle(config: AuditConfig, plan: Plan) -> tuple[AuditConfig, dict[str, Any]]:
    """Writes out every screen rate; a budget becomes rates by a pilot, unless the root holds them already."""
    from corpus_tools.pilot import settle as settled

    pack = load_pack(config.pack)
    threads = os.cpu_count() or 1
    return settled(config, pack, Root(config.output), plan, lambda: _classifier(config.model_dump_json(), threads))


@lru_cache(maxsize=2)
def _classifier(config_json: str, threads: int) -> Classifier:
    config = AuditConfig.model_validate_json(config_json)
    limit_threads(threads)
    return load_classifier(load_pack(config.pack), config.classifier)


def _tools(config: AuditConfig, threads: int) -> tuple[Rules, Classifier]:
    """A compiled gate per thread, one classifier per process."""
    key = config.model_dump_json()
    with _lock:
        classifier = _classifier(key, threads)
    if getattr(_local, "key", None) != key:
        _local.key, _local.rules = key, Rules.of(config, load_pack(config.pack))
    return _local.rules, classifier


def scan_here(config: AuditConfig, shards: Sequence[Shard], scan_id: str, threads: int) -> list[tuple[str, str]]:
    """Scans shards, or parts of them, one after the other in this process; (shard_id, error) of those that failed for good.

    Raises ShardFailed where trying again may help; what is done by then is kept and not done again.
    """
    rules, classifier = _tools(config, threads)
    failed: list[tuple[str, str]] = []
    again: ShardFailed | None = None
    for shard in shards:
        root = parts.root_of(Root(config.output), shard)
        entry = audits.entry_of(config, shard.dataset)
        try:
            if not root.is_done(scan_id, shard.key):
                scan(shard, entry, rules, classifier, root, scan_id, partial(runners.tell, shard.shard_id))
            elif not root.is_scored(classifier.classifier_id, scan_id, shard.key):
                rescore(shard, entry, rules, classifier, root, scan_id)
        except ShardFailed as error:
            if error.retry:
                again = error
            else:
                failed.append((shard.shard_id, str(error)))
    if again is not None:
        raise again
    return failed


def worth_retrying(_task: object, _run: object, state: State[Any]) -> bool:
    """Whether what a task raised says that trying again may help."""
    try:
        state.result()
    except CorpusAuditError as error:
        return bool(getattr(error, "retry", False))
    except Exception:
        return False
    return False


@task(
    name="scan",
    task_run_name="scan {label}",
    retries=3,
    retry_delay_seconds=[1, 5, 25],
    retry_jitter_factor=0.5,
    retry_condition_fn=worth_retrying,
)
def scan_group(
    config: AuditConfig, shards: Sequence[Shard], scan_id: str, threads: int, label: str
) -> list[tuple[str, str]]:
    """Scans one group of shards; returns those that failed for good."""
    return runners.call(scan_here, config, shards, scan_id, threads)


def divide(config: AuditConfig, todo: Sequence[Shard], scan_id: str) -> tuple[list[Shard], dict[str, str]]:
    """The shards to scan, large ones in parts; and why some that are large stay whole. What is only to be scored again stays whole."""
    root = Root(config.output)
    parts.sweep(root, scan_id, {s.shard_id for s in todo})
    done = root.done(scan_id)
    units, whole = parts.divide(
        [s for s in todo if s.shard_id not in done], config.runner.workers, config.runner.split_mb * (1 << 20),
        parts.begun(root, scan_id),
    )  # fmt: skip
    return [*(s for s in todo if s.shard_id in done), *units], whole


@task(name="join parts", task_run_name="join {label}", retries=2, retry_delay_seconds=2)
def join(config: AuditConfig, shard: Sequence[Shard], scan_id: str, classifier_id: str, label: str) -> None:
    """Makes one shard of its parts, which are all done."""
    parts.join(Root(config.output), scan_id, classifier_id, shard, vectors=config.store.vectors)


def unfinished(config: AuditConfig, shards: Sequence[Shard], scan_id: str, classifier_id: str) -> list[Shard]:
    """Those of some shards or parts that are not done and scored."""
    root = Root(config.output)
    rooms = [(parts.root_of(root, s), s) for s in shards]
    return [s for r, s in rooms if not (r.is_done(scan_id, s.key) and r.is_scored(classifier_id, scan_id, s.key))]


@task(name="estimate", task_run_name="estimate")
def estimate(output: str, audit: Mapping[str, Any]) -> int:
    """Estimates from the root's files, written back to it; returns how many labels are still wanted."""
    root, pack = Root(output), load_pack(audit["pack"])
    audits.find_near_copies(root, audit, pack)
    estimates = audits.estimate(root, audit, pack)
    audits.write(root, audit, estimates)
    return estimates.labels_wanted


@task(name="look", task_run_name="look at {n_shards} shards")
def look(output: str, audit: Mapping[str, Any], n_shards: int) -> Figure:
    """The headline figure so far, kept as an artifact of the run."""
    figure = audits.look(Root(output), audit, load_pack(audit["pack"]))
    create_markdown_artifact(
        figure_line(figure), key="live-figure", description=f"{audit['name']}: {audit['headline']}"
    )
    return figure


@task(name="load warehouse", task_run_name="load warehouse", retries=2, retry_delay_seconds=2)
def load_warehouse(output: str) -> str:
    """Builds the database from the root's files, beside, and renames it over."""
    from corpus_tools.warehouse import load

    return str(load(Root(output)))


@task(name="update labels", task_run_name="update labels")
def update_labels(output: str) -> str:
    """Replaces the database's labels and estimates; builds it whole where that is not enough."""
    from corpus_tools.warehouse import update_labels as update

    return str(update(Root(output)))


@task(name="write report", task_run_name="write report")
def write_report(output: str, audit_id: str) -> str:
    """Writes report.html from the database."""
    from corpus_tools.report import write_report as write

    return str(write(Root(output), audit_id))


MOST_AT_A_LOOK = 160
"""Groups between two looks: small ones, since at a deadline each that has begun is finished."""


def groups(shards: Sequence[Shard], workers: int, most: int = 400) -> list[list[Shard]]:
    """Shards in their order -> groups of about equal bytes, several a worker, `most` at most: Prefect suffers past 2,000 tasks."""
    if not shards:
        return []
    total = sum(s.to_read for s in shards)
    aim = max(1, total / max(1, min(most, 8 * workers)))
    out: list[list[Shard]] = [[]]
    size = 0.0
    for shard in shards:
        if out[-1] and (size + shard.to_read / 2 > aim or len(out[-1]) >= 1000):
            out.append([])
            size = 0.0
        out[-1].append(shard)
        size += shard.to_read
    return out


def label_of(group: Sequence[Shard]) -> str:
    """How a group is called in Prefect's pages."""
    more = f" and {len(group) - 1} more" if len(group) > 1 else ""
    first = group[0]
    stretch = f" from {first.part.start}" if first.part else ""
    return f"{first.dataset}/{first.address}{stretch}{more}"


def threads(runner: RunnerConfig) -> int:
    """Threads of the encoder in each worker: as configured, else this machine's cores shared out; 1 on a cluster elsewhere."""
    if runner.threads:
        return runner.threads
    return 1 if runner.address else max(1, (os.cpu_count() or 1) // runner.workers)


def absolute(config: AuditConfig) -> AuditConfig:
    """The same configuration with an absolute root, so that workers elsewhere mean the same folder."""
    if "://" in config.output:
        return config
    return config.model_copy(update={"output": str(Path(config.output).resolve())})


__all__ = [
    "MOST_AT_A_LOOK",
    "absolute",
    "divide",
    "estimate",
    "groups",
    "join",
    "label_of",
    "load_warehouse",
    "look",
    "plan",
    "scan_group",
    "settle",
    "threads",
    "unfinished",
    "update_labels",
    "write_report",
]
