"""The passages that move a number, as a label round: drawn by how much they move it, with known probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from corpus_tools.audit import done_shards, scored_passages, why_number
from corpus_tools.labels import check_new, create_round, draw_round
from corpus_tools.pack import Pack
from corpus_tools.root import Root
from corpus_tools.rounds import LISTED_ELSEWHERE, Drawn, with_texts

ELSEWHERE = 0.2  # share of a listed round that is spread evenly over all candidates


def listed_round(
    root: Root,
    audit: Mapping[str, Any],
    pack: Pack,
    source: str,
    *,
    name: str,
    size: int,
    dimension: str = "",
    label: str = "",
) -> Drawn:
    """Draws a round of about `size` passages, most of them those that move the source's figure, and writes it.

    Every candidate of the audit has a rate above 0, else the round would say nothing of the others: a fifth of it is spread evenly.
    The rates rest on scores and on labels of earlier rounds, never on its own. Texts that the root does not keep whole are read
    again. Raises RootError, LabelError and UsageError; nothing is written then.
    """
    check_new(root, name, "estimate")
    seed, label = audit["seed"], pack.known_label(label)
    wanted = max(round(size * (1 - ELSEWHERE)), 1)
    rows = why_number(root, audit, pack, source, dimension=dimension, label=label, size=wanted).select(
        "content", "rate"
    )
    candidates = scored_passages(root, audit, pack, labels=[label], texts=True).filter(pl.col(label).is_not_null())
    first = candidates.unique("content", keep="first", maintain_order=True)
    even = min(size * ELSEWHERE / first.height, 1.0)
    rule = (
        first.select("content")
        .join(rows, on="content", how="left", maintain_order="left")
        .with_columns(probability=pl.max_horizontal(pl.col("rate").fill_null(0.0), pl.lit(even)))
        .with_columns(
            cell=pl.when(pl.col("rate") > even).then(pl.lit(f"listed|{source}")).otherwise(pl.lit(LISTED_ELSEWHERE))
        )
    )
    drawn = draw_round(rule.select("content", "cell", "probability"), name, seed)
    drawn = with_texts(root, audit, candidates, drawn, "passages")
    cells = rule.group_by("cell", maintain_order=True).agg(
        pl.col("probability").min().alias("rate"),
        pl.len().alias("contents"),
        pl.col("probability").sum().alias("expected"),
    )
    create_round(
        root,
        {
            "round": name, "role": "estimate", "of": "passages", "audit_id": audit["audit_id"], "scan_id": audit["scan_id"],
            "classifier_id": audit["classifier_id"], "shards": done_shards(audit), "seed": seed, "size": size, "label": label,
            "by": "", "listed": {"source": source, "dimension": dimension, "elsewhere": even}, "cells": cells.to_dicts(),
        },
        drawn,
    )  # fmt: skip
    return Drawn(name, drawn, float(rule["probability"].sum()))
