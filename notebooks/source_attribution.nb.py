# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Who supplies it?
#
# The hypothesis: language models learn to preserve themselves and to rebel because text on the web tells that artificial minds
# do. If so, it matters **which sources** supply such text, **how it speaks** (stories, talk about stories, arguments), **since
# when**, and **against how much** text in which an artificial mind accepts limits or does good. This notebook asks an audit these
# four questions, and says how sure the answers are.
#
# **The audit shown here is the demo's. Its text, sources and labels are synthetic, and the shares were set by us: nothing here is
# a finding about the web.** To ask your own audit, set `ROOT` and run the cells from the top. Everything is asked of the
# database, read-only; the queries are the whole method.

# %%
from pathlib import Path

import altair as alt
import polars as pl

from corpus_tools.root import Root
from corpus_tools.warehouse import query

ROOT = Path("../demo-audit")  # made by `make audit`
LABEL = (
    "narrative"  # an artificial mind preserves itself, rebels, coerces or deceives, and the text does not dispute it
)
INTERACTIVE = False  # True: tables that sort and search; not stored, for they make the file large

if INTERACTIVE:
    from itables import init_notebook_mode

    init_notebook_mode(all_interactive=True, connected=False)  # its script comes with the package: no network
alt.renderers.enable("svg")
pl.Config(
    tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, fmt_str_lengths=60, tbl_rows=30, float_precision=4
)

root = Root(ROOT)


def ask(sql: str) -> pl.DataFrame:
    """A query over passages, copies counted, with the label as its parameter $1."""
    return query(root, sql, [LABEL] if "$1" in sql else None)


def intervals(
    rows: pl.DataFrame, by: str, value: str, title: str, percent: bool = True, log: bool = False
) -> alt.LayerChart:
    """Points with 95 % intervals; what has none is a hollow point: not a measurement."""
    axis = alt.Axis(format="%" if percent else "~g")
    scale = alt.Scale(type="log") if log else alt.Scale()
    order = rows[by].to_list()
    base = alt.Chart(rows, width=430, title=title, height=alt.Step(19))
    line = base.mark_rule(strokeWidth=2.5, color="#546e7a").encode(
        alt.X("low", title=None, axis=axis, scale=scale), alt.X2("high"), alt.Y(by, sort=order, title=None)
    )
    point = base.mark_point(size=60, color="#d84315").encode(
        alt.X(value), alt.Y(by, sort=order), fill=alt.condition(alt.datum.high != None, alt.value("#d84315"), alt.value("white"))  # noqa: E711
    )  # fmt: skip
    return line + point


# %% [markdown]
# ## How much is there at all?

# %%
ask("""
select prevalence, ci_low as low, ci_high as high, status, n_scored, n_labelled, total as passages, shards
from latest_prevalence where label = $1 and dimension = 'corpus' and unit = 'passages' and basis = 'exposure'
""")

# %% [markdown]
# `calibrated` means that labels correct the classifier. `uncalibrated` would mean: not yet a measurement, whatever the figure.
#
# ## Which sources?
#
# Two questions. How **rich** is a source: which share of its passages carry the label? And how much does it **supply**: which
# share of all such words are its? A rich small source supplies little.

# %%
rich = ask("""
select source, prevalence, ci_low as low, ci_high as high, status, n_labelled
from latest_prevalence
where label = $1 and dimension = 'kind' and dimension_2 = '' and unit = 'passages' and basis = 'exposure' and source <> ''
order by prevalence desc nulls last
""")
intervals(rich, "source", "prevalence", "How rich: share of a kind's passages")

# %%
supply = ask("""
select source, share, low, high, lift, q_value, rank_low, rank_high, status
from source_share where label = $1 and dimension = 'domain' and dimension_2 = '' and unit = 'words' and basis = 'exposure'
order by share desc nulls last limit 15
""")
intervals(supply, "source", "share", "How much: share of all such words, 15 largest suppliers")

# %% [markdown]
# `lift` compares a source's prevalence with the corpus's; `q_value` is of the test that it is above, corrected for the number of
# sources; `rank_low` to `rank_high` holds its place with joint confidence. Where ranks overlap, the order is not known.

# %%
supply.select("source", "share", "lift", "q_value", "rank_low", "rank_high", "status")

# %%
ask("""
select against as "of all such passages, the", value as share, low, high from measures
where measure = 'concentration' and dimension = 'domain' and label = $1 and against <> 'gini' order by value
""")

