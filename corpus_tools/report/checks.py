"""How far an audit can be trusted: what the gate sees, what scores mean, who labelled, whether the books balance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

import polars as pl

from corpus_tools import audit as audits
from corpus_tools.estimate.reliability import reliability
from corpus_tools.labels import agreement
from corpus_tools.pack import Pack
from corpus_tools.report.asked import Figure, quoted
from corpus_tools.root import Root
from corpus_tools.warehouse import Ask


@dataclass(frozen=True)
class Checks:
    """Figures of the section on trust."""

    parts: Figure  # seen, missed, recall of the gate and of the classifier
    calibration: Figure  # by bins of the score: mean score, share labelled yes
    statuses: Figure
    rounds: Figure
    agreement: Figure
    books: Figure
    broken: Figure  # failed and partial shards
    rejects: Figure
    copies: Figure


def checks(root: Root, audit: Mapping[str, Any], pack: Pack, answer: Ask) -> Checks:
    """Asks what speaks for and against an audit's figures."""
    label, here = quoted(audit["headline"]), f"audit_id = {quoted(audit['audit_id'])}"
    plain = f"{here} and unit = 'passages' and basis = 'exposure' and dimension_2 = ''"
    used = [r.name for r in audits.usable_rounds(root, audit)]

    def ask(sql: str) -> Figure:
        sql = dedent(sql).strip()
        return Figure(answer(sql), sql)

    rounds = ask("""
        select r.round, r.role, l.annotator, r.drawn, count(distinct l.content) as labelled
        from rounds r left join labels l using (round) group by all order by r.round, l.annotator""")
    return Checks(
        parts=ask(f"""
            select measure, against, value, low, high, status, method from measures
            where {plain} and dimension = 'corpus' and label = {label} and measure in ('count', 'seen', 'missed', 'recall')
            order by list_position(['count', 'seen', 'missed', 'recall'], measure), against"""),
        calibration=_calibration(answer, audit, used),
        statuses=ask(f"""
            select dimension, count(*) filter (status = 'calibrated') as calibrated, count(*) filter (status = 'pooled') as pooled,
              count(*) filter (status = 'uncalibrated') as uncalibrated
            from prevalence where {plain} and label = {label} group by dimension order by dimension <> 'corpus', dimension"""),
        rounds=Figure(rounds.rows.with_columns(used=pl.col("round").is_in(used)), rounds.made_by),
        agreement=_agreement(root, audit, pack, rounds.rows),
        books=ask(f"""
            select s.dataset, count(*) filter (s.status <> 'failed') as taken, any_value(a.sampled[s.dataset][2]) as there,
              count(*) filter (s.status = 'failed') as failed_shards, count(*) filter (s.status = 'partial') as partial_shards,
              sum(s.bytes)::bigint as bytes, sum(s.records_read)::bigint as read, sum(s.records_kept)::bigint as kept,
              sum(s.records_empty)::bigint as empty,
              sum(s.records_rejected)::bigint as rejected, sum(s.records_failed)::bigint as failed
            from shards s join audits a using (audit_id) where s.{here} group by s.dataset order by s.dataset"""),
        broken=ask(f"""
            select dataset, address, status, coalesce(nullif(error, ''), unread) as told from shards
            where {here} and status <> 'done' order by status, dataset, address limit 50"""),
        rejects=ask(f"""
            select s.dataset, r.fate, r.reason, sum(r.records)::bigint as records, any_value(s.address || ', ' || r.place) as example
            from rejects r join shards s using (scan_id, shard_id) where s.{here}
            group by all order by records desc, s.dataset, r.reason limit 100"""),
        copies=ask(f"select repeated_ids, repeated_documents from audits where {here}"),
    )


def _calibration(answer: Ask, audit: Mapping[str, Any], used: list[str]) -> Figure:
    """The labels that correct, each with its score and the passages that it stands for -> estimate.reliability."""
    here, label = quoted(audit["audit_id"]), quoted(audit["headline"])
    named = ", ".join(map(quoted, used)) or "''"
    sql = dedent(f"""
        with told as (
          select content, round, avg(value::int) as value, any_value(probability) as probability from labels
          where round in ({named}) and label = {label} group by content, round),
        stands as (
          select content, sum(weight) as weight, min(passage_id) as passage_id from audit_passages
          where audit_id = {here} and drawn and content in (select content from told) group by content)
        select s.score, t.value, w.weight / t.probability as weight
        from told t join stands w using (content)
        join (select passage_id, score from label_scores
          where classifier_id = {quoted(audit["classifier_id"])} and scan_id = {quoted(audit["scan_id"])} and label = {label}) s
          on s.passage_id = w.passage_id
        order by all""").strip()
    rows = answer(sql)
    found = reliability(rows["score"], rows["value"], rows["weight"])
    return Figure(found, f"{sql}\n-- then corpus_tools.estimate.reliability over its rows")


def _agreement(root: Root, audit: Mapping[str, Any], pack: Pack, rounds: pl.DataFrame) -> Figure:
    """Kappa of the headline label, in rounds with two annotators or more who read the same passages."""
    many = rounds.group_by("round").agg(pl.col("annotator").n_unique()).filter(pl.col("annotator") > 1)["round"].sort()
    parts = []
    for name in many:
        rows = agreement(root, name, pack).filter(label=audit["headline"])
        parts.append(rows.with_columns(round=pl.lit(name)))
    made_by = "\n".join(f"corpus-audit label agreement --round {name}" for name in many)
    return Figure(pl.concat(parts) if parts else pl.DataFrame(), made_by)
