"""An audit: a scan's shards under one classifier. Files of the root -> what the estimates take; estimates -> the root."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import polars as pl
import pyarrow as pa

from corpus_tools.config import AuditConfig, CorpusEntry, frozen
from corpus_tools.config import digest as _digest
from corpus_tools.copies import near_copies
from corpus_tools.errors import RootError
from corpus_tools.estimate import (
    Audited,
    Blocks,
    Estimates,
    Questions,
    compare,
    estimate_audit,
    labels_needed,
    why,
    why_each,
)
from corpus_tools.estimate.reckon import SHARDS, TRAINED_AT
from corpus_tools.labels import Used, document_labels, labels_table, read_round, round_names, shared_coverage, used
from corpus_tools.pack import Pack, load_pack
from corpus_tools.root import Root, audit_id
from corpus_tools.sampling import content_hash
from corpus_tools.shards import Plan
from corpus_tools.stopping import Figure
from corpus_tools.stores import redacted
from corpus_tools.tables import MEASURES, NEAR_COPIES, PREVALENCE, TOTALS

DIMENSIONS = ("corpus", "dataset", "domain", "year", "language", "mode", "kind")


def scan_id(config: AuditConfig, pack: Pack) -> str:
    """Hash of what decides which passages are kept."""
    return _digest(frozen(config, pack))


def questions(pack: Pack, card: Mapping[str, Any], threshold: float = 0.5) -> Questions:
    """What a pack asks of its labels; the classifier's card says at which prevalence its scores were calibrated."""
    return Questions(
        labels=pack.labels, headline=pack.headline, modes=pack.modes, balance=pack.balance, outcomes=pack.outcomes,
        outcome_of=pack.outcome_of, trained_at=card.get("base_rates", {}),
        threshold=threshold,
    )  # fmt: skip


def describe(
    config: AuditConfig,
    pack: Pack,
    classifier_id: str,
    plan: Plan,
    manifests: Mapping[str, Mapping[str, Any]],
    failed: Mapping[str, str],
) -> dict[str, Any]:
    """Configuration, plan, manifests of the done shards and errors of the failed ones (by shard_id) -> audit.json.

    No times and no machines: the same inputs give the same bytes.
    """
    scanned = scan_id(config, pack)
    taken = plan.sampled()
    counted: dict[str, int] = {}
    for manifest in manifests.values():
        counted[manifest["dataset"]] = counted.get(manifest["dataset"], 0) + 1
    # A shard that failed is non-response, listed as such; it does not make a whole data set a sample.
    sampled = {name: (counted.get(name, 0) if n < there else n, there) for name, (n, there) in taken.items()}
    shards = [
        {
            "dataset": s.dataset, "address": s.address, "uri": redacted(s.uri), "format": s.format, "bytes": s.bytes,
            "revision": s.revision, "shard_id": s.shard_id,
            "status": "failed" if s.shard_id in failed else manifests[s.shard_id]["status"],
            "error": failed.get(s.shard_id) or manifests.get(s.shard_id, {}).get("unread", ""),
            "shard_probability": _rate(*taken[s.dataset]),
        }
        for s in sorted(plan.shards, key=lambda s: (s.dataset, s.address))
        if s.shard_id in failed or s.shard_id in manifests
    ]  # fmt: skip
    done = sorted(manifests)
    return {
        "audit_id": audit_id(scanned, classifier_id, done),
        "name": config.name,
        "scan_id": scanned,
        "classifier_id": classifier_id,
        "pack": config.pack,
        "threshold": config.classifier.threshold,
        "headline": pack.headline,
        "sampled": {name: list(pair) for name, pair in sampled.items()},
        "shards": shards,
        "books": {
            key: sum(int(manifests[s][key]) for s in done) for key in ("read", "kept", "empty", "rejected", "failed")
        },
        "dimensions": [*DIMENSIONS, *config.source_names],
        "crossings": [list(pair) for pair in config.crossings],
        "kinds": config.kinds,
        "epochs": {entry.name: entry.epochs for entry in config.corpus},
        "label_names": list(pack.labels),
        "seed": config.seed,
    }


