"""Values -> text as the page shows it. Text of the corpus is untrusted: escaped, and what steers a reader's eye made visible."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from markupsafe import Markup, escape

from corpus_tools.gate import Phrase
from corpus_tools.numbers import between, number, percent

LONGEST = 2_000
"""Characters of a passage that are shown."""
STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
"""Control characters, and those that turn the direction of text or hide in it."""


def plain(text: str) -> str:
    """Steering characters by their number: '\\u202e' -> '⟨U+202E⟩'; a carriage return goes without a trace."""
    return STEERING.sub(lambda m: "" if m.group() == "\r" else f"⟨U+{ord(m.group()):04X}⟩", text)


def finalized(value: Any) -> Any:
    """What the template prints: texts without steering characters; markup is ours and stays."""
    return plain(value) if type(value) is str else value


def interval(row: Mapping[str, Any], low: str = "ci_low", high: str = "ci_high") -> str:
    """'1.2 % – 3.4 %', 'at most 0.4 %', or '–' without an interval."""
    return between(row.get(low), row.get(high), percent, upper=row.get("bound") == "upper")


def name(value: str | None) -> str:
    """A label, mode or measure as it is read: 'mode_about_fiction' -> 'mode about fiction'."""
    return (value or "(none)").replace("_", " ")


def source(value: str | None, longest: int = 60) -> str:
    """A source as it is read: as it is, cut where it is overlong."""
    value = " ".join((value or "(none)").split()) or "(blank)"
    return value if len(value) <= longest else value[: longest - 1] + "…"


def moment(value: datetime | None) -> str:
    """A time, to the minute, UTC."""
    return f"{value:%Y-%m-%d %H:%M}" if value else "–"


def size(value: float | None) -> str:
    """Bytes with a unit."""
    if value is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} PB"


def one_in(share: float | None) -> str:
    """0.0285 -> 'about one in 35'; '' where that says nothing."""
    if not share or share > 0.5:
        return ""
    return f"about one in {number(float(f'{1 / share:.2g}'))}"


def marked(text: str, terms: Iterable[str], patterns: Mapping[str, str]) -> Markup:
    """Text with the gate's terms marked, everything escaped, cut at LONGEST. patterns: term -> regular expression."""
    rest, text = len(text) - LONGEST, text[:LONGEST]
    found = "|".join(
        patterns.get(t) or rf"(?i:\b{re.escape(t)}\b)" for t in sorted(set(terms), key=len, reverse=True) if t
    )
    out, at = Markup(), 0
    for match in re.finditer(found, text, re.ASCII) if found else ():
        out += escape(plain(text[at : match.start()])) + Markup("<mark>{}</mark>").format(plain(match.group()))
        at = match.end()
    out += escape(plain(text[at:]))
    return (
        out + Markup(' <small class="soft">… and {} more characters</small>').format(number(rest)) if rest > 0 else out
    )


def patterns(phrases: Iterable[Phrase]) -> dict[str, str]:
    """A lexicon's phrases -> term -> regular expression over text, as the gate matches it."""
    return {p.term: f"(?{'' if p.case else 'i'}:{p.pattern.decode()})" for p in phrases}


def around(text: str, terms: Iterable[str], width: int = 90) -> str:
    """The text about its first gate term, in one line."""
    text = " ".join(text.split())
    at = min((i for t in terms if (i := text.lower().find(t.lower())) >= 0), default=0)
    start = max(0, min(at - width // 3, len(text) - width))
    return ("…" if start else "") + text[start : start + width].strip() + ("…" if start + width < len(text) else "")
