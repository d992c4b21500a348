"""The webhook against a loopback server: what it gets, what is tried again, and that its address is nowhere to be read."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from corpus_tools.config import AuditConfig
from pipelines import schedule
from pipelines.notice import Notice, stopped
from pipelines.webhook import WebhookFailed, post, shown
from tests.pipelines.hook_server import hook_server

SECRET = "s3cr3t-t0ken"
NOTICE = Notice("tiny", ("changed", "shards-failed"), "tiny: changed", "page", {"root": "r"})


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same task with its pauses shortened."""
    monkeypatch.setattr(schedule, "tell_webhook", schedule.tell_webhook.with_options(retry_delay_seconds=[0.01]))


@pytest.fixture
def configured(make_config: Callable[..., AuditConfig], tmp_path: Path) -> Callable[..., AuditConfig]:
    def make(url: str, *on: str) -> AuditConfig:
        (tmp_path / "a.jsonl").write_text("")
        return make_config(notify={"webhook": url, **({"on": list(on)} if on else {})})

    return make


def test_it_gets_json_with_a_line_that_chat_services_show(configured: Callable[..., AuditConfig]) -> None:
    with hook_server(204) as hook:
        assert schedule.deliver(configured(f"{hook.url}/x?token={SECRET}"), NOTICE)
    assert hook.got == [
        (
            f"/x?token={SECRET}",
            {
                "event": "corpus-audit.changed", "events": ["corpus-audit.changed", "corpus-audit.shards-failed"],
                "name": "tiny", "text": "tiny: changed", "root": "r",
            },
        )
    ]  # fmt: skip


def test_it_is_told_only_of_what_it_asked_for(configured: Callable[..., AuditConfig]) -> None:
    with hook_server(204) as hook:
        assert schedule.deliver(configured(hook.url, "failed"), NOTICE)
        assert hook.got == []
        assert schedule.deliver(configured(hook.url, "failed"), stopped("tiny", "no space", "r"))
    assert [body["event"] for _, body in hook.got] == ["corpus-audit.failed"]


@pytest.mark.parametrize(
    ("answers", "requests", "told"),
    [((503, 429, 200), 3, True), ((500,), 5, False), ((404,), 1, False), ((302,), 1, False)],
    ids=["comes back", "stays away", "not there", "moved"],
)
def test_what_may_get_better_is_tried_again(
    answers: tuple[int, ...], requests: int, told: bool, quick: None, configured: Callable[..., AuditConfig],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    with hook_server(*answers) as hook:
        settings = configured(f"{hook.url}/hook/{SECRET}")
        assert schedule.deliver(settings, NOTICE) is told, "a webhook that fails raises nothing: the audit stands"
        assert len(hook.got) == requests
    said = caplog.text
    assert told or f"{hook.url}/… was not told" in said
    assert SECRET not in said
    assert SECRET not in repr(settings) + settings.model_dump_json()


def test_nobody_there(quick: None, configured: Callable[..., AuditConfig], caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/{SECRET}"
    assert not schedule.deliver(configured(url), NOTICE)
    assert "no answer (ConnectError)" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"https://user:{SECRET}@hooks.example.org/{SECRET}?k={SECRET}", "https://hooks.example.org/…"),
        (f"http://[::1]:8080/{SECRET}", "http://[::1]:8080/…"),
    ],
)
def test_what_is_said_of_an_address(address: str, said: str) -> None:
    assert shown(SecretStr(address)) == said


def test_the_error_has_no_address_in_its_chain() -> None:
    with hook_server(500) as hook, pytest.raises(WebhookFailed) as caught:
        post(SecretStr(f"{hook.url}/{SECRET}"), {})
    chain: list[Any] = [caught.value, caught.value.__cause__]
    assert SECRET not in " ".join(map(str, chain))
    assert caught.value.retry
