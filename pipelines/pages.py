"""What Prefect's pages show of an audit: how far it is, how it came out, and events that automations can listen to."""

from __future__ import annotations

import logging
import re
import time
from typing import cast
from uuid import UUID

from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.events import emit_event
from prefect.logging import get_run_logger

from corpus_tools.numbers import percent
from corpus_tools.root import Root
from corpus_tools.so_far import SoFar
from pipelines.notice import Notice
from pipelines.watch import Watcher

log = logging.getLogger(__name__)
EVERY = 2.0
"""Seconds between updates of a page, at least."""
SAY = 60.0
"""Seconds between lines of the log, at least."""
FIGURE = 15.0
"""Seconds between updates of the figure so far, at least."""
_STEPS = {
    "plan": "Listing the shards", "estimate": "Estimating", "load": "Loading the database", "report": "Writing the report",
}  # fmt: skip


def slug(name: str) -> str:
    """A name as Prefect wants keys: small letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "audit"


class Pages(Watcher):
    """Keeps a progress artifact of the flow run in which it is made. A server that does not answer stops no audit."""

    def __init__(self, name: str) -> None:
        self._so_far: SoFar | None = None
        self._added = 0.0
        self._shards = self._done = self._failed = self._read = self._files = self._to_read = 0
        self._told = self._begun = time.monotonic()
        self._artifact: UUID | None = None
        self._log = get_run_logger()  # of the run whose page it is, not of the flow within it
        self._said = self._begun
        try:
            made = create_progress_artifact(0.0, key=f"{slug(name)}-progress", description="Listing the shards.")
            self._artifact = cast(UUID, made)
        except Exception:  # whatever the client raises: a page is not worth an audit
            log.warning("no progress page: the Prefect server did not take it", exc_info=True)

    def scanning(self, root: Root, scan_id: str, classifier_id: str, headline: str) -> None:
        """Which scan is about to run: the figure so far is of its finished shards."""
        self._so_far = SoFar(root, scan_id, classifier_id, headline)

    def planned(self, shards: int, available: int, done: int, total_bytes: int) -> None:
        """So many shards of those there are, of which so many were done before; bytes of the rest."""
        if shards < available:
            self._log.info("%d of %d shards are taken", shards, available)
        self._shards, self._done, self._to_read = shards, done, total_bytes
        self._tell()
        self._say()

    def read(self, shard_id: str, text_bytes: int) -> None:
        """So many bytes of text were read."""
        self._read += text_bytes

    def finished(self, shards: int, file_bytes: int, failed: int) -> None:
        """A group of shards is done."""
        self._done, self._files, self._failed = self._done + shards, self._files + file_bytes, self._failed + failed
        self._add_up()
        if time.monotonic() - self._told >= EVERY or self._done == self._shards:
            self._tell()
        if time.monotonic() - self._said >= SAY or self._done == self._shards:
            self._say()

    def note(self, text: str) -> None:
        """Something that a person should know."""
        self._log.info("%s", text)

    def step(self, name: str) -> None:
        """The next step begins."""
        if name in _STEPS:
            self._log.info("%s", _STEPS[name])
            if name != "plan":
                self._tell(f" {_STEPS[name]}.")

    def _add_up(self) -> None:
        if self._so_far is not None and (time.monotonic() - self._added >= FIGURE or self._done == self._shards):
            try:
                self._so_far.update()
            except Exception:  # as for the page
                log.warning("no figure so far", exc_info=True)
                self._so_far = None
            self._added = time.monotonic()

    def _say(self) -> None:
        self._said = time.monotonic()
        self._log.info("%s", self._state())

    def _state(self) -> str:
        elapsed = time.monotonic() - self._begun
        left = elapsed * (self._to_read - self._files) / self._files if self._files else 0
        parts = [f"{self._done:,} of {self._shards:,} shards"]
        if self._failed:
            parts.append(f"{self._failed:,} failed")
        if self._to_read:
            parts.append(f"{self._files / 1e6:,.1f} of {self._to_read / 1e6:,.1f} MB")
        if self._read:
            parts.append(f"{self._read / 1e6:,.1f} MB of text")
        if left >= 60:
            parts.append(f"about {left / 60:,.0f} min left")
        if self._so_far is not None and self._so_far.value is not None:
            parts.append(f"{percent(self._so_far.value)} so far, by scores alone ({self._so_far.passages:,} passages)")
        if self._shards and not self._to_read:
            parts.append("nothing new to read")
        return ", ".join(parts)

    def _tell(self, more: str = "") -> None:
        self._told = time.monotonic()
        share = 100.0 * self._done / self._shards if self._shards else 0.0
        if self._artifact is not None:
            try:
                update_progress_artifact(self._artifact, round(share, 1), description=f"{self._state()}.{more}")
            except Exception:
                log.warning("the progress page was not updated", exc_info=True)


def publish(notice: Notice, **about: str) -> None:
    """A notice as an artifact of the run and as events, one each; `about`: further labels of their resource (root …)."""
    key = slug(notice.name)
    create_markdown_artifact(notice.page, key=key, description=notice.title)
    tell_events(notice, **about)


def tell_events(notice: Notice, **about: str) -> None:
    """The events of a notice; they need no run."""
    resource = {
        "prefect.resource.id": f"corpus-audit.{slug(notice.name)}",
        "prefect.resource.name": notice.name,
        **about,
    }
    for event in notice.events:
        emit_event(f"corpus-audit.{event}", resource=resource, payload=notice.json())
