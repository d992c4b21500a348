"""Fills the answers and draws the figures of docs/findings/index.md from its audit: python docs/findings/fill.py ROOT.

A figure stands below its query: `<!-- figure -->` or `<!-- figure: log -->`, then the image. It shows the query's first number with
the columns `low` and `high`, a line for each row; its alternative text is written from the same rows. A row without an interval is a
hollow point.
"""

from __future__ import annotations

import importlib.util
import math
import re
import sys
from pathlib import Path
from types import ModuleType

import altair as alt
import polars as pl
import vl_convert

from corpus_tools.root import Root
from corpus_tools.warehouse import query

HERE = Path(__file__).parent
WIDTH = 344  # pixels: a narrow telephone shows it whole
FIGURE = re.compile(r"(<!-- figure(?:: (log))? -->\n!\[)([^|\]]*)(?:\|[^\]]*)?(\]\(([\w-]+\.svg)\))")
HEADLINE = re.compile(r"(<!-- headline -->\n).*?(<!-- end -->)", re.DOTALL)
LEARNT = re.compile(r"(<!-- learnt -->\n).*?(<!-- end -->)", re.DOTALL)


def _beside(name: str) -> ModuleType:
    """The script of that name in docs/."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", HERE.parent / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pages = _beside("fill")


def points(frame: pl.DataFrame) -> pl.DataFrame:
    """A query's answer -> name, value, low, high: its text columns joined, and its first number that has an interval."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String and name != "status"]
    value = next(name for name, kind in frame.schema.items() if kind.is_float() and name not in ("low", "high"))
    name = pl.concat_str([pl.col(text).str.replace_all("_", " ") for text in texts], separator=", ")
    rows = frame.select(name.alias("name"), pl.col(value).alias("value"), "low", "high")
    return rows.filter(pl.col("value").is_not_null())


def unit(frame: pl.DataFrame) -> str:
    """What follows a figure of the answer: a per cent sign where its column is named so."""
    return " %" if "percent" in frame.columns else ""


def told(frame: pl.DataFrame) -> str:
    """The figure in words, for those who do not see it."""
    sign = unit(frame)
    said = [
        f"{row['name']} {row['value']:g}{sign} "
        + ("(no interval)" if row["high"] is None else f"({row['low']:g} to {row['high']:g})")
        for row in points(frame).iter_rows(named=True)
    ]
    return "; ".join(said)


def drawn(frame: pl.DataFrame, title: str, log: bool = False) -> str:
    """Points with 95 % intervals as SVG, `WIDTH` pixels wide."""
    rows = points(frame)
    ends = [v for v in [*rows["value"], *rows["low"], *rows["high"]] if v]
    powers = [10.0**n for n in range(math.floor(math.log10(min(ends))), math.ceil(math.log10(max(ends))) + 1)]
    least, most = (powers[0], powers[-1]) if log else (0.0, max(ends))
    rows = rows.with_columns(pl.col("value", "low").clip(lower_bound=least), measured=pl.col("high").is_not_null())
    scale = alt.Scale(type="log" if log else "linear", domain=[least, most], nice=not log)
    shown = f"format(datum.value, '~r') + '{unit(frame)}'"
    axis = alt.Axis(labelExpr=shown, tickCount=4, labelOverlap=True, gridColor="#e0e0e0")
    if log:
        axis = alt.Axis(labelExpr=shown, values=powers, labelOverlap=True, gridColor="#e0e0e0")
    chart = alt.Chart(rows).encode(
        alt.Y("name", sort=rows["name"].to_list(), title=None, axis=alt.Axis(labelLimit=150))
    )
    line = chart.mark_rule(strokeWidth=3, color="#546e7a").encode(
        alt.X("low", title=None, axis=axis, scale=scale), alt.X2("high")
    )
    point = chart.mark_point(size=70, color="#bf360c", opacity=1).encode(
        alt.X("value"), fill=alt.condition("datum.measured", alt.value("#bf360c"), alt.value("white"))
    )
    whole = (line + point).properties(
        width=WIDTH,
        height=alt.Step(22),
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        title=alt.TitleParams(title, anchor="start", frame="bounds", fontSize=13),
    )
    plain = whole.configure(background="white", padding=6).configure_axis(labelFontSize=12)
    return f"{vl_convert.vegalite_to_svg(plain.to_dict())}\n"


def headline(root: Root) -> str:
    """The finding in a sentence."""
    row = query(root, "from prevalence_of('narrative')").row(0, named=True)
    if row["ci_high"] is None:
        return "Not yet a measurement."
    figure, low, high = (f"{100 * row[name]:.1f}" for name in ("prevalence", "ci_low", "ci_high"))
    return f"**{figure} %** of the shelf's passages tell of it (95 % interval {low} % to {high} %; {row['n_labelled']} passages labelled)."


def learnt(root: Root) -> str:
    """How many of the labelled passages the classifier had been fitted on."""
    files = sorted((HERE.parent.parent / "data" / "labels").glob("*.jsonl"))
    fitted = {
        line["sha256"]
        for file in files
        for line in pl.read_ndjson(file, infer_schema_length=None).select("sha256").to_dicts()
    }
    labelled = set(query(root, "select distinct sha256 from labels")["sha256"])
    return f"{len(labelled & fitted)} of the {len(labelled)} labelled passages are among those that it was fitted on."


def filled(text: str, root: Root) -> tuple[str, dict[str, str]]:
    """The page with its answers, and its figures by name."""
    text = pages.SQL.sub(lambda m: f"{m.group(1)}\n```text\n{pages.answer(root.path, m.group(2))}\n```\n", text)
    text = HEADLINE.sub(lambda m: f"{m.group(1)}{headline(root)}\n{m.group(2)}", text)
    text = LEARNT.sub(lambda m: f"{m.group(1)}{learnt(root)}\n{m.group(2)}", text)
    figures: dict[str, str] = {}

    def one(match: re.Match[str]) -> str:
        frame = query(root, pages.queries(text[: match.start()])[-1])
        figures[match.group(5)] = drawn(frame, match.group(3).strip(), log=match.group(2) == "log")
        return f"{match.group(1)}{match.group(3).strip()} | {told(frame)}{match.group(4)}"

    return FIGURE.sub(one, text), figures


def main() -> None:
    """Fills the page in place and writes the figures beside it."""
    page = HERE / "index.md"
    text, figures = filled(page.read_text("utf-8"), Root(sys.argv[1]))
    page.write_text(text, "utf-8")
    for name, figure in figures.items():
        (HERE / name).write_text(figure, "utf-8")


if __name__ == "__main__":
    main()
