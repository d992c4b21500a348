"""Large shards in parts: which shards are scanned by several workers at once, and how their parts become one shard.

A part is a matter of execution only. It is scanned into the root `parts/`, by the same steps; when all are there, their tables are
joined in the order of the file into the shard's own, which is then as if one worker had scanned it: same ids, counts, passages and
draws. No scan_id, shard_id or manifest knows of parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from corpus_tools import tally
from corpus_tools.readers.cut import cut, why_whole
from corpus_tools.root import SHARD_TABLES, Root
from corpus_tools.shards import Shard


def part_root(root: Root) -> Root:
    """The root that holds parts until they are joined."""
    return Root(f"{root.uri.rstrip('/')}/parts")


def root_of(root: Root, shard: Shard) -> Root:
    """Where a shard, or a part of one, is written."""
    return root if shard.part is None else part_root(root)


def divide(
    shards: Sequence[Shard], workers: int, size: float, taken: Iterable[str] = ()
) -> tuple[list[Shard], dict[str, str]]:
    """Shards in order -> the same with those in parts of `size` bytes that would keep one worker busy after the others have
    finished (more than half a worker's share), and those `taken` (shard_ids), of which parts are done; and shard_id -> why for
    shards that should be but cannot.
    """
    share = sum(s.bytes for s in shards) / max(1, workers)
    begun = set(taken)
    out: list[Shard] = []
    whole: dict[str, str] = {}
    for shard in shards:
        large = workers > 1 and shard.bytes > share / 2 and shard.bytes >= 2 * size > 0
        if not large and shard.shard_id not in begun:
            out.append(shard)
        elif large and (why := why_whole(shard)):
            whole[shard.shard_id] = why
            out.append(shard)
        else:
            out += cut(shard, int(size))
    return out, whole


def begun(root: Root, scan_id: str) -> set[str]:
    """shard_ids of which parts are done."""
    return {key.split("-", 1)[0] for key in part_root(root).names("shards", scan_id)}


def join(root: Root, scan_id: str, classifier_id: str, parts: Sequence[Shard], *, vectors: bool) -> None:
    """All parts of one shard, in order, done and scored -> the shard's tables and scores; the parts are removed."""
    shard, away = parts[0].shard_id, part_root(root)
    if not root.is_done(scan_id, shard):
        with root.shard_writer(scan_id, shard) as writer:
            for name in (name for name in SHARD_TABLES if name != "tallies"):
                for part in parts:
                    for table in away.batches("shards", scan_id, part.key, f"{name}.parquet"):
                        writer.add(name, table)
            counts = (away.read_table("shards", scan_id, part.key, "tallies.parquet") for part in parts)
            writer.add("tallies", tally.to_arrow(tally.add(tally.from_arrow(table) for table in counts)))
            writer.finish(_sum([away.manifest(scan_id, part.key) for part in parts]))
    with root.score_writer(classifier_id, scan_id, shard) as scored:
        for part in parts:
            for table in away.batches("scores", classifier_id, scan_id, f"{part.key}.parquet"):
                scored.add(table)
            if vectors:
                for table in away.batches("scores", classifier_id, scan_id, f"{part.key}.vectors.parquet"):
                    scored.add_vectors(table)
        scored.finish()
    forget(root, scan_id, {shard})


def sweep(root: Root, scan_id: str, todo: Iterable[str]) -> None:
    """Removes what a killed run left half-written, and parts of shards that are not `todo`. For the one process that starts an audit."""
    part_root(root).sweep(scan_id)
    forget(root, scan_id, begun(root, scan_id) - set(todo))


def forget(root: Root, scan_id: str, shard_ids: Iterable[str]) -> None:
    """Removes the parts of shards that are joined, or that are cut otherwise now."""
    away, gone = part_root(root), set(shard_ids)
    for key in away.names("shards", scan_id):
        if key.split("-", 1)[0] in gone:
            away.remove("shards", scan_id, key)
    for classifier_id in away.names("scores"):
        for name in away.names("scores", classifier_id, scan_id):
            if name.split("-", 1)[0] in gone:
                away.remove("scores", classifier_id, scan_id, name)
    if not away.fs.exists(away.path) or not away.fs.find(away.path):
        away.remove()


def _sum(manifests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Manifests of a shard's parts -> the shard's: the counts added, and where it first breaks off."""
    first = manifests[0]
    unread = next((m["unread"] for m in manifests if m["unread"]), "")
    summed = {
        name: value if name == "bytes" or not isinstance(value, int) else sum(m[name] for m in manifests)
        for name, value in first.items()
    }
    return summed | {"status": "partial" if unread else "done", "unread": unread}
