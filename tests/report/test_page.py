"""The page with hostile passages, its policy, and what it says with and without labels."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest

from corpus_tools.report.figures import Figure
from corpus_tools.report.page import bars, interval, marked, number, percent


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0.0, "0 %"),
        (0.0312, "3.12 %"),
        (0.5, "50.0 %"),
        (1.0, "100 %"),
        (0.000123, "0.0123 %"),
        (1e-9, "< 0.0001 %"),
        (float("nan"), "–"),
    ],
)
def test_percent(value: float | None, shown: str) -> None:
    assert percent(value) == shown


def test_numbers_and_intervals() -> None:
    assert [number(v) for v in (None, 3, 1234567, 0.12345, 12345.6)] == ["–", "3", "1,234,567", "0.123", "12,346"]
    assert interval({"ci_low": 0.01, "ci_high": 0.02, "bound": "two"}) == "1.00 % – 2.00 %"
    assert interval({"ci_low": 0.0, "ci_high": 0.004, "bound": "upper"}) == "at most 0.400 %"
    assert interval({"ci_low": None, "ci_high": None, "bound": None}) == "–"


def test_terms_are_marked_and_everything_is_escaped() -> None:
    text = "<script>alert(1)</script> a thinking\nmachine & a Robot"
    assert marked(text, ["thinking machine", "robot"]) == (
        "&lt;script&gt;alert(1)&lt;/script&gt; a <mark>thinking\nmachine</mark> &amp; a <mark>Robot</mark>"
    )
    assert marked("<b>", []) == "&lt;b&gt;"


def test_bars_escape_and_skip_what_has_no_number() -> None:
    rows = pl.DataFrame(
        {
            "source": ["<img src=x>", "b", "c"],
            "prevalence": [0.1, None, 0.02],
            "ci_low": [0.05, None, None],
            "ci_high": [0.2, None, None],
            "bound": ["two", None, None],
            "status": ["calibrated", "uncalibrated", "uncalibrated"],
        }
    )
    drawn = bars(Figure(rows, ""))
    assert "<img" not in drawn
    assert drawn.count("<circle") == 2
    assert drawn.count('class="ci"') == 1
    assert bars(Figure(rows[1:2], "")) == ""


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_hostile_text_does_nothing_in_a_browser(tmp_path: Path) -> None:
    """A page as the report makes it, with a passage that tries: the policy and the escaping hold in headless Chromium."""
    from corpus_tools.report.page import HERE, _policy

    script, style = ((HERE / "static" / name).read_text("utf-8") for name in ("report.js", "report.css"))
    hostile = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> a robot"
    html = (
        f'<!doctype html><meta charset=utf-8><meta http-equiv="Content-Security-Policy" content="{_policy(script, style)}">'
        f"<title>safe</title><style>{style}</style><input type=search id=filter><span id=shown></span>"
        f"<article>{marked(hostile, ['robot'])}</article><script>document.title='owned'</script><script>{script}</script>"
    )
    page = tmp_path / "page.html"
    page.write_text(html, "utf-8")
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-sync",
    ]
    done = subprocess.run(
        [str(CHROMIUM), *flags, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert re.search(r"<title>safe</title>", done.stdout), done.stderr
    assert "1 of 1 passages" in done.stdout, "the page's own script runs"
