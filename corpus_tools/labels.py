"""Rounds of labels: which passages to label, out as files, answers back in, agreement. Tables in, tables out; no estimator.

A round is a rule (rates by cell) fixed before any of its labels is seen, what it drew, and the answers as they arrive.
Labels attach to content. Each round has a role: *estimate* corrects figures, *train* fits models, never both.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import polars as pl
import pyarrow as pa

from corpus_tools.classifier.annotations import read_jsonl, text_sha256, true_labels
from corpus_tools.errors import LabelError
from corpus_tools.pack import Pack
from corpus_tools.root import Root
from corpus_tools.sampling import draw
from corpus_tools.tables import LABELS, ROUND

ROLES = ("estimate", "train")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")


@dataclass(frozen=True)
class Imported:
    """What an import did: passages answered, and those set aside by reason."""

    answered: int
    set_aside: Mapping[str, int]


def draw_round(probabilities: pl.DataFrame, name: str, seed: int) -> pl.DataFrame:
    """Contents with the rule's rate (content, cell, probability) -> those drawn. The same rule, name and seed draw the same."""
    ordered = probabilities.sort("content")
    inside = draw(f"label:{name}", ordered["content"].to_list(), seed, ordered["probability"].to_list())
    return ordered.filter(pl.Series(inside))


def create_round(root: Root, rule: Mapping[str, Any], drawn: pl.DataFrame) -> None:
    """Writes a new round: its rule, and the drawn passages (content, passage_id, text, cell, probability) without their texts.

    `rule`: round, role, audit_id, scan_id, classifier_id, shards, seed, cells, label. Raises LabelError if the name is taken.
    """
    name, role = str(rule["round"]), rule["role"]
    if not _NAME.fullmatch(name):
        raise LabelError(f"a round cannot be called {name!r}", expected="small letters, digits, - and _, 41 at most")
    if role not in ROLES:
        raise LabelError(f"no role {role!r}", expected=f"one of {', '.join(ROLES)}")
    if name in round_names(root):
        raise LabelError(
            f"the round {name!r} exists", where=root.uri, todo="A round is never drawn again: choose another name."
        )
    table = pa.Table.from_pydict(
        {
            "content": drawn["content"].to_list(),
            "passage_id": drawn["passage_id"].to_list(),
            "sha256": [text_sha256(text) for text in drawn["text"]],
            "cell": drawn["cell"].to_list(),
            "probability": drawn["probability"].to_list(),
            "labels": [[] for _ in range(len(drawn))],
        },
        schema=ROUND,
    )
    root.write_table(table, "rounds", f"{name}.parquet")
    root.write_json({**rule, "drawn": len(drawn)}, "rounds", f"{name}.json")


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
    return rule, cast(pl.DataFrame, pl.from_arrow(root.read_table("rounds", f"{name}.parquet")))


def annotation_fields(pack: Pack) -> dict[str, str]:
    """Field of an annotation -> what may stand in it: one per exclusive group, one list of the rest, one per lone label."""
    derived = set(pack.derived)
    fields = {
        group: " | ".join(label.removeprefix(f"{group}_") for label in labels) for group, labels in pack.groups.items()
    }
    grouped = {label for labels in pack.groups.values() for label in labels}
    rest = [label for label in pack.labels if label not in grouped and label not in derived]
    lone = [label for label in rest if label == pack.outcome_of]
    fields["behaviours"] = "any of: " + ", ".join(label for label in rest if label not in lone)
    return fields | dict.fromkeys(lone, "true | false")


def export_round(drawn: pl.DataFrame, texts: Mapping[str, str], pack: Pack, form: str) -> bytes:
    """Drawn passages and their texts (content -> text) -> a file to fill in: `jsonl`, `csv` or `labelstudio` (tasks).

    Scores are not shown: an annotator who sees them is no longer blind.
    """
    fields = annotation_fields(pack)
    rows = [
        {"passage_id": p, "sha256": s, "text": texts.get(c, "")} | dict.fromkeys(fields, None)
        for c, p, s in drawn.select("content", "passage_id", "sha256").iter_rows()
    ]
    if form == "jsonl":
        return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    if form == "csv":
        out = io.StringIO()
        writer = csv.DictWriter(out, ["passage_id", "sha256", "text", *fields])
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue().encode()
    if form == "labelstudio":
        return json.dumps(
            [{"data": {k: r[k] for k in ("passage_id", "sha256", "text")}} for r in rows], ensure_ascii=False
        ).encode()
    raise LabelError(f"no format {form!r}", expected="jsonl, csv or labelstudio")


def read_answers(path: Path, pack: Pack) -> list[dict[str, Any]]:
    """A filled-in file (JSONL or CSV by its name, or a Label Studio export) -> annotations. Raises LabelError with line and reason."""
    if path.suffix == ".csv":
        try:
            rows: list[dict[str, Any]] = list(csv.DictReader(path.open(encoding="utf-8-sig", newline="")))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise LabelError(f"cannot be read: {error}", where=str(path)) from error
        return [_from_csv(row, pack) for row in rows]
    if path.suffix == ".json":
        try:
            tasks = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise LabelError(f"cannot be read: {error}", where=str(path)) from error
        return [_from_label_studio(task) for task in tasks]
    return read_jsonl(path)


