"""The figures of a real (small, hostile) audit: each query gives its rows when it is asked again, and the books stand in them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from corpus_tools.errors import RootError
from corpus_tools.report import write_report
from corpus_tools.report.asked import Figure
from corpus_tools.report.figures import Figures, figures
from corpus_tools.report.page import page
from corpus_tools.root import Root
from corpus_tools.warehouse import query

Pages = dict[str, tuple[Root, str, Path]]


@pytest.fixture(scope="module")
def shown(hostile: Pages) -> Figures:
    root, audit_id, _ = hostile["after"]
    return figures(root, audit_id)


def named(shown: Figures) -> dict[str, Figure]:
    both = [*vars(shown).items(), *vars(shown.checks).items(), *shown.sources.items()]
    return {name: value for name, value in both if isinstance(value, Figure)}


def test_every_query_gives_the_rows_that_are_shown(shown: Figures, hostile: Pages) -> None:
    root = hostile["after"][0]
    asked = {
        name: figure
        for name, figure in named(shown).items()
        if figure.made_by and not figure.made_by.startswith("corpus-audit")
    }
    assert len(asked) > 18
    for name, figure in asked.items():
        again = query(root, figure.made_by)
        if name == "calibration":  # then grouped by the library, as the query says
            assert len(again) == figure.rows["n"].sum()
        else:
            assert again.equals(figure.rows.select(again.columns)), name


def test_two_audits_stand_side_by_side_and_are_compared(shown: Figures) -> None:
    assert shown.audits.rows["status"].to_list() == ["uncalibrated", "calibrated"]
    assert shown.changes_not == ""
    assert shown.changes.rows["dimension"][0] == "corpus"


def test_the_books_stand_in_the_figures(shown: Figures) -> None:
    books = shown.checks.books.rows.to_dicts()
    assert [(b["taken"], b["there"], b["read"], b["kept"], b["rejected"]) for b in books] == [(2, 2, 19, 18, 1)]
    assert shown.checks.rejects.rows["reason"].to_list() == ["not-an-object"]
    assert shown.checks.rounds.rows["used"].to_list() == [True]
    assert shown.checks.calibration.rows["n"].sum() == shown.headline["n_labelled"]


def test_words_by_source_and_mode_add_up_to_about_all(shown: Figures) -> None:
    assert shown.cells.rows["share"].sum() == pytest.approx(1, abs=0.4)  # 21 texts: the demo's test asks for more
    assert set(shown.cells.rows["source"]) == {"c"}


def test_the_passages_behind_a_number_are_there_to_read(shown: Figures) -> None:
    reading = shown.reading
    label = shown.audit["headline"]
    assert (label, "corpus", "all") in reading.groups
    assert any(dimension == "site" for _, dimension, _ in reading.groups)
    for rows in reading.groups.values():
        assert 1 <= len(rows) <= 4
        assert all(r["content"] in reading.passages for r in rows)
        moves = [abs(r["influence"]) for r in rows]
        assert moves == sorted(moves, reverse=True)
    assert all(p["text"] and p["mode"] for p in reading.passages.values())


def test_an_audit_that_is_not_there(hostile: Pages) -> None:
    root, audit_id, _ = hostile["after"]
    with pytest.raises(RootError, match=f"no audit 'nosuch'.*{audit_id}"):
        write_report(root, "nosuch")


def test_the_page_names_the_query_or_command_behind_each_table(shown: Figures) -> None:
    html = page(shown)
    assert html.count("<table") == html.count("<caption") == html.count('<details class="query">') - 1, (
        "and one for the passages"
    )
    for figure in shown.sources.values():
        assert figure.made_by.splitlines()[0] in html
    assert "corpus-audit why" in html
    assert f"corpus-audit compare {shown.audits.rows['audit_id'][0]}" in html


def test_an_older_audit_is_reported_as_it_was(hostile: Pages) -> None:
    root, audit_id, _ = hostile["before"]
    old = figures(root, audit_id)
    assert old.headline["status"] == "uncalibrated"
    assert old.changes.rows.is_empty()
    assert isinstance(old.units.rows, pl.DataFrame)
    assert "Not yet a measurement" in page(old)
