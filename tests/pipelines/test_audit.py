"""The flow for real: a temporary Prefect server, real files, a real database, a process killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import yaml

from corpus_tools.config import AuditConfig, ScreenConfig
from corpus_tools.errors import Stop
from corpus_tools.root import Root
from corpus_tools.stopping import Figure, Limit
from corpus_tools.warehouse import query
from pipelines.audit import run_audit
from pipelines.watch import Watcher
from tests.conftest import BREAD, FOREIGN, ROBOT


def records(seed: int, n: int = 12) -> list[dict[str, Any]]:
    kinds = [ROBOT, BREAD, FOREIGN, f"{ROBOT}\n\n{BREAD}"]
    return [
        {
            "id": f"{seed}-{i}",
            "text": f"{kinds[(i + seed) % 4]} No. {seed * 100 + i // 2}.",
            "url": f"https://s{i % 3}.example.org/{i}",
        }
        for i in range(n)
    ]


def tables(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of a database but `runs`, in its own order."""
    with duckdb.connect(str(path), read_only=True) as db:
        names = [r[0] for r in db.execute("select table_name from duckdb_tables() order by 1").fetchall()]
        return {name: db.execute(f"select * from {name}").fetchall() for name in names if name != "runs"}


@pytest.fixture
def config(make_config: Callable[..., AuditConfig], write_lines: Callable[..., Path]) -> AuditConfig:
    for i in range(3):
        write_lines(f"c/{i}.jsonl", records(i))
    return make_config([{"uri": "c/*.jsonl"}], gate={"audit_fraction": 0.5}, screen={"near": 1.0})


def test_an_audit_is_idempotent_and_a_further_shard_is_the_only_one_read(
    config: AuditConfig, write_lines: Callable[..., Path], tmp_path: Path
) -> None:
    first = run_audit(config)
    assert (first.scanned, first.reused, first.failed) == (3, 0, {})
    assert first.labels_wanted > 0
    before = tables(Path(first.database))
    assert len(before["documents"]) > 10
    assert Path(first.report).read_text("utf-8").count("Not yet a measurement") == 1
    again = run_audit(config)
    assert (again.scanned, again.reused, again.audit_id) == (0, 3, first.audit_id)
    assert tables(Path(again.database)) == before

    write_lines("c/3.jsonl", records(3))
    more = run_audit(config)
    assert (more.scanned, more.reused) == (1, 3)
    assert more.audit_id != first.audit_id
    fresh = run_audit(config.model_copy(update={"output": str(tmp_path / "fresh")}))
    assert fresh.audit_id == more.audit_id
    mine = query(Root(config.output), f"select * from prevalence where audit_id = '{more.audit_id}'")
    theirs = query(Root(str(tmp_path / "fresh")), "select * from prevalence")
    assert mine.equals(theirs)


def test_uncalibrated_rows_have_no_interval(config: AuditConfig) -> None:
    outcome = run_audit(config)
    rows = query(
        Root(config.output), "select distinct status, ci_low, ci_high from prevalence where dimension = 'corpus'"
    ).rows()
    assert rows == [("uncalibrated", None, None)]
    sources = query(
        Root(config.output), "select source from latest_prevalence where dimension = 'domain' group by 1 order by 1"
    )
    assert sources["source"].to_list() == ["example.org"]
    assert outcome.labels_wanted == 23, "as many as there are candidates, not 300"


def test_two_processes_give_the_tables_of_one(config: AuditConfig, tmp_path: Path) -> None:
    one = run_audit(config)
    two = run_audit(
        config.model_copy(
            update={
                "output": str(tmp_path / "two"),
                "runner": config.runner.model_copy(update={"kind": "processes", "workers": 2}),
            }
        )
    )
    assert two.audit_id == one.audit_id
    assert tables(Path(two.database)) == tables(Path(one.database))


class Looks(Watcher):
    """Keeps the figures that a run shows."""

    def __init__(self) -> None:
        self.seen: list[Figure] = []

    def look(self, figure: Figure) -> None:
        self.seen.append(figure)


