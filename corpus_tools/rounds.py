"""An audit's label rounds: drawn, topped up by their own rule for shards that arrived later, with the texts to be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from corpus_tools.audit import done_shards, entry_of, scored_passages
from corpus_tools.classifier import load_classifier
from corpus_tools.config import AuditConfig
from corpus_tools.errors import LabelError, PackError, no_such
from corpus_tools.estimate import allocate, by_rule, document_frame
from corpus_tools.labels import UNITS, add_batch, check_new, create_round, draw_round, read_round, round_names
from corpus_tools.pack import Pack
from corpus_tools.readers import READERS, texts_at
from corpus_tools.root import Root
from corpus_tools.sampling import content_hash
from corpus_tools.scan import Rules, rescore
from corpus_tools.shards import Shard

LISTED_ELSEWHERE = "elsewhere"  # the cell of what a list leaves out (listed.py)


@dataclass(frozen=True)
class Drawn:
    """What a draw gave: the passages with their texts, how many were to be expected, and over how many new shards (a top-up)."""

    round: str
    passages: pl.DataFrame  # content, passage_id, text, cell, probability, document
    expected: float
    shards: int = 0
    raised: int = 0  # drawn before, at a higher rate now that copies lie in new shards

    @property
    def documents(self) -> int:
        """Documents, where documents were drawn."""
        return int(self.passages["document"].drop_nulls().n_unique())


def free_name(root: Root) -> str:
    """round-1, or the next number that no round has."""
    there = round_names(root)
    return next(name for n in range(1, len(there) + 2) if (name := f"round-{n}") not in there)


def sample_round(
    root: Root,
    audit: Mapping[str, Any],
    pack: Pack,
    *,
    name: str,
    size: int,
    role: str = "estimate",
    label: str = "",
    by: str = "",
    of: str = "passages",
    seed: int | None = None,
) -> Drawn:
    """Draws a round of about `size` passages, or `documents` (every passage of each), from an audit's candidates, and writes it.

    Texts are those that the root keeps; what is not kept whole is read again where it stands in the corpus. A round that trains draws
    nothing that a round for estimates has drawn. Raises LabelError where the round cannot be made, UsageError for a name that there is
    not; nothing is written then.
    """
    seed = audit["seed"] if seed is None else seed
    label = label or pack.headline
    check_new(root, name, role)
    _check(pack, audit, label, by, of)
    units = _units(root, audit, pack, label, of)
    if role == "train":
        units = units.filter(~pl.col("content").is_in(_drawn_before(root, of).implode()))
    if not units.height:
        raise LabelError(
            "no scored passage to draw from", where=root.uri, todo="Widen the lexicon or audit_fraction, and run again."
        )
    rule = allocate(units, size, score=label, source_class=by or None)
    drawn = with_texts(root, audit, units, draw_round(rule.probabilities(), name, seed), of)
    create_round(
        root,
        {
            "round": name, "role": role, "of": of, "audit_id": audit["audit_id"], "scan_id": audit["scan_id"],
            "classifier_id": audit["classifier_id"], "shards": done_shards(audit), "seed": seed, "size": size,
            "label": label, "by": by, "cells": rule.rates.to_dicts(),
        },
        drawn,
    )  # fmt: skip
    return Drawn(name, drawn, rule.expected)


def _check(pack: Pack, audit: Mapping[str, Any], label: str, by: str, of: str) -> None:
    pack.known_label(label)
    if of not in UNITS:
        raise no_such("unit of a round", of, UNITS)
    plain = [d for d in audit["dimensions"] if d not in ("corpus", "mode")]
    if by and by not in plain:
        raise no_such("dimension", by, plain)


def _drawn_before(root: Root, of: str) -> pl.Series:
    out = [pl.Series([], dtype=pl.String)]
    for name in round_names(root):
        rule, drawn = read_round(root, name)
        if rule["role"] == "estimate":
            out.append(drawn["document" if of == "documents" else "content"].drop_nulls())
    return pl.concat(out).unique()


def short_rounds(root: Root, audit: Mapping[str, Any]) -> list[str]:
    """Rounds for estimates of the audit's scan that do not cover every shard of it yet."""
    here = set(done_shards(audit))
    rules = [root.read_json("rounds", f"{name}.json") for name in round_names(root)]
    mine = [r for r in rules if r.get("scan_id") == audit["scan_id"] and r["role"] == "estimate"]
    return [r["round"] for r in mine if not here <= set(r.get("shards", []))]


