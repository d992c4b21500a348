"""The passages behind the figures: those that score highest, and those that move a figure most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

from corpus_tools import audit as audits
from corpus_tools.clauses import clauses, telling
from corpus_tools.pack import Pack
from corpus_tools.report.asked import named, quoted
from corpus_tools.root import Root
from corpus_tools.warehouse import Ask

FLAGGED = 60
"""Passages with the highest score that are shown."""
MOVED = 10
"""Sources of a dimension for which the passages that move them are shown."""
MOVERS = 4
"""Passages for each of these."""
ALL_LABELS = 200_000
"""Candidates up to which the passages behind every label are looked up, not behind the headline's alone: a few seconds each above."""

Group = tuple[str, str, str]
"""label, dimension, source: one figure."""


@dataclass(frozen=True)
class Reading:
    """passages: by content, in the order shown. groups: figure -> rows of estimate.why_each, what moves it most first."""

    passages: dict[str, dict[str, Any]]
    groups: dict[Group, list[dict[str, Any]]]
    flagged: int  # of them, over the threshold
    kept: bool  # whether texts are kept at all
    sql: str


def reading(
    root: Root, audit: Mapping[str, Any], pack: Pack, answer: Ask, sources: Mapping[str, Sequence[str]]
) -> Reading:
    """dimension -> its sources in the order shown -> passages to read, each once, and the figures that each moves."""
    groups = _movers(root, audit, pack, answer, sources)
    flagged = answer(_flagged(audit))["content"].to_list()
    wanted = list(dict.fromkeys([*flagged, *(row["content"] for rows in groups.values() for row in rows)]))
    sql = _passages(audit, pack, wanted)
    found = {row["content"]: row for row in answer(sql).to_dicts()} if wanted else {}
    kinds = {**pack.kinds, **audit["kinds"]}
    for row, said in zip(found.values(), clauses([r["text"] for r in found.values()]), strict=True):
        row["clauses"] = telling(said, row["terms"] or [])
        scores = {mode: row.pop(f"mode {mode}") for mode in pack.modes}
        row["kind"] = kinds.get(row["domain"]) or kinds.get(row["dataset"]) or ""
        row["mode"] = max(scores, key=lambda m: scores[m] or 0.0) if scores else ""
    shown = sorted(found.values(), key=lambda r: (-(r["score"] or 0.0), r["passage_id"]))
    return Reading(
        passages={row["content"]: row for row in shown},
        groups=groups,
        flagged=len(flagged),
        kept=bool(found) or not wanted,
        sql=_passages(audit, pack, ["…"]),
    )


def _movers(
    root: Root, audit: Mapping[str, Any], pack: Pack, answer: Ask, sources: Mapping[str, Sequence[str]]
) -> dict[Group, Any]:
    asked: dict[str, dict[str, list[str]]] = {
        audit["headline"]: {"corpus": ["all"], **{d: list(s)[:MOVED] for d, s in sources.items()}}
    }
    sql = f"select sum(candidates)::bigint as n from shards where audit_id = {quoted(audit['audit_id'])}"
    candidates = answer(sql)["n"][0]
    if (candidates or 0) <= ALL_LABELS:
        asked |= {label: {"corpus": ["all"]} for label in pack.labels if label not in asked}
    rows = audits.why_numbers(root, audit, pack, asked, most=MOVERS)
    out: dict[Group, Any] = {}
    for row in rows.to_dicts():
        out.setdefault((row["label"], row["dimension"], row["source"]), []).append(row)
    return out


def _flagged(audit: Mapping[str, Any]) -> str:
    return f"""select content, max(score) as score from flagged_passages
        where audit_id = {quoted(audit["audit_id"])} and text is not null
        group by content order by score desc, content limit {FLAGGED}"""


def _passages(audit: Mapping[str, Any], pack: Pack, contents: Sequence[str]) -> str:
    """One row per content: its first passage, its scores, how many copies it has and how many passages it stands for, its label."""
    here, headline = quoted(audit["audit_id"]), audit["headline"]
    modes = "".join(f", s.{named(column)} as {named(f'mode {mode}')}" for mode, column in pack.modes.items())
    return dedent(f"""
        with mine as (
          select content, passage_id, shard_id, dataset, domain, year, stratum, terms, text, url, n_words,
            count(*) over same as copies, sum(weight) over same as weight
          from audit_passages where audit_id = {here} and drawn and content in ({", ".join(map(quoted, contents))})
          window same as (partition by content)
          qualify row_number() over (partition by content order by passage_id) = 1),
        told as (
          select content, avg(value::int) as value, string_agg(distinct annotator, ', ' order by annotator) as labelled_by
          from labels where label = {quoted(headline)} and role = 'estimate' group by content)
        select m.* exclude (shard_id), s.{named(headline)} as score, t.value, t.labelled_by{modes}
        from mine m
        join scores s on s.classifier_id = {quoted(audit["classifier_id"])} and s.scan_id = {quoted(audit["scan_id"])}
          and s.shard_id = m.shard_id and s.passage_id = m.passage_id
        left join told t on t.content = m.content
        where m.text is not null order by score desc nulls last, m.passage_id""").strip()
