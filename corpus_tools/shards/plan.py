"""The shards of a corpus: what one is, its id, and which are scanned, in hash order."""

from __future__ import annotations

import logging
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash

from corpus_tools.config import CorpusEntry, digest
from corpus_tools.errors import ConfigError
from corpus_tools.sampling import hash_order
from corpus_tools.shards.listing import files_of, formats_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """A stretch of a shard that is scanned by itself: from unit `start` to before unit `end`, `bytes` in the file.

    Units are row groups (Parquet) or bytes (plain lines: those that begin in the stretch). The ids do not know of it.
    """

    start: int
    end: int
    bytes: int


@dataclass(frozen=True)
class Shard:
    """One file, or one slice of a hub data set. `address` is relative to the corpus entry's root; `revision` changes with the bytes.

    With a `part`, only that stretch of it is meant, `shard_id` and all positions being the whole shard's.
    """

    dataset: str
    address: str
    uri: str
    format: str
    bytes: int
    revision: str
    shard_id: str
    part: Part | None = None

    @property
    def key(self) -> str:
        """Under which name its tables are written: the shard_id, with the stretch if it is a part."""
        return self.shard_id if self.part is None else f"{self.shard_id}-{self.part.start}-{self.part.end}"

    @property
    def to_read(self) -> int:
        """Bytes of the file that a scan of it reads."""
        return self.bytes if self.part is None else self.part.bytes


@dataclass(frozen=True)
class Plan:
    """The shards of a corpus: those to scan, in hash order within each entry, and how many there are."""

    shards: tuple[Shard, ...]
    available: dict[str, int]

    def sampled(self) -> dict[str, tuple[int, int]]:
        """dataset -> (shards taken, shards there are)."""
        taken = dict.fromkeys(self.available, 0)
        for shard in self.shards:
            taken[shard.dataset] += 1
        return {name: (taken[name], there) for name, there in self.available.items()}


def plan_shards(
    entries: Iterable[CorpusEntry], *, seed: int, revisions: MutableMapping[str, str] | None = None
) -> Plan:
    """Corpus entries -> their shards. `revisions` caches hashes of local files by path, size and time of change.

    Raises ConfigError, with every mistake at once: a path that is not there, a glob that matches nothing, an unknown format.
    """
    shards: list[Shard] = []
    available: dict[str, int] = {}
    mistakes: list[str] = []
    cache = revisions if revisions is not None else {}
    for entry in entries:
        try:
            found = files_of(entry)
            formats = formats_of(found, entry)
        except ConfigError as error:
            mistakes += error.mistakes
            continue
        available[entry.name] = len(found)
        order = hash_order("shard", [f"{entry.name}/{address}" for address, _, _ in found], seed)
        rank = {key: position for position, key in enumerate(order)}
        found.sort(key=lambda one: rank[f"{entry.name}/{one[0]}"])
        for address, uri, info in found[: entry.shards]:
            revision = _revision(uri, info, cache)
            shards.append(
                Shard(
                    dataset=entry.name,
                    address=address,
                    uri=uri,
                    format=formats[address],
                    bytes=int(info.get("size") or 0),
                    revision=revision,
                    shard_id=digest([entry.name, address, revision, entry.reads]),
                )
            )
    if mistakes:
        raise ConfigError(mistakes)
    return Plan(tuple(shards), available)


_REVISIONS = ("sha256", "blob_id", "VersionId", "ETag", "etag", "md5Hash", "md5", "checksum")


def _revision(uri: str, info: dict[str, Any], cache: MutableMapping[str, str]) -> str:
    """What changes when the bytes do: a hash of a local file's bytes, the hash, version or ETag that a store gives."""
    if info.get("hub"):
        return uri.rsplit("@", 1)[-1] if "@" in uri else "head"
    if not info.get("local"):
        for value in ((info.get("lfs") or {}).get("sha256"), *(info.get(key) for key in _REVISIONS)):
            if value:
                return str(value).strip('"')
        return f"{info.get('size')}-{info.get('LastModified') or info.get('mtime') or info.get('last_modified') or ''}"
    path = Path(uri.removeprefix("datasets:"))
    try:
        status = path.stat()
        key = f"{path}|{status.st_size}|{status.st_mtime_ns}"
        if key not in cache:
            hasher = xxhash.xxh3_128()
            with path.open("rb") as file:
                while block := file.read(1 << 22):
                    hasher.update(block)
            cache[key] = hasher.hexdigest()
        return cache[key]
    except OSError as error:  # stays in the plan: it fails by name when it is read, and counts as failed
        log.warning("%s cannot be read: %s", path, error.strerror or error)
        return "unreadable"
