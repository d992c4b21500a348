"""Files that annotators fill in: out as JSON Lines, CSV or Label Studio tasks, and back in as annotations."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import polars as pl

from corpus_tools.classifier.annotations import read_jsonl
from corpus_tools.errors import LabelError, no_such
from corpus_tools.pack import Pack

FORMATS = {"jsonl": "jsonl", "csv": "csv", "labelstudio": "json"}
"""Format -> the ending of its files."""
LIST = "behaviours"
"""The field that holds the labels of no group, any number of them."""
_YES, _NO = ("true", "yes", "1", "x"), ("false", "no", "0")
_KEYS = ("passage_id", "sha256", "round", "role", "text")


def annotation_fields(pack: Pack) -> dict[str, str]:
    """Field of an annotation -> what may stand in it: one per exclusive group, one list of the rest, one per lone label."""
    return {field: _told(values, kind) for field, (kind, values) in _fields(pack).items()}


def _told(values: tuple[str, ...], kind: str) -> str:
    return {"one": " | ".join(values), "any": "any of: " + ", ".join(values), "flag": "true | false"}[kind]


def _fields(pack: Pack) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Field -> (one | any | flag, values)."""
    fields = {
        group: ("one", tuple(label.removeprefix(f"{group}_") for label in labels))
        for group, labels in pack.groups.items()
    }
    grouped = {label for labels in pack.groups.values() for label in labels}
    rest = [label for label in pack.labels if label not in grouped and label not in pack.derived]
    lone = [label for label in rest if label == pack.outcome_of]
    return fields | {LIST: ("any", tuple(x for x in rest if x not in lone))} | dict.fromkeys(lone, ("flag", ()))


def needed(pack: Pack) -> list[str]:
    """Groups of which every passage has exactly one: the modes', and those that a derived label asks for."""
    asked = {label for rule in pack.derived.values() for label in (*rule.all_of, *rule.any_of)} | set(
        pack.modes.values()
    )
    return [group for group, labels in pack.groups.items() if asked & set(labels)]


def export_round(
    drawn: pl.DataFrame, texts: Mapping[str, str], pack: Pack, form: str, rule: Mapping[str, Any] | None = None
) -> bytes:
    """Drawn passages and their texts (content -> text) -> a file to fill in: `jsonl`, `csv` or `labelstudio` (tasks).

    Scores are not shown: an annotator who sees them is no longer blind. `rule`: the round's name and role go with every passage, so
    that a file for estimates is refused where models are trained.
    """
    fields = annotation_fields(pack)
    said = {"round": str((rule or {}).get("round", "")), "role": str((rule or {}).get("role", ""))}
    rows = [
        {"passage_id": p, "sha256": s, **said, "text": texts.get(c, "")} | dict.fromkeys(fields, None)
        for c, p, s in drawn.select("content", "passage_id", "sha256").iter_rows()
    ]
    if form == "jsonl":
        return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    if form == "csv":
        out = io.StringIO()
        writer = csv.DictWriter(out, [*_KEYS, *fields])
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue().encode()
    if form == "labelstudio":
        return json.dumps([{"data": {k: r[k] for k in _KEYS}} for r in rows], ensure_ascii=False).encode()
    raise no_such("format", form, FORMATS)


def label_studio_config(pack: Pack) -> str:
    """The labelling interface for Label Studio (Settings > Labeling Interface > Code) whose answers `read_answers` reads."""
    lines = ["<View>", '  <Text name="text" value="$text"/>']
    for field, (kind, values) in _fields(pack).items():
        choice = "multiple" if kind == "any" else "single"
        lines.append(f"  <Header value={quoteattr(field)}/>")
        lines.append(f'  <Choices name={quoteattr(field)} toName="text" choice="{choice}" showInline="true">')
        lines += [f"    <Choice value={quoteattr(v)}/>" for v in values or ("true", "false")]
        lines.append("  </Choices>")
    return "\n".join([*lines, "</View>", ""])