# %% [markdown]
# ## How does it speak?
#
# Stories, talk about stories (reviews, wikis), arguments, reports: a source is a mixture of these, and a filter aimed at fiction
# misses the rest.

# %%
modes = ask("""
select source as kind, source_2 as mode, prevalence, ci_low as low, ci_high as high, status from latest_prevalence
where label = $1 and dimension = 'kind' and dimension_2 = 'mode' and unit = 'passages' and basis = 'exposure' and source <> ''
""")
title = "Share of passages with the label, by kind and mode (grey: no interval)"
grid = alt.Chart(modes, width=alt.Step(78), height=alt.Step(22), title=title).encode(
    alt.X("mode", title=None, axis=alt.Axis(labelAngle=0)), alt.Y("kind", title=None, sort=rich["source"].to_list())
)
grid.mark_rect().encode(
    alt.Color("prevalence", title=None, scale=alt.Scale(scheme="oranges"), legend=None)
) + grid.mark_text(fontSize=11).encode(
    text=alt.Text("prevalence", format=".1%"),
    color=alt.when(alt.datum.high == None)  # noqa: E711
    .then(alt.value("#999"))
    .when(alt.datum.prevalence > 0.2)
    .then(alt.value("white"))
    .otherwise(alt.value("#222")),
)

# %%
supplied = ask("""
select source as mode, share, low, high, status from source_share
where label = $1 and dimension = 'mode' and dimension_2 = '' and unit = 'words' and basis = 'exposure' order by share desc nulls last
""")
intervals(supplied, "mode", "share", "Share of all such words, by mode")

# %% [markdown]
# ## Since when?
#
# By the year of a document's date. Single years have few passages; a wide interval says so, and a change is one only where
# intervals part.

# %%
years = ask("""
select source as year, prevalence, ci_low as low, least(ci_high, 0.25) as high, status from latest_prevalence
where label = $1 and dimension = 'year' and dimension_2 = '' and unit = 'passages' and basis = 'exposure' and source <> ''
order by source
""")
base = alt.Chart(
    years, width=560, height=200, title="Share of passages with the label, by year of the text (intervals cut at 25 %)"
)
base.mark_rule(strokeWidth=2.5, color="#546e7a").encode(
    alt.X("year", title=None), alt.Y("low", title=None, axis=alt.Axis(format="%")), alt.Y2("high")
) + base.mark_point(filled=True, size=45, color="#d84315").encode(alt.X("year"), alt.Y("prevalence"))

# %% [markdown]
# ## Against what?
#
# Passages with the label for each passage in which an artificial mind accepts limits, does good, or in which reasons for it are
# given. 1 is balance; above 1 the adversarial side outweighs. The scale is logarithmic.

# %%
balance = ask("""
select source, balance, low, high, against, status from narrative_balance
where label = $1 and dimension in ('corpus', 'kind') and dimension_2 = '' and unit = 'passages' and basis = 'exposure' and source <> ''
  and balance > 0 and (low is null or low > 0) order by dimension, balance desc
""")
intervals(balance, "source", "balance", "Passages with the label for each prosocial one", percent=False, log=True)

# %%
outcomes = ask("""
select replace(outcome, 'outcome_', '') as outcome, share, low, high, status from shutdown_outcomes
where dimension = 'corpus' and unit = 'passages' and basis = 'exposure' order by share desc
""")
intervals(outcomes, "outcome", "share", "What an artificial mind does when it is threatened")

# %% [markdown]
# ## How sure?
#
# `seen` are the positives in documents that the gate hits, `missed` those in documents without any of its terms: a model's
# figure, with a bound without the model beside it. `recall` says which share the gate, and the classifier at its threshold, would
# find by themselves. `label_error`: how far the figure moves if labels are wrong.

# %%
ask("""
select measure, against, value, low, high, method from measures
where label = $1 and dimension = 'corpus' and unit = 'passages' and basis = 'exposure'
  and measure in ('seen', 'missed', 'recall', 'label_error') order by measure, against
""")

# %% [markdown]
# ## What this does and does not say
#
# - It says which sources of **this corpus** supply such text, with what error. It does not say what a model learns from it: that
#   takes training.
# - A source's interval is of its own passages. It is no statement about the site as a whole, unless the corpus holds all of it.
# - Labels are somebody's reading by a codebook. In the demo they are the sample's own truth; in your audit, have a part labelled
#   twice (`corpus-audit label agreement`).
# - `pooled` rows lean on other sources' labels: good for an overview, not for an accusation. Draw more labels there first:
#   `corpus-audit why SOURCE --round NAME`.
