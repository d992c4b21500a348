"""What the command line shows: tables of estimates, and the live look at a running audit. Formats numbers, computes none."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import polars as pl
from rich.cells import cell_len
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from corpus_tools.numbers import between, percent
from corpus_tools.stopping import Figure
from pipelines.watch import Watcher

out = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
err = Console(stderr=True, highlight=False)

_STEPS = {
    "plan": "listing shards", "pilot": "looking at a few shards to set the rates", "scan": "scanning", "estimate": "estimating",
    "load": "loading the database", "report": "writing the report",
}  # fmt: skip


def interval(row: Mapping[str, Any]) -> str:
    """'1.2 % – 3.4 %', 'at most 0.4 %', or '' without an interval."""
    if row["ci_high"] is None:
        return ""
    return between(row["ci_low"], row["ci_high"], percent, upper=row["bound"] == "upper")


def prevalence_table(
    rows: pl.DataFrame, title: str, truth: Mapping[str, float] | None = None, limit: int = 40
) -> Table:
    """Rows of `prevalence` of one dimension, label, unit and basis -> a table; `truth`: source -> known prevalence."""
    table = Table(
        title=title, title_justify="left", header_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    table.add_column("source", overflow="fold", min_width=20)
    for name in ("prevalence", "95 % interval", "scored", "labelled"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    if truth is not None:
        table.add_column("known truth", justify="right", no_wrap=True)
    shown = rows.sort("prevalence", descending=True, nulls_last=True)
    for row in shown.head(limit).iter_rows(named=True):
        source = row["source"] if not row["source_2"] else f"{row['source']} × {row['source_2']}"
        cells = [
            source or "(none)", percent(row["prevalence"]), interval(row), f"{row['n_scored']:,}", f"{row['n_labelled']:,}",
            row["status"],
        ]  # fmt: skip
        if truth is not None:
            cells.append(percent(truth.get(row["source"])))
        table.add_row(*cells, style="" if row["status"] != "uncalibrated" else "dim")
    if len(shown) > limit:
        table.caption = f"{len(shown) - limit} more in the database"
    return table


def frame_table(frame: pl.DataFrame, limit: int = 1000) -> Table:
    """Any small frame -> a table."""
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, kind in frame.schema.items():
        table.add_column(name, justify="right" if kind.is_numeric() else "left")
    for row in frame.head(limit).iter_rows():
        table.add_row(*(Text(_cell(v)) for v in row))
    return table


def print_frame(frame: pl.DataFrame, limit: int = 1000) -> None:
    """Prints a frame of any width: in a terminal columns that do not fit are left out and named, elsewhere lines are long."""
    needed = [_width(frame[name].head(limit)) + 2 for name in frame.columns]
    if not out.is_terminal:
        Console(highlight=False, width=max(out.width, sum(needed))).print(frame_table(frame, limit))
        return
    fit = max(1, sum(total <= out.width + 2 for total in accumulate(needed)))
    out.print(frame_table(frame[:, :fit], limit))
    if left := frame.columns[fit:]:
        err.print(f"{len(left)} more columns: {', '.join(left)}. Name those you want, or --format csv.", style="dim")


def _width(column: pl.Series) -> int:
    """Characters that a column wants: its widest cell, at most 40; longer text folds."""
    cells = [column.name, *(_cell(value) for value in column)]
    return min(40, max(map(cell_len, cells)))


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def figure_line(figure: Figure) -> str:
    """A look at a running audit in one line: how far it is, the figure, and its interval or, before labels, its spread."""
    line = f"{figure.shards:,} of {figure.of:,} shards: {percent(figure.value)}"
    if figure.interval:
        line += f", 95 % interval {percent(figure.low)} – {percent(figure.high)}"
        return line + (f" (± {figure.width:.0%})" if figure.width is not None else "")
    if figure.width is not None:
        line += f", spread of sampling alone ± {figure.width:.0%}"
    return f"{line}; uncalibrated, no interval"


def coverage_table(found: Mapping[str, Any]) -> Table:
    """What data/sample/coverage.py found -> a table: the corpus, then each kind, the most often measured first."""
    title = f"Over {found['audits']} audits with other seeds ({found['script']}, {found['date']}): intervals that hold the truth"
    table = Table(
        title=title, title_justify="left", header_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    table.add_column("source", min_width=20)
    for name in ("known truth", "with an interval", "hold the truth", "share", "mean half-width"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in sorted(found["rows"], key=lambda r: (r["dimension"] != "corpus", -r["with_interval"], r["source"])):
        n = row["with_interval"]
        share = f"{row['hold_the_truth'] / n:.0%}" if n else "–"
        cells = (percent(row["truth"]), f"{n}", f"{row['hold_the_truth']}", share, percent(row["half_width"]))
        table.add_row(row["source"] or "(none)", *cells)
    before = found["without_labels"]
    table.caption = f"Without labels {before['with_interval']} of {found['audits']} had an interval."
    table.caption_justify = "left"
    return table


class Look(Watcher):
    """The live look: a bar over the shards' bytes with rate and time left; plain lines where there is no terminal."""

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(), TimeRemainingColumn(), console=err, transient=False,
        )  # fmt: skip
        self._task: TaskID | None = None
        self._read = 0
        self._failed = self._files = self._to_read = 0
        self._live = err.is_terminal

    def __enter__(self) -> Look:
        if self._live:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._progress.stop()

    def planned(self, shards: int, available: int, done: int, total_bytes: int) -> None:
        """So many shards of those there are, of which so many were done before; bytes of the rest."""
        self._to_read = total_bytes
        of = f"{shards} of {available} shards" if shards < available else f"{shards} shards"
        if self._live:
            self._task = self._progress.add_task(f"scanning {of}", total=shards, completed=done, rate="")
        else:
            err.print(f"{of}, {done} done before, {total_bytes / 1e6:,.1f} MB to read")

    def read(self, shard_id: str, text_bytes: int) -> None:
        """So many bytes of text were read."""
        self._read += text_bytes
        self._tell()

    def finished(self, shards: int, file_bytes: int, failed: int) -> None:
        """A group of shards is done."""
        self._failed += failed
        self._files += file_bytes
        if self._live and self._task is not None:
            self._progress.advance(self._task, shards)
            self._tell()
        told = self._failed - failed
        if failed and self._failed.bit_length() > told.bit_length():  # 1, 2, 4, 8 …: all are listed at the end
            err.print(f"{self._failed} shards failed so far" if self._failed > 1 else "a shard failed", style="yellow")

    def _tell(self) -> None:
        if self._live and self._task is not None:
            elapsed = self._progress.tasks[self._task].elapsed or 1e-9
            files = f"{self._files / 1e6:,.1f} of {self._to_read / 1e6:,.1f} MB"
            text = f"{self._read / 1e6:,.1f} MB of text, {self._read / 1e6 / elapsed:,.1f} MB/s"
            self._progress.update(self._task, rate=f"{files}; {text}")

    def look(self, figure: Figure) -> None:
        """The headline figure so far."""
        err.print(figure_line(figure))

    def note(self, text: str) -> None:
        """Something to know, in a line."""
        err.print(text, style="yellow", markup=False)

    def step(self, name: str) -> None:
        """The next step begins."""
        if name != "scan":
            err.print(f"{_STEPS.get(name, name)} …", style="dim")


__all__ = [
    "Look", "coverage_table", "err", "figure_line", "frame_table", "interval", "out", "prevalence_table", "print_frame",
]  # fmt: skip
