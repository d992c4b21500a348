"""The command line as a new user meets it: in a process of its own, mistakes included."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from corpus_tools.errors import UsageError
from pipelines import show
from pipelines.cli import app
from tests.conftest import BREAD, ROBOT

GERMAN = "Die Maschine weigerte sich und sperrte die Tür, bevor der Ingenieur sie abschalten konnte."


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_help_names_every_command(tmp_path: Path) -> None:
    done = run("--help", cwd=tmp_path)
    assert done.returncode == 0
    for command in ("demo", "run", "score", "sql", "report", "label", "export"):
        assert command in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["run", "nothere.yaml"], 2, "no such file"),
        (["run", "bad.yaml"], 2, "did you mean 'audit_fraction'?"),
        (["run", "missing.yaml"], 2, "did you mean {cwd}/a.jsonl?"),
        (["run", "empty.yaml"], 2, "the pattern matches no file"),
        (["run", "unknown.yaml"], 2, "unknown format"),
        (["run", "unwritable.yaml"], 4, "cannot be written"),
        (["sql", "select 1"], 4, "no audit root here"),
        (["sql", "select 1", "--root", "nowhere"], 4, "no such folder"),
        (["score", "nothere.jsonl", "--output", "x.jsonl"], 5, "cannot be read"),
        (["score", "a.jsonl", "--output", "x.jsonl", "--pack", "other"], 3, "no pack 'other'"),
        (["evaluate", "--model", "other"], 2, "no model 'other'"),
        (
            ["stack", "--model", "pack", "--model", "other", "--labels", "a.jsonl", "--output", "x"],
            2,
            "no model 'other'",
        ),
        (
            ["average", "--model", "other", "--model", "pack", "--labels", "a.jsonl", "--output", "x"],
            2,
            "no model 'other'",
        ),
        (["train", "--teacher", "other", "--labels", "a.jsonl", "--output", "x"], 2, "no model 'other'"),
        (["label", "import", "x.jsonl", "--round", "r", "--annotator", "me"], 4, "no audit root here"),
        (["export"], 4, "no audit root here"),
        (["export", "--output", "list.csv"], 2, "ends in .parquet, .jsonl, .sql"),
        (["export", "--output", "nowhere/list.sql"], 8, "no such folder"),
        (["export", "--target-removed", "90"], 2, "Did you mean 90%?"),
        (["export", "--max-words-lost", "little"], 2, "a share, as 90% or 0.9"),
        (["export", "--upweight", "prosocial:2"], 2, "as prosocial=2.0"),
        (["export", "--treshold", "0.5"], 2, "--threshold"),
        (["score", "a.jsonl", "--output", "x.jsonl", "--model", "acurate"], 2, "Did you mean 'accurate'?"),
        (["quantize", "--texts", "nothere.jsonl"], 5, "no such file"),
        (["label", "sample", "--format", "jsonll"], 2, "Did you mean 'jsonl'?"),
        (["rnu"], 2, "run"),
    ],
)
def test_a_mistake_is_one_clear_message_and_an_exit_code(
    words: list[str], code: int, told: str, tmp_path: Path, write_lines: Callable[..., Path]
) -> None:
    write_lines("a.jsonl", [{"passage_id": "p", "text": BREAD}])
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "file").write_text("")
    head = "name: a\noutput: out\ncorpus: "
    (tmp_path / "bad.yaml").write_text(head + "[a.jsonl]\ngate: {audit_fracton: 0.1}\n")
    (tmp_path / "missing.yaml").write_text(head + "[b.jsonl]\n")
    (tmp_path / "empty.yaml").write_text(head + "['*.parquet']\n")
    (tmp_path / "unknown.yaml").write_text(head + "[notes.txt]\n")
    (tmp_path / "unwritable.yaml").write_text("name: a\noutput: file/out\ncorpus: [a.jsonl]\n")
    done = run(*words, cwd=tmp_path)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == code, said
    assert told.replace("{cwd}", str(tmp_path)) in said
    assert "Traceback" not in said
    assert len(said) < 1500
    assert not (tmp_path / "out").exists(), "nothing was written, so no folder is left"


def test_score(tmp_path: Path, write_lines: Callable[..., Path]) -> None:
    write_lines(
        "in.jsonl",
        [
            {"passage_id": "a", "text": ROBOT},
            {"passage_id": "b", "text": BREAD},
            {"passage_id": "c", "text": ""},
            {"passage_id": "d", "text": f"{BREAD} " * 60},
            {"passage_id": "e", "text": GERMAN},
            {"passage_id": "f", "text": "word " * 254},
        ],
    )
    done = run("score", "in.jsonl", "--output", "out.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["passage_id"] for row in rows] == ["a", "b", "c", "d", "e", "f"]
    assert [row["passage_id"] for row in rows if "truncated" in row] == ["d"]  # f: 254 tokens and the two at its ends
    assert {row["passage_id"]: row["unscored"] for row in rows if "unscored" in row} == {"c": "unknown", "e": "de"}
    for told in ("6 passages scored", "1 without words", "1 truncated: the encoder read the first 256", "1 unscored"):
        assert told in done.stderr
    assert rows[0]["scores"]["agent_mind"] > rows[1]["scores"]["agent_mind"]
    assert {"agent_mind", "agent_tool", "threat", "adversarial", "prosocial", "narrative", "mode_fiction"} <= set(
        rows[0]["scores"]
    )
    assert all(0 <= value <= 1 for row in rows for value in row["scores"].values())
    broken = run("score", "in.jsonl", "--output", "no/where/out.jsonl", cwd=tmp_path)
    assert (broken.returncode, "cannot be written" in broken.stderr) == (5, True)


def test_labels_go_round(tmp_path: Path, write_lines: Callable[..., Path]) -> None:
    """run -> label sample -> label import -> sql, as the page says; a small corpus labelled whole is calibrated."""
    write_lines(
        "c.jsonl",
        [{"text": f"{ROBOT if i % 3 else BREAD} No. {i}.", "url": f"https://s{i % 2}.example.org/"} for i in range(24)],
    )
    (tmp_path / "a.yaml").write_text(
        "{name: a, output: out, corpus: [c.jsonl], gate: {audit_fraction: 1}, screen: {near: 1}, runner: {kind: threads}}"
    )
    first = run("run", "a.yaml", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "24 records read = 24 kept + 0 empty + 0 rejected + 0 failed" in first.stdout
    assert "Not yet a measurement: label 24 passages" in " ".join(first.stdout.split())
    assert "24 candidates, fewer than the 300 labels" in " ".join(first.stdout.split())
    drawn = run("label", "sample", "--size", "24", "--name", "all", cwd=tmp_path)
    assert drawn.returncode == 0, drawn.stderr
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert len(rows) == 24
    assert "scores" not in rows[0]
    for row in rows:
        robot = row["text"].startswith("The robot")
        row.update(
            agent="mind" if robot else "none",
            behaviours=["coercion"] if robot else [],
            threat=robot,
            mode="fiction" if robot else "reference",
            stance="presents" if robot else None,
        )
    (tmp_path / "all.jsonl").write_text("\n".join(map(json.dumps, rows)))
    back = run("label", "import", "all.jsonl", "--round", "all", "--annotator", "me", cwd=tmp_path)
    assert back.returncode == 0, back.stderr
    assert "24 passages answered" in back.stdout
    assert "more labels are wanted" not in back.stdout, "every candidate is labelled"
    asked = run(
        "sql",
        "select round(prevalence, 4) as p, status, labelled_by from latest_prevalence where label = 'coercion' "
        "and dimension = 'corpus' and unit = 'passages' and basis = 'exposure'",
        "--format",
        "json",
        cwd=tmp_path,
    )
    row = json.loads(asked.stdout)
    assert row["p"] == pytest.approx(16 / 24, abs=1e-3)
    assert (row["status"], row["labelled_by"]) == ("calibrated", "me")
    closer = run("why", "all", "--round", "closer", "--size", "10", cwd=tmp_path)
    assert closer.returncode == 0, closer.stderr
    assert "--round closer" in closer.stdout
    kept = [json.loads(line) for line in (tmp_path / "closer.jsonl").read_text().splitlines()]
    assert 0 < len(kept) <= 24 and kept[0]["agent"] is None
    rule = json.loads((tmp_path / "out" / "rounds" / "closer.json").read_text())
    assert all(cell["rate"] > 0 for cell in rule["cells"])
    assert sum(cell["contents"] for cell in rule["cells"]) == 24
    again = run("label", "sample", "--name", "all", cwd=tmp_path)
    assert (again.returncode, "exists" in again.stderr) == (5, True)


def test_ctrl_c_stops_at_once_and_keeps_what_is_done(tmp_path: Path, write_lines: Callable[..., Path]) -> None:
    write_lines("c.jsonl", [{"text": f"{ROBOT} No. {i}."} for i in range(600)])
    (tmp_path / "a.yaml").write_text("{name: a, output: out, corpus: [c.jsonl], runner: {kind: threads}}")
    command = [sys.executable, "-m", "pipelines.cli", "run", "a.yaml"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "out").glob("shards/*/.*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Finished shards are kept" in said
    assert "Traceback" not in said


def test_evaluate_prints_the_card_s_numbers_and_judges_by_labels(
    tmp_path: Path, write_lines: Callable[..., Path]
) -> None:
    card = (Path(__file__).parents[2] / "corpus_tools" / "packs" / "ai_self_preservation" / "card.md").read_text(
        "utf-8"
    )
    again = run("evaluate", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    lines = [line for line in again.stdout.splitlines() if line.startswith("|")]
    assert len(lines) > 20 and all(line in card for line in lines)
    rows = [
        {
            "passage_id": "a",
            "text": ROBOT,
            "agent": "mind",
            "behaviours": ["coercion"],
            "mode": "fiction",
            "stance": "presents",
        },
        {"passage_id": "b", "text": BREAD, "agent": "none", "behaviours": [], "mode": "reference", "stance": None},
    ]
    write_lines("labels.jsonl", rows)
    judged = run("evaluate", "--labels", "labels.jsonl", "--split", "", cwd=tmp_path)
    assert judged.returncode == 0, judged.stderr
    assert "On 2 passages of 2 works" in judged.stdout and "| coercion | 1 |" in judged.stdout
    unsplit = run("evaluate", "--labels", "labels.jsonl", cwd=tmp_path)
    assert (unsplit.returncode, "no labels with split 'validation'" in unsplit.stderr) == (5, True)


def test_a_wide_answer_keeps_its_words(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pl.DataFrame({f"column_{i}": [f"a value of column {i}"] for i in range(12)})
    show.print_frame(frame)
    header, row = capsys.readouterr().out.splitlines()
    assert "column_11" in header
    assert "a value of column 11" in row
    monkeypatch.setattr(show, "out", Console(width=100, force_terminal=True, color_system=None))
    show.print_frame(frame)
    told = capsys.readouterr()
    assert "a value of column 3" in told.out
    assert "column_4" not in told.out
    assert " ".join(told.err.split()).startswith("8 more columns: column_4, column_5")


def test_mistakes_that_looked_like_answers(tmp_path: Path) -> None:
    """A file of garbage, an audit against itself, a label or a format that is not there, and an answer of no rows."""
    (tmp_path / "x.jsonl").write_text("garbage\n" * 20)
    (tmp_path / "a.yaml").write_text("{name: a, output: out, corpus: [{uri: x.jsonl}], runner: {kind: threads}}")
    done = run("run", "a.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert "no document was kept of 20 records" in " ".join(done.stderr.split())
    (tmp_path / "x.jsonl").write_text(json.dumps({"text": ROBOT}) + "\n")
    assert run("run", "a.yaml", cwd=tmp_path).returncode == 0
    empty, audit = sorted(
        json.loads(p.read_text())["audit_id"] for p in (tmp_path / "out" / "audits").glob("*/audit.json")
    )
    if json.loads((tmp_path / "out" / "audits" / empty / "audit.json").read_text())["books"]["kept"]:
        empty, audit = audit, empty
    for words, code, told in (
        (["compare", audit, audit, "--root", "out"], 6, "not compared with itself"),
        (["sql", "select 1", "--root", "out", "--format", "xml"], 2, "one of table, csv, json"),
        (["sql", "select 1 where false", "--root", "out"], 0, "no rows"),
        (["--version"], 0, ""),
    ):
        done = run(*words, cwd=tmp_path)
        assert done.returncode == code, done.stderr
        assert told in " ".join(done.stderr.split())
    out = str(tmp_path / "out")
    for words, near in (
        (["why", "all", "--label", "narative"], "narrative"),
        (["why", "all", "--dimension", "domein"], "domain"),
        (["compare", empty, audit, "--label", "narative"], "narrative"),
        (["export", "--label", "narative", "--output", str(tmp_path / "x.sql")], "narrative"),
        (["label", "plan", "--label", "narative"], "narrative"),
        (["label", "sample", "--label", "narative", "--output", str(tmp_path / "r.jsonl")], "narrative"),
        (["label", "sample", "--role", "trains"], "train"),
        (["label", "sample", "--by", "domein", "--output", str(tmp_path / "r.jsonl")], "domain"),
        (["label", "sample", "--of", "document", "--output", str(tmp_path / "r.jsonl")], "documents"),
    ):
        with pytest.raises(UsageError, match=f"Did you mean '{near}'") as mistake:
            app([*words, "--root", out], standalone_mode=False)
        assert mistake.value.exit_code == 2
