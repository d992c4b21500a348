"""WARC and WET, plain, gzip or zstd, one member per record or not; `position` is the record's offset in the uncompressed stream.

A response, resource or conversion that holds HTML or plain text is a document: of HTML the main text (resiliparse). Every
other record is a reject with its reason; none is skipped in silence.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterator

import numpy as np
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding, map_encoding_to_html5
from resiliparse.parse.html import HTMLTree, traverse_dom

from corpus_tools.config import CorpusEntry
from corpus_tools.errors import RecordRejected, ShardFailed
from corpus_tools.readers.base import Batch, Metadata, Rows, guarded
from corpus_tools.readers.framing import Damage, End, Record, split_records
from corpus_tools.readers.http import Response, decoded_body, parse_response
from corpus_tools.readers.stream import blocks, is_compressed
from corpus_tools.shards import Shard
from corpus_tools.stores import one_line

_HTML = frozenset({"text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"})
_TEXT = frozenset({"text/plain", "text/markdown", "text/x-markdown"})
_MAX_NESTING = 20_000_000
"""Depths of all nodes, summed: extraction takes some 50 ns for each (1.7 s for 8,000 nested divs), so about a second."""


@guarded
def read(shard: Shard, entry: CorpusEntry) -> Iterator[Batch]:
    """A WARC or WET shard -> batches. Fields of the entry (`url_field`, `source_fields` …) name WARC headers, or `http.<Header>`.

    Raises ShardFailed: cannot be opened; an ARC file; a file without a single WARC record.
    """
    rows, metadata = Rows(), metadata_of(entry)
    unread = ""
    for item in split_records(blocks(shard), sealed=is_compressed(shard)):
        match item:
            case Record():
                try:
                    text, http = document_text(item)
                    rows.add(item.position, text, metadata(item.headers, http))
                except RecordRejected as error:
                    fate = "failed" if error.what.startswith("bad-") else "rejected"
                    rows.reject(f"record at byte {item.position}", fate, error.what, error.expected[:200])
            case Damage():
                rows.reject(f"record at byte {item.position}", item.fate, item.reason, item.detail)
            case End():
                if not item.records and item.head:
                    raise _no_warc(item.head)
                unread = item.unread
        if rows.full:
            yield rows.take()
    yield rows.take(unread)


def _no_warc(head: bytes) -> ShardFailed:
    if head.startswith(b"filedesc://"):
        return ShardFailed(
            "an ARC file, the format before WARC", expected="WARC records",
            todo="Convert it, e.g. `warcio recompress IN.arc.gz OUT.warc.gz`.",
        )  # fmt: skip
    return ShardFailed(
        f"no WARC record in it; it begins with {head[:24]!r}", expected="records that begin with WARC/1.0"
    )


def document_text(record: Record) -> tuple[str, Response | None]:
    """A record -> its text, and its HTTP response if it has one. Raises RecordRejected with the reason why it is no document."""
    headers = record.headers
    kind = headers.get("warc-type", "").lower()
    if kind not in ("response", "resource", "conversion"):
        raise RecordRejected(
            "not-a-document", expected=f"a {kind[:40]} record" if kind else "a record without WARC-Type"
        )
    if not _digest_holds(headers.get("warc-block-digest", ""), record.block):
        raise RecordRejected("bad-digest", expected="WARC-Block-Digest does not fit the record's bytes")
    said = headers.get("content-type", "")
    if kind == "response" and (said.lower().startswith("application/http") or record.block.startswith(b"HTTP/")):
        http = parse_response(record.block)
        if not 200 <= http.status < 300:
            raise RecordRejected("http-status", expected=f"HTTP status {http.status}")
        _check_type(http, http.body)
        body = decoded_body(http, cut_short="warc-truncated" in headers)
        if "warc-block-digest" not in headers:
            digest = headers.get("warc-payload-digest", "")
            if "warc-truncated" not in headers and not any(_digest_holds(digest, b) for b in (http.body, body)):
                raise RecordRejected("bad-digest", expected="WARC-Payload-Digest does not fit the body")
        return _text(http, body), http
    plain = Response(200, {"content-type": said}, record.block)
    if kind == "conversion" and (said == "text/plain" or plain.media_type in _TEXT):
        try:
            return record.block.decode("utf-8"), None
        except UnicodeDecodeError as error:
            raise RecordRejected("not-utf8", expected=f"byte {error.start} of the block is not UTF-8") from None
    _check_type(plain, record.block)
    return _text(plain, record.block), None


def _check_type(response: Response, body: bytes) -> None:
    kind = response.media_type
    if kind in _HTML or kind in _TEXT or (not kind and _looks_like_html(body)):
        return
    raise RecordRejected("not-text", expected=f"media type {kind[:60]}" if kind else "no media type, and no HTML")


def _looks_like_html(body: bytes) -> bool:
    start = body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html")) or b"<html" in start


def _text(response: Response, body: bytes) -> str:
    html = response.media_type not in _TEXT
    decoded = _decoded(body, response.charset, html)
    if not html:
        return decoded
    try:
        return main_text(decoded)
    except (TypeError, ValueError) as error:  # half a character, decoded from UTF-16 that is none
        raise RecordRejected("bad-html", expected=one_line(error)) from error


def _decoded(body: bytes, said: str, html: bool) -> str:
    """UTF-8 if it is that (whatever was said: text in another charset hardly ever is valid UTF-8), else by the charset that was
    said, else by the one that is sniffed; what does not fit becomes U+FFFD.
    """
    charset = map_encoding_to_html5(said, fallback_utf8=False) if said else None
    if b"\x1b" not in body and charset not in ("utf-16-le", "utf-16-be"):  # the Japanese charsets that look like ASCII
        try:
            return body.decode("utf-8-sig")
        except UnicodeDecodeError:
            pass
    if charset == "utf-8" and (mended := _almost_utf8(body)):
        return mended
    if charset is None or charset == "utf-8":
        charset = (detect_encoding(body, from_html_meta=True) if html else None) or detect_encoding(body) or "utf-8"
        if charset == "utf-8" and (mended := _almost_utf8(body)):
            return mended
    return str(bytes_to_str(body, charset, errors="replace", fallback_encodings=("utf-8", charset)))


def _almost_utf8(body: bytes) -> str:
    """UTF-8 with a few broken characters, as a page cut within one or pasted together has them; '' if it is no UTF-8."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    foreign = len(text) - len(text.encode("ascii", "ignore"))
    return text if text.count("\ufffd") * 10 <= foreign else ""


