"""What the report shows, as frames asked of the database: each with the query (or the command) that gives it, so that a reader can ask
again. Here: the audit's answers. `checks.py` asks how far they can be trusted, `reading.py` which passages stand behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

import polars as pl

from corpus_tools import audit as audits
from corpus_tools.errors import CorpusAuditError, RootError
from corpus_tools.pack import Pack
from corpus_tools.report.asked import Figure, quoted
from corpus_tools.report.checks import Checks, checks
from corpus_tools.report.reading import Reading, reading
from corpus_tools.root import Root
from corpus_tools.warehouse import Ask, asking

SOURCES = 100
"""Sources shown of one dimension."""
TOLD = ("corpus", "language", "mode", "year")
"""Dimensions with a place of their own on the page, or none; the others are sources."""


@dataclass(frozen=True)
class Figures:
    """Everything on the page."""

    audit: Mapping[str, Any]
    pack: Pack
    folder: str  # the root's last name, for commands
    sampled: list[str]  # 'web: 5 of 40 shards …'
    failed: list[str]  # a line for each shard that failed or breaks off
    headline: dict[str, Any]  # the headline's row of prevalence; empty where there is none
    units: Figure  # headline by unit and basis
    sizes: Figure
    sources: dict[str, Figure]  # dimension -> prevalence with interval, rank and share
    concentration: Figure
    modes: Figure
    cells: Figure  # source x mode, words
    balance: Figure
    outcomes: Figure
    labels: Figure  # every label over the corpus
    years: Figure
    audits: Figure  # every audit of this name, in order of time
    changes: Figure  # differences from the audit before
    changes_not: str  # why there are none
    checks: Checks
    reading: Reading


def figures(root: Root, audit_id: str) -> Figures:
    """Asks everything of one audit. Raises RootError, with those there are, where the audit is not in the root."""
    audit = root.read_json("audits", audit_id, "audit.json")
    if audit is None:
        listed = ", ".join(f"{a['audit_id']} ({a['name']})" for a in root.audits()) or "none"
        raise RootError(f"no audit {audit_id!r}", where=root.uri, expected=f"one of: {listed}")
    with asking(root) as answer:
        return _figures(root, audit, answer)


def _figures(root: Root, audit: Mapping[str, Any], answer: Ask) -> Figures:
    audit_id, pack = audit["audit_id"], audits.pack_of(audit)
    label, here = quoted(audit["headline"]), f"audit_id = {quoted(audit_id)}"
    plain = f"{here} and unit = 'passages' and basis = 'exposure' and dimension_2 = ''"

    def ask(sql: str) -> Figure:
        sql = dedent(sql).strip()
        return Figure(answer(sql), sql)

    units = ask(f"""
        select p.unit, p.basis, p.prevalence, p.ci_low, p.ci_high, p.bound, p.spread, p.n_scored, p.n_labelled, p.labelled_by,
          p.status, p.method, t.total, t.low, t.high, t.unscored_share
        from prevalence p left join totals t using (audit_id, dimension, source, dimension_2, source_2, unit, basis)
        where p.{here} and p.label = {label} and p.dimension = 'corpus'
        order by list_position(['passages', 'words', 'documents'], p.unit), p.basis desc""")
    headline = units.rows.filter(unit="passages", basis="exposure").to_dicts()
    sources = {d: ask(_by(audit_id, label, d)) for d in _source_dimensions(audit)}
    sources = {d: f for d, f in sources.items() if f.rows.height and f.rows["source"].to_list() != [""]}
    changes, not_changed = _changes(root, audit, [*sources, "corpus"])
    return Figures(
        audit=audit,
        pack=pack,
        folder=root.path.rstrip("/").rsplit("/", 1)[-1],
        sampled=audits.sampled_said(audit),
        failed=audits.failed_said(audit),
        headline=headline[0] if headline else {},
        units=units,
        sizes=ask(f"""
            select a.shards, a.records_read, a.records_kept, t.* from audits a, (
              select max(total) filter (unit = 'documents') as documents, max(total) filter (unit = 'words') as words,
                max(total) filter (unit = 'passages') as passages
              from totals where {here} and dimension = 'corpus' and basis = 'exposure') t
            where a.{here}"""),
        sources=sources,
        concentration=ask(f"""
            select dimension, against as richest, value, low, high, status from measures
            where {plain} and label = {label} and measure = 'concentration' and against like 'top %'
            order by dimension, cast(substr(against, 5) as int)"""),
        modes=ask(_by(audit_id, label, "mode")),
        cells=ask(_cells(audit_id, label)),
        balance=ask(f"""
            select dimension, source, label, against, value, low, high, status from measures
            where {plain} and measure = 'balance' and dimension not in ('year', 'language')
            order by label, against, dimension <> 'corpus', dimension, high is null, value desc nulls last, source"""),
        outcomes=ask(f"""
            select dimension, source, label, against, value, low, high, status from measures
            where {plain} and measure = 'outcome' and dimension not in ('year', 'language')
            order by dimension <> 'corpus', dimension, source, label"""),
        labels=ask(f"""
            select label, prevalence, ci_low, ci_high, bound, spread, status, n_labelled, method from prevalence
            where {plain} and dimension = 'corpus' order by prevalence desc nulls last, label"""),
        years=ask(f"""
            select source as year, prevalence, ci_low, ci_high, bound, n_labelled, status from prevalence
            where {plain} and label = {label} and dimension = 'year' and source <> '' order by source"""),
        audits=ask(f"""
            select t.finished, t.audit_id, t.shards, d.total as documents, t.prevalence, t.ci_low, t.ci_high, t.bound, t.status,
              t.scan_id, t.classifier_id
            from prevalence_trend t
            left join totals d on d.audit_id = t.audit_id and d.dimension = 'corpus' and d.unit = 'documents' and d.basis = 'exposure'
            where t.name = {quoted(audit["name"])} and t.label = {label} and t.dimension = 'corpus'
              and t.unit = 'passages' and t.basis = 'exposure'
            order by t.finished, t.audit_id"""),
        changes=changes,
        changes_not=not_changed,
        checks=checks(root, audit, pack, answer),
        reading=reading(root, audit, pack, answer, {d: f.rows["source"].to_list() for d, f in sources.items()}),
    )


def _source_dimensions(audit: Mapping[str, Any]) -> list[str]:
    first = ("kind", "dataset", "domain")
    return [d for d in first if d in audit["dimensions"]] + [
        d for d in audit["dimensions"] if d not in first and d not in TOLD
    ]


def _by(audit_id: str, label: str, dimension: str) -> str:
    """Prevalence by one dimension, what is measured first; with its rank, its share of the words, and how many sources there are."""

    def measure(name: str, unit: str) -> str:
        return f"""(select source, value, low, high, q_value from measures
              where audit_id = {quoted(audit_id)} and measure = '{name}' and unit = '{unit}' and basis = 'exposure'
                and label = {label} and dimension = {quoted(dimension)} and dimension_2 = '')"""

    return f"""
            select p.source, p.prevalence, p.ci_low, p.ci_high, p.bound, p.spread, p.status, p.n_labelled, t.total as passages,
              r.low as rank_low, r.high as rank_high, s.value as share, s.low as share_low, s.high as share_high,
              l.q_value, count(*) over () as sources
            from prevalence p
            left join totals t using (audit_id, dimension, source, dimension_2, source_2, unit, basis)
            left join {measure("rank", "passages")} r on r.source = p.source
            left join {measure("share", "words")} s on s.source = p.source
            left join {measure("lift", "passages")} l on l.source = p.source
            where p.audit_id = {quoted(audit_id)} and p.label = {label} and p.dimension = {quoted(dimension)}
              and p.dimension_2 = '' and p.unit = 'passages' and p.basis = 'exposure'
            order by p.status = 'uncalibrated', p.prevalence desc nulls last, p.ci_high desc nulls last, p.source
            limit {SOURCES}"""


def _cells(audit_id: str, label: str) -> str:
    """Words of the headline label by source and mode: by kind where kinds are known, else by data set."""
    here = f"audit_id = {quoted(audit_id)}"
    return f"""
            select p.dimension, p.source, p.source_2 as mode, p.prevalence * t.total * (1 - coalesce(t.unscored_share, 0)) as words,
              p.ci_low * t.total * (1 - coalesce(t.unscored_share, 0)) as low,
              p.ci_high * t.total * (1 - coalesce(t.unscored_share, 0)) as high, words / nullif(w.value, 0) as share,
              p.prevalence, p.ci_low, p.ci_high, p.bound, p.status
            from prevalence p
            join totals t using (audit_id, dimension, source, dimension_2, source_2, unit, basis),
              (select max(value) as value from measures where {here} and measure = 'count' and label = {label}
                and dimension = 'corpus' and unit = 'words' and basis = 'exposure') w
            where p.{here} and p.unit = 'words' and p.basis = 'exposure' and p.dimension_2 = 'mode' and p.label = {label}
              and p.dimension = coalesce((select max(dimension) from prevalence where {here} and dimension_2 = 'mode'
                and dimension = 'kind' and source <> ''), 'dataset')
            order by p.source, p.source_2"""


def _changes(root: Root, audit: Mapping[str, Any], dimensions: list[str]) -> tuple[Figure, str]:
    """Differences of the headline from the audit of this name before, the surest first; or why there are none."""
    named = [a for a in root.audits() if a["name"] == audit["name"]]
    at = [a["audit_id"] for a in named].index(audit["audit_id"])
    none = Figure(pl.DataFrame(), "")
    if at == 0:
        return none, ""
    before = named[at - 1]
    try:
        rows = audits.comparison(root, before, audit)
    except CorpusAuditError as error:
        return none, str(error)
    rows = rows.filter(
        pl.col("dimension").is_in(dimensions),
        label=audit["headline"],
        unit="passages",
        basis="exposure",
        dimension_2="",
    )
    rows = rows.sort(
        pl.col("dimension") != "corpus",
        "q_value",
        pl.col("value").abs(),
        descending=[False, False, True],
        nulls_last=True,
    )
    made_by = f"corpus-audit compare {before['audit_id']} {audit['audit_id']}"
    return Figure(rows.head(40), made_by), ""
