"""Annotations as written down -> the labels that are true of each passage, derived ones included.

An annotation is a JSON object: a value per exclusive group (`agent: mind`), a list of labels (`behaviours: […]`), or a label with
true or false (`threat: true`). Which labels there are is the pack's word; this file names none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl

from corpus_tools.errors import LabelError
from corpus_tools.pack import Pack


def true_labels(record: Mapping[str, Any], pack: Pack, where: str = "") -> set[str]:
    """One annotation -> its true labels, derived ones included. Raises LabelError for a label that the pack does not have."""
    true: set[str] = set()
    for field, value in record.items():
        if field in pack.groups and value:
            true.add(f"{field}_{value}")
        elif isinstance(value, list):
            true.update(str(v) for v in value)
        elif value is True and field in pack.labels:
            true.add(field)
    unknown = sorted(true - set(pack.labels))
    if unknown:
        raise LabelError(
            f"unknown label {', '.join(unknown)}", where=where, expected=f"one of {', '.join(pack.labels)}"
        )
    return pack.derive(true)


def text_sha256(text: str) -> str:
    """SHA-256 of a passage's text as UTF-8: what a label is tied to."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """A JSON Lines file -> its objects. Raises LabelError with the line."""
    out = []
    try:
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            if line.strip():
                record = orjson.loads(line)
                if not isinstance(record, dict):
                    raise LabelError("not a JSON object", where=f"{path} line {number}")
                out.append(record)
    except FileNotFoundError:
        raise LabelError("no such file", where=str(path)) from None
    except (orjson.JSONDecodeError, OSError) as error:
        raise LabelError(f"cannot be read: {error}", where=f"{path}", expected="JSON Lines") from error
    return out


def label_matrix(records: Iterable[Mapping[str, Any]], pack: Pack) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Annotations [n] -> bool [n, L] in the pack's order of labels."""
    rows = [true_labels(record, pack, str(record.get("passage_id", ""))) for record in records]
    return np.array([[label in row for label in pack.labels] for row in rows], dtype=bool).reshape(
        len(rows), len(pack.labels)
    )


def join_texts(labels: list[dict[str, Any]], texts: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Labels (passage_id, sha256, …) and passages (passage_id, text) -> those whose hash fits, as (row, text). Raises LabelError.

    A label that carries its `text` (seed data written for training) needs no passage. Every label must find its text: one that
    does not fit its hash is refused, not skipped.
    """
    found = {}
    for number, passage in enumerate(texts, 1):
        if "passage_id" not in passage or not isinstance(passage.get("text"), str):
            raise LabelError(f"text {number} of those given is no passage", expected="passage_id and text in each")
        found[str(passage["passage_id"])] = passage["text"]
    rows = []
    for number, label in enumerate(labels):
        text = label.get("text") or found.get(str(label.get("passage_id")))
        if text is None:
            raise LabelError(
                f"no text for passage {label.get('passage_id')}",
                todo="Give every file that the labels' texts come from.",
            )
        if label.get("sha256") and label["sha256"] != text_sha256(text):
            raise LabelError(
                f"the text of passage {label['passage_id']} is not the one that was labelled (SHA-256 differs)"
            )
        rows.append((number, text))
    return pl.DataFrame(rows, schema={"row": pl.Int64, "text": pl.String}, orient="row")