def top_up(root: Root, audit: Mapping[str, Any], pack: Pack, name: str) -> Drawn:
    """What a round's rule draws now that shards arrived: only what was not drawn before. The round's classifier scores what it has
    not scored yet, whichever classifier the audit has.

    Raises LabelError where no shard is new, or the round belongs to another scan; nothing is written then.
    """
    rule, before = read_round(root, name)
    if rule["scan_id"] != audit["scan_id"]:
        raise LabelError(
            f"the round {name!r} was drawn from another scan ({rule['scan_id']}) than the audit's ({audit['scan_id']})",
            expected="the same lexicon, rates, split rules and seed",
            todo="What those decide has changed, and with it which passages could be drawn: draw a new round.",
        )
    new = [shard for shard in done_shards(audit) if shard not in rule["shards"]]
    if not new:
        raise LabelError(
            f"no new shard: the round {name!r} covers all {len(done_shards(audit))} of the audit",
            where=root.uri,
            todo="Its labels stand, under any classifier. For more labels of the same text draw another round, without --new.",
        )
    of, key = rule["of"], "document" if rule["of"] == "documents" else "content"
    _score(root, audit, pack, rule["classifier_id"], new)
    later = {
        **audit, "classifier_id": rule["classifier_id"],
        "shards": [s for s in audit["shards"] if s["shard_id"] in new],
    }  # fmt: skip
    units = _units(root, later, pack, rule["label"], of)
    rates = _rates(units, rule)
    inside = draw_round(rates, name, rule["seed"])
    had = {
        c: max([p, *(r["probability"] for r in up or [])])
        for c, p, up in before.select(key, "probability", "raised").iter_rows()
    }
    raised = {c: p for c, p in inside.select("content", "probability").iter_rows() if c in had and p > had[c]}
    drawn = with_texts(root, later, units, inside.filter(~pl.col("content").is_in(list(had))), of)
    add_batch(root, name, audit["audit_id"], new, drawn, raised)
    return Drawn(name, drawn, float(rates["probability"].sum()), len(new), len(raised))


def _rates(units: pl.DataFrame, rule: Mapping[str, Any]) -> pl.DataFrame:
    """What a round's rule says of candidates that it has not seen: content, cell, probability. A list has none of them."""
    if "listed" in rule:
        return units.select(
            pl.col("content").unique(maintain_order=True),
            cell=pl.lit(LISTED_ELSEWHERE),
            probability=pl.lit(rule["listed"]["elsewhere"]),
        )
    return by_rule(units, rule["cells"], score=rule["label"], source_class=rule["by"] or None).probabilities()


def _units(root: Root, audit: Mapping[str, Any], pack: Pack, label: str, of: str) -> pl.DataFrame:
    """What a round draws from: candidates, or opened documents; those that the classifier can score."""
    passages = scored_passages(root, audit, pack, labels=[label], texts=True)
    if of == "documents":
        return document_frame(passages.filter(~pl.col("unscored")), [label])
    return passages.filter(pl.col(label).is_not_null())


def _score(root: Root, audit: Mapping[str, Any], pack: Pack, classifier_id: str, shards: Sequence[str]) -> None:
    """Scores shards with an earlier audit's classifier, where it has not done so. Raises LabelError where it cannot be had."""
    todo = set(shards) - root.scored(classifier_id, audit["scan_id"])
    if not todo:
        return
    config = settings(root, audit)
    of_classifier = {a["audit_id"] for a in root.audits() if a["classifier_id"] == classifier_id}
    runs = [
        AuditConfig.model_validate(r["config"]).classifier
        for r in root.runs()
        if r["audit_id"] in of_classifier and r.get("config")
    ]
    try:
        classifier = load_classifier(pack, runs[-1]) if runs else None
    except PackError as error:
        raise _gone(classifier_id, str(error)) from error
    if classifier is None or classifier.classifier_id != classifier_id:
        raise _gone(classifier_id, "other weights stand there now" if classifier else "no run of the root names it")
    rules = Rules.of(config, pack)
    for shard in _shards(audit, todo):
        rescore(shard, entry_of(config, shard.dataset), rules, classifier, root, audit["scan_id"])


def _gone(classifier_id: str, why: str) -> LabelError:
    return LabelError(
        f"the round's classifier {classifier_id} cannot be loaded: {why}",
        expected="the weights that the round's rates rest on",
        todo="Put them back where they were, or draw a new round with the audit's own classifier.",
    )


