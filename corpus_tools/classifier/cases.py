"""Scores of hard cases -> which pass: texts written to turn on one rule each, and judged on what that rule decides, nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from corpus_tools.classifier.annotations import true_labels
from corpus_tools.errors import LabelError
from corpus_tools.pack import Pack


def checks(
    cases: Sequence[Mapping[str, Any]], scores: pl.DataFrame, pack: Pack, threshold: float = 0.5
) -> pl.DataFrame:
    """Cases [n] (annotations with `case`, and `at_stake`: names with spaces between) and their scores [n] ->
    case, passage_id, at_stake, wanted, found, passes.

    One row for each thing at stake: a label, which must be on the right side of `threshold`; or an exclusive group, whose most probable
    value must be the right one. Raises LabelError for a name that is neither.
    """
    rows = []
    for case, row in zip(cases, scores.iter_rows(named=True), strict=True):
        true = true_labels(case, pack, str(case["passage_id"]))
        for name in str(case["at_stake"]).split():
            if name in pack.groups:
                members = pack.groups[name]
                wanted, found = (
                    max(members, key=value.__getitem__) for value in ({m: m in true for m in members}, row)
                )
            elif name in pack.labels:
                wanted, found = (name if yes else f"not {name}" for yes in (name in true, row[name] >= threshold))
            else:
                raise LabelError(
                    f"{name!r} cannot be at stake",
                    where=str(case["passage_id"]),
                    expected="a label or a group of the pack",
                )
            rows.append((str(case["case"]), str(case["passage_id"]), name, wanted, found, wanted == found))
    columns = dict.fromkeys(("case", "passage_id", "at_stake", "wanted", "found"), pl.String)
    return pl.DataFrame(rows, schema={**columns, "passes": pl.Boolean}, orient="row")


def pass_rates(checked: pl.DataFrame) -> pl.DataFrame:
    """Checks -> case, texts, passed (texts that pass every check of theirs), checks, checks_passed; cases in their order."""
    texts = checked.group_by("case", "passage_id", maintain_order=True).agg(
        pl.col("passes").all().alias("passed"), pl.len().alias("checks"), pl.col("passes").sum().alias("checks_passed")
    )
    return texts.group_by("case", maintain_order=True).agg(
        pl.len().alias("texts"), pl.col("passed", "checks", "checks_passed").sum()
    )
