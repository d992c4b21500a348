"""Dask and Ray for real: local clusters of two worker processes, one of which is killed while it works."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpus_tools.config import AuditConfig, RunnerConfig
from corpus_tools.errors import ConfigError
from pipelines import runners
from pipelines.audit import run_audit
from pipelines.watch import Watcher
from tests.pipelines.test_audit import records, tables

TOLERANCE = 2e-4  # scores are rounded to four places, and may differ by 1e-4 before that


@pytest.fixture
def config(make_config: Callable[..., AuditConfig], write_lines: Callable[..., Path]) -> AuditConfig:
    for i in range(6):
        write_lines(f"c/{i}.jsonl", records(i))
    return make_config([{"uri": "c/*.jsonl"}], gate={"audit_fraction": 0.5}, screen={"near": 1.0})


def on(config: AuditConfig, output: Path, **runner: Any) -> AuditConfig:
    return config.model_copy(update={"output": str(output), "runner": RunnerConfig(**runner)})


class Killer(Watcher):
    """Kills one of the processes that `workers` finds as soon as the first group of shards is done."""

    def __init__(self, workers: Callable[[], list[int]]) -> None:
        self._workers = workers
        self.killed = 0

    def finished(self, shards: int, file_bytes: int, failed: int) -> None:
        if not self.killed:
            self.killed = self._workers()[0]
            os.kill(self.killed, signal.SIGKILL)


def children(mark: str) -> list[int]:
    """Processes below this one with a word in their command line."""
    psutil = pytest.importorskip("psutil")
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if mark in " ".join(process.cmdline()):
                found.append(process.pid)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def same(one: dict[str, list[tuple[Any, ...]]], other: dict[str, list[tuple[Any, ...]]]) -> None:
    """All tables row for row; numbers that come from scores within the tolerance."""
    assert one.keys() == other.keys()
    for name in one:
        assert len(one[name]) == len(other[name]), name
        for mine, theirs in zip(one[name], other[name], strict=True):
            for a, b in zip(mine, theirs, strict=True):
                if isinstance(a, float) and name not in ("documents", "passages", "tallies", "shards"):
                    assert a == pytest.approx(b, rel=1e-3, abs=TOLERANCE), (name, mine, theirs)
                else:
                    assert a == b, (name, mine, theirs)


@pytest.mark.parametrize(("kind", "mark"), [("dask", "spawn_main"), ("ray", "ray::scan")])
def test_a_cluster_that_loses_a_worker_gives_the_tables_of_local_processes(
    kind: str, mark: str, config: AuditConfig, tmp_path: Path
) -> None:
    pytest.importorskip(f"prefect_{kind}")
    local = run_audit(on(config, tmp_path / "local", kind="processes", workers=2))
    killer = Killer(lambda: children(mark))
    cluster = run_audit(on(config, tmp_path / kind, kind=kind, workers=2), killer)
    assert killer.killed
    assert (cluster.audit_id, cluster.scanned, cluster.failed) == (local.audit_id, 6, {})
    same(tables(Path(cluster.database)), tables(Path(local.database)))


@pytest.mark.parametrize("kind", ["dask", "ray"])
def test_a_missing_extra_names_its_command(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, f"prefect_{kind}", None)
    with pytest.raises(ConfigError, match=rf"pip install 'corpus-audit\[{kind}\]'"):
        runners.task_runner(RunnerConfig(kind=kind, workers=2))