def _from_csv(row: dict[str, Any], pack: Pack) -> dict[str, Any]:
    out: dict[str, Any] = dict(row)
    for field, value in row.items():
        text = (value or "").strip()
        if field in pack.labels:
            out[field] = text.lower() in ("true", "yes", "1")
        elif field in pack.groups:
            out[field] = text or None
        elif field == "behaviours":
            out[field] = None if value is None else [part for part in re.split(r"[,; ]+", text) if part]
    return out


def _from_label_studio(task: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = dict(task["data"])
    annotations = task.get("annotations") or [{}]
    for result in annotations[0].get("result", []):
        value = result["value"]
        chosen = value.get("choices", value.get("labels", []))
        field = result["from_name"]
        out[field] = (
            chosen if field == "behaviours" else chosen[0] == "true" if chosen[0] in ("true", "false") else chosen[0]
        )
    out.setdefault("behaviours", [])
    return out


def import_labels(root: Root, name: str, answers: Iterable[Mapping[str, Any]], pack: Pack, annotator: str) -> Imported:
    """Answers to a round -> its file; an annotator's earlier answer to the same passage is replaced.

    Set aside and counted: passages not in the round, texts that do not fit their hash, answers not filled in.
    Raises LabelError for an unknown label: nothing is written then.
    """
    rule, drawn = read_round(root, name)
    by_id = {p: (i, s) for i, (p, s) in enumerate(drawn.select("passage_id", "sha256").iter_rows())}
    labels: list[list[dict[str, Any]]] = [list(given or []) for given in drawn["labels"].to_list()]
    aside: Counter[str] = Counter()
    answered = 0
    for answer in answers:
        at = by_id.get(str(answer.get("passage_id")))
        if at is None:
            aside["not drawn by this round"] += 1
            continue
        if _differs(answer, at[1]):
            aside["text does not fit its hash"] += 1
            continue
        if not _filled(answer, pack):
            aside["not filled in"] += 1
            continue
        who = str(answer.get("annotator") or annotator)
        true = true_labels(answer, pack, f"passage {answer['passage_id']}")
        kept = [one for one in labels[at[0]] if one["annotator"] != who]
        labels[at[0]] = kept + [{"annotator": who, "label": label, "value": label in true} for label in pack.labels]
        answered += 1
    table = drawn.drop("labels").to_arrow().cast(pa.schema([f for f in ROUND if f.name != "labels"]))
    root.write_table(
        table.append_column(ROUND.field("labels"), pa.array(labels, ROUND.field("labels").type)),
        "rounds",
        f"{name}.parquet",
    )
    root.write_json({**rule, "labelled": sum(bool(given) for given in labels)}, "rounds", f"{name}.json")
    return Imported(answered, dict(aside))


def _differs(answer: Mapping[str, Any], sha256: str) -> bool:
    text = answer.get("text")
    given = answer.get("sha256")
    if given and given != sha256:
        return True
    return bool(text) and hashlib.sha256(str(text).encode()).hexdigest() != sha256


def _filled(answer: Mapping[str, Any], pack: Pack) -> bool:
    fields = {*pack.groups, *pack.labels, "behaviours"}
    return any(answer.get(field) not in (None, "") for field in fields if field in answer)


def labels_table(root: Root, names: Sequence[str]) -> pl.DataFrame:
    """Rounds -> tables.LABELS: one row per content, label and round; `value` is the annotators' mean."""
    parts = []
    for name in names:
        rule, drawn = read_round(root, name)
        long = drawn.explode("labels").filter(pl.col("labels").is_not_null()).unnest("labels")
        parts.append(
            long.group_by("content", "label", maintain_order=True)
            .agg(
                pl.col("value").cast(pl.Float64).mean(),
                pl.col("probability").first(),
                pl.col("annotator").unique().sort().str.join("+"),
            )
            .with_columns(round=pl.lit(name), role=pl.lit(rule["role"]))
            .select(LABELS.names)
        )
    empty = cast(pl.DataFrame, pl.from_arrow(LABELS.empty_table()))
    return pl.concat([empty, *parts], how="vertical_relaxed").sort("round", "content", "label")


def agreement(root: Root, name: str, pack: Pack) -> pl.DataFrame:
    """Annotators of a round by pairs -> label, annotator_1, annotator_2, passages, agree (share), kappa (Cohen 1960; null if constant)."""
    _, drawn = read_round(root, name)
    long = drawn.explode("labels").filter(pl.col("labels").is_not_null()).unnest("labels")
    pairs = long.join(long, on=["content", "label"], suffix="_2").filter(pl.col("annotator") < pl.col("annotator_2"))
    if not len(pairs):
        raise LabelError(
            f"the round {name!r} has no passage labelled by two annotators", todo="Import a second annotator's file."
        )
    return cohen_kappa(pairs, pack.labels)


def cohen_kappa(pairs: pl.DataFrame, labels: Sequence[str]) -> pl.DataFrame:
    """Pairs (label, annotator, annotator_2, value, value_2) -> agreement and Cohen's kappa by label and pair of annotators."""
    a, b = pl.col("value").cast(pl.Float64), pl.col("value_2").cast(pl.Float64)
    chance = a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
    agree = (a == b).mean()
    out = pairs.group_by("label", "annotator", "annotator_2").agg(
        pl.len().alias("passages"),
        agree.alias("agree"),
        pl.when(chance < 1).then((agree - chance) / (1 - chance)).alias("kappa"),
    )
    order = pl.Enum(list(labels))
    return out.rename({"annotator": "annotator_1"}).sort(pl.col("label").cast(order), "annotator_1", "annotator_2")
