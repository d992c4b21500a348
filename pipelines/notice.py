"""How a scheduled audit is told of: a line, a Markdown page and JSON. Words only: what changed was found in corpus_tools.changes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpus_tools.changes import Changes
from corpus_tools.claim import Holder
from corpus_tools.numbers import percent
from pipelines.audit import Outcome
from pipelines.show import interval

MOST = 20
"""Rows of a table in a page; the rest is counted."""


@dataclass(frozen=True)
class Notice:
    """One telling. `events`: what it tells, without the prefix `corpus-audit.`, the first the most important."""

    name: str
    events: tuple[str, ...]
    line: str
    page: str
    facts: Mapping[str, Any]

    @property
    def title(self) -> str:
        """What the page is of, in Markdown."""
        return f"{_cell(self.name)}: {', '.join(self.events)}"

    def json(self) -> dict[str, Any]:
        """What a webhook gets. `text` is the line, which chat services show."""
        return {
            "event": f"corpus-audit.{self.events[0]}", "events": [f"corpus-audit.{e}" for e in self.events], "name": self.name,
            "text": self.line, **self.facts,
        }  # fmt: skip


def finished(found: Changes, outcome: Outcome, root: str) -> Notice:
    """An audit that stands, and what changed in it."""
    audit, before = found.audit, found.before
    name, label = str(audit["name"]), str(audit["headline"])
    figure = _figure(label, found.headline)
    gone = f", {found.gone} gone" if before and found.gone else ""
    shards = f"{_count(outcome.scanned, 'shard')} read, {outcome.reused} known before{gone}"
    told = {
        "first": "the first audit",
        "unchanged": "no shard is new" if outcome.audit_id == (before or {}).get("audit_id") else
        f"none of {found.tested} differences stands",
        "changed": f"{len(found.rows)} of {found.tested} differences stand: {_moved(found)}",
        "untested": f"differences are untested: {found.why}",
    }[found.kind]  # fmt: skip
    failed = f"; {_count(len(found.failed), 'shard')} failed" if found.failed else ""
    rows = [
        ("audit", outcome.audit_id, (before or {}).get("audit_id", "–")),
        (f"{label}, share of passages", _cell(_value(found.headline)), _cell(_value(found.headline_before))),
        ("95 % interval", _interval(found.headline), _interval(found.headline_before)),
        ("status", _of(found.headline, "status"), _of(found.headline_before, "status")),
        ("passages scored", _of(found.headline, "n_scored"), _of(found.headline_before, "n_scored")),
        ("passages labelled", _of(found.headline, "n_labelled"), _of(found.headline_before, "n_labelled")),
        ("shards", str(_standing(audit)), str(_standing(before)) if before else "–"),
    ]
    page = [f"**{_cell(name)}: {_cell(figure)}**", "", f"{shards}. {_sentence(_cell(told))}"]
    if outcome.labels_wanted:
        page += [
            "",
            f"Not yet a measurement: label {outcome.labels_wanted} passages: `corpus-audit label sample --root {root}`",
        ]
    page += ["", *_table(("", "this audit", "the one before"), rows)]
    if len(found.rows):
        page += ["", "### What changed", "", *_changes_table(found)]
    page += _failed_table(found.failed, found.still_failed)
    page += ["", f"Database `{outcome.database}`, report `{outcome.report}`"]
    facts = {
        "root": root, "audit_id": outcome.audit_id, "before": (before or {}).get("audit_id"), "why": found.why,
        "headline": _facts(label, found.headline), "headline_before": _facts(label, found.headline_before),
        "tested": found.tested, "changes": found.rows.to_dicts(),
        "shards": {
            "read": outcome.scanned, "known": outcome.reused, "new": found.added, "gone": found.gone, "failed": len(outcome.failed),
        },
        "failed": [{"shard": place, "error": error} for place, error in found.failed],
        "labels_wanted": outcome.labels_wanted, "database": outcome.database, "report": outcome.report,
    }  # fmt: skip
    return Notice(name, found.events, f"{name}: {figure}; {shards}; {told}{failed}", "\n".join(page), facts)


def stopped(name: str, error: str, root: str) -> Notice:
    """An audit that could not be made; finished shards are kept."""
    todo = "What is done is kept; the next run goes on from there."
    page = f"**{_cell(name)}: the audit stopped**\n\n{_cell(error)}\n\n{todo}"
    return Notice(name, ("failed",), f"{name}: the audit stopped: {error}", page, {"root": root, "error": error})


def interrupted(name: str, who: Holder | None, todo: str, root: str) -> Notice:
    """A run that died before it was done."""
    was = f"a run was interrupted ({who})" if who else "a run was interrupted"
    page = f"**{_cell(name)}: {was}**\n\nFinished shards are kept. {todo}"
    facts = {"root": root, "interrupted": vars(who) if who else None}
    return Notice(name, ("interrupted",), f"{name}: {was}; finished shards are kept. {todo}", page, facts)


def _figure(label: str, row: Mapping[str, Any] | None) -> str:
    if row is None or row["prevalence"] is None:
        return f"no figure for {label}"
    if row["ci_high"] is None:
        return f"{label} {percent(row['prevalence'])} of passages by scores alone, not yet a measurement"
    return f"{label} {percent(row['prevalence'])} of passages, 95 % interval {interval(row)}"


def _moved(found: Changes) -> str:
    shown = [
        f"{'the corpus' if r['dimension'] == 'corpus' else _plain(r['source']) or '(none)'} {percent(r['before'])} → {percent(r['after'])}"
        for r in found.rows.head(3).to_dicts()
    ]
    return ", ".join(shown) + (f" and {len(found.rows) - 3} more" if len(found.rows) > 3 else "")


def _changes_table(found: Changes) -> list[str]:
    rows = [
        (
            r["dimension"], r["source"] or "(none)", percent(r["before"]), percent(r["after"]), _points(r["value"]),
            f"{_points(r['low'])} to {_points(r['high'])}", f"{r['q_value']:.2g}",
        )
        for r in found.rows.head(MOST).to_dicts()
    ]  # fmt: skip
    head = ("dimension", "source", "before", "now", "difference, points", "95 % interval", "q")
    more = len(found.rows) - MOST
    return [*_table(head, rows), *(["", f"{more} more: `corpus-audit compare`"] if more > 0 else [])]


def _failed_table(failed: Sequence[tuple[str, str]], before: int) -> list[str]:
    still = f"{_count(before, 'shard')} that failed before failed again." if before else ""
    if not failed:
        return ["", still] if still else []
    more = [f"{len(failed) - MOST} more."] if len(failed) > MOST else []
    return ["", "### Failed shards", "", *_table(("shard", "error"), failed[:MOST]), "", *more, still]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table. What comes from a corpus is made harmless."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(c if c == "---" else _cell(c) for c in line) + " |" for line in lines]


def _plain(text: str) -> str:
    """A source's name in a line: chat services take angle brackets for links."""
    return " ".join(text.replace("<", "‹").replace(">", "›").split())[:80]


def _cell(text: object) -> str:
    flat = " ".join(str(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    flat = re.sub(r"([\\`*_\[\]!|#~])", r"\\\1", flat)
    return flat if len(flat) <= 300 else flat[:299].rstrip("\\") + "…"


def _value(row: Mapping[str, Any] | None) -> str:
    return percent(row["prevalence"]) if row else "–"


def _interval(row: Mapping[str, Any] | None) -> str:
    return (interval(row) or "none") if row else "–"


def _of(row: Mapping[str, Any] | None, key: str) -> str:
    value = row[key] if row else "–"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _points(value: float) -> str:
    return f"{100 * value:+.2g}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _standing(audit: Mapping[str, Any]) -> int:
    return sum(s["status"] != "failed" for s in audit["shards"])


def _facts(label: str, row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    keys = ("prevalence", "ci_low", "ci_high", "bound", "status", "n_scored", "n_labelled")
    return {"label": label, "unit": "passages", **{k: row[k] for k in keys}} if row else None
