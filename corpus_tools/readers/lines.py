"""JSON Lines, plain, gzip or zstd: one object a line; `position` is the line's first byte in the uncompressed stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson

from corpus_tools.config import CorpusEntry
from corpus_tools.errors import ShardFailed
from corpus_tools.readers.base import MAX_RECORD_BYTES, Batch, Rows, lookup
from corpus_tools.readers.stream import BrokenStream, blocks
from corpus_tools.shards import Shard

_BOM = b"\xef\xbb\xbf"


def read(shard: Shard, entry: CorpusEntry) -> Iterator[Batch]:
    """A shard of lines -> batches. Blank lines are no records. A line longer than MAX_RECORD_BYTES is rejected unheld."""
    rows = Rows(entry)
    rest: list[bytes] = []  # pieces of the line that the last block left unfinished
    held = at = 0  # bytes in `rest` (or skipped); position of the unfinished line
    skipping = False
    unread = ""
    try:
        for block in blocks(shard.uri, shard.bytes):
            pieces = block.split(b"\n")
            if len(pieces) == 1:
                held += len(block)
                if held > MAX_RECORD_BYTES:
                    skipping, rest = True, []
                elif not skipping:
                    rest.append(block)
                continue
            rest.append(pieces[0])
            held += len(pieces[0])
            if skipping or held > MAX_RECORD_BYTES:
                _too_long(rows, at, held)
            else:
                _line(rows, at, b"".join(rest) if len(rest) > 1 else rest[0], entry)
            at += held + 1
            for line in pieces[1:-1]:
                _line(rows, at, line, entry)
                at += len(line) + 1
                if rows.full:
                    yield rows.take()
            rest, held, skipping = [pieces[-1]], len(pieces[-1]), False
            if rows.full:
                yield rows.take()
    except BrokenStream as error:
        unread = error.unread
    if unread and held:
        rows.reject(f"byte {at}", "failed", "cut-off", "the shard breaks off within this line")
    elif skipping:
        _too_long(rows, at, held)
    elif held:
        _line(rows, at, b"".join(rest), entry)
    yield rows.take(unread)


def _too_long(rows: Rows, at: int, size: int) -> None:
    detail = f"a line of {size:,} bytes; at most {MAX_RECORD_BYTES:,} are read"
    rows.reject(f"byte {at}", "rejected", "record-too-long", detail)


def _line(rows: Rows, at: int, line: bytes, entry: CorpusEntry) -> None:
    if at == 0 and line.startswith(_BOM):
        line = line[len(_BOM) :]
    if not line or line.isspace():
        return
    try:
        record: Any = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        record = _lenient(rows, at, line, str(error))
        if record is None:
            return
    if not isinstance(record, dict):
        if at == 0 and line.lstrip().startswith(b"["):
            raise ShardFailed(
                "a JSON array", expected="one JSON object a line (JSON Lines)", todo="Convert it, e.g. `jq -c '.[]'`."
            )
        rows.reject(f"byte {at}", "rejected", "not-an-object", f"a JSON {type(record).__name__}, expected an object")
        return
    text = lookup(record, entry.text_field)
    if text is None:
        if at == 0 or entry.text_field not in record:
            _no_text(rows, at, record, entry)
        else:
            rows.add(at, None, record)
    elif isinstance(text, str):
        rows.add(at, text, record)
    else:
        rows.reject(f"byte {at}", "rejected", "text-not-string", f"{entry.text_field} is {type(text).__name__}")


def _no_text(rows: Rows, at: int, record: dict[str, Any], entry: CorpusEntry) -> None:
    """A record without the text field is rejected; a null text is an empty document."""
    head, _, tail = entry.text_field.rpartition(".")
    parent = lookup(record, head) if head else record
    if isinstance(parent, dict) and tail in parent:
        rows.add(at, None, record)
        return
    rows.reject(f"byte {at}", "rejected", "no-text-field", f"no field {entry.text_field!r}; there are {', '.join(sorted(record)[:12])}")


def _lenient(rows: Rows, at: int, line: bytes, reason: str) -> Any:
    """What orjson refuses: NaN is let through; the rest is rejected with its reason."""
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        rows.reject(f"byte {at}", "rejected", "not-utf8", f"byte {error.start} of the line is not UTF-8")
        return None
    except (ValueError, RecursionError):
        rows.reject(f"byte {at}", "rejected", "bad-json", reason)
        return None
    try:
        json.dumps(record, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        rows.reject(f"byte {at}", "rejected", "lone-surrogate", "an escape stands for half a character")
        return None
    return record
