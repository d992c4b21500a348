"""What goes wrong on the way of an audit, for real: a full disk, a store that fails, broken shards, a sample of shards, a kill."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.kills import Trial
from corpus_tools import audit as audits
from corpus_tools import stores
from corpus_tools.config import AuditConfig
from corpus_tools.errors import RootError, Stop
from corpus_tools.labels import import_labels
from corpus_tools.pack import Pack
from corpus_tools.report.figures import figures
from corpus_tools.root import Root
from corpus_tools.rounds import sample_round
from corpus_tools.warehouse import query
from pipelines import cli, tasks
from pipelines.audit import estimate_flow, run_audit
from pipelines.show import Look, figure_line
from tests.conftest import ROBOT
from tests.pipelines.test_audit import records, tables
from tests.readers.flaky_server import serve

Make = Callable[..., AuditConfig]
Write = Callable[..., Path]
WHOLE = {"gate": {"audit_fraction": 1.0}, "screen": {"near": 1.0}}


@pytest.fixture
def forty(write_lines: Write, tmp_path: Path) -> Path:
    for i in range(40):
        write_lines(f"c/{i}.jsonl", [{"text": f"{ROBOT} No. {i} {j}.", "url": "https://a.example/"} for j in range(2)])
    return tmp_path / "c"


def says(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command prints, both ways."""
    cli.app(list(words), standalone_mode=False)
    told = capsys.readouterr()
    return told.out + told.err


