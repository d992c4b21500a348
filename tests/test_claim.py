"""A root is held by one process at a time; one that dies leaves its name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from corpus_tools.claim import Holder, claim
from corpus_tools.errors import RootError
from corpus_tools.root import Root

HOLD = """
import sys, time
from corpus_tools.claim import claim
from corpus_tools.root import Root
with claim(Root(sys.argv[1]), "run-1"):
    print("held", flush=True)
    time.sleep(120)
"""


def hold(path: Path) -> subprocess.Popen[str]:
    """Another process that holds the root until it is killed."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_audit_says_who_holds_the_root_and_a_killed_one_leaves_its_name(tmp_path: Path) -> None:
    root = Root(tmp_path)
    other = hold(tmp_path)
    try:
        with pytest.raises(RootError, match=f"another audit is writing it \\(process {other.pid} on"), claim(root):
            pass
    finally:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    with claim(root, "run-2") as left:
        assert left is not None
        assert (left.run, left.pid) == ("run-1", other.pid)
    with claim(root) as left:
        assert left is None, "what was told once is not told again"


def test_a_run_waits_for_the_root(tmp_path: Path) -> None:
    other = hold(tmp_path)
    subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -9 {other.pid}"])
    begun = time.monotonic()
    with claim(Root(tmp_path), wait=60) as left:
        assert left == Holder("run-1", other.pid, left.host if left else "", left.started if left else "")
    other.wait()
    assert time.monotonic() - begun >= 0.3, "it did not wait"


def test_an_error_is_an_end_and_a_signal_is_not(tmp_path: Path) -> None:
    root = Root(tmp_path)
    with pytest.raises(ValueError, match="x"), claim(root, "a"):
        raise ValueError("x")
    with claim(root) as left:
        assert left is None
    with pytest.raises(KeyboardInterrupt), claim(root, "b"):
        raise KeyboardInterrupt
    with claim(root) as left:
        assert left is not None
        assert left.run == "b"


def test_a_note_that_was_cut_off_is_someone_without_a_name(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text('{"run": "a", "pi')
    with claim(Root(tmp_path)) as left:
        assert left == Holder()
        assert "left no name" in str(left)


def test_a_root_in_a_store_cannot_be_held(tmp_path: Path) -> None:
    with claim(Root("memory://held")), claim(Root("memory://held")) as left:
        assert left is None


def test_a_root_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(RootError, match="cannot be held"), claim(Root(tmp_path / "nowhere")):
        pass
