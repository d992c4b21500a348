"""What the page's parts print: numbers, marks, scales, tables."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from corpus_tools.gate import Phrase
from corpus_tools.numbers import between, number, percent
from corpus_tools.report import charts
from corpus_tools.report.asked import Figure
from corpus_tools.report.formats import around, interval, marked, one_in, patterns, plain, size, source
from corpus_tools.report.page import policy
from corpus_tools.report.table import count, head, plot, spans, table


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"), (0.0, "0 %"), (0.0312, "3.12 %"), (0.5, "50.0 %"), (1.0, "100 %"), (0.000123, "0.0123 %"),
        (1e-9, "< 0.0001 %"), (float("nan"), "–"),
    ],
)  # fmt: skip
def test_percent(value: float | None, shown: str) -> None:
    assert percent(value) == shown


def test_numbers_and_intervals() -> None:
    assert [number(v) for v in (None, 3, 1234567, 0.12345, 12345.6)] == ["–", "3", "1,234,567", "0.123", "12,346"]
    assert number(float("inf")) == "–"
    assert interval({"ci_low": 0.01, "ci_high": 0.02, "bound": "two"}) == "1.00 % – 2.00 %"
    assert interval({"ci_low": 0.0, "ci_high": 0.004, "bound": "upper"}) == "at most 0.400 %"
    assert interval({"ci_low": None, "ci_high": None, "bound": None}) == "–"
    assert between(1, 2.5) == "1 – 2.5"
    assert between(-2, 1) == "-2 to 1", "no dash between signs"
    assert [one_in(v) for v in (None, 0.0, 0.0285, 0.00012, 0.9)] == [
        "",
        "",
        "about one in 35",
        "about one in 8,300",
        "",
    ]
    assert [size(v) for v in (None, 12, 41722, 5.2e9)] == ["–", "12 B", "41.7 kB", "5.2 GB"]


def test_sources_are_cut_and_never_blank() -> None:
    assert [source(v) for v in (None, "", "  ", "a_b.example", "a\n b")] == [
        "(none)",
        "(none)",
        "(blank)",
        "a_b.example",
        "a b",
    ]
    assert source("W" * 300) == "W" * 59 + "…"


def test_steering_characters_are_shown_by_number() -> None:
    assert plain("a\u202eb\0c\td\r\ne\u00e9\ufeff") == "a⟨U+202E⟩b⟨U+0000⟩c\td\neé⟨U+FEFF⟩"


TERMS = patterns(
    [
        Phrase("thinking machine(s)", "g", False),
        Phrase("AI", "g", True),
        Phrase("corrigib*", "g", False),
        Phrase("A.I.", "g", True),
    ]
)


@pytest.mark.parametrize(
    ("text", "terms", "shown"),
    [
        ("<b> a thinking\nmachine & x", ["thinking machine"], "&lt;b&gt; a <mark>thinking\nmachine</mark> &amp; x"),
        ("They said AI, ai and MAIL", ["AI"], "They said <mark>AI</mark>, ai and MAIL"),
        ("Corrigibility", ["corrigib"], "<mark>Corrigibility</mark>"),
        ("an A.I. is", ["A.I.", "AI"], "an <mark>A.I.</mark> is"),
        ("a Golem, golems", ["golem"], "a <mark>Golem</mark>, golems"),  # a term of an older lexicon
        ("<b>", [], "&lt;b&gt;"),
    ],
)  # fmt: skip
def test_terms_are_marked_as_the_gate_matches_them(text: str, terms: list[str], shown: str) -> None:
    assert marked(text, terms, TERMS) == shown


def test_an_overlong_passage_is_cut() -> None:
    shown = marked("<" + "x" * 99_999, [], {})
    assert len(shown) < 2_200
    assert shown.endswith("… and 98,000 more characters</small>")


def test_the_opening_of_a_passage_is_about_its_first_term() -> None:
    assert around("short", ["none"]) == "short"
    assert "robot" in around("word " * 60 + "robot " + "word " * 60, ["robot"], 40)
    assert len(around("word " * 100, [], 40)) <= 42


def row(
    source: str, value: float | None, low: float | None, high: float | None, status: str, bound: str | None
) -> dict[str, Any]:
    return {
        "source": source,
        "prevalence": value,
        "ci_low": low,
        "ci_high": high,
        "status": status,
        "bound": bound,
        "year": source,
    }


ROWS = [
    row("2001", 0.1, 0.05, 0.2, "calibrated", "two"),
    row("2002", 0.02, None, None, "uncalibrated", None),
    row("2003", 0.0, 0.0, 0.9, "pooled", "upper"),
    row("2004", None, None, None, "uncalibrated", None),
]


def test_a_scale_reaches_as_far_as_what_is_measured() -> None:
    scale = charts.shares(ROWS, reference=0.01)
    assert scale.high == pytest.approx(0.206), "an upper bound of 90 % does not squeeze the others"
    assert [told for _, told in scale.ticks] == ["0 %", "10 %", "20 %"]
    assert (scale.at(0), scale.at(scale.high), scale.at(5)) == (0, 100, 100)
    assert charts.shares([]).high > 0
    assert charts.shares([row("a", 1.0, 0.9, 1.0, "calibrated", "two")]).high == 1


def test_a_ratio_scale_has_one_in_its_middle() -> None:
    scale = charts.ratios([{"value": 2.0, "low": 0.5, "high": 8.0}, {"value": float("inf"), "low": None, "high": None}])
    assert scale.at(1) == pytest.approx(50)
    assert scale.at(2) - scale.at(1) == pytest.approx(scale.at(1) - scale.at(0.5))
    assert "1" in dict(map(reversed, scale.ticks))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("at", "has", "lacks"),
    [
        (0, ['class="ci"', "<circle", 'class="bar calibrated"'], ['class="bound"']),
        (1, ["<circle", 'class="bar uncalibrated"'], ['class="ci"', 'class="bound"']),
        (2, ['class="bound"', "›"], ["<circle", 'class="ci"']),
        (3, ["<svg"], ["<circle", "<text"]),
    ],
)  # fmt: skip
def test_a_bar_says_how_sure_it_is(at: int, has: list[str], lacks: list[str]) -> None:
    drawn = charts.bar(charts.shares(ROWS), ROWS[at])
    assert all(h in drawn for h in has)
    assert not any(x in drawn for x in lacks)


def test_years_are_joined_only_where_both_are_measured() -> None:
    more = [
        ROWS[0],
        row("2002", 0.1, 0.08, 0.2, "pooled", "two"),
        *ROWS[2:],
        row("2005", 0.1, 0.08, 0.2, "pooled", "two"),
    ]
    drawn = charts.years(more)
    assert drawn.count('class="path"') == 1
    assert drawn.count("<circle") == 3
    assert charts.years(ROWS[:1]) == ""
    assert charts.years([row("<script>", 0.1, 0.0, 0.2, "pooled", "two")] * 3) == "", "what is no year is not drawn"


def test_calibration_is_drawn_on_a_square() -> None:
    drawn = charts.calibration([{"score": 0.25, "share": 0.5, "low": 0.4, "high": 0.6}])
    assert '<circle cx="25%" cy="50%"' in drawn
    assert charts.calibration([]) == ""


def test_a_table_copies_exact_values() -> None:
    drawn = table(
        "t", "c", Figure(pl.DataFrame(ROWS), "select 1"),
        [head("S", "source"), plot("P", charts.shares(ROWS)), count("V", "prevalence", percent), spans("I", "ci_low", "ci_high")],
    )  # fmt: skip
    assert drawn.wide
    assert drawn.query
    first, last = drawn.rows[0], drawn.rows[3]
    assert drawn.copy(drawn.columns[0], first) == "", "what is shown is what is copied"
    assert drawn.copy(drawn.columns[2], first) == ' data-copy="0.1"'
    assert drawn.copy(drawn.columns[3], first) == ' data-copy="0.05\t0.2"'
    assert drawn.copy(drawn.columns[3], last) == ' data-copy="\t"'
    assert drawn.copy(drawn.columns[0], {"source": "a\n\t" + 70 * '"'}) == f' data-copy="a {70 * "&#34;"}"', (
        "one line, escaped"
    )
    assert drawn.muted(ROWS[1])
    assert not drawn.muted(ROWS[2])


def test_the_policy_names_script_and_style_by_their_hashes() -> None:
    said = policy("a", "b")
    assert "default-src 'none'" in said
    assert "script-src 'sha256-ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs='" in said
    assert "unsafe" not in said
