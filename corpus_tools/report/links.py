"""From a number to the passages behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

from corpus_tools.report.figures import Figures
from corpus_tools.report.formats import finalized, source
from corpus_tools.report.reading import Group
from corpus_tools.report.table import Column, Row

Groups = Mapping[Group, str]
"""Figure -> anchor of the passages that move it."""


def why_link(shown: Figures, groups: Groups, group: Callable[[Row], Group]) -> Column:
    """To the passages that move a row's figure most; where they are not looked up, to those of the source among the passages."""
    there = {(d, str(p[d] or "")) for p in shown.reading.passages.values() for d in ("kind", "dataset", "domain")}

    def show(row: Row) -> Any:
        anchor = groups.get(group(row))
        _, dimension, of = group(row)
        if not anchor and (dimension, of) in there:
            told = Markup('<a href="#passages" data-filter="{}">read<span class="hidden"> passages of {}</span></a>')
            return told.format(finalized(f"{dimension}={of}"), finalized(source(of)))
        told = Markup('<a href="#{}">why<span class="hidden">: passages behind {}</span></a>')
        return told.format(anchor, finalized(source(group(row)[2] or None))) if anchor else ""

    return Column("Passages", show, "link", lambda row: (), ())


def filter_link(shown: Figures, **keys: str) -> Column:
    """To the passages at the end, filtered by a row's values: passage's key -> the row's."""
    there = shown.reading.passages.values()

    def show(row: Row) -> Any:
        wanted = {key: str(row[column] or "") for key, column in keys.items()}
        n = sum(1 for p in there if all(str(p[key] or "") == value for key, value in wanted.items()))
        asked = "&".join(f"{key}={value}" for key, value in wanted.items())
        told = Markup('<a href="#passages" data-filter="{}">read<span class="hidden"> {} passages of {}</span></a>')
        return told.format(finalized(asked), n, finalized(", ".join(wanted.values()))) if n else ""

    return Column("Passages", show, "link", lambda row: (), ())
