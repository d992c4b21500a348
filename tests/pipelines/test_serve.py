"""`serve` for real: a Prefect server, a served deployment, a folder that grows, a run that is killed. And what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from prefect import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Running, Scheduled

from corpus_tools.claim import claim
from corpus_tools.config import load_config
from corpus_tools.errors import ConfigError, Stop
from corpus_tools.root import Root
from corpus_tools.warehouse import query
from pipelines.audit import run_audit
from pipelines.pages import slug
from pipelines.schedule import scheduled_audit
from pipelines.serve import clear_up, deployment_of, schedule_of, serve_audit
from tests.pipelines.hook_server import Hook, hook_server
from tests.pipelines.test_audit import records

SECRET = "s3cr3t-t0ken"
WORDS = [sys.executable, "-m", "pipelines.cli"]


@pytest.mark.parametrize(
    ("cron", "interval", "timezone", "told"),
    [
        ("0 3 * *", "", "UTC", ["--cron: does not parse: '0 3 * *'; expected five fields"]),
        ("every night", "", "UTC", ["--cron: does not parse"]),
        ("61 3 * * *", "", "UTC", ["--cron: does not parse"]),
        ("", "often", "UTC", ["--interval: does not parse: 'often'; expected a number and s, m, h, d or w"]),
        ("", "5s", "UTC", ["--interval: '5s' is shorter than 60 s"]),
        ("", "", "UTC", ["one of --cron and --interval"]),
        ("0 3 * * *", "1h", "UTC", ["one of --cron and --interval, not both"]),
        ("0 3 * *", "", "Mars/Olympus", ["--timezone: no such time zone: 'Mars/Olympus'", "--cron: does not parse"]),
        ("0 3 * * *", "", "../../etc/passwd", ["--timezone: no such time zone"]),
    ],
)
def test_a_schedule_that_does_not_parse(cron: str, interval: str, timezone: str, told: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        schedule_of(cron, interval, timezone)
    assert len(caught.value.mistakes) == len(told)
    for mistake, said in zip(caught.value.mistakes, told, strict=True):
        assert said in mistake


def test_schedules() -> None:
    nightly = schedule_of("0 3 * * *", "", "Europe/Berlin")
    assert isinstance(nightly.when, CronSchedule)
    assert (nightly.when.cron, nightly.when.timezone, nightly.words) == (
        "0 3 * * *",
        "Europe/Berlin",
        "cron 0 3 * * * (Europe/Berlin)",
    )
    often = schedule_of("", "1.5h", "UTC")
    assert isinstance(often.when, IntervalSchedule)
    assert often.when.interval.total_seconds() == 5400


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration over c/*.jsonl, as a file; the webhook's address is put in by `with_hook`."""
    (tmp_path / "c").mkdir()
    raw = {
        "name": "Growing / corpus", "output": "./root", "corpus": [{"uri": "./c/*.jsonl", "name": "c"}],
        "gate": {"audit_fraction": 0.5}, "screen": {"near": 1.0}, "runner": {"kind": "threads"},
    }  # fmt: skip
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(raw))
    return tmp_path / "a.yaml"


