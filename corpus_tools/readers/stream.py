"""A shard's bytes, decompressed, in blocks: plain, gzip (isal) or zstd, from any fsspec address.

A stream that breaks off raises BrokenStream after every block before the break was given out.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import IO

import fsspec
import zstandard
from isal import isal_zlib

from corpus_tools.errors import ShardFailed

RAW_BLOCK = 1 << 20


class BrokenStream(Exception):
    """The compressed stream is cut off or damaged; `unread` says what was not read."""

    def __init__(self, unread: str) -> None:
        super().__init__(unread)
        self.unread = unread


def open_binary(uri: str) -> IO[bytes]:
    """An fsspec address -> a binary file. Raises ShardFailed; `retry` where the store may answer next time."""
    try:
        return fsspec.core.url_to_fs(uri)[0].open(fsspec.core.url_to_fs(uri)[1], "rb")  # type: ignore[no-any-return]
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise ShardFailed(f"cannot be opened: {error.strerror or error}", where=uri) from error
    except (OSError, ValueError) as error:
        raise ShardFailed(f"cannot be opened: {error}", where=uri, retry=True) from error


def blocks(uri: str, size: int) -> Iterator[bytes]:
    """Decompressed blocks of a shard, by the ending of its name. `size`: bytes of the file, 0 if unknown.

    Raises ShardFailed if it cannot be opened, BrokenStream where it breaks off.
    """
    with open_binary(uri) as file:
        if uri.endswith(".gz"):
            yield from _gzip(file, size)
        elif uri.endswith((".zst", ".zstd")):
            yield from _zstd(file, size)
        else:
            while block := _raw(file, 0, size):
                yield block


def _raw(file: IO[bytes], done: int, size: int) -> bytes:
    try:
        return file.read(RAW_BLOCK)
    except OSError as error:
        raise BrokenStream(f"reading failed after {done:,} of {size:,} bytes: {error}") from error


def _gzip(file: IO[bytes], size: int) -> Iterator[bytes]:
    done, decoder = 0, None
    while raw := _raw(file, done, size):
        done += len(raw)
        while raw:
            if decoder is None:
                if not raw.strip(b"\0"):  # padding after the last member
                    break
                decoder = isal_zlib.decompressobj(wbits=31)
            try:
                out = decoder.decompress(raw)
            except (isal_zlib.error, zlib.error) as error:
                raise BrokenStream(f"damaged gzip data near compressed byte {done - len(raw):,} of {size:,}: {error}") from error
            if out:
                yield out
            raw = b""
            if decoder.eof:
                raw, decoder = decoder.unused_data, None
    if decoder is not None:
        raise BrokenStream(f"the gzip stream is cut off at compressed byte {done:,}")


def _zstd(file: IO[bytes], size: int) -> Iterator[bytes]:
    done, decoder, context = 0, None, zstandard.ZstdDecompressor(max_window_size=1 << 31)
    while raw := _raw(file, done, size):
        done += len(raw)
        while raw:
            decoder = decoder or context.decompressobj()
            try:
                out = decoder.decompress(raw)
            except zstandard.ZstdError as error:
                raise BrokenStream(f"damaged zstd data near compressed byte {done - len(raw):,} of {size:,}: {error}") from error
            if out:
                yield out
            raw = b""
            if decoder.eof:
                raw, decoder = decoder.unused_data, None
    if decoder is not None:
        raise BrokenStream(f"the zstd stream is cut off at compressed byte {done:,}")
