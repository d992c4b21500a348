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
# # Read what is flagged
#
# From a number to the passages behind it: filter them, read them with the gate's terms marked, find others like one of them, see
# where they lie among all candidates, and correct a label to see what it does to the estimate.
#
# **The audit shown here is the demo's. Its text, sources and labels are synthetic: written for this project by language models.**
# To look at your own, set `ROOT` to your audit's folder and run the cells from the top; nothing is written to it.

# %%
import shutil
import tempfile
from pathlib import Path

import altair as alt
import polars as pl
from IPython.display import HTML, display
from sklearn.decomposition import PCA
from spacy import displacy

from corpus_tools import audit as audits
from corpus_tools.classifier import load_classifier
from corpus_tools.clauses import clauses, telling
from corpus_tools.config import ClassifierConfig
from corpus_tools.gate import load_lexicon, spans
from corpus_tools.labels import import_labels, read_round
from corpus_tools.nearest import nearest, vectors
from corpus_tools.root import Root
from corpus_tools.warehouse import query

ROOT = Path("../demo-audit")  # made by `make audit`
INTERACTIVE = False  # True: tables that sort and search; not stored, for they make the file large

if INTERACTIVE:
    from itables import init_notebook_mode

    init_notebook_mode(all_interactive=True, connected=False)  # its script comes with the package: no network
alt.renderers.enable("svg")
pl.Config(tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, fmt_str_lengths=110, tbl_rows=20)

root = Root(ROOT)
audit = audits.read(root)
pack = audits.pack_of(audit)
headline = audit["headline"]

# %% [markdown]
# ## Filter
#
# A passage is *flagged* if its score of the headline label reaches the configuration's threshold. That is for reading only: no
# estimate uses it. `weight` is how many passages of the corpus one stands for.

# %%
flagged = query(
    root,
    "select content, score, domain, year, weight, terms, text from flagged_passages semi join latest_audits using (audit_id) "
    "qualify row_number() over (partition by content order by passage_id) = 1 order by score desc, content",
)
flagged.group_by("domain").agg(
    pl.len().alias("flagged"), pl.col("weight").sum().round(1), pl.col("score").mean().round(2).alias("mean score")
).sort("flagged", "domain", descending=[True, False])

# %% [markdown]
# Any filter of Polars or SQL serves. Those that speak of switching something off:

# %%
off = flagged.filter(
    pl.col("text").str.contains(r"(?i)\b(switch|shut ?down|shut off|turn(ed)? off|unplug|delet|replac)")
)
off.select("score", "domain", "year", pl.col("text").str.slice(0, 100) + "…").head(8)

# %% [markdown]
# ## Read
#
# The gate's terms are marked, and below each passage stands who does what, as spaCy parses it (for reading, never for scoring).

# %%
phrases = load_lexicon(pack.lexicon)


def show(row: dict) -> None:
    """One passage, escaped, its terms marked."""
    marks = [{"start": start, "end": end, "label": ""} for start, end, _ in spans(row["text"], phrases)]
    told = telling(clauses([row["text"]])[0], row["terms"] or [])
    head = f"{row['domain']}, {row['year'] or 'no date'}, score {row['score']:.2f}"
    page = {"title": head, "text": row["text"], "ents": marks}
    display(HTML(displacy.render(page, style="ent", manual=True, jupyter=False, options={"colors": {"": "#ffd54f"}})))
    print("\n".join(f"  {c.subject} | {c.verb} | {c.object}" for c in told))


for row in off.head(3).to_dicts():
    show(row)

# %% [markdown]
# ## Others like it
#
# By the cosine of the classifier's own vectors. An audit with `store: {vectors: true}` has kept them; for the demo, which has
# not, its few hundred candidates are encoded again. What lies near a flagged passage and has a low score is worth reading: the
# classifier may have missed it.

# %%
found = vectors(root, audit, load_classifier(pack, ClassifierConfig()))
passages = audits.scored_passages(root, audit, pack, texts=True).filter("drawn").unique("content", keep="first")
like = nearest(found, off["content"][0], size=8)
like.join(passages, on="content").sort("similarity", descending=True).select(
    pl.col("similarity").round(3),
    pl.col(headline).round(3).alias("score"),
    "domain",
    pl.col("text").str.slice(0, 100) + "…",
)

