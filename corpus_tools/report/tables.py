"""Figures -> the page's tables, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
from markupsafe import Markup

from corpus_tools.numbers import number, percent
from corpus_tools.report import charts, trends
from corpus_tools.report.asked import Figure
from corpus_tools.report.figures import Figures
from corpus_tools.report.formats import around, finalized, name, source
from corpus_tools.report.links import Groups, filter_link, why_link
from corpus_tools.report.reading import Group
from corpus_tools.report.table import (
    Column,
    Row,
    Table,
    anchor_of,
    called,
    count,
    head,
    part,
    plot,
    share,
    spans,
    status,
    table,
    text,
)  # fmt: skip
from corpus_tools.report.trust import trust


def tables(shown: Figures, groups: Groups) -> dict[str, Any]:
    """Every table of the page; groups: figure -> anchor of the passages that move it."""
    label, whole = shown.audit["headline"], shown.headline.get("prevalence")
    return {
        "units": _units(shown),
        "sizes": _sizes(shown),
        "sources": {d: _sources(shown, d, figure, label, whole, groups) for d, figure in shown.sources.items()},
        "concentration": _concentration(shown),
        "modes": _modes(shown, whole),
        "cells": _cells(shown),
        "matrix": _matrix(shown),
        "balance": _balance(shown, groups),
        "outcomes": _outcomes(shown, groups),
        "labels": _labels(shown, groups),
        "years": trends.years(shown),
        "audits": trends.audits(shown),
        "changes": trends.changes(shown, groups),
        "why": {anchor: _why(shown, group, anchor) for group, anchor in groups.items()},
        **trust(shown),
    }


def _units(shown: Figures) -> Table:
    scale = charts.shares(shown.units.rows.to_dicts())
    basis = {"exposure": "copies count", "distinct": "exact copies once"}
    return table(
        "units", "The headline by unit of text", shown.units,
        [
            Column("Share of the", lambda r: f"{r['unit']}, {basis.get(r['basis'], r['basis'])}", "head",
                   lambda r: (r["unit"], r["basis"]), ("unit", "basis")),
            plot("Share with 95 % interval", scale), share("Share", "prevalence"), spans("95 % interval", "ci_low", "ci_high"),
            count("Of", "total", lambda v: number(round(v)) if v is not None else "–"), count("Scored", "n_scored"),
            count("Labelled", "n_labelled"), status(),
        ],
    )  # fmt: skip


def _sizes(shown: Figures) -> Table:
    row = shown.sizes.rows.to_dicts()[0] if shown.sizes.rows.height else {}
    rounded = {k: round(v) if isinstance(v, float) else v for k, v in row.items()}
    named = {
        "documents": "Documents", "words": "Words", "passages": "Passages (estimated where not all documents were opened)",
        "shards": "Shards read, of those there are", "records_read": "Records read", "records_kept": "Records kept",
    }  # fmt: skip
    rows = [{"what": named[k], "value": rounded.get(k)} for k in named]
    return table(
        "sizes", "How much text", shown.sizes,
        [head("What", "what"), count("How much", "value", lambda v: v if isinstance(v, str) else number(v))], rows,
    )  # fmt: skip


def _sources(shown: Figures, dimension: str, figure: Figure, label: str, whole: float | None, groups: Groups) -> Table:
    rows = figure.rows.to_dicts()
    return table(
        f"by-{anchor_of(dimension)}", f"By {called(dimension)}", figure,
        [
            head(called(dimension).capitalize(), "source"),
            plot("Prevalence with 95 % interval", charts.shares(rows, whole)),
            share("Prevalence", "prevalence"), spans("95 % interval", "ci_low", "ci_high"),
            spans("Rank", "rank_low", "rank_high", _rank, upper=False),
            part("Part of all such words", "share", "share_low", "share_high"),
            count("Labelled", "n_labelled"), status(), why_link(shown, groups, lambda r: (label, dimension, r["source"])),
        ],
    )  # fmt: skip


def _rank(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _concentration(shown: Figures) -> Table:
    rows = [r for r in shown.concentration.rows.to_dicts() if r["dimension"] in shown.sources]
    most = {d: f.rows["sources"][0] for d, f in shown.sources.items()}
    rows = [r for r in rows if int(r["richest"].split()[1]) < most[r["dimension"]]]
    return table(
        "concentration", "How concentrated it is: share of all in the richest sources", shown.concentration,
        [
            head("Of the", "dimension", called), text("The richest", "richest", lambda v: v.removeprefix("top "), aside=False),
            share("Hold", "value"), spans("95 % interval", "low", "high"), status(),
        ],
        rows,
    )  # fmt: skip


def _modes(shown: Figures, whole: float | None) -> Table:
    rows = shown.modes.rows.to_dicts()
    return table(
        "modes", "By mode: how the text speaks", shown.modes,
        [
            head("Mode", "source", name), plot("Prevalence with 95 % interval", charts.shares(rows, whole)),
            share("Prevalence", "prevalence"), spans("95 % interval", "ci_low", "ci_high"),
            part("Part of all such words", "share", "share_low", "share_high"),
            count("Labelled", "n_labelled"), status(), filter_link(shown, mode="source"),
        ],
    )  # fmt: skip


def _cells(shown: Figures) -> Table:
    rows = sorted(shown.cells.rows.to_dicts(), key=lambda r: -(r["words"] or 0))
    return table(
        "cells", "Words by source and mode, each with its interval", shown.cells,
        [
            head("Source", "source"), text("Mode", "mode", name, aside=False), count("Words", "words", _words, aside=False),
            spans("95 % interval", "low", "high", _words), share("Of all such words", "share"),
            count("Prevalence", "prevalence", percent), status(),
        ],
        rows,
    )  # fmt: skip


def _words(value: float | None) -> str:
    return "–" if value is None else number(round(value)) if value >= 0.5 or value == 0 else "< 1"


def _matrix(shown: Figures) -> Table | None:
    """Sources down, modes across: each cell's part of all the words of the headline label, shaded by it."""
    rows = [r for r in shown.cells.rows.to_dicts() if r["share"] is not None]
    if not rows:
        return None
    modes = sorted({r["mode"] for r in rows}, key=lambda m: -sum(r["share"] for r in rows if r["mode"] == m))
    by: dict[str, dict[str, Row]] = {}
    for row in rows:
        by.setdefault(row["source"], {})[row["mode"]] = row
    top = max(r["share"] for r in rows) or 1.0
    lines: list[Row] = [
        {"source": s, "all": sum(r["share"] for r in cells.values()), **cells} for s, cells in by.items()
    ]
    lines.sort(key=lambda line: (-line["all"], line["source"]))

    def cell(mode: str) -> Column:
        def show(line: Row) -> Any:
            row = line.get(mode)
            if row is None:
                return ""
            shade = min(5, int(6 * (row["share"] / top) ** 0.5)) if row["share"] / top > 0.005 else 0
            told = (
                f"{100 * row['share']:.1f} %" if row["share"] >= 0.0005 else "0 %" if row["share"] == 0 else "< 0.1 %"
            )
            return Markup('<span class="heat heat-{}">{}</span>').format(shade, told)

        return Column(name(mode), show, "n heated", lambda line: ((line.get(mode) or {}).get("share"),), (mode,))

    return table(
        "matrix", "Where the words come from: part of all such words, by source and mode", shown.cells,
        [head(called(rows[0]["dimension"]).capitalize(), "source"), *(cell(m) for m in modes), share("All modes", "all")], lines,
    )  # fmt: skip


