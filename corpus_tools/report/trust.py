"""The tables of the section on trust."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from corpus_tools.numbers import between, number, percent
from corpus_tools.report.figures import Figures
from corpus_tools.report.formats import size, source
from corpus_tools.report.table import Column, Row, Table, called, count, head, share, spans, status, table, text

MEASURES = {
    "count": "positives, in all",
    "seen": "seen: in documents that the gate hits",
    "missed": "missed by the gate",
}


def trust(shown: Figures) -> dict[str, Table | None]:
    """The section's tables, by name."""
    c = shown.checks
    yes = {True: "yes", False: "no"}
    agreed = c.agreement.rows.height > 0
    return {
        "parts": table(
            "parts", "What is seen, and what is missed", c.parts,
            [
                Column("What", _part, "head", lambda r: (r["measure"], r["against"]), ("measure", "against")),
                Column("Value", lambda r: _amount(r)(r["value"]), "n", lambda r: (r["value"],), ("value",)),
                Column("95 % interval", lambda r: between(r["low"], r["high"], _amount(r)), "n", lambda r: (r["low"], r["high"]),
                       ("low", "high")),
                status(), text("Method", "method", lambda v: v or "–"),
            ],
        ),
        "calibration": table(
            "calibration", "Whether scores mean what they say", c.calibration,
            [
                Column("Score from – to", lambda r: f"{r['from']:g} – {r['to']:g}", "head", lambda r: (r["from"], r["to"]), ("from", "to")),
                count("Mean score", "score", percent), share("Labelled yes", "share"), spans("95 % interval", "low", "high"),
                count("Labels", "n"),
            ],
        ),
        "statuses": table(
            "statuses", "Sources by status", c.statuses,
            [head("By", "dimension", called), *(count(s.capitalize(), s, aside=False) for s in ("calibrated", "pooled", "uncalibrated"))],
        ),
        "rounds": table(
            "rounds", "Who labelled", c.rounds,
            [
                head("Round", "round"), text("Role", "role"), text("Annotator", "annotator", lambda v: v or "nobody yet"),
                count("Labelled", "labelled"), count("Drawn", "drawn"), text("Used here", "used", lambda v: yes[v]),
            ],
        ),
        "agreement": table(
            "agreement", "How far annotators agree", c.agreement,
            [
                head("Round", "round"), text("Annotators", "annotator_1"), text("and", "annotator_2"), count("Passages", "passages"),
                count("Agree", "agree", percent), count("Kappa", "kappa", lambda v: "–" if v is None else f"{v:.2f}"),
            ],
        ) if agreed else None,
        "books": table(
            "books", "Whether the books balance: records by their fate", c.books,
            [
                head("Data set", "dataset"),
                Column("Shards", lambda r: f"{number(r['taken'])} of {number(r['there'])}", "n",
                       lambda r: (r["taken"], r["there"]), ("taken", "there")),
                count("Failed", "failed_shards"), count("Partial", "partial_shards"), count("Size", "bytes", size),
                *(count(k.capitalize(), k) for k in ("read", "kept", "empty", "rejected")), count("Unreadable", "failed"),
                Column("Balance", lambda r: yes[_balances(r)], "text", lambda r: (_balances(r),), ("balance",)),
            ],
        ),
        "broken": table(
            "broken", "Shards that failed or break off", c.broken,
            [head("Shard", "address"), text("Data set", "dataset"), text("Status", "status"),
             text("What happened", "told", lambda v: source(v, 300))],
        ),
        "rejects": table(
            "rejects", "Records put aside, by reason", c.rejects,
            [head("Reason", "reason"), text("Data set", "dataset"), text("Fate", "fate"), count("Records", "records"),
             text("For example", "example", lambda v: source(v, 120))],
        ),
        "copies": table(
            "copies", "Copies among opened documents", c.copies,
            [head("Ids given twice", "repeated_ids", number), count("Exact text seen before", "repeated_documents")],
        ),
    }  # fmt: skip


def _part(row: Row) -> str:
    if row["measure"] == "recall":
        return f"recall of the {row['against'] or 'whole'}"
    beside = f" ({row['against']})" if row["against"] else ""
    return f"{MEASURES.get(row['measure'], row['measure'])}{beside}"


def _amount(row: Row) -> Callable[[Any], str]:
    return percent if row["measure"] == "recall" else number


def _balances(row: Row) -> bool:
    """Of a data set whose every shard failed nothing was read: its counts are null."""
    return bool((row["read"] or 0) == sum(row[fate] or 0 for fate in ("kept", "empty", "rejected", "failed")))
