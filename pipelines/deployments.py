"""Every schedule and limit, on one page. prefect.yaml is made from it:

python -m pipelines.deployments                       writes prefect.yaml (a test holds the two equal)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


if __name__ == "__main__":
    (Path(__file__).parent.parent / "prefect.yaml").write_text(text(), "utf-8")