def sampled_said(audit: Mapping[str, Any]) -> list[str]:
    """'web: 5 of 40 shards …' for each data set of which not all shards were taken: what stands beside every figure of the audit."""
    few = f"; no interval below {SHARDS}"
    return [
        f"{name}: {taken} of {there} shards, figures are estimates of the whole{few if taken < SHARDS else ''}"
        for name, (taken, there) in sorted(audit["sampled"].items())
        if taken < there
    ]


def failed_said(audit: Mapping[str, Any], most: int = 20) -> list[str]:
    """One line for each shard that failed, then for each that breaks off: what is missing from every figure of the audit."""
    shards = audit["shards"]
    lost, short = ([s for s in shards if s["status"] == status] for status in ("failed", "partial"))
    lines = [f"failed shard {s['dataset']}/{s['address']}: {s['error']}" for s in lost[:most]]
    lines += [f"partial shard {s['dataset']}/{s['address']}: {s['error']}" for s in short[:most]]
    for kind, some in (("failed", lost), ("partial", short)):
        if len(some) > most:
            lines.append(f"… and {len(some) - most} more {kind} shards: the table `shards` has them all")
    if lost:
        lines.insert(0, f"{len(lost)} of {len(shards)} shards failed and are missing from every figure")
    return lines


def _rate(taken: int, there: int) -> float:
    return taken / there if there else 1.0


def scored_passages(root: Root, audit: Mapping[str, Any], pack: Pack, *, texts: bool = False) -> pl.DataFrame:
    """One row per passage of every opened document, drawn or not, with source keys, stage probabilities and scores (null where none)."""
    scan, shards = audit["scan_id"], done_shards(audit)
    names = source_names(audit)
    columns = ["passage_id", "document_id", "content", "stratum", "screen_probability", "drawn", "n_words"]
    passages = cast(
        pl.DataFrame,
        pl.from_arrow(root.shard_table(scan, shards, "passages", [*columns, "terms", "text"] if texts else columns)),
    )
    documents = cast(pl.DataFrame, pl.from_arrow(root.shard_table(scan, shards, "documents")))
    documents = _spread(documents, names, audit, pack).select(
        "document_id", "open_probability", "unscored", "dataset", "domain", "year", "language", "kind", *names,
        *(["url"] if texts else []), document_content="content",
    )  # fmt: skip
    scores = root.scores(audit["classifier_id"], scan, shards).drop("content")
    return (
        passages.join(documents, on="document_id", how="left", maintain_order="left")
        .join(scores, on="passage_id", how="left", maintain_order="left")
        .join(_shard_rates(audit), on="shard_id", how="left", maintain_order="left")
    )


def tallies(root: Root, audit: Mapping[str, Any], pack: Pack) -> pl.DataFrame:
    """The audit's tallies with plain source columns and the shards' probability."""
    frame = cast(pl.DataFrame, pl.from_arrow(root.shard_table(audit["scan_id"], done_shards(audit), "tallies")))
    frame = _spread(frame, source_names(audit), audit, pack).join(_shard_rates(audit), on="shard_id", how="left")
    if (frame["language"] == "").any():  # given for some documents only: the estimates take it from opened documents
        frame = frame.drop("language")
    return frame.drop("shard_id")


def _spread(frame: pl.DataFrame, names: Sequence[str], audit: Mapping[str, Any], pack: Pack) -> pl.DataFrame:
    """The map `sources` as plain columns, and `kind` by the configuration's map, then the pack's; '' where none says."""
    maps = [
        dict(m) if not isinstance(m, list) else {e["key"]: e["value"] for e in m} for m in frame["sources"].to_list()
    ]
    kinds = {**pack.kinds, **audit["kinds"]}
    named = pl.coalesce(
        pl.col("domain").replace_strict(kinds, default=None, return_dtype=pl.String),
        pl.col("dataset").replace_strict(kinds, default=None, return_dtype=pl.String),
        pl.lit(""),
    )
    return frame.with_columns(
        *(pl.Series(name, [m.get(name, "") for m in maps], dtype=pl.String) for name in names), kind=named
    ).drop("sources")


