"""What the report shows, as frames asked of the database: each with the query that made it, so that a reader can ask again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from corpus_tools.audit import failed_said, sampled_said
from corpus_tools.clauses import clauses, telling
from corpus_tools.errors import RootError
from corpus_tools.root import Root
from corpus_tools.warehouse import query

FLAGGED = 60
"""Passages shown for reading."""


@dataclass(frozen=True)
class Figure:
    """One frame and the SQL that gives it."""

    rows: pl.DataFrame
    sql: str


@dataclass(frozen=True)
class Figures:
    """Everything on the page."""

    audit: dict[str, Any]
    sampled: list[str]  # 'web: 5 of 40 shards …'
    failed: list[str]  # a line for each shard that failed or breaks off
    headline: dict[str, Any]
    parts: Figure  # seen, missed, recall of the headline
    sources: dict[str, Figure]  # dimension -> prevalence with interval, and share
    modes: Figure  # source x mode
    balance: Figure
    outcomes: Figure
    labels: Figure  # every label over the corpus
    years: Figure
    rounds: Figure
    shards: Figure
    rejects: Figure
    flagged: list[dict[str, Any]]
    flagged_sql: str


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def figures(root: Root, audit_id: str) -> Figures:
    """Asks everything of one audit. Raises RootError where the audit is not in the database."""
    audit = root.read_json("audits", audit_id, "audit.json")
    if audit is None:
        raise RootError(f"no audit {audit_id!r}", where=root.uri)
    label = _quoted(audit["headline"])
    here = f"audit_id = {_quoted(audit_id)}"
    plain = f"{here} and unit = 'passages' and basis = 'exposure' and dimension_2 = ''"

    def ask(sql: str) -> Figure:
        sql = " ".join(sql.split())
        return Figure(query(root, sql), sql)

    headline = ask(f"select * from prevalence where {plain} and label = {label} and dimension = 'corpus'")
    sizes = ask(f"""
        select max(total) filter (unit = 'documents') as documents, max(total) filter (unit = 'words') as words,
          max(total) filter (unit = 'passages') as passages
        from totals where {here} and dimension = 'corpus' and basis = 'exposure'""")

    def by(dimension: str) -> Figure:
        return ask(f"""
            select p.source, p.prevalence, p.ci_low, p.ci_high, p.bound, p.spread, p.status, p.n_scored, p.n_labelled, t.total as passages,
              s.value as share, s.low as share_low, s.high as share_high, r.low as rank_low, r.high as rank_high, q.q_value
            from prevalence p
            left join totals t using (audit_id, dimension, source, dimension_2, source_2, unit, basis)
            left join (select * from measures where measure = 'share' and unit = 'words' and basis = 'exposure') s
              on s.audit_id = p.audit_id and s.dimension = p.dimension and s.source = p.source and s.dimension_2 = '' and s.label = p.label
            left join (select * from measures where measure = 'rank' and unit = 'passages' and basis = 'exposure') r
              on r.audit_id = p.audit_id and r.dimension = p.dimension and r.source = p.source and r.dimension_2 = '' and r.label = p.label
            left join (select * from measures where measure = 'lift' and unit = 'passages' and basis = 'exposure') q
              on q.audit_id = p.audit_id and q.dimension = p.dimension and q.source = p.source and q.dimension_2 = '' and q.label = p.label
            where p.{here} and p.unit = 'passages' and p.basis = 'exposure' and p.dimension_2 = '' and p.label = {label}
              and p.dimension = {_quoted(dimension)}
            order by p.prevalence desc nulls last, p.ci_high desc nulls last, p.source""")

    def measure(name: str, where: str = "") -> Figure:
        return ask(f"""select dimension, source, label, against, value, low, high, status, method from measures
            where {plain} and measure = {_quoted(name)} {where} order by dimension, source, label""")

    flagged_sql, flagged = _flagged(root, audit)
    further = [
        d for d in audit["dimensions"] if d not in ("corpus", "dataset", "domain", "year", "language", "mode", "kind")
    ]
    return Figures(
        audit=audit,
        sampled=sampled_said(audit),
        failed=failed_said(audit),
        headline={**(headline.rows.to_dicts() or [{}])[0], **sizes.rows.to_dicts()[0], "sql": headline.sql},
        parts=ask(f"""select label, measure, value, low, high, status, method from measures
            where {plain} and dimension = 'corpus' and label = {label}
              and measure in ('seen', 'missed', 'recall', 'count') order by measure"""),
        sources={d: by(d) for d in ("kind", "dataset", "domain", "mode", *further)},
        modes=ask(f"""select source, source_2 as mode, prevalence, ci_low, ci_high, bound, status, n_labelled from prevalence
            where {here} and unit = 'passages' and basis = 'exposure' and dimension_2 = 'mode' and label = {label}
              and dimension = coalesce((select max(dimension) from prevalence where {here} and dimension_2 = 'mode'
                and dimension = 'kind' and source <> ''), 'dataset')
            order by source, mode"""),
        balance=measure("balance"),
        outcomes=measure("outcome", "and dimension = 'corpus'"),
        labels=ask(f"""select label, prevalence, ci_low, ci_high, bound, spread, status, n_labelled, method from prevalence
            where {plain} and dimension = 'corpus' order by prevalence desc nulls last"""),
        years=ask(f"""select source as year, prevalence, ci_low, ci_high, bound, status from prevalence
            where {plain} and label = {label} and dimension = 'year' and source <> '' order by source"""),
        rounds=ask("""select round, role, annotator, count(distinct content) as passages
            from labels group by all order by round, annotator"""),
        shards=ask(f"""select dataset, status, count(*) as shards, sum(bytes) as bytes
            from shards where {here} group by all order by dataset, status"""),
        rejects=ask(f"""select s.dataset, r.fate, r.reason, sum(r.records) as records,
              any_value(s.address || ' ' || r.place) as example
            from rejects r join shards s using (shard_id) where s.{here} group by all order by records desc, reason"""),
        flagged=flagged,
        flagged_sql=flagged_sql,
    )


def _flagged(root: Root, audit: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    sql = " ".join(
        f"""select passage_id, text, terms, score, domain, dataset, year, url from flagged_passages
        where audit_id = {_quoted(audit["audit_id"])} and text is not null
        qualify row_number() over (partition by content order by passage_id) = 1
        order by score desc, passage_id limit {FLAGGED}""".split()
    )
    rows = query(root, sql).to_dicts()
    for row, found in zip(rows, clauses([r["text"] for r in rows]), strict=True):
        row["clauses"] = telling(found, row["terms"] or [])
    return sql, rows
