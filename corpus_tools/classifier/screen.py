"""Labels, and scores of a classifier where there are any -> the cheap scorer that stands before the encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from corpus_tools.classifier.annotations import join_texts, label_matrix
from corpus_tools.classifier.train import split
from corpus_tools.errors import LabelError
from corpus_tools.pack import Pack
from corpus_tools.screen.fit import fit, kept

LABELLED = 2.0  # weight of a label over a classifier's score of another passage


def train_screen(
    pack: Pack,
    labels: list[dict[str, Any]],
    texts: Sequence[Mapping[str, Any]],
    path: Path,
    scores: Sequence[Mapping[str, Any]] = (),
) -> pl.DataFrame:
    """Fits on the labels whose `split` is not `validation`, judges on those whose is, writes `path` (npz).

    `scores` (passage_id, scores: label -> probability, as `corpus-audit score` writes them) are of further passages whose texts are
    in `texts`: the classifier's opinion of the pack's headline label teaches too. They must not be of works held out.
    Returns one row per bin but the lowest: share of the held-out passages at or above it, and share of their positives.
    Raises LabelError where texts are missing or do not fit, or one kind of label is absent.
    """
    train, held = split(labels)
    found = join_texts(labels, texts)["text"].to_list()
    headline = pack.labels.index(pack.headline)
    y = label_matrix(labels, pack)[:, headline]
    by_id = {str(t["passage_id"]): t for t in texts}
    unknown = [str(s["passage_id"]) for s in scores if str(s["passage_id"]) not in by_id]
    if unknown:
        raise LabelError(f"no text for scored passage {unknown[0]}", todo="Give its file by --texts too.")
    more = [by_id[str(s["passage_id"])] for s in scores]
    out = {str(labels[i].get("document_id")) for i in held if labels[i].get("document_id")}
    if any(str(m.get("document_id", m.get("given_id"))) in out for m in more):
        raise LabelError("scored passages are of works that are held out", todo="Leave those works out of --scores.")
    target = np.concatenate([y[train].astype(float), [float(s["scores"][pack.headline]) for s in scores]])
    groups = [str(labels[i].get("document_id", labels[i]["passage_id"])) for i in train]
    groups += [str(m.get("document_id", m.get("given_id", m["passage_id"]))) for m in more]
    card = {"label": pack.headline, "labelled": len(train), "positive": int(y[train].sum()), "scored": len(more)}
    try:
        scorer = fit(
            [found[i] for i in train] + [str(m["text"]) for m in more],
            target,
            groups,
            weight=np.concatenate([np.full(len(train), LABELLED), np.ones(len(more))]),
            card=card,
        )
    except ValueError as error:
        raise LabelError(str(error)) from None
    path.parent.mkdir(parents=True, exist_ok=True)
    scorer.save(path)
    shares = kept(scorer, [found[i] for i in held], y[held]) if held else []
    return pl.DataFrame(shares, schema={"kept": pl.Float64, "positives kept": pl.Float64}, orient="row")
