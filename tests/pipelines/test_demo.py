"""The golden audit: the demo over the bundled sample, both states, against numbers kept in the repository and the known truth."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from corpus_tools import audit as audits
from corpus_tools.classifier.annotations import text_sha256, true_labels
from corpus_tools.export import Wish, make
from corpus_tools.passages import split
from corpus_tools.readers import READERS
from corpus_tools.root import Root
from corpus_tools.shards import plan_shards
from corpus_tools.warehouse import query
from pipelines.demo import Demo, demo_config, truth_answers
from tests.conftest import script

HERE = Path(__file__).parents[2]
GOLDEN = Path(__file__).parents[1] / "golden" / "demo.json"


@pytest.fixture(scope="module")
def root(demo: Demo) -> Root:
    return Root(Path(demo.outcome.database).parent)


def test_ids_counts_and_draws_are_the_golden_ones(demo: Demo, root: Root) -> None:
    """Whatever changes them changes every root there is: then SCAN_FORMAT is raised, and this file with it.

    Scores may differ by 1e-4 between machines, and the round's cells with them, so its size has a tolerance.
    """
    golden = json.loads(GOLDEN.read_text())
    books = query(
        root, "select records_read, records_kept, records_empty, records_rejected, records_failed from audits"
    ).row(0, named=True)
    counts = query(
        root,
        "select sum(documents) as documents, sum(words) as words, sum(hit_documents) as hit_documents, sum(hit_passages) as hit, "
        "sum(near_passages) as near, sum(sampled_passages) as sampled, (select count(*) from scores) as scored from tallies",
    ).row(0, named=True)
    found = {"scan_id": demo.outcome.scan_id, **books, **{k: int(v) for k, v in counts.items()}}
    assert found == {k: golden[k] for k in found}
    assert demo.labels == pytest.approx(golden["labels"], abs=15)


def test_before_labels_there_is_no_interval(demo: Demo) -> None:
    assert set(demo.before["status"]) == {"uncalibrated"}
    assert demo.before["ci_high"].null_count() == len(demo.before)


def test_after_labels_the_interval_holds_the_known_truth(demo: Demo) -> None:
    row = demo.after.filter(dimension="corpus").row(0, named=True)
    assert row["status"] == "calibrated"
    assert row["ci_low"] < demo.truth["corpus", "all"] < row["ci_high"]
    assert row["ci_high"] - row["ci_low"] < demo.truth["corpus", "all"]
    kinds = demo.after.filter(dimension="kind", status="calibrated")
    held = [r["ci_low"] <= demo.truth["kind", r["source"]] <= r["ci_high"] for r in kinds.iter_rows(named=True)]
    assert len(held) >= 7
    assert sum(held) >= len(held) - 2
    domains = demo.after.filter(dimension="domain")
    assert domains.filter(status="uncalibrated").is_empty()
    nothing = domains.filter(prevalence=0)
    assert (nothing["ci_high"] > 0).all(), "no hit is a bound, never a bare 0"


def test_the_report_says_who_labelled_and_shows_passages(demo: Demo) -> None:
    page = Path(demo.outcome.report).read_text("utf-8")
    assert "truth file (synthetic)" in page
    assert page.count("<article ") > 20
    assert "<mark>" in page
    assert "Not yet a measurement" not in page


@pytest.fixture(scope="module")
def fill() -> ModuleType:
    return script(HERE / "docs" / "fill.py")


def test_every_query_of_the_page_runs_and_answers_as_shown(root: Root, fill: ModuleType) -> None:
    """Columns and the number of rows; scores may differ a little between machines."""
    shown = [m.groups()[1:] for m in fill.SQL.finditer((HERE / "docs" / "queries.md").read_text("utf-8"))]
    assert len(shown) >= 20
    for sql, answer in shown:
        found = query(root, sql)
        assert found.height > 0, sql
        head, *rows = answer.split("```text\n")[1].split("\n```")[0].splitlines()
        assert head.split() == [word for name in found.columns for word in name.split()], f"run docs/fill.py: {sql}"
        assert len(rows) == found.height, f"run docs/fill.py: {sql}"


def test_every_export_of_the_page_runs(root: Root, fill: ModuleType, tmp_path: Path) -> None:
    folder = fill.desk(Path(root.path), tmp_path)
    commands = fill.commands((HERE / "docs" / "export.md").read_text("utf-8"))
    assert len(commands) == 3
    for command in commands:
        done = fill.ran(command, folder)
        assert done.returncode == (8 if "unlabelled" in command else 0), done.stdout
    assert {"robots.parquet", "robots.md", "robots.json", "robots_filter.py", "weights.jsonl"} <= {
        p.name for p in tmp_path.iterdir()
    }


def test_an_exported_list_removes_what_it_says(demo: Demo, root: Root) -> None:
    audit = audits.read(root)
    pack = audits.pack_of(audit)
    listed = make(root, audit, pack, Wish(threshold=0.1))
    answers, config = truth_answers(), demo_config(Path(root.path))
    inside: dict[bool, int] = {True: 0, False: 0}
    ids = set(listed.rows["document_id"])
    for shard in plan_shards(config.corpus, seed=config.seed).shards:
        for batch in READERS[shard.format](shard, audits.entry_of(config, shard.dataset)):
            for row in batch.documents.select(["position", "text"]).to_pylist():
                document, text = f"{shard.dataset}/{shard.address}#{row['position']}", row["text"]
                for start, end in split(text or "", config.passages):
                    if pack.headline in true_labels(answers[text_sha256(text[start:end])], pack):
                        inside[document in ids] += len(text[start:end].split())
    assert inside[True] > 0
    removed = listed.facts["lists"][0]["removed"]
    assert removed["low"] <= inside[True] / (inside[True] + inside[False]) <= removed["high"]


def test_the_pages_show_this_audit(demo: Demo) -> None:
    row = demo.after.filter(dimension="corpus").row(0, named=True)
    shown = (HERE / "README.md").read_text("utf-8").split("After ", 1)[1].split("all  ", 1)[1].split("%", 1)[0]
    assert float(shown) / 100 == pytest.approx(row["prevalence"], rel=0.15), "run docs/fill.py"
    report = (HERE / "docs" / "report.md").read_text("utf-8").split("> ", 1)[1].split(" %", 1)[0]
    assert float(report) / 100 == pytest.approx(row["prevalence"], rel=0.15), "run docs/fill.py"
