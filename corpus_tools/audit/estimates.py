"""An audit's passages, tallies and labels -> its estimates, at its end or under way; estimates -> the root."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import pyarrow as pa

from corpus_tools.audit.described import done_shards, source_names
from corpus_tools.audit.passages import as_map, lean_passages, tallies
from corpus_tools.estimate import Blocks, Estimates, Questions, estimate_audit
from corpus_tools.estimate.frames import keyed
from corpus_tools.labels import Used, document_labels, labels_table, read_round, round_names, shared_coverage, used
from corpus_tools.pack import Pack
from corpus_tools.root import Root
from corpus_tools.stopping import Figure
from corpus_tools.tables import MEASURES, PREVALENCE, TOTALS


def questions(pack: Pack, card: Mapping[str, Any], threshold: float = 0.5) -> Questions:
    """What a pack asks of its labels; the classifier's card says at which prevalence its scores were calibrated."""
    return Questions(
        labels=pack.labels, headline=pack.headline, modes=pack.modes, balance=pack.balance, outcomes=pack.outcomes,
        outcome_of=pack.outcome_of, trained_at=card.get("base_rates", {}),
        threshold=threshold,
    )  # fmt: skip


def usable_rounds(root: Root, audit: Mapping[str, Any]) -> list[Used]:
    """Rounds of the audit's scan with role `estimate` and answers, the oldest first (the one with the fewest shards to begin with).

    Whichever classifier the audit has: labels are of contents. A round that does not cover every shard counts for those it covers.
    """
    here = set(done_shards(audit))
    found = []
    for name in round_names(root):
        rule = root.read_json("rounds", f"{name}.json")
        if rule["role"] == "estimate" and rule["scan_id"] == audit["scan_id"] and rule.get("labelled"):
            one = used(*read_round(root, name))
            if one.batches and one.shards & here:
                found.append(one)
    return sorted(found, key=lambda r: (len(r.first & here), r.name))


def card_of(root: Root, audit: Mapping[str, Any]) -> dict[str, Any]:
    """The card of an audit's classifier; empty where the root has none."""
    return root.read_json("classifiers", f"{audit['classifier_id']}.json") or {}


def estimate(
    root: Root, audit: Mapping[str, Any], pack: Pack, *, label_names: Sequence[str] | None = None
) -> Estimates:
    """Estimates of one audit from what the root holds; `label_names` restricts the rounds (an empty list: the state before labels)."""
    rounds = [r for r in usable_rounds(root, audit) if label_names is None or r.name in label_names]
    passages, labels = _labelled(root, audit, pack, rounds)
    estimates = estimate_audit(
        passages,
        tallies(root, audit, pack),
        labels,
        questions(pack, card_of(root, audit), audit["threshold"]),
        audit_id=audit["audit_id"],
        dimensions=audit["dimensions"],
        crossings=[(a, b) for a, b in audit["crossings"] if {a, b} <= set(audit["dimensions"])],
        exposure=audit["epochs"],
        shards={name: (n, of) for name, (n, of) in audit["sampled"].items()},
        documents=document_labels(root, [r.name for r in rounds if r.of == "documents"]),
        seed=audit["seed"],
    )
    notes = (*_notes(rounds, passages, len(done_shards(audit))), *_empty_keys(root, audit), *estimates.notes)
    return replace(estimates, notes=notes)


def _labelled(
    root: Root, audit: Mapping[str, Any], pack: Pack, rounds: Sequence[Used], scores: Collection[str] | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Passages (with the scores of all labels, or of these), with `late` where no round of passages covers them, and the labels of
    those rounds; contents are keys (estimate.frames)."""
    some = [r for r in rounds if r.of == "passages"]
    passages = lean_passages(root, audit, pack, labels=scores)
    return shared_coverage(passages, keyed(labels_table(root, [r.name for r in some])), some)


def _notes(rounds: Sequence[Used], passages: pl.DataFrame, shards: int) -> list[str]:
    """What the state of the rounds means for the figures, a sentence each."""
    out = []
    for r in rounds:
        if r.answered < r.drawn:
            out.append(
                f"round {r.name}: {r.answered} of {r.drawn} drawn {r.of} are answered; the others are taken as left out by chance. "
                "Answer them in the order of the file, and the rest when you can."
            )
        if r.waiting:
            out.append(f"round {r.name}: its top-up counts once {r.wanted} more of its {r.of} are answered")
    if "late" in passages.columns and passages["late"].any():
        late = passages.filter("late")["shard_id"].n_unique()
        out.append(
            f"{late} of {shards} shards arrived after the labels: their rows are pooled, not calibrated, until a top-up is labelled: "
            "corpus-audit label sample --new"
        )
    return out


def _empty_keys(root: Root, audit: Mapping[str, Any]) -> list[str]:
    """A sentence for each source key that a data set asks for and none of its documents has."""
    if not source_names(audit):
        return []
    frame = root.shard_frame(audit["scan_id"], done_shards(audit), "tallies", ["dataset", "sources"])
    has: dict[tuple[str, str], bool] = {}
    for dataset, sources in frame.select("dataset", "sources").iter_rows():
        for name, value in as_map(sources).items():
            has[dataset, name] = has.get((dataset, name), False) or bool(value)
    return [
        f"source_fields: no document of {dataset} has a value of {name}: its rows by {name} say nothing; is the field called so?"
        for (dataset, name), value in sorted(has.items())
        if not value
    ]


def look(root: Root, audit: Mapping[str, Any], pack: Pack) -> Figure:
    """The headline figure of an audit that is under way: the corpus only, by the same estimator as at its end."""
    passages, labels = _labelled(root, audit, pack, usable_rounds(root, audit), [pack.headline])
    e = estimate_audit(
        passages, tallies(root, audit, pack), labels,
        Questions((pack.headline,), pack.headline, trained_at=card_of(root, audit).get("base_rates", {})),
        audit_id=audit["audit_id"], dimensions=("corpus",),
        shards={name: (n, of) for name, (n, of) in audit["sampled"].items()},
    )  # fmt: skip
    row = e.prevalence.filter(unit="passages", basis="exposure").row(0, named=True)
    value, low, high = row["prevalence"], row["ci_low"], row["ci_high"]
    half = (high - low) / 2 / value if high is not None and value else row["spread"]
    there = sum(available for _, available in audit["sampled"].values())
    return Figure(value, low, high, half, high is not None, len(done_shards(audit)), there)


def write(root: Root, audit: Mapping[str, Any], estimates: Estimates) -> None:
    """Writes an audit with its estimates piece by piece, and what a reader should know of them: notes.json (set_aside, notes)."""
    told = {"set_aside": dict(estimates.set_aside), "notes": list(estimates.notes)}
    root.write_json(told, "audits", audit["audit_id"], "notes.json")
    schemas = {"totals": TOTALS, "prevalence": PREVALENCE, "measures": MEASURES}
    root.write_audit(audit, {name: _pieces(estimates.tables[name], schema) for name, schema in schemas.items()})


def _pieces(table: Blocks, schema: pa.Schema) -> Iterator[pa.Table]:
    for piece in table.pieces():
        yield piece.to_arrow().cast(schema)
