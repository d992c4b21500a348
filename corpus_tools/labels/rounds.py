"""Rounds in the root: a rule, what it drew batch by batch, and the labels as they arrive; rounds -> what the estimates take.

A round is drawn once, and topped up by its own rule for shards that arrive later: the same name and seed give every content the
same random number, so a top-up is what the rule would have drawn had the shards been there. Each draw is a *batch*.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import polars as pl
import pyarrow as pa

from corpus_tools.classifier.annotations import text_sha256
from corpus_tools.errors import LabelError, no_such
from corpus_tools.root import Root
from corpus_tools.sampling import draw
from corpus_tools.tables import DOCUMENT_LABELS, LABELS, ROUND

ROLES = ("estimate", "train")
UNITS = ("passages", "documents")
ENOUGH = 0.5
"""Share of a top-up's passages that must be answered before it counts."""
_RAISED = pl.List(pl.Struct({"batch": pl.Int32, "probability": pl.Float64}))
_GIVEN = pl.List(pl.Struct({"annotator": pl.String, "label": pl.String, "value": pl.Boolean}))
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")


def draw_round(probabilities: pl.DataFrame, name: str, seed: int) -> pl.DataFrame:
    """Contents with the rule's rate (content, cell, probability) -> those drawn. The same rule, name and seed draw the same."""
    ordered = probabilities.sort("content")
    inside = draw(f"label:{name}", ordered["content"].to_list(), seed, ordered["probability"].to_list())
    return ordered.filter(pl.Series(inside))


def check_new(root: Root, name: str, role: str) -> None:
    """Raises LabelError where a round cannot be called so or the name is taken, UsageError where there is no such role."""
    if not _NAME.fullmatch(name):
        raise LabelError(f"a round cannot be called {name!r}", expected="small letters, digits, - and _, 41 at most")
    if role not in ROLES:
        raise no_such("role", role, ROLES)
    if name in round_names(root):
        raise LabelError(
            f"the round {name!r} exists",
            where=root.uri,
            todo="A round is never drawn again: choose another name, or --new to top it up.",
        )


def create_round(root: Root, rule: Mapping[str, Any], drawn: pl.DataFrame) -> None:
    """Writes a new round: its rule, and the drawn passages (content, passage_id, text, cell, probability) without their texts.

    `rule`: round, role, audit_id, scan_id, classifier_id, shards, seed, cells, label, of. A round of documents has every passage of
    a drawn document, with its content in `document`, and the document's probability. Raises LabelError if the name is taken.
    """
    name = str(rule["round"])
    check_new(root, name, rule["role"])
    batch = {"audit_id": rule.get("audit_id", ""), "shards": list(rule.get("shards", [])), "drawn": _units(drawn, rule)}
    root.write_table(_table(_rows(drawn, 0)), "rounds", f"{name}.parquet")
    root.write_json({"of": "passages", **rule, "batches": [batch], "drawn": len(drawn)}, "rounds", f"{name}.json")


def add_batch(
    root: Root, name: str, audit_id: str, shards: Sequence[str], drawn: pl.DataFrame, raised: Mapping[str, float]
) -> None:
    """A top-up: adds what the round's rule draws now that `shards` are there. `raised`: content (or document) drawn before ->
    its probability now that copies lie in new shards, where it is higher."""
    rule, before = read_round(root, name)
    number = len(rule["batches"])
    key = "document" if rule["of"] == "documents" else "content"
    lifted = [
        [*(given or []), *([{"batch": number, "probability": raised[c]}] if c in raised else [])]
        for c, given in before.select(key, "raised").iter_rows()
    ]
    before = before.with_columns(raised=pl.Series(lifted, dtype=before.schema["raised"]))
    root.write_table(pa.concat_tables([_table(before), _table(_rows(drawn, number))]), "rounds", f"{name}.parquet")
    batch = {"audit_id": audit_id, "shards": list(shards), "drawn": _units(drawn, rule)}
    added = {"batches": [*rule["batches"], batch], "shards": [*rule["shards"], *shards]}
    root.write_json({**rule, **added, "drawn": len(before) + len(drawn)}, "rounds", f"{name}.json")


def _units(drawn: pl.DataFrame, rule: Mapping[str, Any]) -> int:
    return int(drawn["document"].n_unique()) if rule.get("of") == "documents" else len(drawn)


