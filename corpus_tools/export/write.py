"""A list of documents -> files: the list, what is known of it (JSON and Markdown), and a filter for datatrove and datasets."""

from __future__ import annotations

import io
import json
from pathlib import Path
from string import Template

import polars as pl

from corpus_tools.errors import ExportError, UsageError
from corpus_tools.export.make import Export
from corpus_tools.export.page import page
from corpus_tools.spool import put_whole

FORMS = {
    ".parquet": "ids, scores and weights",
    ".jsonl": "the same, a line each",
    ".sql": "a filter expression, true of what is kept",
}
TEMPLATE = Path(__file__).parent / "templates" / "filter.py.txt"


def files(output: Path) -> dict[str, Path]:
    """What is written: list, facts, page, and filter (not beside an expression). Raises UsageError for an unknown ending."""
    if output.suffix not in FORMS:
        raise UsageError(
            f"no list can be written as {output.suffix or 'a file without an ending'}",
            where=str(output),
            expected=f"an output that ends in {', '.join(FORMS)}",
        )
    stem = output.stem
    found = {"list": output, "facts": output.with_name(f"{stem}.json"), "page": output.with_name(f"{stem}.md")}
    if output.suffix != ".sql":
        found["filter"] = output.with_name(f"{_module(stem)}.py")
    return found


def check(output: Path, overwrite: bool = False) -> None:
    """Raises UsageError for an unknown ending, ExportError where a file would be lost, or the folder is not there."""
    if not output.parent.is_dir():
        raise ExportError("no such folder", where=str(output.parent), todo="Make it, or name another --output.")
    there = [str(p) for p in files(output).values() if p.exists()]
    if there and not overwrite:
        raise ExportError(
            f"{', '.join(there)} exist{'s' if len(there) == 1 else ''}",
            expected="a new name",
            todo="Name another --output, or say --overwrite.",
        )


def write(export: Export, output: Path, *, overwrite: bool = False) -> dict[str, Path]:
    """Writes the list and what goes with it; each file whole or not at all, the list last. Raises ExportError and UsageError."""
    check(output, overwrite)
    there = files(output)
    try:
        if "filter" in there:
            put_whole(there["filter"], _filter(export, there).encode())
        put_whole(there["page"], page(export.facts).encode())
        put_whole(there["facts"], json.dumps(export.facts, indent=1, ensure_ascii=False).encode())
        put_whole(output, _list(export, output.suffix))
    except OSError as error:
        raise ExportError(f"cannot be written: {error.strerror or error}", where=str(output)) from error
    return there


def _list(export: Export, form: str) -> bytes:
    if form == ".jsonl":
        return export.rows.write_ndjson().encode()
    if form == ".sql":
        return expression(export.rows).encode()
    sink = io.BytesIO()
    export.rows.write_parquet(sink)
    return sink.getvalue()


def expression(rows: pl.DataFrame) -> str:
    """Removed documents -> a condition in SQL over the columns id, url and (where there are several data sets) dataset; true of
    what is kept. Raises ExportError where weights would be lost, or a document has neither id nor address."""
    if (rows["action"] != "remove").any():
        raise ExportError("an expression carries no weights", expected="an output that ends in .parquet or .jsonl")
    nameless = rows.filter(pl.col("given_id").is_null() & pl.col("url").is_null()).height
    if nameless:
        raise ExportError(
            f"{nameless} of {rows.height} listed documents have neither id nor address: no expression finds them",
            expected="an output that ends in .parquet or .jsonl",
        )
    parts = []
    for (dataset,), some in sorted(rows.group_by("dataset"), key=lambda pair: str(pair[0])):
        conditions = [
            f"({column} IS NULL OR {column} NOT IN (\n  " + ",\n  ".join(_quoted(v) for v in values) + "))"
            for column, values in (
                ("id", some["given_id"].drop_nulls().unique().sort().to_list()),
                ("url", some.filter(pl.col("given_id").is_null())["url"].unique().sort().to_list()),
            )
            if values
        ]
        parts.append((str(dataset), " AND ".join(conditions)))
    if not parts:
        return "TRUE\n"
    if len(parts) == 1:
        return parts[0][1] + "\n"
    return "\nAND ".join(f"(dataset <> {_quoted(name)} OR {condition})" for name, condition in parts) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _module(stem: str) -> str:
    """`robots` -> `robots_filter`; a stem that says so already is not told twice."""
    name = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in stem)
    name = name if name[:1].isalpha() else f"list_{name}"
    return name if name == "filter" or name.endswith("_filter") else f"{name}_filter"


def _filter(export: Export, there: dict[str, Path]) -> str:
    facts = export.facts
    return Template(TEMPLATE.read_text("utf-8")).substitute(
        list=_plain(there["list"].name),
        list_literal=json.dumps(there["list"].name),
        facts=_plain(there["facts"].name),
        module=there["filter"].stem,
        command=_plain(facts["command"]),
        audit_id=facts["audit_id"],
        label=facts["label"],
        removed=f"{facts['lists'][0]['documents']:,}",
        datasets=_plain(", ".join(export.rows["dataset"].unique().sort().to_list()) or "none listed"),
    )


def _plain(text: str) -> str:
    """One line that may stand in a docstring or a comment."""
    return " ".join(text.replace("\\", "/").replace('"""', "'''").split())
