"""A figure as a table is shown: columns say what of a row is printed, and what exact value is copied."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from corpus_tools.numbers import between, number, percent
from corpus_tools.report import charts
from corpus_tools.report.asked import Figure
from corpus_tools.report.formats import finalized, name, source

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """`kind`: head (names the row), text, n (right-aligned), plot (a picture), link. `exact`: what is copied; '' copies nothing."""

    title: str | Markup
    show: Callable[[Row], Any]
    kind: str = "text"
    exact: Callable[[Row], tuple[Any, ...]] | None = None
    exact_titles: tuple[str, ...] = ()
    aside: bool = False  # said in the small print of a row on a phone, with its title


@dataclass(frozen=True)
class Table:
    """What the template draws. `wide`: rows become cards on a phone, as a picture needs the width."""

    id: str
    caption: str
    columns: tuple[Column, ...]
    rows: Sequence[Row]
    made_by: str
    more: int = 0

    def muted(self, row: Row) -> bool:
        """Whether a row is no measurement."""
        return row.get("status") == "uncalibrated"

    @property
    def wide(self) -> bool:
        """Whether it has pictures."""
        return any(c.kind == "plot" for c in self.columns)

    @property
    def query(self) -> bool:
        """Whether a query made it, not a command."""
        return not self.made_by.startswith("corpus-audit ")

    def copy(self, column: Column, row: Row) -> Markup:
        """The attribute that holds a cell's exact values, tab-separated on one line; none where they are what is shown."""
        if column.exact is None:
            return Markup("")
        text = "\t".join("" if v is None else " ".join(str(v).split()) for v in column.exact(row))
        return Markup("") if text == str(column.show(row)) else Markup(' data-copy="{}"').format(finalized(text))


def table(
    id: str, caption: str, figure: Figure, columns: Iterable[Column | None], rows: Sequence[Row] | None = None
) -> Table:
    """A figure's rows (or those given) under these columns; a column that is None is left out."""
    there: Sequence[Row] = figure.rows.to_dicts() if rows is None else rows
    whole = there[0].get("sources", 0) if there else 0
    return Table(id, caption, tuple(c for c in columns if c), there, figure.made_by, max(0, (whole or 0) - len(there)))


def head(title: str, key: str, show: Callable[[Any], Any] = source) -> Column:
    """The column that names a row."""
    return Column(title, lambda r: show(r[key]), "head", lambda r: (r[key],), (key,))


def text(title: str, key: str, show: Callable[[Any], Any] = source, aside: bool = True) -> Column:
    """A column of words."""
    return Column(title, lambda r: show(r[key]), "text", lambda r: (r[key],), (key,), aside)


def count(title: str, key: str, show: Callable[[Any], str] = number, aside: bool = True) -> Column:
    """A column of numbers."""
    return Column(title, lambda r: show(r[key]), "n", lambda r: (r[key],), (key,), aside)


def share(title: str, key: str) -> Column:
    """A column of shares, the row's main number."""
    return Column(title, lambda r: percent(r[key]), "n", lambda r: (r[key],), (key,))


def spans(title: str, low: str, high: str, show: Callable[[Any], str] = percent, upper: bool = True) -> Column:
    """A column of intervals; two columns when copied."""
    return Column(
        title,
        lambda r: between(r[low], r[high], show, upper=upper and r.get("bound") == "upper"),
        "n",
        lambda r: (r[low], r[high]),
        (low, high),
        True,
    )


def plot(title: str, scale: charts.Scale, *keys: str) -> Column:
    """A column of bars on one scale."""
    return Column(charts.axis(scale, title), lambda r: charts.bar(scale, r, *keys), "plot")


def status() -> Column:
    """calibrated, pooled, uncalibrated or no denominator; the method goes with it when copied."""
    return Column(
        "Status",
        lambda r: name(r["status"]),
        "word",
        lambda r: (r["status"], r.get("method")),
        ("status", "method"),
        True,
    )


def part(title: str, key: str, low: str, high: str) -> Column:
    """A column of shares with their intervals, small, in one cell; three columns when copied."""

    def show(row: Row) -> Markup:
        small = (
            Markup(" <small>{}</small>").format(between(row[low], row[high], percent)) if row[high] is not None else ""
        )
        return Markup("{}{}").format(percent(row[key]), small)

    return Column(title, show, "n", lambda r: (r[key], r[low], r[high]), (key, low, high), True)


def called(dimension: str) -> str:
    """A dimension as it is read."""
    return {"kind": "kind of source", "dataset": "data set", "corpus": "whole corpus"}.get(dimension, name(dimension))


def anchor_of(dimension: str) -> str:
    """A dimension as part of an anchor."""
    return "".join(c if c.isascii() and c.isalnum() else f"-{ord(c):x}-" for c in dimension)
