"""An audit and the one before it -> what came of it: what is new, which differences stand the test, which shards failed since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from corpus_tools.audit import comparison
from corpus_tools.errors import CompareError
from corpus_tools.root import Root

LEVEL = 0.05
"""False discovery rate among the sources of one dimension (estimate.compare)."""

_KEY = ("dimension", "source")


@dataclass(frozen=True)
class Changes:
    """What came of an audit.

    `kind`: first (nothing to compare with) | unchanged | changed | untested (`why` says why: no intervals, or not comparable).
    `headline` and `headline_before`: the corpus's row of `prevalence`, None where there is none.
    `rows`: differences that stand, of the headline label, passages, copies counted, not crossed: dimension, source, before, after,
    value, low, high, q_value, status; the largest first. `tested`: how many differences had an interval.
    `added`, `gone`: shards that only one of the two has. `failed`: (data set/address, error) of shards that failed and had not
    before; `still_failed`: how many had.
    """

    audit: Mapping[str, Any]
    before: Mapping[str, Any] | None
    kind: str
    why: str
    headline: Mapping[str, Any] | None
    headline_before: Mapping[str, Any] | None
    rows: pl.DataFrame
    tested: int
    added: int
    gone: int
    failed: tuple[tuple[str, str], ...]
    still_failed: int

    @property
    def events(self) -> tuple[str, ...]:
        """What there is to tell, as the configuration's `notify.on` names it."""
        return (self.kind, "shards-failed") if self.failed else (self.kind,)


def last_audit(root: Root, there: Sequence[Mapping[str, Any]], after: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What to compare an audit with, of those that were `there` before its run, the latest last; None where there is nothing.

    The latest of the same scan and classifier, else the latest of any. An audit that was there already is compared with itself, and so
    unchanged, unless nobody was told of it: then its run broke off between its estimates and its end.
    """
    told = "changes.json" in root.names("audits", after["audit_id"])
    others = [a for a in there if told or a["audit_id"] != after["audit_id"]]
    alike = [a for a in others if all(a[key] == after[key] for key in ("scan_id", "classifier_id"))]
    found = alike or others
    return found[-1] if found else None


def changes(root: Root, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Changes:
    """Compares an audit with the one before it, as `last_audit` found that."""
    headline = _headline(root, after)
    ours, theirs = _standing(after), _standing(before) if before else set()
    failed_before = {_place(s) for s in before["shards"] if s["status"] == "failed"} if before else set()
    failed = {_place(s): str(s["error"]) for s in after["shards"] if s["status"] == "failed"}
    kind, why, rows, tested = _tested(root, before, after)
    return Changes(
        audit=after, before=before, kind=kind, why=why, headline=headline,
        headline_before=_headline(root, before) if before else None, rows=rows, tested=tested,
        added=len(ours - theirs), gone=len(theirs - ours),
        failed=tuple(sorted((place, error) for place, error in failed.items() if place not in failed_before)),
        still_failed=len(failed.keys() & failed_before),
    )  # fmt: skip


def _tested(
    root: Root, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> tuple[str, str, pl.DataFrame, int]:
    none = pl.DataFrame()
    if before is None:
        return "first", "there is no audit before it", none, 0
    if before["audit_id"] == after["audit_id"]:
        return "unchanged", "no shard is new: it is the same audit", none, 0
    try:
        rows = comparison(root, before, after)
    except CompareError as error:
        return "untested", f"{error.what}: such a difference may be the tool's, not the text's", none, 0
    rows = rows.filter(label=after["headline"], unit="passages", basis="exposure", dimension_2="")
    tested = rows.filter(pl.col("q_value").is_not_null())
    if tested.is_empty():
        return (
            "untested",
            "without labels no figure has an interval on both sides",
            none,
            0,
        )
    moved = tested.filter(pl.col("q_value") < LEVEL).sort(pl.col("value").abs(), descending=True, maintain_order=True)
    for name, audit in (("before", before), ("after", after)):
        figures = _prevalence(root, audit).select(*_KEY, pl.col("prevalence").alias(name))
        moved = moved.join(figures, on=list(_KEY), how="left", maintain_order="left")
    moved = moved.select(*_KEY, "before", "after", "value", "low", "high", "q_value", "status")
    return ("changed" if len(moved) else "unchanged"), "", moved, len(tested)


def _prevalence(root: Root, audit: Mapping[str, Any]) -> pl.DataFrame:
    table = root.estimates(audit["audit_id"], "prevalence")
    return table.filter(label=audit["headline"], unit="passages", basis="exposure", dimension_2="")


def _headline(root: Root, audit: Mapping[str, Any]) -> Mapping[str, Any] | None:
    rows = _prevalence(root, audit).filter(dimension="corpus").to_dicts()
    return rows[0] if rows else None


def _standing(audit: Mapping[str, Any]) -> set[str]:
    return {s["shard_id"] for s in audit["shards"] if s["status"] != "failed"}


def _place(shard: Mapping[str, Any]) -> str:
    return f"{shard['dataset']}/{shard['address']}"