def test_a_sample_of_shards_says_so_wherever_a_figure_is_shown(
    forty: Path, make_config: Make, pack: Pack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def config(shards: int | None) -> AuditConfig:
        return make_config([{"uri": "c/*.jsonl", "shards": shards}], **WHOLE)

    before = run_audit(config(4))
    with Look() as look:
        outcome = run_audit(config(8), look)
    root = Root(outcome.database.rsplit("/", 1)[0])
    progress = capsys.readouterr().err
    assert "8 of 40 shards, 4 done before" in progress
    audit = audits.read(root, outcome.audit_id)
    assert {s["shard_probability"] for s in audit["shards"]} == {8 / 40}
    total = "select total from totals where dimension = 'corpus' and unit = 'documents' and basis = 'exposure'"
    assert query(root, f"{total} and audit_id = '{outcome.audit_id}'").item() == pytest.approx(80), (
        "2 x 8 documents / (8 / 40)"
    )

    drawn = sample_round(root, audit, pack, name="all", size=16).passages
    none = {"agent": "mind", "behaviours": ["coercion"], "threat": True, "mode": "fiction", "stance": "presents"}
    import_labels(root, "all", [{"passage_id": p, **none} for p in drawn["passage_id"]], pack, "me")
    estimate_flow(root.uri, outcome.audit_id)
    high = query(root, f"select ci_high from prevalence where audit_id = '{outcome.audit_id}' and ci_high is not null")
    assert high.is_empty(), "no interval below 30 shards"

    told = "c: 8 of 40 shards, figures are estimates of the whole; no interval below 30"
    assert told in (tmp_path / "root" / "report.html").read_text("utf-8")
    place = ["--root", root.uri]
    for words in (
        ["sql", "select 1", *place],
        ["why", "all", *place],
        ["report", *place],
        ["compare", before.audit_id, *place],
    ):
        assert told in says(capsys, *words), words[0]
    assert "c: 4 of 40 shards" in says(capsys, "compare", before.audit_id, *place)
    views = ("latest_audits", "latest_prevalence", "source_share", "narrative_balance", "shutdown_outcomes")
    for view in (*views, "prevalence_of('narrative')"):
        assert query(root, f"select distinct shards from {view}")["shards"].to_list() == ["8 of 40"], view
    trend = query(root, "select distinct audit_id, shards from prevalence_trend order by shards")["shards"].to_list()
    assert trend == ["4 of 40", "8 of 40"]


def test_thirty_shards_of_more_may_have_an_interval_and_say_how_many(forty: Path, make_config: Make) -> None:
    audit: dict[str, Any] = {"sampled": {"a": [30, 40], "b": [29, 40], "c": [40, 40]}}
    assert audits.sampled_said(audit) == [
        "a: 30 of 40 shards, figures are estimates of the whole",
        "b: 29 of 40 shards, figures are estimates of the whole; no interval below 30",
    ]


def test_failed_and_partial_shards_stand_beside_the_headline(
    make_config: Make, write_lines: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(2):
        write_lines(f"c/{i}.jsonl", records(i))
    cut = gzip.compress(write_lines("whole", records(2)).read_bytes())
    (tmp_path / "c" / "cut.jsonl.gz").write_bytes(cut[: len(cut) // 2])
    (tmp_path / "c" / "x.parquet").write_bytes(b"PAR1 nothing")
    (tmp_path / "a.yaml").write_text(
        "{name: a, output: out, corpus: [{uri: 'c/*'}], max_failed_shards: 0.25, runner: {kind: threads}}"
    )
    said = says(capsys, "run", str(tmp_path / "a.yaml"))
    headline = said.index("narrative, by corpus")
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    lines = (
        "1 of 4 shards failed and are missing from every figure", f"failed shard c/x.parquet: {tmp_path}/c/x.parquet: not a whole Parquet",
        f"partial shard c/cut.jsonl.gz: the gzip stream is cut off at compressed byte {len(cut) // 2:,}",
    )  # fmt: skip
    for line in lines:
        assert 0 <= said.find(line) < headline, line
        assert line in page.split('id="sources"')[0], line
    root = Root(str(tmp_path / "out"))
    assert audits.read(root)["sampled"] == {"c": [4, 4]}, "a failed shard is no sample"
    for table in ("audits", "latest_audits", "latest_prevalence", "prevalence_trend"):
        read = query(root, f"select distinct shards from {table}")["shards"].to_list()
        assert read == ["3 of 4"], f"{table}: a failed shard was not read"
    shown = figures(root, audits.read(root)["audit_id"])
    assert shown.checks.books.rows.select("taken", "there", "failed_shards", "partial_shards").rows() == [(3, 4, 1, 1)]
    look = audits.look(root, audits.read(root), audits.pack_of(audits.read(root)))
    assert figure_line(look).startswith("3 of 4 shards: ")
    kept = query(root, "select address, records_kept > 0, unread <> '' from shards where status = 'partial'").rows()
    assert kept == [("cut.jsonl.gz", True, True)]


def test_damage_in_the_middle_states_the_bytes_unread(make_config: Make, tmp_path: Path) -> None:
    noise = random.Random(1)
    texts = "".join(f'{{"text": "{ROBOT} {noise.random()}"}}\n' for _ in range(3000))
    packed = bytearray(gzip.compress(texts.encode()))
    packed[len(packed) // 2 : len(packed) // 2 + 60] = bytes(60)
    (tmp_path / "c.jsonl.gz").write_bytes(packed)
    from corpus_tools.readers import READERS
    from corpus_tools.shards import plan_shards

    config = make_config(["c.jsonl.gz"])
    (shard,) = plan_shards(config.corpus, seed=0).shards
    *_, last = READERS["jsonl"](shard, config.corpus[0])
    assert "bytes unread" in last.unread


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "WAIT", 0.001)
    monkeypatch.setattr(tasks.scan_group, "retry_delay_seconds", [0, 0, 0])


def test_a_store_out_of_order_for_a_while_costs_nothing(
    make_config: Make, write_lines: Write, tmp_path: Path, impatient: None
) -> None:
    write_lines("x.jsonl", records(1))
    local = run_audit(make_config(["x.jsonl"], output="local"))
    with serve(tmp_path) as (address, behaviour):
        behaviour.next = ["503", "drop"] * stores.TRIES  # longer than one attempt of the task lasts
        remote = run_audit(make_config([f"{address}/x.jsonl"], output="remote"))
    assert behaviour.given.count("503") > stores.TRIES // 2
    assert len(tables(Path(remote.database))["passages"]) == len(tables(Path(local.database))["passages"]) > 0


def test_a_store_out_of_order_for_good_fails_its_shards_only(
    make_config: Make, write_lines: Write, tmp_path: Path, impatient: None
) -> None:
    write_lines("x.jsonl", records(1))
    write_lines("y.jsonl", records(2))
    with serve(tmp_path) as (address, behaviour):
        behaviour.always = "503"
        both = make_config([f"{address}/x.jsonl?key=secret", "y.jsonl"])
        with pytest.raises(Stop, match="1 of 2 shards failed") as caught:
            run_audit(both)
        assert "503" in str(caught.value)
        assert len(behaviour.given) == 4 * stores.TRIES, "the task's four attempts"
        outcome = run_audit(both.model_copy(update={"max_failed_shards": 0.5}))
    assert (outcome.scanned, outcome.reused, len(outcome.failed)) == (0, 1, 1)
    written = [p for p in (tmp_path / "root").rglob("*") if p.is_file() and p.suffix in (".json", ".html")]
    assert written
    assert not [p for p in written if "runs" not in p.parts and "secret" in p.read_text("utf-8")]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """size -> a file system of that size, the same one each time."""
    place = tmp_path / "disk"
    place.mkdir()

    def resize(size: str) -> Path:
        how = ["-o", f"remount,size={size}"] if place.is_mount() else ["-t", "tmpfs", "-o", f"size={size}", "tmpfs"]
        done = subprocess.run(["mount", *how, str(place)], capture_output=True, check=False)
        if done.returncode:
            pytest.skip("cannot mount a file system")
        return place

    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("only root can mount a small file system")
    yield resize
    if place.is_mount():
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_stops_the_audit_and_loses_nothing(
    make_config: Make, write_lines: Write, small_disk: Callable[[str], Path]
) -> None:
    for i in range(3):
        write_lines(f"c/{i}.jsonl", records(i, 20))
    whole = run_audit(make_config(["c/*.jsonl"]))
    found = []
    for size in (
        "16k",
        "100k",
        "200k",
        "1m",
        "3m",
    ):  # it fills while shards, scores, estimates and the warehouse are written
        config = make_config(["c/*.jsonl"], output=str(small_disk(size)))
        try:
            outcome = run_audit(config)
        except RootError as error:
            found.append(error)
            assert "No space left on device" in str(error)
            assert "Free space" in error.todo
    assert len(found) >= 3
    outcome = run_audit(make_config(["c/*.jsonl"], output=str(small_disk("50m"))))
    assert tables(Path(outcome.database)) == tables(Path(whole.database))


def test_a_database_held_open_elsewhere(make_config: Make, write_lines: Write) -> None:
    write_lines("c/0.jsonl", records(0))
    config = make_config(["c/*.jsonl"])
    first = run_audit(config)
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", hold, first.database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdin is not None
    assert other.stdout is not None
    try:
        assert other.stdout.readline() == "held\n"
        root = Root(config.output)
        with pytest.raises(RootError, match="another program holds the database open for writing"):
            query(root, "select 1")
        write_lines("c/1.jsonl", records(1))
        more = run_audit(config)
        assert query(root, "select count(*) from audits").item() == 2, "the new file is beside, and renamed over"
    finally:
        other.stdin.close()
        other.wait(30)
    with duckdb.connect(more.database, read_only=True) as db:
        assert db.execute("select count(*) from audits").fetchall() == [(2,)]


def test_kills_at_random_moments_change_no_table(tmp_path: Path) -> None:
    """A short `benchmarks/kills.py`: each kill at a moment of its own, then on from there."""
    trial = Trial(tmp_path, seed=int.from_bytes(os.urandom(4)), shards=6)
    print(f"seed {trial.seed}")
    trial.undisturbed()
    for _ in range(3):
        trial.kill()
    trial.finish()
    assert trial.differences() == [], f"seed {trial.seed}"
