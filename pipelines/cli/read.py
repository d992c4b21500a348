"""Commands that read an audit: sql, report, why, compare."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from corpus_tools.errors import CompareError, no_such
from pipelines.cli.labels import writable, write_out
from pipelines.cli.options import AuditOption, RootOption, beside, opened, root_of
from pipelines.show import err, frame_table, out, print_frame

FORMATS = ("table", "csv", "json")
"""How an answer is shown."""


def sql(
    query: Annotated[str, typer.Argument(help="one statement, read-only")],
    root: RootOption = "",
    output: Annotated[str, typer.Option("--format", help="table, csv or json")] = "table",
) -> None:
    """Query the audit's database, read-only."""
    from corpus_tools.audit import latest
    from corpus_tools.root import Root
    from corpus_tools.warehouse import query as run_query
    from corpus_tools.warehouse import renew

    if output not in FORMATS:
        raise no_such("format", output, FORMATS)
    place = Root(root_of(root))
    if renew(place):
        err.print("The database was made by an earlier version: it was made again from the root's files.", style="dim")
    frame = run_query(place, query)
    beside(*latest(place), to=err)
    if output == "csv":
        sys.stdout.write(frame.write_csv())
    elif output == "json":
        sys.stdout.write(frame.write_ndjson())
    else:
        print_frame(frame)
        if frame.is_empty():
            err.print("no rows", style="dim")
        if len(frame) > 1000:
            err.print(f"the first 1,000 of {len(frame):,} rows; --format csv prints all")


def report(root: RootOption = "", audit: AuditOption = "") -> None:
    """Write the report again from the database."""
    from corpus_tools import audit as audits
    from corpus_tools.report import write_report
    from corpus_tools.root import Root
    from corpus_tools.warehouse import renew

    place = Root(root_of(root))
    renew(place)
    found = audits.read(place, audit)
    beside(found)
    out.print(f"{write_report(place, found['audit_id'])}")


def why(
    source: Annotated[str, typer.Argument(help="a source (a domain, data set, kind …), or `all`")],
    root: RootOption = "",
    audit: AuditOption = "",
    label: Annotated[str, typer.Option(help="default: the headline label")] = "",
    dimension: Annotated[str, typer.Option(help="default: the first that has such a source")] = "",
    size: Annotated[int, typer.Option(min=1, help="how many passages")] = 10,
    round_name: Annotated[
        str, typer.Option("--round", help="make a label round of about --size passages of them, with this name")
    ] = "",
    output: Annotated[Path | None, typer.Option(help="of the round; default: <round>.jsonl beside you")] = None,
) -> None:
    """Show the passages that move a source's figure most, and what labelling each would do to it; or have them labelled.

    Those that are labelled already come last, and are marked.
    """
    import polars as pl

    from corpus_tools import audit as audits

    place, found = opened(root, audit)
    if round_name:
        from corpus_tools.listed import listed_round

        pack, target = audits.pack_of(found), output or Path(f"{round_name}.jsonl")
        writable(target)
        drawn = listed_round(place, found, pack, source, name=round_name, size=size, dimension=dimension, label=label)
        write_out(place, pack, drawn, target, "jsonl")
        return
    rows = audits.why_number(place, found, audits.pack_of(found), source, dimension=dimension, label=label, size=size)
    beside(found)
    for row in rows.head(size).sort(pl.col("value").is_not_null(), maintain_order=True).iter_rows(named=True):
        told = "not labelled" if row["value"] is None else f"labelled already: {'yes' if row['value'] >= 0.5 else 'no'}"
        out.print(
            f"[bold]{row['passage_id']}[/bold]  {told}, score {row['score']:.2f}, stands for {row['weight']:.1f} passages; "
            f"if yes {row['if_yes']:+.2f}, if no {row['if_no']:+.2f}"
        )
        out.print(row["text"] or "(text not kept)", markup=False, soft_wrap=True, style="dim")
        out.print()


def compare(
    before: Annotated[str, typer.Argument(help="an audit's id or its beginning")],
    after: Annotated[str, typer.Argument(help="another; default: the latest")] = "",
    root: RootOption = "",
    label: Annotated[str, typer.Option(help="default: the headline label")] = "",
) -> None:
    """Compare two audits source by source, with intervals and false-discovery control."""
    import polars as pl

    from corpus_tools import audit as audits
    from corpus_tools.root import Root

    place = Root(root_of(root))
    first, second = audits.read(place, before), audits.read(place, after)
    if first["audit_id"] == second["audit_id"]:
        there = ", ".join(a["audit_id"] for a in place.audits())
        raise CompareError("an audit is not compared with itself", where=first["audit_id"], expected=f"two of {there}")
    label = audits.pack_of(second).known_label(label)
    rows = audits.comparison(place, first, second).filter(
        label=label, unit="passages", basis="exposure", dimension_2=""
    )
    beside(first, second)
    shown = rows.sort(pl.col("value").abs(), descending=True, nulls_last=True)
    out.print(frame_table(shown.select("dimension", "source", "value", "low", "high", "q_value", "status"), limit=60))
