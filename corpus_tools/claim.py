"""One audit of a root at a time: a local root is held by a lock that the system frees when its holder dies, however it dies.

A root in a store cannot be held like this: there the limit of its deployment is the guard.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from corpus_tools.errors import RootError
from corpus_tools.root import Root


@dataclass(frozen=True)
class Holder:
    """Who holds a root, or held it and died: the name of its run, its process and machine, and since when (ISO 8601, UTC)."""

    run: str = ""
    pid: int = 0
    host: str = ""
    started: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, begun {self.started}" if self.pid else "a process that left no name"


LOCK = ".lock"


@contextmanager
def prepared(root: Root) -> Iterator[None]:
    """Makes a root that is not there; should an error come before anything is written to it, takes a local one away again."""
    path = Path(root.path)
    made = [p for p in (path, *path.parents) if not p.exists()] if root.local else []
    root.prepare()
    try:
        yield
    except Exception:
        if made and {p.name for p in path.iterdir()} <= {LOCK}:
            (path / LOCK).unlink(missing_ok=True)
            with suppress(OSError):  # another program has put something there
                for folder in made:
                    folder.rmdir()
        raise


@contextmanager
def claim(root: Root, run: str = "", wait: float = 0) -> Iterator[Holder | None]:
    """Holds a root against other audits until the end, or the death, of this process; waits `wait` seconds for it.

    Yields the holder that died before it was done, if one did. `run` names this one. Raises RootError saying who holds it.
    """
    if not root.local:
        yield None
        return
    path = Path(root.at(LOCK))
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise RootError(f"cannot be held: {error}", where=root.uri, todo="Mend its permissions.") from error
    with file:
        ends = time.monotonic() + wait
        while not _lock(file):
            if time.monotonic() >= ends:
                who = _read(file)
                raise RootError(
                    f"another audit is writing it ({who})" if who else "another audit is writing it",
                    where=root.uri, todo="Wait until it is done, or stop it; two at once would do the same work twice.",
                )  # fmt: skip
            time.sleep(min(1.0, wait))
        left = _read(file)
        _write(file, asdict(Holder(run, os.getpid(), platform.node(), datetime.now(UTC).isoformat(timespec="seconds"))))
        try:
            yield left
        except Exception:
            _write(file, {})
            raise
        _write(file, {})  # a kill, a signal or Ctrl-C does not come here: the lock goes, the note stays


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read(file: IO[str]) -> Holder | None:
    file.seek(0)
    text = file.read()
    try:
        return Holder(**json.loads(text)) if text.strip() else None
    except (ValueError, TypeError):  # killed while it was written
        return Holder()


def _write(file: IO[str], note: Mapping[str, object]) -> None:
    file.seek(0)
    file.truncate()
    file.write(json.dumps(note) if note else "")
    file.flush()