def _balance(shown: Figures, groups: Groups) -> dict[str, Table]:
    """'dimension' -> its sources on one scale; the corpus stands first in each."""
    rows = shown.balance.rows.to_dicts()
    pairs = list(dict.fromkeys((r["label"], r["against"]) for r in rows))
    out = {}
    for i, (a, b) in enumerate(pairs):
        mine = [r for r in rows if (r["label"], r["against"]) == (a, b)]
        corpus = [r for r in mine if r["dimension"] == "corpus"]
        for dimension in shown.sources:
            there = [*corpus, *(r for r in mine if r["dimension"] == dimension and r["value"] is not None)][:26]
            id = f"balance-{i}-{anchor_of(dimension)}"
            out[id] = table(
                id, f"Passages that are {name(a)} for each that is {name(b)}, by {called(dimension)}", shown.balance,
                [
                    Column("Source", lambda r: "whole corpus" if r["dimension"] == "corpus" else source(r["source"]), "head",
                           lambda r: (r["dimension"], r["source"]), ("dimension", "source")),
                    plot(f"{name(a)} for each {name(b)}, with 95 % interval", charts.ratios(there), "value", "low", "high"),
                    count("Ratio", "value", _ratio, aside=False), spans("95 % interval", "low", "high", _ratio), status(),
                    why_link(shown, groups, lambda r, a=a: (a, r["dimension"], r["source"])),  # type: ignore[misc]
                ],
                there,
            )  # fmt: skip
    return out


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:#.3g}".rstrip(".")