def settings(root: Root, audit: Mapping[str, Any]) -> AuditConfig:
    """The configuration of an audit's latest run, for the root where it lies now: where its corpus stands. Raises LabelError where
    no run is kept."""
    runs = [run for run in root.runs() if run["audit_id"] == audit["audit_id"] and run.get("config")]
    if not runs:
        raise LabelError(
            f"no run of audit {audit['audit_id']} is kept, so nobody knows where its corpus stands",
            where=root.uri,
            todo="Run the audit again: finished shards are not read again.",
        )
    return AuditConfig.model_validate(runs[-1]["config"] | {"output": root.uri})


def _shards(audit: Mapping[str, Any], wanted: set[str]) -> list[Shard]:
    fields = ("dataset", "address", "uri", "format", "bytes", "revision", "shard_id")
    return [Shard(**{f: s[f] for f in fields}) for s in audit["shards"] if s["shard_id"] in wanted]


def with_texts(root: Root, audit: Mapping[str, Any], units: pl.DataFrame, drawn: pl.DataFrame, of: str) -> pl.DataFrame:
    """Drawn units (content, cell, probability) -> their passages: content, passage_id, text, cell, probability, document."""
    first = units.unique("content", keep="first", maintain_order=True)
    if of == "passages":
        rows = drawn.join(
            first.select("content", "passage_id", "document_id", "text"), on="content", maintain_order="left"
        )
        rows = rows.with_columns(document=pl.lit(None, pl.String))
    else:
        chosen = drawn.join(first.select("content", "document_id"), on="content", maintain_order="left")
        chosen = chosen.rename({"content": "document"})
        passages = root.shard_frame(
            audit["scan_id"], done_shards(audit), "passages", ["document_id", "passage_id", "start", "content", "text"]
        ).filter(pl.col("document_id").is_in(chosen["document_id"].implode()))
        rows = chosen.join(passages.sort("document_id", "start"), on="document_id", maintain_order="left_right")
    whole = pl.Series(
        [t is not None and content_hash(t) == c for c, t in rows.select("content", "text").iter_rows()],
        dtype=pl.Boolean,
    )
    if not whole.all():
        rows = rows.with_columns(text=_read_again(root, audit, rows, whole))
    return rows.select("content", "passage_id", "text", "cell", "probability", "document")


def _read_again(root: Root, audit: Mapping[str, Any], rows: pl.DataFrame, whole: pl.Series) -> pl.Series:
    """Texts of passages, those that the root does not keep whole taken from their documents, read again by position.

    Raises LabelError where a document is not what it was when it was scanned: labels would be of another text.
    """
    config = settings(root, audit)
    wanted = rows.filter(~whole)
    scan = audit["scan_id"]
    ids = wanted["document_id"].unique().implode()
    documents = root.shard_frame(scan, done_shards(audit), "documents", ["document_id", "content", "position"]).filter(
        pl.col("document_id").is_in(ids)
    )
    spans = root.shard_frame(scan, done_shards(audit), "passages", ["passage_id", "start", "end"]).filter(
        pl.col("passage_id").is_in(wanted["passage_id"].unique().implode())
    )
    where = {p: (s, e) for p, s, e in spans.select("passage_id", "start", "end").iter_rows()}
    texts: dict[str, str] = {}
    changed: list[str] = []
    for shard in _shards(audit, set(documents["shard_id"])):
        mine = documents.filter(shard_id=shard.shard_id)
        found = texts_at(shard, entry_of(config, shard.dataset), mine["position"].to_list(), READERS[shard.format])
        for document, content, position in mine.select("document_id", "content", "position").iter_rows():
            text = found.get(position)
            if text is None or content_hash(text) != content:
                changed.append(document)
            else:
                texts[document] = text
    if changed:
        raise LabelError(
            f"{len(changed)} of {len(documents)} documents are not what they were when they were scanned, e.g. {min(changed)}",
            expected="the corpus as it was read",
            todo="Put the files back, or run the audit again: changed shards are read anew.",
        )
    out = []
    for kept, passage, document, text in zip(whole, rows["passage_id"], rows["document_id"], rows["text"], strict=True):
        start, end = where.get(passage, (0, 0))
        out.append(text if kept else texts[document][start:end])
    return pl.Series(out, dtype=pl.String)


__all__ = ["LISTED_ELSEWHERE", "Drawn", "free_name", "sample_round", "settings", "short_rounds", "top_up", "with_texts"]
