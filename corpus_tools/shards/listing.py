"""Paths, globs and fsspec addresses -> the files that are there, and the format of each. Opens none."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import fsspec
from fsspec.utils import glob_translate

from corpus_tools.config import CorpusEntry
from corpus_tools.errors import ConfigError
from corpus_tools.stores import redacted, tried, why

ARC = ".arc"
"""No reader reads it: that of WARC takes it to say what it is and how to convert it."""

FORMATS = {
    "parquet": (".parquet", ".pq"),
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "wet": (".warc.wet", ".wet"),
    "warc": (".warc", ARC),
}

COMPRESSIONS = (".gz", ".zst", ".zstd")

_WEB = (
    "http://",
    "https://",
)  # where a question mark begins a query: a signature, say, which is no part of a shard's name

Found = tuple[str, str, dict[str, Any]]
"""Address relative to the entry's root, full address, file information."""


def files_of(entry: CorpusEntry) -> list[Found]:
    """The files of a corpus entry. Raises ConfigError: nothing there, or a store that does not answer."""
    uri = entry.uri.removeprefix("datasets:")
    if entry.uri.startswith("datasets:") and not Path(uri).is_absolute() and "://" not in uri:
        return [(uri, entry.uri, {"size": 0, "hub": True})]
    prefix = "datasets:" if entry.uri.startswith("datasets:") else ""
    try:
        fs, path = fsspec.core.url_to_fs(uri)
        local = "file" in fs.protocol
        if local:
            found, folder = _local_files(path, entry), Path(path).is_dir()
        else:
            found = tried(lambda: _remote_files(fs, path, entry), uri)
            folder = not _is_pattern(path) and path not in (found or {})
    except ConfigError:
        raise
    except Exception as error:  # stores raise anything
        raise ConfigError([f"corpus entry {entry.name!r}: {redacted(uri)}: {why(error, uri)}"]) from None
    if found is None:
        raise ConfigError(
            [f"corpus entry {entry.name!r}: no such file: {redacted(uri)}{_nearest(path) if local else ''}"]
        )
    if not found:
        what = "a folder without shards" if folder else "the pattern matches no file"
        raise ConfigError(
            [f"corpus entry {entry.name!r}: {what}: {redacted(uri)}; expected names ending in {', '.join(_endings())}"]
        )
    root = path if folder else fs._strip_protocol(CorpusEntry(uri=uri, name=entry.name).root)
    out = []
    for name, info in sorted(found.items()):
        address = name.removeprefix(root.rstrip("/")).lstrip("/") or name.rsplit("/", 1)[-1]
        address = _without_query(address)
        full = name if local else fs.unstrip_protocol(name)
        out.append((address, prefix + full, {**info, "local": local}))
    return out


def _local_files(path: str, entry: CorpusEntry) -> dict[str, dict[str, Any]] | None:
    """Path, folder or pattern -> its files, each once however links lead to it; None if there is no such path.

    A folder named like a file (as Spark writes them) stands for the files in it.
    """
    if not _is_pattern(path) or Path(path).exists():
        if Path(path).is_dir():
            return {p: _stat(p) for p in _walk(path, None) if _is_shard(p, entry)}
        if not Path(path).exists() and not Path(path).is_symlink():
            return None
        info = _stat(path)
        if info["type"] == "other":
            raise ConfigError([f"corpus entry {entry.name!r}: a pipe, socket or device, not a file: {path}"])
        return {path: info}
    found: dict[str, dict[str, Any]] = {}
    for pattern in _braces(path):
        fixed = re.split(r"[*?\[]", pattern, maxsplit=1)[0].rsplit("/", 1)[0]
        depth = None if "**" in pattern else pattern.count("/") - fixed.count("/")
        match = re.compile(glob_translate(pattern)).fullmatch
        for name in _walk(fixed or "/", depth, match, entry):
            found[name] = _stat(name)
    return {name: info for name, info in found.items() if info["type"] != "other"}


