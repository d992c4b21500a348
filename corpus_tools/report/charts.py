"""Numbers -> small SVG pictures, beside the tables that hold the same numbers.

Written by hand, in per cent of their box: so they fill a phone's width and a sheet of paper alike, with text and points that keep their
size, take the page's colours (dark mode, print), need no script, and cost a few hundred bytes each. What a charting library would cost
stands in docs/report.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from corpus_tools.numbers import number

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Scale:
    """Values -> per cent of a box's width. `reference`: where a dashed line stands."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False
    reference: float | None = None

    def at(self, value: float) -> float:
        """Where a value stands, 0 to 100; ends are ends."""
        value = min(max(value, self.low), self.high)
        if self.log:
            return 100 * math.log(value / self.low) / math.log(self.high / self.low)
        return 100 * (value - self.low) / (self.high - self.low)


def shares(rows: Iterable[Row], reference: float | None = None) -> Scale:
    """A scale from 0 for shares: as far as what is measured on both sides reaches; a bound beyond it is cut."""
    rows = list(rows)
    points = [r["prevalence"] for r in rows if r["prevalence"] is not None]
    sure = [r["ci_high"] for r in rows if r["ci_high"] is not None and r.get("bound") != "upper"]
    bounds = [r["ci_high"] for r in rows if r["ci_high"] is not None]
    top = max([*points, *sure, *([] if sure else bounds), reference or 0.0], default=0.0) or 0.01
    step, top = _step(top), min(1.0, top * 1.03)
    ticks = [i * step for i in range(int(top / step + 1e-9) + 1)]
    return Scale(0, top, tuple((t, _short(t)) for t in ticks), reference=reference)


def ratios(rows: Iterable[Row]) -> Scale:
    """A logarithmic scale about 1 for ratios, at most a hundredfold either way."""
    seen = [v for r in rows for v in (r["value"], r["low"], r["high"]) if v and math.isfinite(v) and v > 0]
    reach = min(max((abs(math.log(v)) for v in seen), default=0.7), math.log(100)) * 1.05
    reach = max(reach, math.log(2))
    steps = (100, 30, 10, 5, 3, 2) if reach < math.log(12) else (100, 10)
    places = [1.0, *(s for s in steps if math.log(s) <= reach)]
    places = [1.0, *places[1:][:2]] if len(places) > 3 else places
    ticks = sorted({*places, *(1 / p for p in places)})
    return Scale(math.exp(-reach), math.exp(reach), tuple((t, _times(t)) for t in ticks), log=True, reference=1.0)


def _times(value: float) -> str:
    return number(value) if value >= 1 else f"1/{number(round(1 / value))}"


def _step(top: float) -> float:
    """A round step that makes one to three parts: the column is narrow."""
    unit = 10.0 ** math.floor(math.log10(top))
    return next(unit * k for k in (0.25, 0.5, 1, 2, 5) if top / (unit * k) <= 3)


def _short(share: float) -> str:
    return f"{100 * share:.6g} %"


def axis(scale: Scale, name: str) -> Markup:
    """The ticks of a scale, for the head of a column of bars."""
    parts = [Markup('<svg class="axis" width="100%" height="16" aria-hidden="true" focusable="false">')]
    for value, shown in scale.ticks:
        x = scale.at(value)
        anchor = "start" if x < 5 else "end" if x > 93 else "middle"
        parts.append(Markup('<text x="{}%" y="12" text-anchor="{}">{}</text>').format(_r(x), anchor, shown))
    return Markup('<span class="hidden">{}</span>').format(name) + Markup("").join(parts) + Markup("</svg>")


def bar(scale: Scale, row: Row, value: str = "prevalence", low: str = "ci_low", high: str = "ci_high") -> Markup:
    """One row's point with its interval. Filled: measured; hollow: not; an arrow where the interval runs off the scale."""
    v, a, b, upper = row[value], row[low], row[high], row.get("bound") == "upper"
    if v is not None and not math.isfinite(v):
        v = None
    parts = [
        Markup('<svg class="bar {}" width="100%" height="22" aria-hidden="true" focusable="false">').format(
            row["status"]
        )
    ]
    if scale.reference is not None:
        parts.append(_line("ref", scale.at(scale.reference), scale.at(scale.reference), "0", "100%"))
    if b is not None:
        start = scale.at(scale.low if upper or a is None else a)
        parts.append(_line("bound" if upper else "ci", start, scale.at(b), "50%", "50%"))
        if b > scale.high * 1.0001:
            parts.append(Markup('<text class="off" x="100%" y="15" text-anchor="end">›</text>'))
        elif upper:
            parts.append(_line("stop", scale.at(b), scale.at(b), "30%", "70%"))
    if v is not None and not upper:
        parts.append(Markup('<circle cx="{}%" cy="50%" r="4.5"/>').format(_r(scale.at(v))))
    return Markup("").join(parts) + Markup("</svg>")