def _rows(drawn: pl.DataFrame, batch: int) -> pl.DataFrame:
    return drawn.select(
        "content",
        "passage_id",
        sha256=pl.Series([text_sha256(text) for text in drawn["text"]], dtype=pl.String),
        cell="cell",
        probability="probability",
        document="document" if "document" in drawn.columns else pl.lit(None, pl.String),
        batch=pl.lit(batch, pl.Int32),
        raised=pl.Series([[]] * len(drawn), dtype=_RAISED),
        labels=pl.Series([[]] * len(drawn), dtype=_GIVEN),
    )


def _table(rows: pl.DataFrame) -> pa.Table:
    return pa.Table.from_pydict({name: rows[name].to_list() for name in ROUND.names}, schema=ROUND)


def write_labels(root: Root, name: str, drawn: pl.DataFrame, labels: Sequence[Sequence[Mapping[str, Any]]]) -> None:
    """Replaces the labels of a round's passages, in their order."""
    table = _table(drawn.with_columns(labels=pl.Series([list(given) for given in labels], dtype=_GIVEN)))
    rule = root.read_json("rounds", f"{name}.json")
    root.write_table(table, "rounds", f"{name}.parquet")
    root.write_json({**rule, "labelled": sum(bool(given) for given in labels)}, "rounds", f"{name}.json")


def round_names(root: Root) -> list[str]:
    """Names of the root's rounds, sorted."""
    return [name.removesuffix(".json") for name in root.names("rounds") if name.endswith(".json")]


def read_round(root: Root, name: str) -> tuple[dict[str, Any], pl.DataFrame]:
    """A round's rule and its drawn passages. Raises LabelError with the rounds there are."""
    if name not in round_names(root):
        there = ", ".join(round_names(root)) or "none yet"
        raise LabelError(
            f"no round {name!r}",
            where=root.uri,
            expected=f"one of: {there}",
            todo="Draw one: corpus-audit label sample.",
        )
    rule = root.read_json("rounds", f"{name}.json")
    rule.setdefault("of", "passages")
    rule.setdefault("shards", [])
    rule.setdefault("batches", [{"audit_id": rule.get("audit_id", ""), "shards": rule["shards"]}])
    drawn = cast(pl.DataFrame, pl.from_arrow(root.read_table("rounds", f"{name}.parquet")))
    for column, value in (("document", pl.lit(None, pl.String)), ("batch", pl.lit(0, pl.Int32))):
        if column not in drawn.columns:
            drawn = drawn.with_columns(value.alias(column))
    if "raised" not in drawn.columns:
        drawn = drawn.with_columns(raised=pl.Series([[]] * len(drawn), dtype=_RAISED))
    return rule, drawn


@dataclass(frozen=True)
class Used:
    """What of a round serves the estimates: the batches that are answered, the shards that they cover, and what still waits."""

    name: str
    of: str
    first: frozenset[str]  # shards of the first batch
    shards: frozenset[str]  # of every batch in use
    batches: tuple[int, ...]
    drawn: int  # passages (or documents) of the batches in use
    answered: int
    waiting: int  # passages of later batches without an answer, where the batch is not in use
    wanted: int  # of them, answers until the batch counts


