"""The golden audit: the demo over the bundled sample, both states, against numbers kept in the repository and the known truth."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from corpus_tools.root import Root
from corpus_tools.warehouse import query
from pipelines.demo import Demo

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
    assert page.count("<article>") > 5
    assert "<mark>" in page
    assert "Not yet a measurement" not in page


def test_every_query_of_the_page_runs(root: Root) -> None:
    spec = importlib.util.spec_from_file_location("fill", HERE / "docs" / "fill.py")
    assert spec and spec.loader
    fill = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fill)
    queries = fill.queries((HERE / "docs" / "queries.md").read_text("utf-8"))
    assert len(queries) >= 18
    for sql in queries:
        assert query(root, sql).height > 0, sql


def test_the_pages_show_this_audit(demo: Demo) -> None:
    row = demo.after.filter(dimension="corpus").row(0, named=True)
    shown = (HERE / "README.md").read_text("utf-8").split("After ", 1)[1].split("all  ", 1)[1].split("%", 1)[0]
    assert float(shown) / 100 == pytest.approx(row["prevalence"], rel=0.15), "run docs/fill.py"