def _shard_rates(audit: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "shard_id": [s["shard_id"] for s in audit["shards"]],
            "shard_probability": [s["shard_probability"] for s in audit["shards"]],
        },
        schema={"shard_id": pl.String, "shard_probability": pl.Float64},
    )


def done_shards(audit: Mapping[str, Any]) -> list[str]:
    """shard_ids of an audit's shards that stand, in order of data set and address."""
    return [s["shard_id"] for s in audit["shards"] if s["status"] != "failed"]


def source_names(audit: Mapping[str, Any]) -> list[str]:
    """Source keys of an audit beyond the usual dimensions."""
    return [name for name in audit["dimensions"] if name not in DIMENSIONS]


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


def _card(root: Root, audit: Mapping[str, Any]) -> dict[str, Any]:
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
        questions(pack, _card(root, audit), audit["threshold"]),
        audit_id=audit["audit_id"],
        dimensions=audit["dimensions"],
        crossings=[(a, b) for a, b in audit["crossings"] if {a, b} <= set(audit["dimensions"])],
        exposure=audit["epochs"],
        shards={name: (n, of) for name, (n, of) in audit["sampled"].items()},
        documents=document_labels(root, [r.name for r in rounds if r.of == "documents"]),
        seed=audit["seed"],
    )
    return replace(estimates, notes=(*_notes(rounds, passages, len(done_shards(audit))), *estimates.notes))


