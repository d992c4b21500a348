"""Corpus spec (paths, globs, fsspec addresses, `datasets:…`) -> shards, in hash order. Opens no contents but to hash local bytes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import IO, Any, cast

import fsspec
import xxhash

from corpus_tools.config import CorpusEntry, digest
from corpus_tools.errors import ConfigError, ShardFailed
from corpus_tools.sampling import hash_order

log = logging.getLogger(__name__)

FORMATS = {
    "parquet": (".parquet", ".pq"),
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "wet": (".warc.wet", ".wet"),
    "warc": (".warc", ".arc"),
}
COMPRESSIONS = (".gz", ".zst", ".zstd")


@dataclass(frozen=True)
class Shard:
    """One file, or one slice of a hub data set. `address` is relative to the corpus entry's root; `revision` changes with the bytes."""

    dataset: str
    address: str
    uri: str
    format: str
    bytes: int
    revision: str
    shard_id: str


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
            found = _files(entry)
            formats = {address: entry.format or _format(uri) for address, uri, _ in found}
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


def _files(entry: CorpusEntry) -> list[tuple[str, str, dict[str, Any]]]:
    """(address relative to the entry's root, full address, file information) of each file."""
    uri = entry.uri.removeprefix("datasets:")
    if entry.uri.startswith("datasets:") and not Path(uri).is_absolute() and "://" not in uri:
        return [(uri, entry.uri, {"size": 0, "hub": True})]
    prefix = "datasets:" if entry.uri.startswith("datasets:") else ""
    try:
        fs, path = fsspec.core.url_to_fs(uri)
    except (ImportError, ValueError) as error:
        raise ConfigError([f"corpus entry {entry.name!r}: {uri}: {error}"]) from None
    local = "file" in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,))
    infos: dict[str, dict[str, Any]]
    if any(mark in path for mark in "*?[{"):
        infos = fs.glob(path, detail=True)
    elif fs.isdir(path):
        known = tuple(end for ends in FORMATS.values() for end in ends)
        infos = {
            name: info
            for name, info in fs.find(path, detail=True).items()
            if entry.format or _bare(name).endswith(known)
        }
    elif fs.exists(path):
        infos = {path: fs.info(path)}
    else:
        raise ConfigError([f"corpus entry {entry.name!r}: no such file: {uri}{_nearest(path) if local else ''}"])
    files = {name: info for name, info in infos.items() if info.get("type") == "file"}
    if not files:
        what = "a folder without shards" if fs.isdir(path) else "the pattern matches no file"
        raise ConfigError(
            [f"corpus entry {entry.name!r}: {what}: {uri}; expected names ending in {', '.join(_endings())}"]
        )
    root = fs._strip_protocol(CorpusEntry(uri=uri, name=entry.name).root).rstrip("/")
    if fs.isdir(path):
        root = path.rstrip("/")
    out = []
    for name, info in sorted(files.items()):
        address = name.removeprefix(root).lstrip("/") or name.rsplit("/", 1)[-1]
        full = name if local else fs.unstrip_protocol(name)
        out.append((address, prefix + full, {**info, "local": local}))
    return out


def _endings() -> list[str]:
    return [end for ends in FORMATS.values() for end in ends] + [f"…{c}" for c in COMPRESSIONS]


def _bare(name: str) -> str:
    for end in COMPRESSIONS:
        name = name.removesuffix(end)
    return name


def _format(uri: str) -> str:
    if uri.startswith("datasets:"):
        return "datasets"
    for name, endings in FORMATS.items():
        if _bare(uri.lower()).endswith(endings):
            return name
    raise ConfigError(
        [f"{uri}: unknown format; expected a name ending in {', '.join(_endings())}, or `format:` in its corpus entry"]
    )


def _nearest(path: str) -> str:
    folder = Path(path).parent
    if not folder.is_dir():
        return f"; the folder {folder} is not there either"
    near = get_close_matches(Path(path).name, [p.name for p in folder.iterdir()], n=1)
    return f"; did you mean {folder / near[0]}?" if near else ""


def _revision(uri: str, info: dict[str, Any], cache: MutableMapping[str, str]) -> str:
    if info.get("hub"):
        return uri.rsplit("@", 1)[-1] if "@" in uri else "head"
    if not info.get("local"):
        for key in ("ETag", "etag", "VersionId", "md5", "sha256", "blob_id"):
            if info.get(key):
                return str(info[key]).strip('"')
        return f"{info.get('size')}-{info.get('LastModified') or info.get('mtime') or info.get('last_modified') or ''}"
    path = Path(uri.removeprefix("datasets:"))
    stat = path.stat()
    key = f"{path}|{stat.st_size}|{stat.st_mtime_ns}"
    if key not in cache:
        hasher = xxhash.xxh3_128()
        with path.open("rb") as file:
            while block := file.read(1 << 22):
                hasher.update(block)
        cache[key] = hasher.hexdigest()
    return cache[key]


def one_line(error: object) -> str:
    """An error's text on one line, 200 characters at most."""
    return " ".join(str(error).split())[:200]


def trouble(uri: str, error: Exception, what: str) -> ShardFailed:
    """What a store or a library raised while a shard was read -> ShardFailed; `retry` unless it cannot get better by itself."""
    said = f"{what}: {type(error).__name__}: {one_line(error)}"
    if isinstance(error, FileNotFoundError):
        return ShardFailed(said, where=uri, todo="Look whether it was moved or deleted.")
    if isinstance(error, PermissionError):
        return ShardFailed(said, where=uri, todo="Check the permissions, or the credentials.")
    lasting = isinstance(error, ValueError | TypeError | KeyError | NotImplementedError | ImportError)
    todo = (
        "Check the name, its configuration and split, and the credentials."
        if lasting
        else "Check the network and the store."
    )
    return ShardFailed(said, where=uri, todo=todo, retry=not lasting)


def open_binary(uri: str) -> IO[bytes]:
    """An address -> a binary file. Raises ShardFailed."""
    try:
        fs, path = fsspec.core.url_to_fs(uri)
        return cast(IO[bytes], fs.open(path, "rb"))
    except Exception as error:  # stores raise anything
        raise trouble(uri, error, "cannot be opened") from error