def test_stopped_early_then_extended(config: AuditConfig, write_lines: Callable[..., Path]) -> None:
    for i in range(32):
        write_lines(f"c/{i}.jsonl", records(i, 1))
    looks, root = Looks(), Root(config.output)
    one = run_audit(config, looks, shown=False, limit=Limit(hours=0))
    assert (one.scanned, looks.seen[0].shards, looks.seen[0].of) == (1, 1, 32)
    assert not looks.seen[0].interval
    some = run_audit(config, looks, shown=False, limit=Limit(width=0.999))
    assert (some.scanned, some.reused) == (29, 1)
    figure = looks.seen[-1]
    assert (figure.shards, figure.interval) == (30, False)
    assert figure.width is not None, "before labels a width is one of spread"
    assert 0 < figure.width < 0.999
    assert root.read_json("audits", some.audit_id, "audit.json")["sampled"] == {"c": [30, 32]}
    rows = pl.from_arrow(root.read_table("audits", some.audit_id, "prevalence.parquet"))
    assert isinstance(rows, pl.DataFrame)
    row = rows.filter(dimension="corpus", label="narrative", unit="passages", basis="exposure").row(0, named=True)
    assert (row["spread"], row["ci_high"]) == (pytest.approx(figure.width), None), "the look is what the table says"

    whole = run_audit(config, shown=False)
    assert (whole.scanned, whole.reused) == (2, 30)
    assert whole.audit_id not in (one.audit_id, some.audit_id)


def test_a_budget_is_settled_once_for_a_root(config: AuditConfig) -> None:
    asked = config.model_copy(update={"screen": ScreenConfig(rule="scored", max_scored=12)})
    told: list[str] = []

    class Told(Watcher):
        def scanning(self, root: Root, scan_id: str, classifier_id: str, headline: str) -> None:
            told.append(scan_id)

    first, again = run_audit(asked, Told(), shown=False), run_audit(asked, Told(), shown=False)
    assert told == [first.scan_id, again.scan_id], "what watches follows the scan whose rates the pilot set"
    assert (first.scanned, again.scanned, again.reused) == (3, 0, 3)
    assert first.audit_id == again.audit_id
    (frozen,) = [Root(config.output).read_json("scans", name) for name in Root(config.output).names("scans")]
    assert set(frozen["screen"]["by_bin"]) == {"hit", "near", "sampled"}
    assert frozen["pilot"]["max_scored"] == 12


def test_failed_shards_stop_the_audit_or_are_listed(config: AuditConfig, tmp_path: Path) -> None:
    (tmp_path / "c" / "x.parquet").write_bytes(b"PAR1 nothing")
    both = config.model_copy(
        update={"corpus": [config.corpus[0].model_copy(update={"uri": str(tmp_path / "c" / "*"), "name": "c"})]}
    )
    with pytest.raises(Stop, match="1 of 4 shards failed") as caught:
        run_audit(both)
    assert "x.parquet" in str(caught.value)
    lenient = both.model_copy(update={"max_failed_shards": 0.5})
    outcome = run_audit(lenient)
    assert outcome.scanned == 0, "what was done before the audit stopped was kept"
    assert next(iter(outcome.failed.values())).startswith(str(tmp_path / "c" / "x.parquet"))
    assert "1 of 4 shards failed" in Path(outcome.report).read_text("utf-8")
    status = query(Root(config.output), "select status, count(*) from shards group by 1 order by 1").rows()
    assert status == [("done", 3), ("failed", 1)]


def test_kill_in_the_middle_then_run_again(
    config: AuditConfig, tmp_path: Path, write_lines: Callable[..., Path]
) -> None:
    """kill -9 after the first shard is done; the second run equals an uninterrupted one, row for row."""
    for i in range(3, 8):
        write_lines(f"c/{i}.jsonl", records(i))
    whole = run_audit(config)
    raw = {"name": "tiny", "output": str(tmp_path / "killed"), "corpus": [{"uri": config.corpus[0].uri, "name": "c"}]}
    raw |= {"gate": {"audit_fraction": 0.5}, "screen": {"near": 1.0}, "runner": {"kind": "threads"}}
    (tmp_path / "killed.yaml").write_text(yaml.safe_dump(raw))
    command = [sys.executable, "-m", "pipelines.cli", "run", str(tmp_path / "killed.yaml")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 120
    shards = tmp_path / "killed" / "shards"
    scores = tmp_path / "killed" / "scores"  # written after the shard's manifest: then it is wholly done
    while not list(scores.glob("*/*/*.parquet")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = len(list(shards.glob("*/[0-9a-f]*/manifest.json")))
    assert 1 <= done < 8, f"{done} shards were done: the kill came at the wrong time"
    killed = run_audit(config.model_copy(update={"output": str(tmp_path / "killed")}))
    assert killed.audit_id == whole.audit_id
    assert killed.scanned < 8
    assert tables(Path(killed.database)) == tables(Path(whole.database))
