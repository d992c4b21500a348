"""Every schedule and limit, on one page. prefect.yaml is made from it, and a test holds the two equal:

python -m pipelines.deployments                                writes prefect.yaml into this folder
python -m pipelines.deployments --pool NAME --config ADDRESS   registers the deployments with the server of PREFECT_API_URL
    [--only NAME] [--cron CRON] [--image IMAGE]                  one of them; another schedule; an image for pools of containers
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import yaml

ENTRYPOINT = "pipelines.schedule.scheduled_audit"
POOL = "corpus-audit"

# Limits of a scheduled audit.
AT_ONCE = 1  # runs of a deployment; a further one waits in Prefect (ENQUEUE)
ROOT_WAIT = 3600  # seconds that a run waits for a root that something else is writing (`corpus-audit run`); then it says so and fails
TAKE_UPS = 2  # times that an interrupted run is taken up again at once; then it waits for its schedule
SHORTEST = 60  # seconds between runs: `--interval` is not less

# Limits of the webhook.
POST_SECONDS = 10  # until an attempt is given up
POST_RETRIES: list[float] = [
    2,
    10,
    60,
    300,
]  # seconds before each further attempt, each lengthened by up to half by chance
POST_JITTER = 0.5


@dataclass(frozen=True)
class Deployment:
    """One scheduled audit. `config`: where its YAML file is, as its worker sees it."""

    name: str
    description: str
    cron: str
    config: str
    timezone: str = "UTC"


DEPLOYMENTS = (
    Deployment("nightly", "Audits what is new in the corpus, every night at three", "0 3 * * *", "audit.yaml"),
    Deployment("weekly", "The same on Mondays at three, for a corpus that grows slowly", "0 3 * * 1", "audit.yaml"),
)


def prefect_yaml() -> dict[str, Any]:
    """What prefect.yaml says: deployments for a work pool, on machines where corpus-audit is installed."""
    return {
        "name": "corpus-audit",
        "prefect-version": "3.8.8",
        "pull": [{"prefect.deployments.steps.set_working_directory": {"directory": "{{ $CORPUS_AUDIT_HOME }}"}}],
        "deployments": [
            {
                "name": one.name,
                "description": one.description,
                "entrypoint": ENTRYPOINT,
                "parameters": {"config": one.config},
                "concurrency_limit": {"limit": AT_ONCE, "collision_strategy": "ENQUEUE"},
                "schedules": [{"cron": one.cron, "timezone": one.timezone, "active": True}],
                "work_pool": {"name": POOL},
            }
            for one in DEPLOYMENTS
        ],
    }


def text() -> str:
    """prefect.yaml, whole."""
    head = "# Made by `python -m pipelines.deployments` from pipelines/deployments.py: change that, not this.\n"
    return head + yaml.safe_dump(prefect_yaml(), sort_keys=False, width=140)


def register(pool: str, config: str, only: str = "", cron: str = "", image: str | None = None) -> list[str]:
    """Registers the page's deployments for a work pool; returns their names. `config`: its address as the workers see it."""
    from prefect.client.schemas.objects import ConcurrencyLimitConfig
    from prefect.client.schemas.schedules import CronSchedule
    from prefect.deployments.runner import RunnerDeployment
    from prefect.types.entrypoint import EntrypointType

    from pipelines.schedule import scheduled_audit

    names = []
    for one in DEPLOYMENTS:
        if only in ("", one.name):
            made = scheduled_audit.to_deployment(
                one.name, description=one.description, schedules=[CronSchedule(cron=cron or one.cron, timezone=one.timezone)],
                parameters={"config": config}, tags=["corpus-audit"], work_pool_name=pool,
                concurrency_limit=ConcurrencyLimitConfig(limit=AT_ONCE), entrypoint_type=EntrypointType.MODULE_PATH,
            )  # fmt: skip
            cast(RunnerDeployment, made).apply(image=image)
            names.append(f"{scheduled_audit.name}/{one.name}")
    return names


def unsound(pool: str, cron: str) -> str:
    """What is wrong with a pool's name or a schedule, '' if nothing."""
    from prefect import get_client
    from prefect.client.schemas.schedules import CronSchedule
    from prefect.exceptions import ObjectNotFound

    try:
        if cron:
            CronSchedule(cron=cron)
    except ValueError:
        return f"--cron: does not parse: {cron!r}; expected five fields, as '0 3 * * *'"
    try:
        with get_client(sync_client=True) as client:
            client.read_work_pool(pool)
    except ObjectNotFound:
        return f"--pool: no work pool {pool!r}; make it: prefect work-pool create {pool} --type process"
    except (httpx.HTTPError, ValueError) as error:
        return f"the Prefect server does not answer ({type(error).__name__}); start it, and name it: export PREFECT_API_URL=http://…/api"
    return ""


def main() -> None:
    """What the head of this file says."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.deployments", description="Writes prefect.yaml, or registers."
    )
    parser.add_argument("--pool", help="an existing work pool: prefect work-pool create NAME --type process")
    parser.add_argument("--config", help="the configuration's path or address, as the workers see it")
    parser.add_argument("--only", choices=[one.name for one in DEPLOYMENTS], help="only this one")
    parser.add_argument("--cron", default="", help="instead of its schedule")
    parser.add_argument("--image", help="for pools that start containers: an image with corpus-audit in it")
    given = parser.parse_args()
    if given.pool is None:
        Path("prefect.yaml").write_text(text(), "utf-8")
        return
    if given.config is None:
        parser.error("--pool needs --config")
    if wrong := unsound(given.pool, given.cron):
        parser.error(wrong)
    for name in register(given.pool, given.config, given.only or "", given.cron, given.image):
        sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
