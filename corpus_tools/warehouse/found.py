"""What a root holds that a load needs: its finished audits, their shards, what is scored; JSON objects of a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from corpus_tools.root import Root

GROUP_PASSAGES, GROUP_SHARDS = 300_000, 500  # one insert: what is sorted at a time


@dataclass(frozen=True)
class FoundShard:
    """A shard that a finished audit has, and how many passages it has."""

    scan_id: str
    shard_id: str
    passages: int


@dataclass(frozen=True)
class Found:
    """The finished audits, and which shards and scores they need and have."""

    audits: list[dict[str, Any]]
    manifests: list[dict[str, Any]]  # scan_id, shard_id, json
    shards: list[FoundShard]
    scored: dict[tuple[str, str], set[str]]  # classifier_id, scan_id -> shard_ids

    @classmethod
    def of(cls, root: Root) -> Found:
        """Reads every audit and the manifests of their shards."""
        audits = objects(root, "audits", "audit_id", "audit.json")
        wanted = sorted(
            {
                (str(audit.get("scan_id")), str(shard.get("shard_id")))
                for audit in audits
                for shard in audit.get("shards") or []
                if shard.get("status") != "failed"
            }
        )
        with ThreadPoolExecutor(16) as pool:
            read = pool.map(lambda key: root.read_json("shards", *key, "manifest.json"), wanted)
            there = [(key, manifest) for key, manifest in zip(wanted, read, strict=True) if manifest]
        pairs = sorted({(str(a.get("classifier_id")), str(a.get("scan_id"))) for a in audits})
        return cls(
            audits=audits,
            manifests=[{"scan_id": k[0], "shard_id": k[1], "json": json.dumps(m)} for k, m in there],
            shards=[FoundShard(*key, passages=int(m.get("passages") or 0)) for key, m in there],
            scored={pair: root.scored(*pair) for pair in pairs},
        )

    def groups(self, shards: Sequence[FoundShard] | None = None) -> Iterator[list[FoundShard]]:
        """Shards of one scan, as many as are sorted at a time, in order of their ids."""
        for _, same in groupby(self.shards if shards is None else shards, key=lambda s: s.scan_id):
            group: list[FoundShard] = []
            size = 0
            for shard in same:
                if group and (size + shard.passages > GROUP_PASSAGES or len(group) == GROUP_SHARDS):
                    yield group
                    group, size = [], 0
                group.append(shard)
                size += shard.passages
            yield group

    def score_groups(self) -> Iterator[tuple[str, list[FoundShard]]]:
        """classifier_id and the shards that it has scored, group by group."""
        for (classifier_id, scan_id), done in self.scored.items():
            mine = [s for s in self.shards if s.scan_id == scan_id and s.shard_id in done]
            for group in self.groups(mine):
                yield classifier_id, group


def objects(root: Root, folder: str, key: str, file: str = "") -> list[dict[str, Any]]:
    """Every JSON object in a folder of the root, in order of name; its key from the name where the file has none."""
    out = []
    for name in root.names(folder):
        if not file and not name.endswith(".json"):
            continue
        value = root.read_json(folder, name, file) if file else root.read_json(folder, name)
        if isinstance(value, dict):
            out.append({key: name.removesuffix(".json")} | value)
    return out
