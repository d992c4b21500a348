"""Figures -> report.html: one self-contained file, no network. Formats and draws; asks nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from corpus_tools.errors import PackError
from corpus_tools.gate import load_lexicon
from corpus_tools.numbers import between, number, percent
from corpus_tools.report import charts, formats
from corpus_tools.report.figures import Figures, figures
from corpus_tools.report.summary import found, sentence, steps
from corpus_tools.report.tables import tables
from corpus_tools.root import REPORT, Root

HERE = Path(__file__).parent


def write_report(root: Root, audit_id: str) -> str:
    """Writes report.html of one audit into its root; returns its address. Raises RootError."""
    return root.write_bytes(page(figures(root, audit_id)).encode("utf-8", "replace"), REPORT)


def page(shown: Figures) -> str:
    """Figures -> HTML. Text of the corpus is escaped; a Content-Security-Policy lets only the page's own script and style run."""
    script = (HERE / "static" / "report.js").read_text("utf-8")
    style = (HERE / "static" / "report.css").read_text("utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        finalize=formats.finalized,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "percent": percent,
        "number": number,
        "between": between,
        "interval": formats.interval,
        "name": formats.name,
        "source": formats.source,
        "around": formats.around,
    }
    terms = _patterns(shown)
    environment.globals |= {
        "policy": policy(script, style),
        "marked": lambda row: formats.marked(row["text"], row["terms"] or (), terms),
        "years": charts.years,
        "calibration": charts.calibration,
    }
    groups = {group: f"why-{i}" for i, group in enumerate(shown.reading.groups)}
    sections: dict[str, list[Any]] = {}
    for (label, dimension, of), anchor in groups.items():
        key = dimension if label == shown.audit["headline"] else "label"
        sections.setdefault(key, []).append((label, dimension, of, anchor))
    numbers = {content: i for i, content in enumerate(shown.reading.passages)}
    return environment.get_template("report.html").render(
        f=shown,
        c=shown.checks,
        t=tables(shown, groups),
        groups=groups,
        sections=sections,
        recall={r["against"]: r for r in shown.checks.parts.rows.to_dicts() if r["measure"] == "recall"},
        numbers=numbers,
        choices=_choices(shown.reading.passages),
        label=shown.audit["headline"],
        told=shown.pack.descriptions,
        sentence=sentence(shown),
        steps=steps(shown),
        found=found(shown),
        script=Markup(script),
        style=Markup(style),
    )


def policy(script: str, style: str) -> str:
    """The page's Content-Security-Policy: its own script and style, by hash, and nothing else; nothing is sent anywhere."""

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    return (
        f"default-src 'none'; style-src 'sha256-{digest(style)}'; script-src 'sha256-{digest(script)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )


def _patterns(shown: Figures) -> dict[str, str]:
    try:
        return formats.patterns(load_lexicon(shown.pack.lexicon))
    except PackError:  # the terms are in the rows all the same
        return {}


def _choices(passages: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """What the passages can be filtered by: dimension -> its values among them."""
    keys = ("kind", "dataset", "domain", "mode")
    values = {key: sorted({str(row[key]) for row in passages.values() if row[key]}) for key in keys}
    return {key: some for key, some in values.items() if len(some) > 1}
