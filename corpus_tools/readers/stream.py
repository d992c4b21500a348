"""A shard's bytes, decompressed, in blocks: plain, gzip (isal) or zstd, from any fsspec address.

A stream that is damaged or cut off raises BrokenStream after every byte before the break was given out. Two ways of
decompressing, for that: the fast one loses up to a block before an error, so on an error a careful one reads the shard
again and goes on from where the fast one stopped.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, cast

import pyarrow as pa
import zstandard
from isal import igzip, isal_zlib

from corpus_tools.errors import ShardFailed
from corpus_tools.readers.remote import NoRanges, Readable, RemoteFile
from corpus_tools.shards import Shard
from corpus_tools.stores import is_local, open_binary, trouble

BLOCK = 1 << 20
_CAREFUL_RAW = 1 << 14  # small: what one call may blow up to is bounded by it
_DAMAGE: tuple[Any, ...] = (
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    isal_zlib.error,
    zstandard.ZstdError,
    pa.ArrowException,
)


class BrokenStream(Exception):
    """The compressed stream is cut off or damaged; `unread` says what was not read."""

    def __init__(self, unread: str) -> None:
        super().__init__(unread)
        self.unread = unread


class Source(Readable):
    """A shard's raw bytes: as many as it had when it was planned, so that a file that grows is read as it was.

    Counts what was read, and tells a store that fails (ShardFailed, `retry`) from data that are damaged.
    """

    def __init__(self, shard: Shard, start: int = 0) -> None:
        self._file: IO[bytes] = _opened(shard, start)
        self._shard = shard
        self._left = shard.bytes - start if shard.bytes > 0 else None
        self.done = start
        if start:
            self._file.seek(start)

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; b'' at the end."""
        if self._left is not None:
            size = self._left if size < 0 else min(size, self._left)
        if size == 0:
            return b""
        try:
            data = self._some(size)
        except ShardFailed:
            raise
        except Exception as error:  # stores raise anything
            raise trouble(self._shard.uri, error, f"reading failed after {self.done:,} bytes") from error
        self.done += len(data)
        if self._left is not None:
            if not data:
                raise _Shrunk
            self._left -= len(data)
        return data

    def _some(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except NoRanges:  # from its beginning to its end in one answer, then
            self._file.close()
            self._file = open_binary(self._shard.uri)
            left = self.done
            while left and (passed := self._file.read(min(left, BLOCK))):
                left -= len(passed)
            return self._file.read(size)

    def close(self) -> None:
        """Closes the file."""
        if not self.closed:
            self._file.close()
        super().close()


def _opened(shard: Shard, start: int = 0) -> IO[bytes]:
    if is_local(shard.uri) or not shard.bytes:
        return open_binary(shard.uri)
    file = RemoteFile(shard.uri, shard.bytes)
    file.expect([(start, shard.bytes if shard.part is None else min(shard.part.end + BLOCK, shard.bytes))])
    return cast(IO[bytes], file)


class _Shrunk(EOFError):
    """The file has fewer bytes than when it was planned."""


def is_compressed(shard: Shard) -> bool:
    """Whether the shard's bytes say themselves where they end."""
    return shard.address.lower().endswith((".gz", ".zst", ".zstd"))


def blocks(shard: Shard) -> Iterator[bytes]:
    """Decompressed blocks of a shard, by the ending of its name; none is empty.

    Raises ShardFailed if the store fails, BrokenStream where the data break off.
    """
    name = shard.address.lower()
    fast: Callable[[Source], Callable[[int], bytes]]
    decoder: Callable[[], Any]
    if name.endswith(".gz"):
        kind, fast, decoder = "gzip", _fast_gzip, _gzip_decoder
    elif name.endswith((".zst", ".zstd")):
        kind, fast, decoder = "zstd", _fast_zstd, _zstd_decoder
    else:
        yield from _plain(shard)
        return
    given = 0
    try:
        with Source(shard) as source:
            read = fast(source)
            while block := read(BLOCK):
                given += len(block)
                yield block
    except _DAMAGE:
        yield from _rest(shard, kind, decoder, given)


def _rest(shard: Shard, kind: str, decoder: Callable[[], Any], given: int) -> Iterator[bytes]:
    """What can still be had of a stream of which `given` bytes were given out, then BrokenStream says where it breaks.

    A decoder that meets an error keeps what it had made of the piece that it was given. So the piece with the error in
    it is read once more, byte by byte.
    """
    piecewise: int | None = None
    while True:
        at = 0
        with Source(shard) as source:
            try:
                for block in _careful(source, decoder, piecewise):
                    if given < at + len(block):
                        yield block[given - at :]
                        given = at + len(block)
                    at += len(block)
                return
            except _Shrunk:
                raise BrokenStream(_shrunk(shard, source.done)) from None
            except EOFError:
                raise BrokenStream(f"the {kind} stream is cut off at compressed byte {source.done:,}") from None
            except _DAMAGE as error:
                if piecewise is None:
                    piecewise = (max(0, source.done - 1) // _CAREFUL_RAW) * _CAREFUL_RAW
                    continue
                left = max(0, shard.bytes - source.done)
                where = f"compressed byte {source.done:,} of {shard.bytes:,}, {left:,} bytes unread"
                raise BrokenStream(f"damaged {kind} data at {where}: {' '.join(str(error).split())[:120]}") from error


def blocks_from(shard: Shard, start: int) -> Iterator[bytes]:
    """Blocks of a plain shard from a byte on. Raises as `blocks` does."""
    yield from _plain(shard, start)


def _plain(shard: Shard, start: int = 0) -> Iterator[bytes]:
    with Source(shard, start) as source:
        try:
            while block := source.read(BLOCK):
                yield block
        except _Shrunk:
            raise BrokenStream(_shrunk(shard, source.done)) from None


def _shrunk(shard: Shard, done: int) -> str:
    return f"the file had {shard.bytes:,} bytes when it was planned, and now ends after {done:,}"


def _fast_gzip(source: Source) -> Callable[[int], bytes]:
    return igzip.IGzipFile(fileobj=source).read  # type: ignore[no-any-return]


def _fast_zstd(source: Source) -> Callable[[int], bytes]:
    return pa.CompressedInputStream(pa.PythonFile(source, mode="r"), "zstd").read  # type: ignore[no-any-return]


def _careful(source: Source, make: Callable[[], Any], piecewise: int | None) -> Iterator[bytes]:
    """All members or frames, in pieces; from compressed byte `piecewise` on, byte by byte."""
    decoder: Any = None
    while raw := source.read(_CAREFUL_RAW if piecewise is None or source.done < piecewise else 1):
        while raw:
            if decoder is None:
                if not raw.strip(b"\0"):  # padding after the last member
                    break
                decoder = make()
            out = decoder.decompress(raw)
            if out:
                yield out
            raw = b""
            if decoder.eof:
                raw, decoder = decoder.unused_data, None
    if decoder is not None:
        raise EOFError


def _gzip_decoder() -> Any:
    return isal_zlib.decompressobj(wbits=31)


def _zstd_decoder() -> Any:
    return zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()
