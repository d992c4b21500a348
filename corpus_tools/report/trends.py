"""The tables over time: years of the text, and audits of one name."""

from __future__ import annotations

from corpus_tools.report import charts
from corpus_tools.report.figures import Figures
from corpus_tools.report.formats import moment
from corpus_tools.report.links import Groups, filter_link, why_link
from corpus_tools.report.table import Column, Table, called, count, head, plot, share, spans, status, table, text


def years(shown: Figures) -> Table:
    """The years of the text."""
    return table(
        "years", "By year of the text", shown.years,
        [
            head("Year", "year"), share("Prevalence", "prevalence"), spans("95 % interval", "ci_low", "ci_high"),
            count("Labelled", "n_labelled"), status(), filter_link(shown, year="year"),
        ],
    )  # fmt: skip


def audits(shown: Figures) -> Table:
    """Audits in order of time."""
    rows = shown.audits.rows.to_dicts()
    here = shown.audit["audit_id"]
    return table(
        "audits", f"Audits named {shown.audit['name']} in this root, in order of time", shown.audits,
        [
            Column("Finished (UTC)", lambda r: moment(r["finished"]) + (" (this one)" if r["audit_id"] == here else ""), "head",
                   lambda r: (r["finished"],), ("finished",)),
            plot("Prevalence with 95 % interval", charts.shares(rows)), share("Prevalence", "prevalence"),
            spans("95 % interval", "ci_low", "ci_high"), text("Shards", "shards"), count("Documents", "documents"), status(),
            text("Audit", "audit_id"), text("Classifier", "classifier_id"),
        ],
    )  # fmt: skip


def changes(shown: Figures, groups: Groups) -> Table:
    """What changed since the audit before."""
    return table(
        "changes", "What changed since the audit before: difference of prevalence, the surest first", shown.changes,
        [
            text("By", "dimension", called, aside=False), head("Source", "source"),
            count("Difference, points", "value", _points, aside=False),
            spans("95 % interval", "low", "high", _points), count("q-value", "q_value"), status(),
            why_link(shown, groups, lambda r: (shown.audit["headline"], r["dimension"], r["source"])),
        ],
    )  # fmt: skip


def _points(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:+.2f}"