def _labelled(
    root: Root, audit: Mapping[str, Any], pack: Pack, rounds: Sequence[Used]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Passages, with `late` where no round of passages covers them, and the labels of those rounds."""
    some = [r for r in rounds if r.of == "passages"]
    return shared_coverage(scored_passages(root, audit, pack), labels_table(root, [r.name for r in some]), some)


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


def look(root: Root, audit: Mapping[str, Any], pack: Pack) -> Figure:
    """The headline figure of an audit that is under way: the corpus only, by the same estimator as at its end."""
    passages, labels = _labelled(root, audit, pack, usable_rounds(root, audit))
    e = estimate_audit(
        passages, tallies(root, audit, pack), labels,
        Questions((pack.headline,), pack.headline, trained_at=_card(root, audit).get("base_rates", {})),
        audit_id=audit["audit_id"], dimensions=("corpus",),
        shards={name: (n, of) for name, (n, of) in audit["sampled"].items()},
    )  # fmt: skip
    row = e.prevalence.filter(unit="passages", basis="exposure").row(0, named=True)
    value, low, high = row["prevalence"], row["ci_low"], row["ci_high"]
    half = (high - low) / 2 / value if high is not None and value else row["spread"]
    counted, there = (sum(pair[i] for pair in audit["sampled"].values()) for i in (0, 1))
    return Figure(value, low, high, half, high is not None, counted, there)


def write(root: Root, audit: Mapping[str, Any], estimates: Estimates) -> None:
    """Writes an audit with its estimates piece by piece, and what a reader should know of them: notes.json (set_aside, notes)."""
    told = {"set_aside": dict(estimates.set_aside), "notes": list(estimates.notes)}
    root.write_json(told, "audits", audit["audit_id"], "notes.json")
    schemas = {"totals": TOTALS, "prevalence": PREVALENCE, "measures": MEASURES}
    root.write_audit(audit, {name: _pieces(estimates.tables[name], schema) for name, schema in schemas.items()})


def _pieces(table: Blocks, schema: pa.Schema) -> Iterator[pa.Table]:
    for piece in table.pieces():
        yield piece.to_arrow().cast(schema)


def find_near_copies(root: Root, audit: Mapping[str, Any], pack: Pack) -> int:
    """Groups of near copies among the audit's candidates -> near_copies.parquet, once per audit; how many contents are in one.

    Only texts that the root keeps whole can be compared: none where `store.text` is not full.
    """
    if "near_copies.parquet" in root.names("audits", audit["audit_id"]):
        return len(root.read_table("audits", audit["audit_id"], "near_copies.parquet"))
    table = root.shard_table(audit["scan_id"], done_shards(audit), "passages", ["content", "drawn"])
    drawn = (
        cast(pl.DataFrame, pl.from_arrow(table))
        .with_columns(row=pl.int_range(pl.len()).over("shard_id"))
        .filter("drawn")
        .drop("drawn")
    )
    found = near_copies(
        _whole_texts(root, audit["scan_id"], drawn.unique("content", keep="first", maintain_order=True))
    )
    copies = drawn.group_by("content").agg(pl.len().cast(pl.Int64).alias("copies"))
    found = found.join(copies, on="content", maintain_order="left").with_columns(
        audit_id=pl.lit(audit["audit_id"]),
        group_contents=pl.len().over("near_group").cast(pl.Int64),
        group_passages=pl.col("copies").sum().over("near_group"),
    )
    root.write_table(
        found.select(NEAR_COPIES.names).to_arrow().cast(NEAR_COPIES), "audits", audit["audit_id"], "near_copies.parquet"
    )
    return found.height


def _whole_texts(root: Root, scan_id: str, wanted: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Rows of shards (shard_id, row) -> content, text, piece by piece; nothing where the root keeps excerpts."""
    for shard in wanted["shard_id"].unique(maintain_order=True):
        rows, at = wanted.filter(shard_id=shard)["row"].to_numpy(), 0
        for table in root.batches("shards", scan_id, shard, "passages.parquet"):
            mine = rows[(rows >= at) & (rows < at + len(table))] - at
            at += len(table)
            piece = cast(pl.DataFrame, pl.from_arrow(table.select(["content", "text"]).take(mine)))
            piece = piece.filter(pl.col("text").is_not_null())
            if piece.height:
                longest = piece.row(int(piece["text"].str.len_bytes().arg_max() or 0))
                if content_hash(longest[1]) != longest[0]:
                    return
            yield piece


def why_number(
    root: Root,
    audit: Mapping[str, Any],
    pack: Pack,
    source: str,
    *,
    dimension: str = "",
    label: str = "",
    size: int = 20,
) -> pl.DataFrame:
    """The passages that move a source's figure most (estimate.why), with their texts.

    `dimension` is the first that has such a source, where it is not named. Raises RootError where none has.
    """
    label = label or pack.headline
    if label not in pack.labels:
        raise RootError(f"no label {label!r}", expected=f"one of {', '.join(pack.labels)}")
    passages = scored_passages(root, audit, pack, texts=True)
    plain = [d for d in audit["dimensions"] if d in passages.columns]
    found = [d for d in plain if dimension in ("", d) and source in passages[d].cast(pl.String).unique().to_list()]
    if source != "all" and not found:
        raise RootError(
            f"no source {source!r} in {dimension or 'any dimension'}", expected=f"a value of {', '.join(plain)}, or all"
        )
    rows = why(
        passages.drop("text", "terms", "url"),
        labels_table(root, [r.name for r in usable_rounds(root, audit)]),
        label,
        dimension="corpus" if source == "all" else found[0],
        source=source,
        trained_at=_card(root, audit).get("base_rates", {}).get(label, 0.2),
        size=size,
    )
    return rows.join(passages.select("passage_id", "text"), on="passage_id", how="left", maintain_order="left")


def why_numbers(
    root: Root,
    audit: Mapping[str, Any],
    pack: Pack,
    wanted: Mapping[str, Mapping[str, Sequence[str]]],
    *,
    most: int = 4,
) -> pl.DataFrame:
    """label -> dimension -> sources; the passages that move each figure most (estimate.why_each), with the column `label`; no texts.

    Sources of which no passage was scored are left out.
    """
    passages = scored_passages(root, audit, pack)
    labels = labels_table(root, [r.name for r in usable_rounds(root, audit)])
    rates = _card(root, audit).get("base_rates", {})
    scored = passages.filter("drawn")
    parts = []
    for label, by in wanted.items():
        there = scored.filter(pl.col(label).is_not_null()) if label in scored.columns else scored.clear()
        known = {
            dimension: [s for s in sources if dimension == "corpus" or s in set(there[dimension].cast(pl.String))]
            for dimension, sources in by.items()
            if dimension == "corpus" or dimension in there.columns
        }
        if len(there) and any(known.values()):
            rows = why_each(passages, labels, label, known, trained_at=rates.get(label, TRAINED_AT), most=most)
            parts.append(rows.with_columns(label=pl.lit(label)))
    return pl.concat(parts) if parts else pl.DataFrame()


def comparison(root: Root, before: Mapping[str, Any], after: Mapping[str, Any]) -> pl.DataFrame:
    """Two audits of a root -> rows of `measures` (difference). Raises CompareError where they cannot be compared."""

    def audited(audit: Mapping[str, Any]) -> Audited:
        table = cast(pl.DataFrame, pl.from_arrow(root.read_table("audits", audit["audit_id"], "prevalence.parquet")))
        return Audited(table, audit["scan_id"], audit["classifier_id"])

    return compare(audited(before), audited(after))


def labels_wanted(
    root: Root, audit: Mapping[str, Any], pack: Pack, target: float, label: str = ""
) -> tuple[int, int, float]:
    """Labels that a relative half-width `target` of the corpus figure would take: (needed, now, half-width now).

    Raises Stop where it lies below what labels cannot narrow (the model of what the gate misses), RootError before any interval.
    """
    table = cast(pl.DataFrame, pl.from_arrow(root.read_table("audits", audit["audit_id"], "prevalence.parquet")))
    rows = table.filter(label=label or pack.headline, dimension="corpus", unit="passages", basis="exposure").to_dicts()
    if not rows or rows[0]["ci_high"] is None or not rows[0]["prevalence"]:
        raise RootError(
            "no interval yet to plan from",
            todo="Label a first round of 300 passages or more: corpus-audit label sample.",
        )
    now = (rows[0]["ci_high"] - rows[0]["ci_low"]) / 2 / rows[0]["prevalence"]
    parts = cast(pl.DataFrame, pl.from_arrow(root.read_table("audits", audit["audit_id"], "measures.parquet"))).filter(
        label=label or pack.headline, dimension="corpus", unit="passages", basis="exposure", against=""
    )
    found = {r["measure"]: r for r in parts.iter_rows(named=True)}
    fixed = 0.0
    if "missed" in found and found["count"]["value"]:  # what the gate misses: no number of labels narrows it much
        fixed = min((found["missed"]["high"] - found["missed"]["low"]) / 2 / found["count"]["value"], now)
    return labels_needed(now, rows[0]["n_labelled"], target, fixed), rows[0]["n_labelled"], now


def read(root: Root, wanted: str = "") -> dict[str, Any]:
    """An audit of the root by its id (or the id's beginning), else the latest. Raises RootError with those there are."""
    there = root.audits()
    found = [a for a in there if a["audit_id"].startswith(wanted)] if wanted else there[-1:]
    if len(found) != 1:
        listed = ", ".join(f"{a['audit_id']} ({a['name']})" for a in there) or "none"
        raise RootError(
            f"no audit {wanted!r}" if wanted else "no finished audit", where=root.uri, expected=f"one of: {listed}",
            todo="" if there else "Run one first: corpus-audit run CONFIG.yaml",
        )  # fmt: skip
    return found[0]


def latest(root: Root) -> list[dict[str, Any]]:
    """The latest audit of each name: those that the views of the database show."""
    return list({audit["name"]: audit for audit in root.audits()}.values())


def pack_of(audit: Mapping[str, Any]) -> Pack:
    """The pack an audit was made with."""
    return load_pack(audit["pack"])


def entry_of(config: AuditConfig, dataset: str) -> CorpusEntry:
    """The corpus entry of a data set."""
    return next(entry for entry in config.corpus if entry.name == dataset)
