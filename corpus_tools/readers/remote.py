"""A remote shard's bytes: by range requests, read ahead, tried again after a pause, a few at a time for each host.

fsspec makes the requests; here is when, how many at once and how often. The reader says beforehand which ranges it will read
(`expect`), so that they are on their way while it decodes: a stream from its first byte to its last, Parquet only the columns
that are used.
"""

from __future__ import annotations

import io
import logging
import queue
import threading
import time
from bisect import bisect_right
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any
from urllib.parse import urlsplit

import fsspec

from corpus_tools import stores
from corpus_tools.errors import ShardFailed
from corpus_tools.stores import http_headers, pause, redacted, trouble

log = logging.getLogger(__name__)

PIECE = 4 << 20
"""Bytes of one request; half as many after each failure, so that a connection that always breaks gets through in the end."""
LEAST = 1 << 16
AHEAD = 4
"""Requests on their way beyond what is being read: with PIECE, the bytes that are held."""
REQUESTS = 8
"""At once to one host, from one process."""
_pools: dict[str, ThreadPoolExecutor] = {}
_lock = threading.Lock()


class NoRanges(Exception):
    """The server gives a file only from its beginning."""


def _pool(host: str) -> ThreadPoolExecutor:
    with _lock:
        if host not in _pools:
            _pools[host] = ThreadPoolExecutor(REQUESTS, thread_name_prefix="shards")
        return _pools[host]


def host_of(uri: str) -> str:
    """What a limit holds for: scheme and host, or bucket."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.hostname or parts.netloc}"


class Readable(io.RawIOBase):
    """A raw stream whose class says what `read` gives; the rest of reading follows from it."""

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills a buffer."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)


class RemoteFile(Readable):
    """A remote file of known size, read only. Not for two threads at once. Raises ShardFailed where a range cannot be had."""

    def __init__(self, uri: str, size: int) -> None:
        self._uri, self._size, self._at = uri, size, 0
        self._fs, self._path = fsspec.core.url_to_fs(uri)
        self._handles: queue.SimpleQueue[IO[bytes]] = queue.SimpleQueue()
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._coming: dict[int, Future[bytes]] = {}
        self._start, self._held = 0, b""
        self.failed: ShardFailed | None = None  # for readers whose library hides what was raised

    def expect(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Ranges (first byte, end) that will be read, about in this order of place; others are asked for when they are read."""
        pieces = [(at, min(at + PIECE, end)) for start, end in sorted(ranges) for at in range(start, end, PIECE)]
        self._starts, self._ends = [a for a, _ in pieces], [b for _, b in pieces]

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The reading position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves the reading position; asks for nothing."""
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """`size` bytes, fewer only at the end."""
        left = self._size - self._at
        left = left if size is None or size < 0 else min(size, left)
        parts: list[bytes] = []
        while left > 0:
            if not self._start <= self._at < self._start + len(self._held):
                self._start, self._held = self._piece(left)
            part = self._held[self._at - self._start : self._at - self._start + left]
            parts.append(part)
            self._at += len(part)
            left -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _piece(self, size: int) -> tuple[int, bytes]:
        """Where a piece begins that holds the reading position, and its bytes; asks for the pieces after it."""
        i = bisect_right(self._starts, self._at) - 1
        if i < 0 or self._at >= self._ends[i]:
            return self._at, self._ask(self._at, min(self._at + size, self._at + PIECE)).result()
        for passed in [k for k in self._coming if k < i]:
            self._coming.pop(passed).cancel()
        for k in range(i, min(i + 1 + AHEAD, len(self._starts))):
            if k not in self._coming:
                self._coming[k] = self._ask(self._starts[k], self._ends[k])
        return self._starts[i], self._coming.pop(i).result()

    def _ask(self, start: int, end: int) -> Future[bytes]:
        return _pool(host_of(self._uri)).submit(self._fetch, start, end)

    def _fetch(self, start: int, end: int) -> bytes:
        """The bytes of a range, in several requests if need be. Runs in a thread of the host's pool."""
        got, failures = bytearray(), 0
        while len(got) < end - start:
            first = start + len(got)
            size = min(end - first, max(LEAST, PIECE >> failures))
            try:
                data = self._request(first, size)
            except NoRanges:
                self.failed = ShardFailed(
                    "the server gives a file only from its beginning (no range requests)", where=redacted(self._uri),
                    todo="Fetch it to this machine first.",
                )  # fmt: skip
                raise
            except Exception as error:  # stores raise anything
                failure = trouble(self._uri, error, f"reading failed at byte {first:,}" if first else "cannot be read")
                wait = pause(failures, error)
            else:
                got += data
                if len(data) == size:
                    continue
                came = OSError(f"the store gave {len(data):,} bytes where {size:,} were asked for")
                failure = trouble(self._uri, came, f"reading failed at byte {first:,}")
                wait = pause(failures)
            failures += 1
            if not failure.retry or failures == stores.TRIES or self.closed:
                self.failed = failure
                raise failure
            log.info("%s; again in %.1f s", failure, wait)
            time.sleep(wait)
        return bytes(got)

    def _request(self, first: int, size: int) -> bytes:
        try:
            handle = self._handles.get_nowait()
        except queue.Empty:
            handle = self._fs.open(self._path, "rb", cache_type="none", **http_headers(self._fs))
        try:
            handle.seek(first)
            data = handle.read(size)
        except BaseException as error:
            with suppress(Exception):
                handle.close()
            if isinstance(error, ValueError) and "range" in str(error):
                raise NoRanges from error
            raise
        self._handles.put(handle)
        if len(data) > size:
            raise OSError(f"the store gave {len(data):,} bytes where {size:,} were asked for")
        return bytes(data)

    def close(self) -> None:
        """Lets go of what is on its way."""
        for future in self._coming.values():
            future.cancel()
        self._coming, self._held = {}, b""
        while True:
            try:
                handle = self._handles.get_nowait()
            except queue.Empty:
                break
            with suppress(Exception):
                handle.close()
        super().close()