def used(rule: Mapping[str, Any], drawn: pl.DataFrame) -> Used:
    """A round -> what of it counts. The first batch counts with any answer, a top-up once half of it is answered."""
    units = _answered_units(rule, drawn)
    per = {b: (n, k) for b, n, k in units.group_by("batch").agg(pl.len(), pl.col("done").sum()).iter_rows()}
    numbers = range(len(rule["batches"]))
    inside = [b for b in numbers if (n := per.get(b, (0, 0)))[1] >= (ENOUGH * n[0] if b else min(n[0], 1))]
    outside = [per[b] for b in numbers if b not in inside and b in per]
    shards = [frozenset(batch["shards"]) for batch in rule["batches"]]
    return Used(
        name=str(rule["round"]),
        of=str(rule["of"]),
        first=shards[0],
        shards=frozenset().union(*(shards[b] for b in inside)),
        batches=tuple(inside),
        drawn=sum(per.get(b, (0, 0))[0] for b in inside),
        answered=sum(per.get(b, (0, 0))[1] for b in inside),
        waiting=sum(n - k for n, k in outside),
        wanted=sum(-int(-ENOUGH * n // 1) - k for n, k in outside),
    )


def _answered_units(rule: Mapping[str, Any], drawn: pl.DataFrame) -> pl.DataFrame:
    """One row per drawn content, or per drawn document: unit, batch, cell, done (every passage of it answered)."""
    key = "document" if rule["of"] == "documents" else "content"
    return drawn.group_by(key, maintain_order=True).agg(
        pl.col("batch").min(), pl.col("cell").first(), (pl.col("labels").list.len() > 0).all().alias("done")
    ).rename({key: "unit"})  # fmt: skip


def _with_probability(rule: Mapping[str, Any], drawn: pl.DataFrame) -> pl.DataFrame:
    """Drawn passages of the batches in use, with the probability that they count with.

    It is the highest rate of the batches in use, times the share of its cell's draw (in its batch) that is answered: unanswered
    passages are taken as left out by chance within a cell (weighting classes: Oh and Scheuren 1983).
    """
    batches = used(rule, drawn).batches
    key = "document" if rule["of"] == "documents" else "content"
    units = _answered_units(rule, drawn).with_columns(share=pl.col("done").mean().over("batch", "cell"))
    rows = drawn.filter(pl.col("batch").is_in(list(batches)))
    highest = [
        max([p, *(r["probability"] for r in raised or [] if r["batch"] in batches)])
        for p, raised in rows.select("probability", "raised").iter_rows()
    ]
    return (
        rows.with_columns(probability=pl.Series(highest, dtype=pl.Float64))
        .join(units.select(pl.col("unit").alias(key), "share", "done"), on=key, how="left", maintain_order="left")
        .with_columns(pl.col("probability") * pl.col("share"))
    )


def labels_table(root: Root, names: Sequence[str]) -> pl.DataFrame:
    """Rounds of passages -> tables.LABELS: one row per content, label and round; `value` is the annotators' mean."""
    return _means(root, names, "passages", ("content",), LABELS)


def document_labels(root: Root, names: Sequence[str]) -> pl.DataFrame:
    """Rounds of documents -> tables.DOCUMENT_LABELS: one row per passage, label and round, of documents answered whole."""
    return _means(root, names, "documents", ("document", "content"), DOCUMENT_LABELS)


def _means(root: Root, names: Sequence[str], of: str, keys: Sequence[str], schema: pa.Schema) -> pl.DataFrame:
    """Rounds of one unit -> the annotators' means by `keys`, label and round, as `schema` says."""
    parts = []
    for name in names:
        rule, drawn = read_round(root, name)
        if rule["of"] != of:
            continue
        told = _with_probability(rule, drawn)
        long = _long(told.filter("done") if of == "documents" else told)
        parts.append(
            long.group_by(*keys, "label", maintain_order=True)
            .agg(
                pl.col("value").cast(pl.Float64).mean(),
                pl.col("probability").first(),
                pl.col("annotator").unique().sort().str.join("+"),
            )
            .with_columns(round=pl.lit(name), role=pl.lit(rule["role"]))
            .select(schema.names)
        )
    empty = cast(pl.DataFrame, pl.from_arrow(schema.empty_table()))
    return pl.concat([empty, *parts], how="vertical_relaxed").sort("round", *keys, "label")


def _long(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.explode("labels").filter(pl.col("labels").is_not_null()).unnest("labels")


def shared_coverage(
    passages: pl.DataFrame, labels: pl.DataFrame, rounds: Sequence[Used]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Passages (+ shard_id) and labels -> passages (+ late, arrived), labels (+ round_share), where rounds do not cover every shard.

    late: in a shard that no round covers yet. arrived: in one that the oldest round did not begin with. round_share: the weight of
    a round among those that cover the content, in proportion to their labels: rounds that cover other shards say nothing here.
    """
    if not rounds:
        return passages, labels
    here = set(passages["shard_id"].unique().to_list())
    covered = frozenset().union(*(r.shards for r in rounds))
    if not here <= covered or not here <= rounds[0].first:
        passages = passages.with_columns(
            late=~pl.col("shard_id").is_in(list(covered)), arrived=~pl.col("shard_id").is_in(list(rounds[0].first))
        )
    if len({r.shards & here for r in rounds}) > 1:
        size = dict(labels.filter(label=labels["label"].first() or "").group_by("round").len().iter_rows())
        contents = passages.filter(pl.col("content").is_in(labels["content"].unique().implode()))
        parts = [
            contents.filter(pl.col("shard_id").is_in(list(r.shards))).select("content").unique()
            .with_columns(round=pl.lit(r.name), size=pl.lit(float(size.get(r.name, 0))))
            for r in rounds
        ]  # fmt: skip
        share = pl.concat(parts).with_columns(round_share=pl.col("size") / pl.col("size").sum().over("content"))
        labels = labels.join(
            share.drop("size"), on=["content", "round"], how="left", maintain_order="left"
        ).with_columns(pl.col("round_share").fill_null(1.0))
    return passages, labels
