"""audit.json: what an audit is of, made from a plan and what became of it, and read back from the root."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from corpus_tools.config import DIMENSIONS, AuditConfig, CorpusEntry, digest, frozen
from corpus_tools.errors import RootError
from corpus_tools.estimate.reckon import SHARDS
from corpus_tools.pack import Pack, load_pack
from corpus_tools.root import Root, audit_id
from corpus_tools.shards import Plan
from corpus_tools.stores import redacted


def scan_id(config: AuditConfig, pack: Pack) -> str:
    """Hash of what decides which passages are kept."""
    return digest(frozen(config, pack))


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


def _rate(taken: int, there: int) -> float:
    return taken / there if there else 1.0


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


def done_shards(audit: Mapping[str, Any]) -> list[str]:
    """shard_ids of an audit's shards that stand, in order of data set and address."""
    return [s["shard_id"] for s in audit["shards"] if s["status"] != "failed"]


def source_names(audit: Mapping[str, Any]) -> list[str]:
    """Source keys of an audit beyond the usual dimensions."""
    return [name for name in audit["dimensions"] if name not in DIMENSIONS]


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
