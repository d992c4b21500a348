"""Why this number: the passages that move an estimate most, and what labelling each would do to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from corpus_tools.errors import Stop
from corpus_tools.estimate.cells import PRIOR, cells, labels_of, rates
from corpus_tools.estimate.frames import among, as_polars, require, usable_labels
from corpus_tools.estimate.reckon import TRAINED_AT
from corpus_tools.estimate.survey import survey


def why(
    passages: Any,
    labels: Any,
    label: str,
    *,
    dimension: str = "corpus",
    source: str = "all",
    unit: str = "passages",
    basis: str = "exposure",
    trained_at: float = TRAINED_AT,
    size: int = 20,
) -> pl.DataFrame:
    """passages and labels as for estimate_audit -> one row per candidate content of the source, what moves its count
    most first.

    Returns content, passage_id (where given), stratum, score, value (its label, null without), weight (passages or
    words that it stands for in this source), expected (probability that it is positive), influence, if_yes, if_no,
    rate. if_yes and if_no: the change of the source's count of positives if it were labelled so: its own weight, and
    what it says of its cell. influence: weight times residual; of an unlabelled content the change to expect, either
    way. rate: label probabilities for a round of about `size` of these rows, all above 0: drawn with them and
    recorded, the list is a round like any other. Raises Stop where the source is not in the audit.
    """
    frame = as_polars(passages, "passages")
    dims = [] if dimension == "corpus" else [(dimension, "")]
    data = survey(frame, [label], dims, home=("dataset", "domain"))
    pairs = data.pairs[dims[0]] if dims else data.corpus
    names = [n[0] for n in pairs.names]
    if source not in names:
        raise Stop(
            f"no source {source!r}",
            where=f"dimension {dimension}",
            expected="a source of the audit",
            todo=f"There are {len(names)}, among them {', '.join(names[:5])}",
        )
    told = as_polars(labels, "labels")
    require(told, ("content",), "labels")
    good, _ = usable_labels(told, among(frame, told))
    mine = labels_of(data, good.filter(pl.col("label") == label))
    score = data.score(label)
    scored = cells(data, score, mine, trained_at)
    whole = np.where(data.in_design, data.content_weights(unit, basis), 0.0)
    r = rates(scored, whole, mine, data.in_design)

    here = np.flatnonzero(pairs.source == names.index(source))
    w = pairs.weights(data.n_words, unit, basis)[here]
    here, w = here[w > 0], w[w > 0]
    c = pairs.content[here]
    cell = scored.cell[c]
    y = np.full(data.size, np.nan)
    y[mine.at] = mine.y
    value = y[c]
    unlabelled = np.where(np.isnan(value), w, 0.0)
    u = np.bincount(cell, unlabelled, minlength=scored.n_cells)
    p, n = r.rate[cell], r.n[cell]
    says = np.maximum(u[cell] - unlabelled, 0) / (PRIOR + n + np.isnan(value))
    if_yes, if_no = (w + says) * (1 - p), -(w + says) * p
    influence = np.where(np.isnan(value), p * if_yes - (1 - p) * if_no, np.where(value >= 0.5, if_yes, if_no))
    wanted = np.abs(influence) + 0.01 * np.abs(influence).max(initial=0.0) + 1e-12
    rate = np.minimum(1.0, size * wanted / wanted.sum())
    first = frame.filter(pl.col("drawn") if "drawn" in frame.columns else pl.lit(True)).unique(
        "content", keep="first", maintain_order=True
    )
    at = data.find(first["content"])
    columns = [x for x in ("content", "passage_id", "stratum") if x in first.columns]
    texts = first.select(columns).with_columns(_at=pl.Series(at)).filter(pl.col("_at") >= 0)
    rows = pl.DataFrame(
        {
            "_at": c.astype(np.int64),
            "score": score[c],
            "value": value,
            "weight": w,
            "expected": np.where(np.isnan(value), p, value),
            "influence": influence,
            "if_yes": if_yes,
            "if_no": if_no,
            "rate": rate,
        }
    ).with_columns(pl.col("value").fill_nan(None))
    return texts.join(rows, on="_at").drop("_at").sort(pl.col("influence").abs(), "content", descending=[True, False])
