"""The finding's queries stay valid, its figures are those of its answers, and what is quoted elsewhere is what it says."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import polars as pl
import pytest

from corpus_tools.root import Root
from corpus_tools.warehouse import query
from pipelines.demo import Demo
from tests.conftest import script

HERE = Path(__file__).parents[2]
FINDING = HERE / "docs" / "findings"
TEXT = (FINDING / "index.md").read_text("utf-8")
pytest.importorskip("altair")


@pytest.fixture(scope="module")
def fill() -> ModuleType:
    return script(FINDING / "fill.py")


def test_every_query_of_the_finding_runs_and_has_the_columns_shown(demo: Demo, fill: ModuleType) -> None:
    root = Root(Path(demo.outcome.database).parent)
    shown = [m.groups()[1:] for m in fill.pages.SQL.finditer(TEXT)]
    assert len(shown) >= 12
    for sql, answer in shown:
        head = answer.split("```text\n")[1].splitlines()[0]
        assert head.split() == query(root, sql).columns, f"run docs/findings/fill.py: {sql}"


def test_another_audit_fills_the_page_and_draws_its_figures(demo: Demo, fill: ModuleType) -> None:
    text, figures = fill.filled(TEXT, Root(Path(demo.outcome.database).parent))
    assert set(figures) == {path.name for path in FINDING.glob("*.svg")}
    assert "encyclopedia" not in TEXT
    assert "pages " in text.split("by-dataset.svg")[0].rsplit("![", 1)[1]
    assert fill.pages.queries(text) == fill.pages.queries(TEXT)


def test_the_figures_are_there_with_a_name_for_each_row(fill: ModuleType) -> None:
    found = [m.groups() for m in re.finditer(r"!\[([^|\]]+) \| ([^\]]+)\]\(([\w-]+\.svg)\)", TEXT)]
    assert len(found) == len(list(FINDING.glob("*.svg"))) >= 6
    for title, told, name in found:
        drawn = ElementTree.parse(FINDING / name).getroot()
        assert float(drawn.attrib["width"]) <= 360
        words = {text for element in drawn.iter() if (text := (element.text or "").strip())}
        assert title in words
        for row in told.split("; "):
            assert any(row.startswith(f"{word} ") for word in words), f"run docs/findings/fill.py: {name}, {row}"


def test_a_row_without_an_interval_says_so_and_is_hollow(fill: ModuleType) -> None:
    rows = pl.DataFrame(
        {"source": ["a_b", "c"], "percent": [5.0, 0.5], "low": [4.0, None], "high": [6.0, None], "status": ["x", "y"]}
    )
    assert fill.told(rows) == "a b 5 % (4 to 6); c 0.5 % (no interval)"
    assert [fill.drawn(rows, "T").count(f'fill="{colour}"') for colour in ("#bf360c", "white")] == [
        1,
        2,
    ]  # and the ground


def test_the_readme_quotes_the_finding() -> None:
    said = re.search(r"<!-- headline -->\n\*\*(\S+ %)\*\*.*?\(95 % interval (\S+ % to \S+ %);", TEXT)
    assert said
    quoted = (HERE / "README.md").read_text("utf-8")
    assert f"{said.group(1)} of its passages ({said.group(2)})" in " ".join(quoted.split()), "run docs/findings/fill.py"
