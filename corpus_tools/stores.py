"""Addresses and the stores behind them: opening, trying again, and what an error of a store means. Shows no password or signature."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import IO, Any, TypeVar, cast

import fsspec

from corpus_tools.errors import ShardFailed

T = TypeVar("T")

TRIES = 6
PLAN_TRIES = 3  # of a listing, which somebody waits for; and some stores' libraries try again on their own
WAIT, LONGEST_WAIT = 0.5, 60.0
"""Seconds before the second try; they double, each by a factor drawn from 0.5 to 1.5, so that workers do not come back together.
A server that names a time (Retry-After) is waited for, up to LONGEST_WAIT."""


def pause(failures: int, error: BaseException | None = None) -> float:
    """Seconds until the next try after so many failures before this one."""
    headers: Any = getattr(error, "headers", None) or {}
    said = str(headers.get("Retry-After", "")) if hasattr(headers, "get") else ""
    wait = max(float(said), WAIT) if said.isascii() and said.isdigit() else WAIT * 2**failures
    return min(LONGEST_WAIT, wait) * random.uniform(1.0 if said else 0.5, 1.5)


def tried(call: Callable[[], T], uri: str) -> T:
    """What a call to a store gives; made again, after pauses, while that may help. Raises what the last one raised."""
    for failures in range(PLAN_TRIES):
        try:
            return call()
        except Exception as error:  # stores raise anything
            if failures == PLAN_TRIES - 1 or not explained(error, uri)[2]:
                raise
            time.sleep(pause(failures, error))
    raise AssertionError


_EXTRAS = {
    "s3": "pip install 'corpus-audit[s3]'", "s3a": "pip install 'corpus-audit[s3]'", "gs": "pip install gcsfs",
    "gcs": "pip install gcsfs", "abfs": "pip install adlfs", "az": "pip install adlfs", "http": "pip install aiohttp",
    "https": "pip install aiohttp", "hf": "pip install huggingface_hub",
}  # fmt: skip
# Errors of stores, by name, so that no store's library is imported for it: what it means, what to do, whether again may help.
_KNOWN = {
    "GatedRepoError": ("a gated data set", "Accept its terms on its page, and log in (`hf auth login`).", False),
    "DisabledRepoError": ("a data set that was disabled", "Look at its page.", False),
    "RepositoryNotFoundError": (
        "no such data set, or a private one", "Check the name; for a private one log in (`hf auth login`).", False,
    ),
    "DatasetNotFoundError": (
        "no such data set, or a private or gated one", "Check the name; log in (`hf auth login`) if it is not open.", False,
    ),
    "RevisionNotFoundError": ("no such revision", "Check what stands after the @.", False),
    "OfflineModeIsEnabled": ("the hub is switched off", "Unset HF_HUB_OFFLINE, or name local files.", False),
    "NoCredentialsError": (
        "no credentials", "Give them in the environment or in the store's configuration file.", False,
    ),
    "FileExpired": ("it was changed while it was read", "Run again: it is read anew.", False),
}  # fmt: skip


def why(error: BaseException, uri: str) -> str:
    """An error of a store, for a person: what it means, and what to do."""
    what, todo, _ = explained(error, uri)
    return f"{what}. {todo}" if todo else what


def explained(error: BaseException, uri: str) -> tuple[str, str, bool]:
    """An error of a store or a library -> what it means, what to do, whether trying again may help."""
    link: BaseException | None = error
    while link is not None:
        for kind in type(link).__mro__:
            if kind.__name__ in _KNOWN:
                return _KNOWN[kind.__name__]
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    said = f"{type(error).__name__}: {one_line(error)}"
    scheme = uri.removeprefix("datasets:").partition("://")[0].lower()
    if isinstance(error, ImportError) and (getattr(error, "name", "") or "").split(".")[0] == "datasets":
        return "datasets: needs a library that is not installed", "Install it: pip install datasets", False
    if isinstance(error, ImportError) and scheme in _EXTRAS:
        return f"{scheme}:// needs a library that is not installed", f"Install it: {_EXTRAS[scheme]}", False
    status = _status(error)
    if status in (401, 403):
        return said, "Check the permissions, or the credentials.", False
    if status in (408, 425, 429) or status >= 500:
        return said, "The store is busy or out of order: run again later.", True
    if status >= 400:
        return said, "Check the address.", False
    if isinstance(error, FileNotFoundError):
        return said, "Look whether it was moved or deleted.", False
    if isinstance(error, PermissionError):
        return said, "Check the permissions, or the credentials.", False
    if isinstance(error, ValueError | TypeError | KeyError | NotImplementedError | ImportError):
        return said, "Check the address, and the data set's configuration and split.", False
    return said, "Check the network and the store.", True


def _status(error: BaseException) -> int:
    """The HTTP status that an error of aiohttp, httpx, requests or botocore tells; 0 if none."""
    link: BaseException | None = error
    while link is not None:
        response: Any = getattr(link, "response", None)
        if isinstance(response, dict):
            response = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        for value in (getattr(link, "status", None), response, getattr(response, "status_code", None)):
            if isinstance(value, int) and 100 <= value < 600:
                return value
        link = link.__cause__
    return 0


def one_line(error: object) -> str:
    """An error's text on one line, 200 characters at most, without user names, passwords and signatures of addresses."""
    return redacted(" ".join(str(error).split()))[:200]


def redacted(text: str) -> str:
    """A text without the user names, passwords and signatures of the addresses in it."""
    return re.sub(r"(\w+://[^\s?#'\"]+)\?[^\s'\"]+", r"\1?…", re.sub(r"://[^/\s@]+:[^/\s@]*@", "://…@", text))


def trouble(uri: str, error: Exception, what: str) -> ShardFailed:
    """What a store or a library raised while a shard was read -> ShardFailed; `retry` unless it cannot get better by itself."""
    said, todo, again = explained(error, uri)
    return ShardFailed(f"{what}: {said}", where=redacted(uri), todo=todo, retry=again)


def is_local(uri: str) -> bool:
    """Whether an address is a path of this machine."""
    return "://" not in uri or uri.startswith(("file://", "local://"))


def open_binary(uri: str) -> IO[bytes]:
    """An address -> a binary file, to be read from its beginning to its end. Raises ShardFailed."""
    try:
        fs, path = fsspec.core.url_to_fs(uri)
        whole = {"block_size": 0} if "http" in fs.protocol else {}
        return cast(IO[bytes], fs.open(path, "rb", **whole, **http_headers(fs)))
    except Exception as error:  # stores raise anything
        raise trouble(uri, error, "cannot be opened") from error


def http_headers(fs: Any) -> dict[str, Any]:
    """What to open a file of a web server with, so that it sends the file's own bytes, not bytes compressed on the way."""
    if "http" not in fs.protocol:
        return {}
    return {"headers": {**fs.kwargs.get("headers", {}), "Accept-Encoding": "identity"}}