def years(rows: Sequence[Row]) -> Markup:
    """Prevalence by year of the text: points with intervals, measured neighbours joined. Empty for fewer than two years."""
    rows = [r for r in rows if str(r["year"]).lstrip("-").isdigit()]
    if len(rows) < 2:
        return Markup("")
    scale = shares(rows)
    first, last = int(rows[0]["year"]), int(rows[-1]["year"])
    x = {r["year"]: 2 + 96 * (int(r["year"]) - first) / (last - first) for r in rows}

    def y(value: float) -> float:
        return 100 - scale.at(value)

    parts = [
        _open("series", f"Prevalence by year of the text, {first} to {last}; the table below has the same numbers")
    ]
    for tick, shown in scale.ticks:
        parts.append(_line("grid", 0, 100, f"{_r(y(tick))}%", f"{_r(y(tick))}%"))
        parts.append(
            Markup('<text class="tick" x="-6" y="{}%" dy="4" text-anchor="end">{}</text>').format(_r(y(tick)), shown)
        )
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10**9) if (last - first) / s <= 6)
    for year in range(-(-first // step) * step, last + 1, step):
        at = _r(2 + 96 * (year - first) / (last - first))
        parts.append(
            Markup('<text class="tick" x="{}%" y="100%" dy="18" text-anchor="middle">{}</text>').format(at, year)
        )
    points = [r for r in rows if r["prevalence"] is not None and r["bound"] != "upper"]
    for a, b in pairwise(points):
        if a["ci_high"] is not None and b["ci_high"] is not None and int(b["year"]) - int(a["year"]) == 1:
            parts.append(
                _line("path", x[a["year"]], x[b["year"]], f"{_r(y(a['prevalence']))}%", f"{_r(y(b['prevalence']))}%")
            )
    for r in rows:
        parts.append(Markup('<g class="{}">').format(r["status"]))
        upper = r["bound"] == "upper"
        if r["ci_high"] is not None:
            ends = (f"{_r(y(0 if upper else r['ci_low']))}%", f"{_r(y(r['ci_high']))}%")
            parts.append(_line("bound" if upper else "ci", x[r["year"]], x[r["year"]], *ends))
        if r["prevalence"] is not None and not upper:
            cy = _r(y(r["prevalence"]))
            parts.append(Markup('<circle cx="{}%" cy="{}%" r="4"/>').format(_r(x[r["year"]]), cy))
        parts.append(Markup("</g>"))
    return Markup("").join(parts) + Markup("</svg></svg>")


def calibration(rows: Sequence[Row]) -> Markup:
    """Bins of the score: mean score across, share labelled yes up; on the diagonal a score means what it says."""
    if not rows:
        return Markup("")
    told = "Share labelled yes by score, with intervals; points on the diagonal are calibrated; the table below has the same numbers"
    parts = [_open("square", told)]
    for tick in (0, 0.25, 0.5, 0.75, 1):
        at = _r(100 * tick)
        parts.append(_line("grid", 0, 100, f"{_r(100 - at)}%", f"{_r(100 - at)}%"))
        parts.append(
            Markup('<text class="tick" x="-6" y="{}%" dy="4" text-anchor="end">{:.0f} %</text>').format(
                _r(100 - at), at
            )
        )
        parts.append(
            Markup('<text class="tick" x="{}%" y="100%" dy="18" text-anchor="middle">{:.0f} %</text>').format(at, at)
        )
    parts.append(_line("ref", 0, 100, "100%", "0"))
    for r in rows:
        x = 100 * r["score"]
        parts.append(_line("ci", x, x, f"{_r(100 - 100 * r['low'])}%", f"{_r(100 - 100 * r['high'])}%"))
        parts.append(Markup('<circle cx="{}%" cy="{}%" r="4.5"/>').format(_r(x), _r(100 - 100 * r["share"])))
    return Markup("").join(parts) + Markup("</svg></svg>")


def _open(kind: str, told: str) -> Markup:
    """A picture with room for ticks at its left and below; what is drawn into the inner box is in per cent of it."""
    return Markup(
        '<svg class="chart {}" role="img" aria-label="{}"><svg x="12%" y="4%" width="86%" height="84%" overflow="visible">'
    ).format(kind, told)


def _line(kind: str, x1: float, x2: float, y1: str, y2: str) -> Markup:
    return Markup('<line class="{}" x1="{}%" x2="{}%" y1="{}" y2="{}"/>').format(kind, _r(x1), _r(x2), y1, y2)


def _r(value: float) -> float:
    rounded = round(value, 2)
    return int(rounded) if rounded == int(rounded) else rounded
