"""Where tasks run, for real: processes of our own, Dask and Ray, two workers each, one of which is killed while it works."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from corpus_tools.config import AuditConfig, RunnerConfig, parse_config
from corpus_tools.errors import ConfigError
from pipelines import runners, tasks
from pipelines.audit import run_audit
from pipelines.watch import Watcher
from tests.pipelines.test_audit import records, tables

TOLERANCE = 2e-4  # scores are rounded to four places, and may differ by 1e-4 before that
EXACT = ("documents", "passages", "tallies", "shards", "rejects")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five small shards, and a large one that is scanned in parts."""
    import json

    folder = tmp_path_factory.mktemp("clusters")
    (folder / "c").mkdir()
    for i in range(6):
        rows = [r for j in range(6 if i == 5 else 1) for r in records(i + 10 * j, 6)]
        (folder / "c" / f"{i}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder


def audit(folder: Path, output: str, watcher: Watcher | None = None, **runner: Any) -> tuple[Any, Path]:
    raw = {
        "name": "tiny", "output": output, "corpus": ["c/*.jsonl"], "gate": {"audit_fraction": 0.5}, "screen": {"near": 1.0},
        "runner": {"workers": 2, "threads": 1, "split_mb": 0.005, **runner},
    }  # fmt: skip
    outcome = run_audit(parse_config(raw, where="test", base=folder), watcher)
    return outcome, Path(outcome.database)


@pytest.fixture(scope="module")
def whole(folder: Path) -> tuple[Any, dict[str, list[tuple[Any, ...]]]]:
    """The audit by threads of this process, no shard in parts."""
    outcome, database = audit(folder, "whole", kind="threads", split_mb=0)
    return outcome, tables(database)


class Killer(Watcher):
    """Kills one of the workers, whose command line has a certain word, as soon as the first group of shards is done."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._lock = threading.RLock()  # like the command line's look, it cannot travel
        self.killed = 0

    def finished(self, shards: int, file_bytes: int, failed: int) -> None:
        if not self.killed:
            self.killed = below_this(self._mark)[-1]
            os.kill(self.killed, signal.SIGKILL)


def below_this(mark: str) -> list[int]:
    psutil = pytest.importorskip("psutil")
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if mark in " ".join(process.cmdline()):
                found.append(process.pid)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


@pytest.mark.parametrize(("kind", "mark"), [("processes", "spawn_main"), ("dask", "spawn_main"), ("ray", "ray::scan")])
def test_workers_of_which_one_is_killed_give_the_tables_of_a_whole_run(
    kind: str, mark: str, folder: Path, whole: tuple[Any, dict[str, list[tuple[Any, ...]]]]
) -> None:
    if kind != "processes":
        pytest.importorskip(f"prefect_{kind}")
    killer = Killer(mark)
    outcome, database = audit(folder, kind, killer, kind=kind)
    assert killer.killed
    first, expected = whole
    assert (outcome.audit_id, outcome.scanned, outcome.failed) == (first.audit_id, 6, {})
    found = tables(database)
    assert found.keys() == expected.keys()
    for name in expected:
        if name in EXACT:
            assert found[name] == expected[name], name
            continue
        assert len(found[name]) == len(expected[name]), name
        for mine, theirs in zip(found[name], expected[name], strict=True):
            numbers = [isinstance(value, float) for value in theirs]
            assert [v for v, n in zip(mine, numbers, strict=True) if not n] == [
                v for v, n in zip(theirs, numbers, strict=True) if not n
            ], name
            assert [v for v, n in zip(mine, numbers, strict=True) if n] == pytest.approx(
                [v for v, n in zip(theirs, numbers, strict=True) if n], rel=1e-3, abs=TOLERANCE
            ), name


@pytest.mark.parametrize("kind", ["dask", "ray"])
def test_a_missing_extra_names_its_command(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, f"prefect_{kind}", None)
    with pytest.raises(ConfigError, match=rf"pip install 'corpus-audit\[{kind}\]'"):
        runners.task_runner(RunnerConfig(kind=kind, workers=2))


def test_an_address_where_no_cluster_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("prefect_dask")
    monkeypatch.setattr(runners, "ANSWER_SECONDS", 1)
    with pytest.raises(ConfigError, match=r"runner.address 'tcp://127.0.0.1:9': no dask cluster answers") as caught:
        runners.task_runner(RunnerConfig(kind="dask", workers=2, address="tcp://127.0.0.1:9"))
    assert "\n" not in str(caught.value)


def test_cores_are_shared_out(make_config: Any) -> None:
    cores = os.cpu_count() or 1
    assert tasks.threads(RunnerConfig(workers=1)) == cores
    assert tasks.threads(RunnerConfig(workers=cores)) == 1
    assert tasks.threads(RunnerConfig(workers=10 * cores)) == 1
    assert tasks.threads(RunnerConfig(kind="dask", workers=1, address="tcp://x:1")) == 1
    assert tasks.threads(RunnerConfig(kind="dask", workers=1, address="tcp://x:1", threads=4)) == 4
    config: AuditConfig = make_config()
    with runners.workers(config.runner, 3, None):
        assert os.environ["POLARS_MAX_THREADS"] == "3"
    assert "POLARS_MAX_THREADS" not in os.environ
