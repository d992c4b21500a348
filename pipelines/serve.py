"""`corpus-audit serve`: checks what can be checked, clears up after a run that died, and waits for the schedule."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
from prefect import get_client, serve
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterNextScheduledStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import ConcurrencyLimitConfig, FlowRun, StateType
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments.runner import RunnerDeployment
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL
from prefect.states import Cancelled
from prefect.types.entrypoint import EntrypointType

from corpus_tools.claim import claim
from corpus_tools.config import AuditConfig, load_config
from corpus_tools.errors import ConfigError, RootError, Stop
from corpus_tools.root import Root
from pipelines import deployments, tasks
from pipelines.schedule import crash_runs, scheduled_audit, tell_interrupted
from pipelines.show import out

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True)
class Schedule:
    """When to audit: as Prefect takes it, and in words."""

    when: CronSchedule | IntervalSchedule
    words: str


def schedule_of(cron: str, interval: str, timezone: str) -> Schedule:
    """What --cron, --interval and --timezone say. Raises ConfigError with every mistake."""
    mistakes = []
    if bool(cron.strip()) == bool(interval.strip()):
        mistakes.append(
            "one of --cron and --interval, not both: --cron '0 3 * * *' is every night at three; --interval 6h"
        )
    try:
        ZoneInfo(timezone)
    except (ValueError, OSError, LookupError):
        mistakes.append(f"--timezone: no such time zone: {timezone!r}; expected a name like UTC or Europe/Berlin")
        timezone = "UTC"
    when: CronSchedule | IntervalSchedule | None = None
    if cron.strip():
        try:
            when = CronSchedule(cron=cron.strip(), timezone=timezone)
        except ValueError:
            mistakes.append(
                f"--cron: does not parse: {cron!r}; expected five fields (minute hour day month weekday), as '0 3 * * *'"
            )
    elif interval.strip():
        seconds = _seconds(interval)
        if seconds is None:
            mistakes.append(f"--interval: does not parse: {interval!r}; expected a number and s, m, h, d or w, as 6h")
        elif seconds < deployments.SHORTEST:
            mistakes.append(f"--interval: {interval!r} is shorter than {deployments.SHORTEST} s")
        else:
            when = IntervalSchedule(interval=timedelta(seconds=seconds), anchor_date=datetime.now(UTC))
    if mistakes or when is None:
        raise ConfigError(mistakes, where="the schedule")
    return Schedule(when, f"cron {cron.strip()} ({timezone})" if cron.strip() else f"every {interval.strip()}")


def _seconds(text: str) -> float | None:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", text)
    return float(match[1]) * _UNITS[match[2]] if match else None


def serve_audit(path: Path, schedule: Schedule, now: bool = False) -> None:
    """Serves the deployment `scheduled-audit/NAME` until it is stopped; `now`: with a first run at once. Raises Stop."""
    settings = tasks.absolute(load_config(path))
    Root(settings.output).prepare()
    _named()
    with get_client(sync_client=True) as client:
        _reach(client)
        deployment = deployment_of(settings, path, schedule)
        key = cast(UUID, deployment.apply())
        why = clear_up(client, settings, key)
        out.print(
            f"Serving scheduled-audit/{deployment.name}: {schedule.words}. Root {settings.output}\n"
            f"Pages: {PREFECT_UI_URL.value()}/deployments/deployment/{key}\n"
            f"A run now: prefect deployment run 'scheduled-audit/{deployment.name}'. Stop with Ctrl-C; finished shards are kept.",
            soft_wrap=True, markup=False,
        )  # fmt: skip
        if now or why:
            out.print(f"A run begins now: {'; '.join(why) or 'as asked'}.", markup=False, soft_wrap=True)
            client.create_flow_run_from_deployment(key)
    serve(deployment, limit=deployments.AT_ONCE, print_starting_message=False)
    out.print("Stopped: the schedule is paused until it is served again. Finished shards are kept.")


def deployment_of(settings: AuditConfig, path: Path, schedule: Schedule) -> RunnerDeployment:
    """The deployment that is served, not yet registered."""
    made = scheduled_audit.to_deployment(
        re.sub(r"[/%&<>]+", "-", settings.name), description=f"{settings.name}: {schedule.words}", schedules=[schedule.when],
        parameters={"config": str(path.resolve())}, tags=["corpus-audit"],
        concurrency_limit=ConcurrencyLimitConfig(limit=deployments.AT_ONCE), entrypoint_type=EntrypointType.MODULE_PATH,
    )  # fmt: skip
    return cast(RunnerDeployment, made)


_TODO = "Start one, `prefect server start`, and name it: export PREFECT_API_URL=http://127.0.0.1:4200/api"


def _named() -> None:
    if not PREFECT_API_URL.value():
        raise Stop(
            "no Prefect server is named",
            where="serve",
            expected="one that stays, for it keeps the schedule",
            todo=_TODO,
        )


def _reach(client: SyncPrefectClient) -> None:
    """Raises Stop where the server that is named does not answer."""
    error = client.api_healthcheck()
    if error is not None:
        where = httpx.URL(PREFECT_API_URL.value()).copy_with(userinfo=b"")
        raise Stop(f"the Prefect server does not answer ({type(error).__name__})", where=str(where), todo=_TODO)


def clear_up(client: SyncPrefectClient, settings: AuditConfig, deployment: UUID) -> list[str]:
    """Clears up what a server or a process that died left of earlier runs; why a run should begin now, if one should.

    Where the root is being written, another process is at work: nothing is touched.
    """
    why = []
    try:
        with claim(Root(settings.output)) as left:
            if left:
                crash_runs(left.run)
                tell_interrupted(settings, left, "It is taken up now.")
                why.append(f"the last one was interrupted ({left})")
            if Root(settings.output).local:
                for run in _runs(client, deployment, [StateType.RUNNING]):
                    crash_runs(str(run.id))
    except RootError as error:
        out.print(f"{error.what}: its runs are left as they are.", markup=False, soft_wrap=True)
        return []
    missed = _runs(client, deployment, [StateType.SCHEDULED], before=datetime.now(UTC) - timedelta(seconds=60))
    for run in missed:
        client.set_flow_run_state(run.id, Cancelled(message="Missed: nothing served it at its time."), force=True)
    if missed:
        why.append(
            f"{len(missed)} were missed while nothing served them"
            if len(missed) > 1
            else "1 was missed while nothing served it"
        )
    return why


def _runs(
    client: SyncPrefectClient, deployment: UUID, states: list[StateType], before: datetime | None = None
) -> list[FlowRun]:
    return client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=states)),
            next_scheduled_start_time=FlowRunFilterNextScheduledStartTime(before_=before) if before else None,
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,  # the server refuses the client's own default, null, and for the limit too
        limit=200,
    )
