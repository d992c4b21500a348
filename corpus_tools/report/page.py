"""Figures -> report.html: one self-contained file, no network. Formats and draws; asks nothing."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from corpus_tools.errors import RootError
from corpus_tools.report.figures import Figure, Figures, figures
from corpus_tools.root import REPORT, Root

HERE = Path(__file__).parent


def write_report(root: Root, audit_id: str) -> str:
    """Writes report.html of one audit into its root; returns its address. Raises RootError."""
    html = page(figures(root, audit_id)).encode()
    if not root.local:
        with root.fs.open(root.at(REPORT), "wb") as file:
            file.write(html)
        return str(root.fs.unstrip_protocol(root.at(REPORT)))
    target = Path(root.at(REPORT))
    part = target.with_name(f".{REPORT}.{uuid.uuid4().hex}")
    try:
        part.write_bytes(html)
        part.replace(target)
    except OSError as error:
        raise RootError(f"the report cannot be written: {error.strerror}", where=str(target)) from error
    finally:
        part.unlink(missing_ok=True)
    return str(target)


def page(shown: Figures) -> str:
    """Figures -> HTML. Text of the corpus is escaped; a Content-Security-Policy lets only the page's own script and style run."""
    script = (HERE / "static" / "report.js").read_text("utf-8")
    style = (HERE / "static" / "report.css").read_text("utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "percent": percent,
        "number": number,
        "interval": interval,
        "marked": marked,
        "name": name,
        "words": words,
    }
    environment.globals |= {"bars": bars, "policy": _policy(script, style)}
    return environment.get_template("report.html").render(
        f=shown, script=Markup(script), style=Markup(style), sentence=sentence(shown)
    )


def _policy(script: str, style: str) -> str:
    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest(style)}'; script-src 'sha256-{digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def percent(value: float | None) -> str:
    """0.0312 -> '3.12 %'; three significant digits; '–' for none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if value == 0:
        return "0 %"
    if value < 1e-6:
        return "< 0.0001 %"
    digits = max(0, min(6, 2 - math.floor(math.log10(abs(100 * value)))))
    return f"{100 * value:.{digits}f} %"


def number(value: float | None, digits: int = 3) -> str:
    """Counts with thousands; others with so many significant digits."""
    if value is None:
        return "–"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def interval(row: Mapping[str, Any], low: str = "ci_low", high: str = "ci_high") -> str:
    """'1.2 % – 3.4 %', 'at most 0.4 %', or '–' without an interval."""
    if row.get(high) is None:
        return "–"
    if row.get("bound") == "upper":
        return f"at most {percent(row[high])}"
    return f"{percent(row[low])} – {percent(row[high])}"


def name(value: str | None) -> str:
    """A source or label as it is read."""
    return (value or "(none)").replace("_", " ")


def words(value: str) -> str:
    """A count's unit: 'mode_about_fiction' -> 'about fiction'."""
    return value.removeprefix("mode_").removeprefix("outcome_").removeprefix("agent_").replace("_", " ")


def marked(text: str, terms: Iterable[str]) -> Markup:
    """Text with the gate's terms marked, everything escaped."""
    found = sorted({t for t in terms if t}, key=len, reverse=True)
    if not found:
        return escape(text)
    pattern = re.compile(
        "|".join(r"[\s-]{1,4}".join(map(re.escape, re.split(r"[\s-]+", t))) for t in found), re.IGNORECASE
    )
    out, at = Markup(), 0
    for match in pattern.finditer(text):
        out += escape(text[at : match.start()]) + Markup("<mark>") + escape(match.group()) + Markup("</mark>")
        at = match.end()
    return out + escape(text[at:])


def sentence(shown: Figures) -> dict[str, Any]:
    """The headline in a sentence, or that it is not yet a measurement."""
    row = shown.headline
    calibrated = row.get("status") == "calibrated"
    return {"calibrated": calibrated, **row}


def bars(figure: Figure, *, key: str = "source", limit: int = 40) -> Markup:
    """Rows (prevalence, ci_low, ci_high, status) -> an SVG of points with interval bars on one scale; its numbers stand in the table."""
    rows = [r for r in figure.rows.to_dicts() if r["prevalence"] is not None or r["ci_high"] is not None][:limit]
    if not rows:
        return Markup("")
    top = max(max(r["ci_high"] or 0, r["prevalence"] or 0) for r in rows) or 1e-9
    step = 10 ** math.floor(math.log10(top))
    ticks = [t for t in (step * k / 2 for k in range(0, 21)) if t <= top * 1.02]
    ticks = ticks[:: max(1, len(ticks) // 5)]
    left, width, line = 230, 470, 24
    height = line * len(rows) + 34

    def x(value: float) -> float:
        return left + width * min(value / (top * 1.02), 1)

    parts = [
        f'<svg viewBox="0 0 {left + width + 20} {height}" role="img" class="bars" '
        'aria-label="Prevalence with 95 % intervals; the same numbers are in the table below">'
    ]
    for tick in ticks:
        parts.append(f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="4" y2="{height - 26}"/>')
        parts.append(
            f'<text class="tick" x="{x(tick):.1f}" y="{height - 10}" text-anchor="middle">{percent(tick)}</text>'
        )
    for i, row in enumerate(rows):
        y = 16 + i * line
        label = name(row[key])
        short = label if len(label) <= 28 else label[:27] + "…"
        sure = "sure" if row["ci_high"] is not None else "unsure"
        told = f"{escape(label)}: {percent(row['prevalence'])}, {interval(row)}, {escape(row['status'])}"
        parts.append(f'<g class="{sure}"><title>{told}</title>')
        parts.append(f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{escape(short)}</text>')
        if row["ci_high"] is not None:
            low = 0.0 if row["bound"] == "upper" or row["ci_low"] is None else row["ci_low"]
            parts.append(f'<line class="ci" x1="{x(low):.1f}" x2="{x(row["ci_high"]):.1f}" y1="{y}" y2="{y}"/>')
        if row["prevalence"] is not None and row.get("bound") != "upper":
            parts.append(f'<circle cx="{x(row["prevalence"]):.1f}" cy="{y}" r="4.5"/>')
        parts.append("</g>")
    parts.append("</svg>")
    return Markup("".join(parts))