def _walk(
    root: str, depth: int | None, match: Callable[[str], object] = bool, entry: CorpusEntry | None = None
) -> Iterator[str]:
    """Files under a folder whose path matches, each folder once: a link that leads back up is not followed again."""
    seen: set[tuple[int, int]] = set()
    for here, folders, names in os.walk(root, followlinks=True):
        try:
            status = os.stat(here)  # noqa: PTH116
        except OSError:
            continue
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        start = here.rstrip("/")
        if entry is not None:
            for name in folders:
                if _is_shard(name, entry) and not entry.format and match(f"{start}/{name}"):
                    yield from (p for p in _walk(f"{start}/{name}", None) if _is_shard(p, entry))
        if depth is not None and here[len(root) :].count("/") + 1 >= depth:
            folders.clear()
        yield from (f"{start}/{name}" for name in names if match(f"{start}/{name}"))


def _stat(path: str) -> dict[str, Any]:
    """Size and kind of a local file; one that has vanished since it was listed stays a shard, which will fail by name."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return {"type": "gone", "size": 0}
    return {"type": "file" if stat.S_ISREG(status.st_mode) else "other", "size": status.st_size}


def _remote_files(fs: Any, path: str, entry: CorpusEntry) -> dict[str, dict[str, Any]] | None:
    found: dict[str, dict[str, Any]] = {}
    if _is_pattern(path):
        for pattern in _braces(path):
            for name, info in fs.glob(pattern, detail=True).items():
                if info.get("type") == "file":
                    found[name] = info
                elif _is_shard(name, entry) and not entry.format:
                    found |= {n: i for n, i in fs.find(name, detail=True).items() if _is_shard(n, entry)}
        return found
    try:
        info = fs.info(path)
    except FileNotFoundError as error:
        if type(error) is FileNotFoundError:
            cause = error.__cause__ or error.__context__  # the hub's own reason: private, gated, no such revision
            if isinstance(cause, OSError) and type(cause) is not FileNotFoundError:
                raise cause from None
            return None
        raise
    if info.get("type") != "directory":
        return {path: info}
    return {n: i for n, i in fs.find(path, detail=True).items() if i.get("type") == "file" and _is_shard(n, entry)}


def _is_pattern(path: str) -> bool:
    return any(mark in path for mark in ("*[{" if path.startswith(_WEB) else "*?[{"))


def _without_query(uri: str) -> str:
    return uri.split("?", 1)[0]


def _is_shard(name: str, entry: CorpusEntry) -> bool:
    """Whether a file met in a folder is a shard: by its ending, or any where the format is given."""
    tail = name.rsplit("/", 1)[-1]
    known = tuple(end for ends in FORMATS.values() for end in ends)
    return not tail.startswith((".", "_")) and bool(entry.format or _bare(tail.lower()).endswith(known))


def _braces(pattern: str) -> list[str]:
    """'x.{a,b}' -> 'x.a', 'x.b'."""
    inner = re.search(r"\{([^{}]*)\}", pattern)
    if not inner:
        return [pattern]
    head, tail = pattern[: inner.start()], pattern[inner.end() :]
    return [whole for part in inner.group(1).split(",") for whole in _braces(head + part + tail)]


def _endings() -> list[str]:
    return [end for ends in FORMATS.values() for end in ends if end != ARC] + [f"…{c}" for c in COMPRESSIONS]


def _bare(name: str) -> str:
    for end in COMPRESSIONS:
        name = name.removesuffix(end)
    return name


def formats_of(found: list[Found], entry: CorpusEntry) -> dict[str, str]:
    """Address -> format, by the entry or by each file's name. Raises ConfigError naming those of unknown format."""
    formats = {address: entry.format or _format(_without_query(uri)) for address, uri, _ in found}
    unknown = sorted(address for address, name in formats.items() if not name)
    if unknown:
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        raise ConfigError(
            [
                f"corpus entry {entry.name!r}: unknown format: {', '.join(unknown[:3])}{more}; expected names ending in "
                f"{', '.join(_endings())}, or `format:` in the corpus entry"
            ]
        )
    return formats


def _format(uri: str) -> str:
    if uri.startswith("datasets:"):
        return "datasets"
    bare = _bare(uri.lower())
    return next((name for name, endings in FORMATS.items() if bare.endswith(endings)), "")


def _nearest(path: str) -> str:
    folder = Path(path).parent
    if not folder.is_dir():
        return f"; the folder {folder} is not there either"
    near = get_close_matches(Path(path).name, [p.name for p in folder.iterdir()], n=1)
    return f"; did you mean {folder / near[0]}?" if near else ""