def read_answers(path: Path, pack: Pack) -> list[dict[str, Any]]:
    """A filled-in file (JSONL or CSV by its name, or a Label Studio export) -> annotations. Raises LabelError with line and reason."""
    if path.suffix == ".csv":
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                head = file.readline()
                file.seek(0)
                table = csv.DictReader(file, delimiter=max(",;\t", key=head.count))
                rows: list[dict[str, Any]] = [{k: v for k, v in row.items() if k} for row in table]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise LabelError(f"cannot be read: {_why(error)}", where=str(path), expected="CSV in UTF-8") from error
    elif path.suffix == ".json":
        try:
            tasks = json.loads(path.read_text("utf-8"))
            rows = [answer for task in tasks for answer in _from_label_studio(task)]
        except (OSError, ValueError) as error:
            raise LabelError(f"cannot be read: {_why(error)}", where=str(path), expected="JSON") from error
        except (TypeError, KeyError, AttributeError, IndexError) as error:
            raise LabelError(
                "no Label Studio export", where=str(path), expected="tasks with data and annotations",
                todo="Export as JSON (not JSON-MIN), or name a JSON Lines file .jsonl.",
            ) from error  # fmt: skip
    else:
        rows = read_jsonl(path)
    if not rows:
        raise LabelError("no answers in it", where=str(path), expected="a passage a line")
    if not any("passage_id" in row for row in rows):
        there = ", ".join(sorted({k for row in rows for k in row})[:12])
        raise LabelError(
            "no field passage_id",
            where=str(path),
            expected="the round's own file, filled in",
            todo=f"There are: {there}",
        )
    return rows


def _why(error: Exception) -> str:
    return "no such file" if isinstance(error, FileNotFoundError) else " ".join(str(error).split())


def as_annotation(answer: Mapping[str, Any], pack: Pack) -> dict[str, Any] | None:
    """An answer as it came -> each field as it must be; None where nothing was filled in. White space and case do not matter.

    Raises LabelError for a value that a field cannot have, or a field that is not there (the nearest named).
    """
    where = f"passage {answer.get('passage_id')}"
    fields = _fields(pack)
    out: dict[str, Any] = {}
    given = {field: _clean(answer.get(field)) for field in fields}
    if all(value in (None, "", []) for value in given.values()):
        strange = [
            k for k in answer if k not in (*_KEYS, "annotator") and get_close_matches(k, fields, n=1, cutoff=0.7)
        ]
        if not strange or not any(_clean(answer[k]) for k in strange):
            return None
    for field, (kind, values) in fields.items():
        value = given[field]
        if field not in answer:
            near = get_close_matches(field, [k for k in answer if k not in _KEYS], n=1)
            if near:
                raise LabelError(f"no field {field}", where=where, expected=f"{field}, not {near[0]}")
        if kind == "flag":
            out[field] = _flag(value, field, where)
        elif kind == "any":
            parts = value if isinstance(value, list) else re.split(r"[,; ]+", value or "")
            out[field] = [p for p in map(_clean, parts) if p]
        else:
            out[field] = value or None
        known = {*values, *(f"{field}_{v}" for v in values)}
        unknown = [
            v for v in (out[field] if kind == "any" else [out[field]] if kind == "one" else []) if v and v not in known
        ]
        if unknown:
            named = [f"{field}_{v}" if kind == "one" else str(v) for v in unknown]
            raise LabelError(
                f"unknown label {', '.join(named)}", where=where, expected=f"{field}: {_told(values, kind)}"
            )
        if kind == "one" and out[field]:
            out[field] = str(out[field]).removeprefix(f"{field}_")
    return out


def _clean(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _flag(value: Any, field: str, where: str) -> bool:
    if value in (True, False, None, ""):
        return bool(value)
    if str(value) in (*_YES, *_NO):
        return str(value) in _YES
    raise LabelError(f"{field} is {value!r}", where=where, expected="true or false")


def _from_label_studio(task: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One task -> an answer per annotation that was not cancelled; several annotations name their annotators."""
    kept = [a for a in task.get("annotations") or [] if not a.get("was_cancelled")]
    out = []
    for annotation in kept or [{}]:
        answer: dict[str, Any] = dict(task["data"])
        who = annotation.get("completed_by")
        if len(kept) > 1:
            answer["annotator"] = str(who.get("email") or who.get("id") if isinstance(who, dict) else who)
        for result in annotation.get("result", []):
            value = result["value"]
            chosen = value.get("choices", value.get("labels", []))
            answer[result["from_name"]] = chosen if result["from_name"] == LIST else chosen[0]
        out.append(answer)
    return out
