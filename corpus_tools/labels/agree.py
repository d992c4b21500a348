"""Do annotators of a round agree: Cohen's kappa by label and pair."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from corpus_tools.errors import LabelError
from corpus_tools.labels.rounds import read_round
from corpus_tools.pack import Pack
from corpus_tools.root import Root


def agreement(root: Root, name: str, pack: Pack) -> pl.DataFrame:
    """Annotators of a round by pairs -> label, annotator_1, annotator_2, passages, both (said yes), agree (share),
    kappa (Cohen 1960; null where it is undefined: both said the same of every passage). Raises LabelError without a pair."""
    _, drawn = read_round(root, name)
    long = drawn.explode("labels").filter(pl.col("labels").is_not_null()).unnest("labels")
    pairs = long.join(long, on=["content", "label"], suffix="_2").filter(pl.col("annotator") < pl.col("annotator_2"))
    if not len(pairs):
        who = long["annotator"].unique().sort().to_list()
        raise LabelError(
            f"the round {name!r} has no passage labelled by two annotators",
            expected=f"two; there is {' and '.join(who) or 'none yet'}" + (", on different passages" if len(who) > 1 else ""),
            todo="Import a second annotator's file under another --annotator.",
        )  # fmt: skip
    return cohen_kappa(pairs, pack.labels)


def cohen_kappa(pairs: pl.DataFrame, labels: Sequence[str]) -> pl.DataFrame:
    """Pairs (label, annotator, annotator_2, value, value_2) -> agreement and Cohen's kappa by label and pair of annotators."""
    a, b = pl.col("value").cast(pl.Float64), pl.col("value_2").cast(pl.Float64)
    chance = a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
    agree = (a == b).mean()
    out = pairs.group_by("label", "annotator", "annotator_2").agg(
        pl.len().alias("passages"),
        (a * b).sum().cast(pl.Int64).alias("both"),
        agree.alias("agree"),
        pl.when(chance < 1).then((agree - chance) / (1 - chance)).alias("kappa"),
    )
    order = pl.Enum(list(labels))
    return out.rename({"annotator": "annotator_1"}).sort(pl.col("label").cast(order), "annotator_1", "annotator_2")
