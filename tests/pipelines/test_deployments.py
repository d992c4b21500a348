"""prefect.yaml is what deployments.py says, and what it says can be deployed."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from prefect import Flow, get_client
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.client.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings

from pipelines import deployments

HERE = Path(__file__).parent.parent.parent


def test_prefect_yaml_is_made_from_the_page() -> None:
    assert (HERE / "prefect.yaml").read_text("utf-8") == deployments.text(), "run: python -m pipelines.deployments"


@pytest.mark.parametrize("one", yaml.safe_load(deployments.text())["deployments"], ids=lambda one: one["name"])
def test_each_is_a_flow_with_a_schedule_and_a_limit(one: dict) -> None:  # type: ignore[type-arg]
    module, _, name = one["entrypoint"].rpartition(".")
    flow = getattr(import_module(module), name)
    assert isinstance(flow, Flow)
    assert set(one["parameters"]) <= set(flow.parameters.properties)
    assert ConcurrencyLimitConfig(**one["concurrency_limit"]).limit == 1
    for schedule in one["schedules"]:
        CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])


def test_the_commands_of_the_page_register_a_deployment(tmp_path: Path) -> None:
    """docs/schedules.md, 'A work pool', up to the worker."""
    page = (HERE / "docs" / "schedules.md").read_text("utf-8")
    block = page.split("<!-- pool -->\n```console\n")[1].split("```")[0]
    config = tmp_path / "audit.yaml"
    for line in block.replace("/srv/audit/audit.yaml", str(config)).splitlines():
        words = shlex.split(line.removeprefix("$ "))
        words[0] = sys.executable if words[0] == "python" else str(Path(sys.executable).parent / words[0])
        done = run(*words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    with get_client(sync_client=True) as client:
        made = client.read_deployment_by_name("scheduled-audit/nightly")
    assert (made.work_pool_name, made.parameters) == ("corpus-audit", {"config": str(config)})
    assert made.entrypoint == deployments.ENTRYPOINT
    assert [s.schedule.cron for s in made.schedules if isinstance(s.schedule, CronSchedule)] == ["0 3 * * *"]
    assert made.global_concurrency_limit is not None
    assert made.global_concurrency_limit.limit == 1


@pytest.mark.parametrize(
    ("pool", "cron", "told"),
    [("nowhere", "", "no work pool 'nowhere'; make it"), ("nowhere", "every night", "--cron: does not parse")],
)
def test_a_mistake_is_said_before_anything_is_registered(pool: str, cron: str, told: str) -> None:
    assert told in deployments.unsound(pool, cron)


def test_no_server() -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert "the Prefect server does not answer" in deployments.unsound("any", "")


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PREFECT_API_URL": str(PREFECT_API_URL.value()), "PYTHONPATH": str(HERE)}
    return subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, timeout=180, check=False)


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not there: apt-get install systemd"
)
def test_the_systemd_units_are_valid() -> None:
    units = sorted((HERE / "docs" / "examples").glob("*.service"))
    done = run("systemd-analyze", "verify", *map(str, units), cwd=HERE)
    said = [line for line in done.stderr.splitlines() if line and "is not executable: No such file" not in line]
    assert len(units) == 2
    assert said == []