def main_text(html: str) -> str:
    """The main text of a page, '' if none. Raises RecordRejected for a page built to take minutes."""
    if _endless_tag(html):
        raise RecordRejected("html-too-deep", expected="a tag with thousands of attributes")
    tree = HTMLTree.parse(html)
    if _too_deep(html, tree):
        raise RecordRejected("html-too-deep", expected="nested so deeply that its main text would take minutes")
    return str(extract_plain_text(tree, main_content=True, alt_texts=False))


def _endless_tag(html: str) -> bool:
    at = 0
    while len(html) - at > 1 << 16:  # only a tag longer than this can be one
        start = html.find("<", at)
        if start < 0:
            return False
        end = html.find(">", start)
        end = len(html) if end < 0 else end
        if end - start > 1 << 16 and html.count("=", start, end) + html.count(" ", start, end) > 5000:
            return True
        at = max(end, start + 1)
    return False


def _too_deep(html: str, tree: HTMLTree) -> bool:
    """Whether the depths of all nodes sum up to too much; nodes are walked only where the tags leave it open."""
    tags = html.count("<")
    if tags < 4000:
        return False
    codes = np.frombuffer(html.encode("utf-32-le", "replace"), np.uint32)
    after = codes[np.flatnonzero(codes[:-1] == 60) + 1]
    step = np.where(after == 47, -1, np.where((after | 32) - 97 < 26, 1, 0))
    if int((np.cumsum(step)).max(initial=0)) * 2 * tags < _MAX_NESTING or tree.document is None:
        return False
    total = 0

    def count(context: object) -> None:
        nonlocal total
        total += context.depth  # type: ignore[attr-defined]
        if total > _MAX_NESTING:
            raise _Enough

    try:
        traverse_dom(tree.document, count)
    except _Enough:
        return True
    return False


class _Enough(Exception):
    pass


def _digest_holds(said: str, data: bytes) -> bool:
    """Whether a digest fits; one that is absent, or of an unknown kind, cannot be wrong."""
    name, _, value = said.partition(":")
    make = _DIGESTS.get(name.strip().lower())
    value = value.strip()
    if make is None or not value:
        return True
    digest = make(data, usedforsecurity=False).digest()
    whole = value.upper().rstrip("=")
    spare = 5 * len(whole) - 8 * len(digest)
    if 0 <= spare < 5 and not whole.strip(_BASE32):
        return int(whole.translate(_TO_PYTHON), 32) >> spare == int.from_bytes(digest)
    if value.lower() == digest.hex():
        return True
    try:
        return base64.b64decode(value) == digest
    except (binascii.Error, ValueError):
        return False


_DIGESTS = {
    "sha1": hashlib.sha1, "sha-1": hashlib.sha1, "sha256": hashlib.sha256, "sha-256": hashlib.sha256,
    "sha512": hashlib.sha512, "md5": hashlib.md5,
}  # fmt: skip
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TO_PYTHON = str.maketrans(
    _BASE32, "0123456789ABCDEFGHIJKLMNOPQRSTUV"
)  # the digits that int() reads, many times as fast


def metadata_of(entry: CorpusEntry) -> Callable[[dict[str, str], Response | None], Metadata]:
    """A corpus entry -> a function from a record's headers to its metadata."""
    url = (entry.url_field or "warc-target-uri").lower()
    given_id = (entry.id_field or "warc-record-id").lower()
    date = (entry.date_field or "warc-date").lower()
    language = (entry.language_field or "warc-identified-content-language").lower()
    sources = [(name, path.lower()) for name, path in entry.source_paths.items()]

    def find(name: str, headers: dict[str, str], http: Response | None) -> str | None:
        if name.startswith("http."):
            return http.headers.get(name[5:]) if http else None
        return headers.get(name)

    plain = not any(name.startswith("http.") for name in (url, given_id, date, language))

    def read(headers: dict[str, str], http: Response | None) -> Metadata:
        if plain:
            get = headers.get
            address, identity, day, languages = get(url), get(given_id), get(date), get(language)
        else:
            address, identity, day, languages = (find(n, headers, http) for n in (url, given_id, date, language))
        if address and address[0] == "<" and address[-1] == ">":  # as WARC 1.0 was misread by wget
            address = address[1:-1]
        if languages and "," in languages:
            languages = languages.split(",", 1)[0].strip()
        keys = [(name, find(path, headers, http) or "") for name, path in sources] if sources else []
        return identity, address, day, languages, keys

    return read
