"""Why this number: the passages that move an estimate most, and what labelling each would do to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from corpus_tools.errors import Stop
from corpus_tools.estimate.cells import PRIOR, cells, labels_of, rates
from corpus_tools.estimate.contents import survey
from corpus_tools.estimate.frames import among, as_polars, require, usable_labels
from corpus_tools.estimate.reckon import TRAINED_AT
from corpus_tools.estimate.survey import Pairs


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
    found = why_each(
        passages, labels, label, {dimension: [source]}, unit=unit, basis=basis, trained_at=trained_at, size=size
    )
    return found.drop("dimension", "source")


def why_each(
    passages: Any,
    labels: Any,
    label: str,
    wanted: Mapping[str, Sequence[str]],
    *,
    unit: str = "passages",
    basis: str = "exposure",
    trained_at: float = TRAINED_AT,
    size: int = 20,
    most: int | None = None,
) -> pl.DataFrame:
    """As `why`, for many sources at once: dimension -> sources. Adds the columns dimension and source.

    Of each source at most `most` rows (all where None), those that move its count most; sources in the order asked.
    """
    frame = as_polars(passages, "passages")
    told = as_polars(labels, "labels")
    require(told, ("content",), "labels")
    data = survey(frame, [label], [(d, "") for d in wanted if d != "corpus"], home=("dataset", "domain"))
    good, _ = usable_labels(told, among(frame, told))
    mine = labels_of(data, good.filter(pl.col("label") == label))
    score = data.score(label)
    scored = cells(data, score, mine, trained_at)
    whole = data.design_weights(unit, basis)
    r = rates(scored, whole, mine, data.in_design)
    y = np.full(data.size, np.nan)
    y[mine.at] = mine.y

    def of(pairs: Pairs, dimension: str, source: str) -> pl.DataFrame:
        names = [n[0] for n in pairs.names]
        if source not in names:
            raise Stop(
                f"no source {source!r}",
                where=f"dimension {dimension}",
                expected="a source of the audit",
                todo=f"There are {len(names)}, among them {', '.join(names[:5])}",
            )
        here = np.flatnonzero(pairs.source == names.index(source))
        w = pairs.weights(data.n_words, unit, basis)[here]
        here, w = here[w > 0], w[w > 0]
        c = pairs.content[here]
        cell = scored.cell[c]
        value = y[c]
        unlabelled = np.where(np.isnan(value), w, 0.0)
        u = np.bincount(cell, unlabelled, minlength=scored.n_cells)
        p, n = r.rate[cell], r.n[cell]
        says = np.maximum(u[cell] - unlabelled, 0) / (PRIOR + n + np.isnan(value))
        if_yes, if_no = (w + says) * (1 - p), -(w + says) * p
        influence = np.where(np.isnan(value), p * if_yes - (1 - p) * if_no, np.where(value >= 0.5, if_yes, if_no))
        drawing = np.abs(influence) + 0.01 * np.abs(influence).max(initial=0.0) + 1e-12
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
                "rate": np.minimum(1.0, size * drawing / drawing.sum()),
            }
        ).with_columns(pl.col("value").fill_nan(None), dimension=pl.lit(dimension), source=pl.lit(source))
        return rows if most is None else rows.sort(pl.col("influence").abs(), descending=True).head(most)

    parts = [
        of(data.corpus if dimension == "corpus" else data.pairs[dimension, ""], dimension, source)
        for dimension, sources in wanted.items()
        for source in sources
    ]
    first = frame.filter(pl.col("drawn") if "drawn" in frame.columns else pl.lit(True)).unique(
        "content", keep="first", maintain_order=True
    )
    columns = [x for x in ("content", "passage_id", "stratum") if x in first.columns]
    texts = first.select(columns).with_columns(_at=pl.Series(data.find(first["content"])))
    rows = pl.concat([part.with_columns(_asked=pl.lit(i)) for i, part in enumerate(parts)])
    rows = texts.filter(pl.col("_at") >= 0).join(rows, on="_at").drop("_at")
    return rows.sort("_asked", pl.col("influence").abs(), "content", descending=[False, True, False]).drop("_asked")