def _outcomes(shown: Figures, groups: Groups) -> dict[str, Table]:
    rows = [r | {"prevalence": r["value"], "ci_high": r["high"]} for r in shown.outcomes.rows.to_dicts()]
    short = {column: outcome for outcome, column in shown.pack.outcomes.items()}
    order = list(short)
    rows.sort(key=lambda r: (r["source"], order.index(r["label"]) if r["label"] in short else len(order)))
    out = {}
    for dimension in ("corpus", *shown.sources):
        mine = [r for r in rows if r["dimension"] == dimension and r["value"] is not None]
        if not mine:
            continue
        of_source = None if dimension == "corpus" else head(called(dimension).capitalize(), "source")
        outcome = (
            head("It …", "label", lambda v: name(short.get(v, v)))
            if of_source is None
            else text("It …", "label", lambda v: name(short.get(v, v)), aside=False)
        )
        out[dimension] = table(
            f"outcomes-{anchor_of(dimension)}", "In the whole corpus" if of_source is None else f"By {called(dimension)}", shown.outcomes,
            [
                of_source, outcome, plot("Share of such passages with 95 % interval", charts.shares(mine), "value", "low", "high"),
                share("Share", "value"), spans("95 % interval", "low", "high"), status(),
                why_link(shown, groups, lambda r: (r["label"], "corpus", "all")) if of_source is None else None,
            ],
            mine[:36],
        )  # fmt: skip
    return out


def _labels(shown: Figures, groups: Groups) -> Table:
    rows, told = shown.labels.rows.to_dicts(), shown.pack.descriptions
    return table(
        "labels", "Every label over the whole corpus", shown.labels,
        [
            Column("Label", _meaning(told), "head", lambda r: (r["label"],), ("label",)),
            plot("Prevalence with 95 % interval", charts.shares(rows)),
            share("Prevalence", "prevalence"), spans("95 % interval", "ci_low", "ci_high"), count("Labelled", "n_labelled"), status(),
            why_link(shown, groups, lambda r: (r["label"], "corpus", "all")),
        ],
    )  # fmt: skip


def _meaning(told: Mapping[str, str]) -> Callable[[Row], Markup]:
    def show(row: Row) -> Markup:
        said = told.get(row["label"])
        return Markup("{}{}").format(
            name(row["label"]), Markup("<small class=block>{}</small>").format(said) if said else ""
        )

    return show


def _why(shown: Figures, group: Group, anchor: str) -> Table:
    label, dimension, of = group
    there = shown.reading.passages
    numbers = {content: i for i, content in enumerate(there)}
    command = f"corpus-audit why '{of}' --dimension {dimension} --label {label} --audit {shown.audit['audit_id']}"

    def passage(row: Row) -> Any:
        if row["content"] not in there:
            return source(row["passage_id"])
        found = there[row["content"]]
        at = numbers[row["content"]]
        return Markup('<a href="#p{}">{}</a>').format(at, finalized(around(found["text"], found["terms"] or [], 70)))

    told = {1.0: "yes", 0.0: "no", None: "not labelled"}
    return table(
        f"{anchor}-table", f"{name(label)}: {'the whole corpus' if dimension == 'corpus' else source(of)}",
        Figure(pl.DataFrame(), command),
        [
            Column("Passage", passage, "head", lambda r: (r["passage_id"],), ("passage_id",)),
            count("Score", "score", lambda v: f"{v:.2f}"),
            text("Label", "value", lambda v: told.get(v, f"{v:.2f}" if v is not None else "–")),
            count("Stands for", "weight"), count("If yes", "if_yes", _signed), count("If no", "if_no", _signed),
        ],
        shown.reading.groups[group],
    )  # fmt: skip


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"
