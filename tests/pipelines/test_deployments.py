"""prefect.yaml is what deployments.py says, and what it says can be deployed."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
import yaml
from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.client.schemas.schedules import CronSchedule

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
