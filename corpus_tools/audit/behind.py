"""What stands behind an audit's figures: the passages that move them, the audit before, the labels that a width takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from corpus_tools.audit.estimates import card_of, usable_rounds
from corpus_tools.audit.passages import scored_passages
from corpus_tools.errors import RootError, no_such
from corpus_tools.estimate import Audited, compare, labels_needed, why, why_each
from corpus_tools.estimate.reckon import TRAINED_AT
from corpus_tools.labels import labels_table
from corpus_tools.pack import Pack
from corpus_tools.root import Root


def why_number(
    root: Root,
    audit: Mapping[str, Any],
    pack: Pack,
    source: str,
    *,
    dimension: str = "",
    label: str = "",
    size: int = 20,
) -> pl.DataFrame:
    """The passages that move a source's figure most (estimate.why), with their texts.

    `dimension` is the first that has such a source, where it is not named. Raises RootError where none has, UsageError
    for an unknown label or dimension.
    """
    label = pack.known_label(label)
    passages = scored_passages(root, audit, pack, labels=[label], texts=True)
    plain = [d for d in audit["dimensions"] if d in passages.columns]
    if dimension and dimension not in plain:
        raise no_such("dimension", dimension, plain)
    found = [d for d in plain if dimension in ("", d) and source in passages[d].cast(pl.String).unique().to_list()]
    if source != "all" and not found:
        raise RootError(
            f"no source {source!r} in {dimension or 'any dimension'}", expected=f"a value of {', '.join(plain)}, or all"
        )
    rows = why(
        passages.drop("text", "terms", "url"),
        labels_table(root, [r.name for r in usable_rounds(root, audit)]),
        label,
        dimension="corpus" if source == "all" else found[0],
        source=source,
        trained_at=card_of(root, audit).get("base_rates", {}).get(label, TRAINED_AT),
        size=size,
    )
    return rows.join(passages.select("passage_id", "text"), on="passage_id", how="left", maintain_order="left")


def why_numbers(
    root: Root,
    audit: Mapping[str, Any],
    pack: Pack,
    wanted: Mapping[str, Mapping[str, Sequence[str]]],
    *,
    most: int = 4,
) -> pl.DataFrame:
    """label -> dimension -> sources; the passages that move each figure most (estimate.why_each), with the column `label`; no texts.

    Sources of which no passage was scored are left out.
    """
    passages = scored_passages(root, audit, pack, labels=wanted)
    labels = labels_table(root, [r.name for r in usable_rounds(root, audit)])
    rates = card_of(root, audit).get("base_rates", {})
    scored = passages.filter("drawn")
    parts = []
    for label, by in wanted.items():
        there = scored.filter(pl.col(label).is_not_null()) if label in scored.columns else scored.clear()
        known = {
            dimension: [s for s in sources if dimension == "corpus" or s in set(there[dimension].cast(pl.String))]
            for dimension, sources in by.items()
            if dimension == "corpus" or dimension in there.columns
        }
        if len(there) and any(known.values()):
            rows = why_each(passages, labels, label, known, trained_at=rates.get(label, TRAINED_AT), most=most)
            parts.append(rows.with_columns(label=pl.lit(label)))
    return pl.concat(parts) if parts else pl.DataFrame()


def comparison(root: Root, before: Mapping[str, Any], after: Mapping[str, Any]) -> pl.DataFrame:
    """Two audits of a root -> rows of `measures` (difference). Raises CompareError where they cannot be compared."""

    def audited(audit: Mapping[str, Any]) -> Audited:
        table = root.estimates(audit["audit_id"], "prevalence")
        return Audited(table, audit["scan_id"], audit["classifier_id"])

    return compare(audited(before), audited(after))


@dataclass(frozen=True)
class LabelPlan:
    """What a half-width of the corpus figure would take."""

    needed: int  # labels
    labelled: int  # that there are
    half_width: float  # that they gave
    unlabelled: int  # candidates

    @property
    def more(self) -> int:
        """Labels to make: at most one for each unlabelled candidate."""
        return min(max(self.needed - self.labelled, 0), self.unlabelled)


def labels_wanted(root: Root, audit: Mapping[str, Any], pack: Pack, target: float, label: str = "") -> LabelPlan:
    """Labels that a relative half-width `target` of the corpus figure would take.

    Raises UsageError for an unknown label, Stop where it lies below what labels cannot narrow (the model of what the gate misses),
    RootError before any interval.
    """
    label = pack.known_label(label)
    table = root.estimates(audit["audit_id"], "prevalence")
    rows = table.filter(label=label, dimension="corpus", unit="passages", basis="exposure").to_dicts()
    if not rows or rows[0]["ci_high"] is None or not rows[0]["prevalence"]:
        raise RootError(
            "no interval yet to plan from",
            todo="Label a first round of 300 passages or more: corpus-audit label sample.",
        )
    now = (rows[0]["ci_high"] - rows[0]["ci_low"]) / 2 / rows[0]["prevalence"]
    parts = root.estimates(audit["audit_id"], "measures").filter(
        label=label, dimension="corpus", unit="passages", basis="exposure", against=""
    )
    found = {r["measure"]: r for r in parts.iter_rows(named=True)}
    fixed = 0.0
    if "missed" in found and found["count"]["value"]:  # what the gate misses: no number of labels narrows it much
        fixed = min((found["missed"]["high"] - found["missed"]["low"]) / 2 / found["count"]["value"], now)
    labels = labels_table(root, [r.name for r in usable_rounds(root, audit)]).filter(label=label)
    candidates = scored_passages(root, audit, pack, labels=[label]).filter("drawn", pl.col(label).is_not_null())
    unlabelled = candidates.filter(~pl.col("content").is_in(labels["content"].implode()))["content"].n_unique()
    n = rows[0]["n_labelled"]
    return LabelPlan(labels_needed(now, n, target, fixed), n, now, unlabelled)
