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
from corpus_tools.classifier import Classifier, load_classifier
from corpus_tools.config import AuditConfig
from corpus_tools.embed import limit_threads
from corpus_tools.errors import ShardFailed
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


@task(name="plan shards")
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


def wants_pilot(config: AuditConfig) -> bool:
    """Whether a budget has to become rates."""
    return config.screen.max_scored is not None


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
    """Scans shards one after the other in this process; (shard_id, error) of those that failed for good.

    Raises ShardFailed where trying again may help; what is done by then is kept and not done again.
    """
    rules, classifier = _tools(config, threads)
    root = Root(config.output)
    failed: list[tuple[str, str]] = []
    again: ShardFailed | None = None
    for shard in shards:
        done = root.fs.exists(root.at("shards", scan_id, shard.shard_id, "manifest.json"))
        scored = root.fs.exists(root.at("scores", classifier.classifier_id, scan_id, f"{shard.shard_id}.parquet"))
        entry = audits.entry_of(config, shard.dataset)
        try:
            if not done:
                scan(shard, entry, rules, classifier, root, scan_id, partial(runners.tell, shard.shard_id))
            elif not scored:
                rescore(shard, entry, rules, classifier, root, scan_id)
        except ShardFailed as error:
            if error.retry:
                again = error
            else:
                failed.append((shard.shard_id, str(error)))
    if again is not None:
        raise again
    return failed


def _worth_retrying(_task: object, _run: object, state: State[Any]) -> bool:
    try:
        state.result()
    except ShardFailed as error:
        return error.retry
    except Exception:
        return False
    return False


@task(
    name="scan",
    task_run_name="scan {label}",
    retries=3,
    retry_delay_seconds=[1, 5, 25],
    retry_jitter_factor=0.5,
    retry_condition_fn=_worth_retrying,
)
def scan_group(
    config: AuditConfig, shards: Sequence[Shard], scan_id: str, threads: int, label: str
) -> list[tuple[str, str]]:
    """Scans one group of shards; returns those that failed for good."""
    return runners.call(scan_here, config, shards, scan_id, threads)


@task(name="estimate")
def estimate(output: str, audit: Mapping[str, Any]) -> int:
    """Estimates from the root's files, written back to it; returns how many labels are still wanted."""
    root, pack = Root(output), load_pack(audit["pack"])
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


@task(name="load warehouse", retries=2, retry_delay_seconds=2)
def load_warehouse(output: str) -> str:
    """Builds the database from the root's files, beside, and renames it over."""
    from corpus_tools.warehouse import load

    return str(load(Root(output)))


@task(name="update labels")
def update_labels(output: str) -> str:
    """Replaces the database's labels and estimates; builds it whole where that is not enough."""
    from corpus_tools.warehouse import update_labels as update

    return str(update(Root(output)))


@task(name="write report")
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
    total = sum(s.bytes for s in shards)
    aim = max(1, total / max(1, min(most, 8 * workers)))
    out: list[list[Shard]] = [[]]
    size = 0.0
    for shard in shards:
        if out[-1] and (size + shard.bytes / 2 > aim or len(out[-1]) >= 1000):
            out.append([])
            size = 0.0
        out[-1].append(shard)
        size += shard.bytes
    return out


def label_of(group: Sequence[Shard]) -> str:
    """How a group is called in Prefect's pages."""
    more = f" and {len(group) - 1} more" if len(group) > 1 else ""
    return f"{group[0].dataset}/{group[0].address}{more}"


def absolute(config: AuditConfig) -> AuditConfig:
    """The same configuration with an absolute root, so that workers elsewhere mean the same folder."""
    if "://" in config.output:
        return config
    return config.model_copy(update={"output": str(Path(config.output).resolve())})


__all__ = [
    "MOST_AT_A_LOOK",
    "absolute",
    "estimate",
    "groups",
    "label_of",
    "load_warehouse",
    "look",
    "plan",
    "scan_group",
    "settle",
    "update_labels",
    "wants_pilot",
    "write_report",
]
