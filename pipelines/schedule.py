"""The flow that a schedule runs: audit what is new, compare with the audit before, tell. Schedules and limits are in deployments.py."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import fsspec
import yaml
from prefect import Flow, flow, get_client, runtime, task
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments import run_deployment
from prefect.logging import get_run_logger
from prefect.states import Crashed

from corpus_tools import audit as audits
from corpus_tools.changes import Changes, changes, last_audit
from corpus_tools.claim import Holder, claim
from corpus_tools.config import AuditConfig, load_config, parse_config
from corpus_tools.errors import ConfigError, CorpusAuditError
from corpus_tools.root import Root
from pipelines import deployments, notice, tasks
from pipelines.audit import Outcome, audit_held
from pipelines.pages import Pages, publish, tell_events
from pipelines.webhook import post, shown

log = logging.getLogger(__name__)


def _run_name() -> str:
    parameters: dict[str, Any] = runtime.flow_run.parameters or {}
    name = runtime.deployment.name or str(parameters.get("config", "")).rsplit("/", 1)[-1]
    again = " (taken up)" if parameters.get("taken_up") else ""
    return f"{name}, {runtime.flow_run.scheduled_start_time:%d %b %Y %H:%M} UTC{again}"


def take_up(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Prefect's runner saw the process of a run end before the run did."""
    config, taken_up = str(flow_run.parameters["config"]), int(flow_run.parameters.get("taken_up", 0))
    settings = tasks.absolute(read_config(config))
    with claim(Root(settings.output), wait=5) as left:  # the process is dead: its lock is free
        crash_runs(str(flow_run.id))
        more = taken_up < deployments.TAKE_UPS and flow_run.deployment_id is not None
        todo = "The run is taken up again now." if more else "The next run goes on from there."
        tell_interrupted(settings, left if left and left.run == str(flow_run.id) else None, todo)
    if more and flow_run.deployment_id:
        run_deployment(
            flow_run.deployment_id, parameters={"config": config, "taken_up": taken_up + 1}, timeout=0, as_subflow=False
        )


@flow(
    name="scheduled-audit",
    flow_run_name=_run_name,
    description="Audits what is new in a corpus, compares with the audit before, and tells what changed.",
    on_crashed=[take_up],
)
def scheduled_audit(config: str, taken_up: int = 0) -> str:
    """Audits by a YAML file (a path or any fsspec address that this machine can read); returns the audit_id.

    `taken_up`: how many times in a row the run was interrupted before this one.
    """
    logger = get_run_logger()
    try:
        settings = tasks.absolute(read_config(config))
    except ConfigError as error:  # whom to tell is in what cannot be read: Prefect is told
        publish(notice.stopped(runtime.deployment.name or config, f"{config}: {error.what}", ""))
        raise
    about = {"corpus-audit.root": settings.output}
    try:
        outcome, told = _audit(settings)
    except CorpusAuditError as error:
        told = notice.stopped(settings.name, str(error), settings.output)
        logger.error(told.line)
        publish(told, **about)
        deliver(settings, told)
        raise
    logger.info(told.line)
    publish(told, **about)
    deliver(settings, told)
    Root(settings.output).write_json(told.json(), "audits", outcome.audit_id, "changes.json")
    return outcome.audit_id


def _audit(settings: AuditConfig) -> tuple[Outcome, notice.Notice]:
    root = Root(settings.output)
    root.prepare()
    with claim(root, str(runtime.flow_run.id), deployments.ROOT_WAIT) as left:
        if left:
            crash_runs(left.run)
            tell_interrupted(settings, left, "This run goes on from there.")
        there = root.audits()
        outcome = audit_held(settings, Pages(settings.name))
        audit = audits.read(root, outcome.audit_id)
        found = compare_audits(settings.output, there, audit)
    return outcome, notice.finished(found, outcome, settings.output)


@task(name="compare", task_run_name="compare with the audit before", persist_result=False)
def compare_audits(output: str, there: list[dict[str, Any]], audit: dict[str, Any]) -> Changes:
    """What changed since the audit before (corpus_tools.changes)."""
    root = Root(output)
    return changes(root, last_audit(root, there, audit), audit)


def read_config(address: str) -> AuditConfig:
    """A configuration by a path, or by an address in a store. Raises ConfigError."""
    if "://" not in address:
        return load_config(address)
    try:
        with fsspec.open(address, "rt", encoding="utf-8") as file:
            raw = yaml.safe_load(file.read())
    except (OSError, ValueError, ImportError, yaml.YAMLError) as error:
        raise ConfigError([f"cannot be read: {type(error).__name__}"], where=address) from None
    return parse_config(raw, where=address)


# Telling.


def tell_interrupted(settings: AuditConfig, who: Holder | None, todo: str) -> None:
    """Tells of a run that died; the pages of the run itself can no longer."""
    told = notice.interrupted(settings.name, who, todo, settings.output)
    log.warning(told.line)
    tell_events(told, **{"corpus-audit.root": settings.output})
    deliver(settings, told)


def deliver(settings: AuditConfig, told: notice.Notice) -> bool:
    """Tells the webhook, where there is one and it wants to hear of this. One that fails is logged: the audit stands."""
    address = settings.notify.webhook
    if address is None or not set(told.events) & set(settings.notify.on):
        return True
    state: State[Any] = tell_webhook(shown(address), _Sealed(partial(post, address, told.json())), return_state=True)
    if state.is_completed():
        return True
    log.warning("%s: the webhook %s was not told: %s", settings.name, shown(address), state.message)
    return False


class _Sealed:
    """A call that shows nothing of what it holds."""

    def __init__(self, call: Callable[[], int]) -> None:
        self.call = call

    def __repr__(self) -> str:
        return "…"


@task(
    name="tell the webhook",
    task_run_name="tell {where}",
    retries=len(deployments.POST_RETRIES),
    retry_delay_seconds=deployments.POST_RETRIES,
    retry_jitter_factor=deployments.POST_JITTER,
    retry_condition_fn=tasks.worth_retrying,
    persist_result=False,
)
def tell_webhook(where: str, sealed: _Sealed) -> int:
    """One POST; returns the status of the answer. Raises WebhookFailed."""
    return sealed.call()


# Prefect's own record of a run that died.


def crash_runs(run: str) -> None:
    """Marks a flow run whose process died, and its subflows, as crashed; else they count as running for ever and hold their place."""
    try:
        key = UUID(run)
    except ValueError:
        return  # `corpus-audit run` has no run in Prefect
    with get_client(sync_client=True) as client:
        below = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[key])),
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=200,
        )
        for one in [*below, *_found(client, key)]:
            if one.state is None or not one.state.is_final():
                client.set_flow_run_state(
                    one.id, Crashed(message="The process of the run ended before the run did."), force=True
                )


def _found(client: Any, key: UUID) -> list[FlowRun]:
    from prefect.exceptions import ObjectNotFound

    try:
        return [client.read_flow_run(key)]
    except ObjectNotFound:  # another server, or its record was deleted
        return []