def grow(config: Path, *names: int) -> None:
    for i in names:
        lines = [json.dumps(r, ensure_ascii=False) for r in records(i, 6)]
        (config.parent / "c" / f"{i}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


def test_no_server_is_said_at_once(config: Path) -> None:
    schedule = schedule_of("0 3 * * *", "", "UTC")
    with temporary_settings({PREFECT_API_URL: "http://user:pw@127.0.0.1:9/api"}), pytest.raises(Stop) as caught:
        serve_audit(config, schedule)
    assert "the Prefect server does not answer" in str(caught.value)
    assert "pw" not in str(caught.value).replace("prefect", "")
    env = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT")} | {
        "PREFECT_HOME": str(config.parent / "home")
    }
    done = subprocess.run(
        [*WORDS, "serve", str(config), "--cron", "0 3 * * *"],
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "no Prefect server is named" in done.stderr
    assert "prefect server start" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_root_that_is_being_written_is_said_by_run_too(config: Path) -> None:
    grow(config, 0)
    root = Root(config.parent / "root")
    root.prepare()
    with claim(root):
        done = subprocess.run([*WORDS, "run", str(config)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 4
    assert f"another audit is writing it (process {os.getpid()} on" in " ".join(done.stderr.split())


@contextmanager
def served(config: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """`corpus-audit serve` beside the tests' server, until the block ends."""
    env = os.environ | {"PREFECT_API_URL": str(PREFECT_API_URL.value()), "PREFECT_RUNNER_POLL_FREQUENCY": "1"}
    for name in ("PREFECT_LOGGING_LEVEL", "PREFECT_LOGGING_TO_API_ENABLED"):
        env.pop(name, None)
    log = (config.parent / "serve.log").open("a")
    process = subprocess.Popen(
        [*WORDS, "serve", str(config), "--interval", "1d", *more],
        env=env,
        stdout=log,
        stderr=log,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            log.close()


def until(what: str, seen: Callable[[], Any], config: Path, seconds: float = 240) -> Any:
    """What `seen` gives once it gives something; a failure with the log if it never does."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        found = seen()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come:\n{(config.parent / 'serve.log').read_text()}")


def runs(flow: str = "") -> list[FlowRun]:
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(limit=200, sort=FlowRunSort.EXPECTED_START_TIME_ASC)
    return [run for run in found if run.name.startswith(flow)]


def heard(hook: Hook, event: str) -> list[Any]:
    return [body for _, body in hook.got if body["event"] == f"corpus-audit.{event}"]


def events_of(slug: str) -> list[str]:
    with get_client(sync_client=True) as client:
        body = {"filter": {"event": {"prefix": ["corpus-audit."]}}, "limit": 50}
        found = client.request("POST", "/events/filter", json=body).json()["events"]
    mine = [e for e in found if e["resource"]["prefect.resource.id"] == f"corpus-audit.{slug}"]
    return [e["event"].removeprefix("corpus-audit.") for e in sorted(mine, key=lambda e: str(e["occurred"]))]


def test_a_folder_grows_and_a_run_is_killed(config: Path) -> None:
    """kill -9 amid the second audit: it is told, marked, and taken up from its finished shards; the third reads the one new shard."""
    grow(config, 0)
    first = run_audit(load_config(config))
    root = Root(config.parent / "root")
    grow(config, *range(1, 9))
    with hook_server(204) as hook:
        with config.open("a") as file:
            file.write(f"notify: {{webhook: '{hook.url}/{SECRET}', on: [untested, interrupted]}}\n")
        with served(config, "--now"):
            manifests = Path(root.at("shards"))
            until("a shard of the second", lambda: len(list(manifests.glob("*/[0-9a-f]*/manifest.json"))) >= 2, config)
            killed = json.loads(Path(root.at(".lock")).read_text())
            os.kill(killed["pid"], signal.SIGKILL)
            told = until("the interruption", lambda: heard(hook, "interrupted"), config)[0]
            assert told["interrupted"]["pid"] == killed["pid"]
            second = until("the second audit", lambda: heard(hook, "untested"), config)[0]
            assert second["before"] == first.audit_id
            assert second["shards"]["new"] == 8
            assert 1 <= second["shards"]["read"] < 8, "the shards that the killed run finished were read again"

            grow(config, 9)
            with get_client(sync_client=True) as client:
                key = client.read_deployment_by_name("scheduled-audit/Growing - corpus").id
                client.create_flow_run_from_deployment(key)
            third = until("the third audit", lambda: heard(hook, "untested")[1:], config)[0]
            assert (third["before"], third["shards"]["read"], third["shards"]["known"]) == (second["audit_id"], 1, 9)
            wanted = ["interrupted", "untested", "untested"]
            until("the events", lambda: events_of("growing-corpus") == wanted, config)
            until("its end", lambda: "changes.json" in root.names("audits", third["audit_id"]), config)
            mine = until("its state", lambda: ended(key, 3), config)

    assert [run.state.name for run in mine if run.state] == ["Crashed", "Completed", "Completed"]
    assert mine[1].name.endswith("UTC (taken up)")
    assert not [r for r in runs("audit Growing") if r.state and not r.state.is_final()], "subflows end with their run"
    with get_client(sync_client=True) as client:
        artifacts = client.request("POST", "/artifacts/filter", json={"limit": 200}).json()
    assert len([a for a in artifacts if a["key"] == "growing-corpus"]) == 2
    progress = [a["description"] for a in artifacts if a["key"] == "growing-corpus-progress"]
    assert any(text.startswith("10 of 10 shards") for text in progress)
    assert query(root, "select count(distinct audit_id) as n from prevalence_trend")["n"][0] == 3
    for path in config.parent.rglob("*"):
        if path.is_file() and path != config:
            assert SECRET.encode() not in path.read_bytes(), f"the webhook's address is in {path}"
    assert SECRET not in json.dumps(artifacts) + json.dumps([r.model_dump(mode="json") for r in runs()])


def ended(deployment: UUID, count: int) -> list[FlowRun]:
    """The deployment's runs that began, once there are so many and all have ended."""
    mine = [run for run in runs() if run.deployment_id == deployment and run.start_time]
    return mine if len(mine) == count and all(r.state and r.state.is_final() for r in mine) else []


def test_what_a_server_that_died_left_is_cleared_up(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """serve and its run killed at once: the root's note tells of it, the record in Prefect is ended, and a run begins."""
    settings = load_config(config)
    root = Root(settings.output)
    root.prepare()
    with get_client(sync_client=True) as client:
        key = deployment_of(settings, config, schedule_of("0 3 * * *", "", "UTC")).apply()
        assert isinstance(key, UUID)
        dead, missed = (client.create_flow_run_from_deployment(key) for _ in range(2))
        client.set_flow_run_state(dead.id, Running(), force=True)
        late = datetime.now(UTC) - timedelta(hours=1)
        client.set_flow_run_state(missed.id, Scheduled(scheduled_time=late), force=True)
        Path(root.at(".lock")).write_text(json.dumps({"run": str(dead.id), "pid": 7, "host": "box", "started": "then"}))
        with claim(Root(config.parent)):
            why = clear_up(client, settings, key)
        assert why == [
            "the last one was interrupted (process 7 on box, begun then)", "1 was missed while nothing served it",
        ]  # fmt: skip
        states = {r.id: r.state.name for r in runs() if r.state}
        assert (states[dead.id], states[missed.id]) == ("Crashed", "Cancelled")
        assert clear_up(client, settings, key) == [], "once is enough"
        with claim(root):
            assert clear_up(client, settings, key) == []
        assert "another audit is writing it" in capsys.readouterr().out


def test_an_audit_that_stops_is_told_and_fails(config: Path) -> None:
    grow(config, 0)
    (config.parent / "c" / "1.jsonl").symlink_to(config.parent / "nowhere")
    name = "Stopping"
    with hook_server(204) as hook:
        raw = yaml.safe_load(config.read_text()) | {"name": name, "notify": {"webhook": hook.url}}
        config.write_text(yaml.safe_dump(raw))
        with pytest.raises(Stop, match="1 of 2 shards failed"):
            scheduled_audit(str(config))
        assert [body["event"] for _, body in hook.got] == ["corpus-audit.failed"]
        assert "1 of 2 shards failed" in hook.got[0][1]["text"]
        (config.parent / "c" / "1.jsonl").unlink()

        raw["notify"] = {"webhook": f"{hook.url}/gone", "on": ["first"]}
        config.write_text(yaml.safe_dump(raw))
        hook.answers = [404]
        audit_id = scheduled_audit(str(config))
    assert hook.got[1][1]["shards"]["known"] == 1, "what was done before it stopped was kept"
    root = Root(config.parent / "root")
    assert root.read_json("audits", audit_id, "changes.json")["event"] == "corpus-audit.first", "the audit stands"
    until("the events", lambda: events_of("stopping") == ["failed", "first"], config, 30)
    assert [r.state.name for r in runs("audit Stopping") if r.state] == ["Failed", "Completed"]


def test_a_configuration_that_became_wrong_is_a_failed_run(config: Path) -> None:
    config.write_text("name: n\ncorpus: [c/*.jsonl]\noutput: root\nrunnner: {}\n")
    with pytest.raises(ConfigError, match="did you mean 'runner'"):
        scheduled_audit(str(config))
    until("the event", lambda: events_of(slug(str(config))) == ["failed"], config, 30)
