"""An HTTP response as a WARC record holds it -> status, media type and body, decoded; or why not."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import zstandard
from fastwarc.stream_io import BrotliReader

from corpus_tools.errors import RecordRejected
from corpus_tools.readers import base
from corpus_tools.readers.framing import parse_headers

_PIECE = 1 << 16


@dataclass(frozen=True)
class Response:
    """Status (0 where unreadable), headers (lower-case name -> value), body as transferred."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """'text/html', lower case; '' if not said."""
        return self.headers.get("content-type", "").split(";", 1)[0].strip().lower()

    @property
    def charset(self) -> str:
        """As said, or ''."""
        for part in self.headers.get("content-type", "").split(";")[1:]:
            name, _, value = part.partition("=")
            if name.strip().lower() == "charset":
                return value.strip().strip("'\"")
        return ""


def parse_response(block: bytes) -> Response:
    """A record's block -> its response. Raises RecordRejected: no HTTP response, a header without an end."""
    if not block.startswith(b"HTTP/"):
        raise RecordRejected("bad-http", expected="the block does not begin with an HTTP status line")
    ends = [(i, i + n) for mark, n in ((b"\r\n\r\n", 4), (b"\n\n", 2)) if (i := block.find(mark, 0, 1 << 20)) >= 0]
    if not ends:
        raise RecordRejected("bad-http", expected="the HTTP header has no end")
    size, start = min(ends)
    head = block[:size].decode("latin-1")
    word = [*head.split("\n", 1)[0].split(None, 2), "", ""][1]
    headers = parse_headers(head)
    return Response(int(word) if word.isascii() and word.isdigit() and len(word) == 3 else 0, headers, block[start:])


def decoded_body(response: Response, *, cut_short: bool) -> bytes:
    """The body without transfer and content encoding. A body that is not encoded as its header says, but plain, is taken
    as it is: crawlers decode it and keep the header. `cut_short`: the record says that it was cut, so its end may lack.

    Raises RecordRejected: broken chunks, data that do not decompress, more than MAX_RECORD_BYTES.
    """
    body = response.body
    if "chunked" in response.headers.get("transfer-encoding", "").lower():
        body = _dechunked(body, cut_short)
    for coding in reversed(response.headers.get("content-encoding", "").lower().split(",")):
        body = _decompressed(body, coding.strip(), cut_short)
    return body


def _dechunked(body: bytes, cut_short: bool) -> bytes:
    at = 0
    pieces: list[bytes] = []
    while True:
        end = body.find(b"\n", at, at + 1024)
        size = _chunk_size(body[at:end]) if end >= 0 else None
        if size is None:
            if at == 0 and body.strip():
                return body  # not chunked at all: the crawler undid it
            if cut_short and end < 0:
                return b"".join(pieces)
            raise RecordRejected("bad-chunking", expected=f"no chunk size at byte {at:,} of the body")
        if size == 0:
            return b"".join(pieces)
        pieces.append(body[end + 1 : end + 1 + size])
        if len(pieces[-1]) < size:
            if cut_short:
                return b"".join(pieces)
            raise RecordRejected("bad-chunking", expected=f"a chunk of {size:,} bytes has {len(pieces[-1]):,}")
        at = end + 1 + size
        if body[at : at + 2] == b"\r\n":
            at += 2
        elif body[at : at + 1] == b"\n":
            at += 1


def _chunk_size(line: bytes) -> int | None:
    digits = line.split(b";", 1)[0].strip()
    if not digits or len(digits) > 8 or digits.strip(b"0123456789abcdefABCDEF"):
        return None
    return int(digits, 16)


def _decompressed(body: bytes, coding: str, cut_short: bool) -> bytes:
    if coding in ("", "identity", "none") or not body:
        return body
    if coding in ("gzip", "x-gzip"):
        if not body.startswith(b"\x1f\x8b"):
            return body
        return _inflated(body, 31, cut_short)
    if coding == "deflate":
        zlib_header = len(body) > 1 and body[0] & 15 == 8 and (body[0] * 256 + body[1]) % 31 == 0
        if not zlib_header and _is_plain(body):
            return body
        return _inflated(body, 15 if zlib_header else -15, cut_short)
    if coding in ("br", "zstd"):
        if _is_plain(body):
            return body
        reader: Any = (
            BrotliReader(io.BytesIO(body)) if coding == "br"
            else zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(body)
        )  # fmt: skip
        return _collected(_pieces(reader), coding, cut_short)
    raise RecordRejected("bad-encoding", expected=f"unknown content encoding {coding[:40]!r}")


def _is_plain(body: bytes) -> bool:
    return body[:512].lstrip()[:1] == b"<"


def _inflated(body: bytes, wbits: int, cut_short: bool) -> bytes:
    def pieces() -> Iterator[bytes]:
        decoder = zlib.decompressobj(wbits)
        data = body
        while data:
            yield decoder.decompress(data, _PIECE)
            data = decoder.unconsumed_tail
        yield decoder.flush()
        if not decoder.eof and not cut_short:
            raise EOFError("it ends too early")

    return _collected(pieces(), "gzip" if wbits == 31 else "deflate", cut_short)


def _pieces(reader: Any) -> Iterator[bytes]:
    while piece := reader.read(_PIECE):
        yield piece


def _collected(pieces: Iterator[bytes], coding: str, cut_short: bool) -> bytes:
    held, size = [], 0
    try:
        for piece in pieces:
            held.append(piece)
            size += len(piece)
            if size > base.MAX_RECORD_BYTES:
                limit = base.MAX_RECORD_BYTES
                raise RecordRejected("record-too-long", expected=f"a body of more than {limit:,} bytes, decompressed")
    except (OSError, EOFError, ValueError, zlib.error, zstandard.ZstdError) as error:
        if not (cut_short and held):
            raise RecordRejected("bad-encoding", expected=f"{coding}: {' '.join(str(error).split())[:120]}") from error
    return b"".join(held)