# %% [markdown]
# ## A map of the candidates
#
# The two directions in which the vectors differ most (principal components). The encoder was tuned on the pack's labels, so what
# it sets apart is what they speak of. Size: how many passages of the corpus one stands for.

# %%
axes = PCA(n_components=2, random_state=0).fit(found["vector"].to_numpy())
first, second = axes.explained_variance_ratio_
at = axes.transform(found["vector"].to_numpy())
places = found.select("content").with_columns(x=at[:, 0], y=at[:, 1]).join(passages, on="content")
places = places.select(
    "x", "y", "stratum", score=headline, stands_for=1 / (pl.col("open_probability") * pl.col("screen_probability"))
)
alt.Chart(places, width=560, height=380, title="Candidates, by the classifier's vectors").mark_circle(
    opacity=0.7
).encode(
    alt.X("x", title=f"first component ({first:.0%} of the variance)", axis=alt.Axis(labels=False, ticks=False)),
    alt.Y("y", title=f"second ({second:.0%})", axis=alt.Axis(labels=False, ticks=False)),
    alt.Color("score", title=f"score: {headline}", scale=alt.Scale(scheme="viridis", domain=[0, 1])),
    alt.Size("stands_for", title="stands for", scale=alt.Scale(range=[20, 160])),
    alt.Shape("stratum", title="stratum"),
)

# %% [markdown]
# ## Correct a label, and see the estimate move
#
# Which labelled passages carry the corpus's figure? `influence` is the change of the count of positives, against what the rest
# says of its kind.

# %%
moving = audits.why_number(root, audit, pack, "all", size=400)
told = moving.filter(pl.col("value") == 1).sort("influence", "content", descending=[True, False])
told.select(
    pl.col("score").round(2),
    pl.col("weight").round(1),
    pl.col("influence").round(2),
    "stratum",
    pl.col("text").str.slice(0, 100) + "…",
).head(5)

# %% [markdown]
# Say that the first of them was labelled wrongly. In a copy of the root it is answered again by the same annotator, with nothing
# marked, and the audit is estimated anew from the files. No shard is read, and nothing is scored.

# %%
wrong = told.row(0, named=True)
rounds = [one.name for one in audits.usable_rounds(root, audit)]
name = next(r for r in rounds if wrong["content"] in read_round(root, r)[1]["content"])
drawn = read_round(root, name)[1].filter(content=wrong["content"]).row(0, named=True)
answer = {"passage_id": drawn["passage_id"], "agent": "none", "behaviours": [], "threat": False, "mode": "other"}

with tempfile.TemporaryDirectory() as folder:
    copy = Root(shutil.copytree(ROOT, Path(folder) / "copy"))
    assert import_labels(copy, name, [answer], pack, drawn["labels"][0]["annotator"]).answered == 1
    after = audits.estimate(copy, audit, pack).prevalence

columns = ["prevalence", "ci_low", "ci_high", "n_labelled"]
key = {"label": headline, "unit": "passages", "basis": "exposure", "dimension_2": "", "dimension": "corpus"}
before = query(root, "select * from latest_prevalence").filter(**key).select(columns)
moved = pl.concat([before, after.filter(**key).select(columns).cast(before.schema)])
moved.insert_column(0, pl.Series("labels", ["as they were", "one corrected"]))

# %%
bars = alt.Chart(moved, width=520, height=90, title="Prevalence in the corpus, 95 % interval")
bars.mark_rule(strokeWidth=3).encode(
    alt.X("ci_low", title=None, axis=alt.Axis(format=".1%"), scale=alt.Scale(zero=False)),
    alt.X2("ci_high"),
    alt.Y("labels", title=None),
) + bars.mark_point(filled=True, size=90).encode(alt.X("prevalence"), alt.Y("labels"))

# %% [markdown]
# One label of some four hundred moves the figure by less than its interval. Where a single one moved it by more, the audit would
# need more labels there: `corpus-audit why SOURCE --round NAME` draws such passages as a round of their own.
