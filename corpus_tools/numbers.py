"""Shares, counts and intervals as people read them, in the terminal as on the page."""

from __future__ import annotations

import math
from typing import Any


def percent(value: float | None) -> str:
    """0.0312 -> '3.12 %'; three significant digits; '–' for none."""
    if value is None or math.isnan(value):
        return "–"
    if value == 0:
        return "0 %"
    if value < 1e-6:
        return "< 0.0001 %"
    digits = max(0, min(6, 2 - math.floor(math.log10(abs(100 * value)))))
    return f"{100 * value:.{digits}f} %"


def number(value: float | None) -> str:
    """Counts with thousands; others with three significant digits."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def between(low: float | None, high: float | None, show: Any = number, *, upper: bool = False) -> str:
    """An interval as it is shown; of one that only bounds from above, the bound."""
    if high is None:
        return "–"
    if upper:
        return f"at most {show(high)}"
    signed = low is not None and low < 0
    return f"{show(low)} to {show(high)}" if signed else f"{show(low)} – {show(high)}"
