"""JSON Lines, plain, gzip or zstd: one object a line; `position` is the line's first byte in the uncompressed stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson

from corpus_tools.config import CorpusEntry
from corpus_tools.errors import RecordRejected, ShardFailed
from corpus_tools.readers import base
from corpus_tools.readers.base import Batch, Rows, guarded, lookup, metadata_reader, name_text_field
from corpus_tools.readers.stream import BrokenStream, blocks, blocks_from
from corpus_tools.shards import Shard

_BOM = b"\xef\xbb\xbf"


@guarded
def read(shard: Shard, entry: CorpusEntry) -> Iterator[Batch]:
    """A shard of lines -> batches. Blank lines are no records. A line longer than MAX_RECORD_BYTES is rejected unheld.

    Raises ShardFailed: cannot be opened; a JSON array; no record of the first batch has the text field (the nearest named).
    """
    rows, metadata = Rows(), metadata_reader(entry)
    unread, first, fields = "", shard.part is None or shard.part.start == 0, dict[str, bool]()
    at = 0
    for at, line in _lines(shard):
        if isinstance(line, str):
            unread = line
            break
        if isinstance(line, int):
            limit = base.MAX_RECORD_BYTES
            rows.reject(
                f"byte {at}", "rejected", "record-too-long", f"a line of {line:,} bytes; at most {limit:,} are read"
            )
        elif line and not line.isspace():
            try:
                record = _parse(line, at)
                text = _text(record, entry.text_field)
                rows.add(at, text, metadata(record))
            except RecordRejected as error:
                rows.reject(f"byte {at}", "rejected", error.what, error.expected)
                if first and error.what == "no-text-field":
                    for name, value in record.items():
                        fields[name] = fields.get(name, False) or isinstance(value, str)
        if rows.full:
            _expect_text(rows, first, fields, entry)
            yield rows.take()
            first = False
    if unread.startswith(_CUT):
        unread = unread.removeprefix(_CUT)
        rows.reject(f"byte {at}", "failed", "cut-off", "the shard breaks off within this line")
    elif not unread:
        _expect_text(rows, first, fields, entry)
    yield rows.take(unread)


_CUT = "within a line: "


def _lines(shard: Shard) -> Iterator[tuple[int, bytes | int | str]]:
    """The lines of a shard, or those that begin in its part: each line belongs to the part that has its first byte."""
    if shard.part is None:
        yield from split_lines(blocks(shard))
        return
    start, end = shard.part.start, shard.part.end
    if start == 0:
        lines = split_lines(blocks_from(shard, 0))
    else:  # from the byte before: if it ends a line, the part begins with one
        lines = split_lines(blocks_from(shard, start - 1), start - 1)
        _, skipped = next(lines, (0, b""))
        if isinstance(skipped, str):  # the break lies in a line of the part before, or of none
            yield start, skipped.removeprefix(_CUT)
            return
    for at, line in lines:
        if at >= end:
            return
        yield at, line


def split_lines(stream: Iterator[bytes], at: int = 0) -> Iterator[tuple[int, bytes | int | str]]:
    """Blocks, the first from byte `at` of the whole -> (offset, line without its end).

    A line too long to be held comes as its size; a stream that breaks off ends with what was not read, as text (begun by
    `within a line: ` where it broke within one).
    """
    rest: list[bytes] = []  # pieces of the line that the last block left unfinished
    held = 0  # bytes of it so far; it begins at `at`
    limit = base.MAX_RECORD_BYTES
    try:
        for block in stream:
            pieces = block.split(b"\n")
            held += len(pieces[0])
            if held <= limit:
                rest.append(pieces[0])
            else:
                rest.clear()
            if len(pieces) == 1:
                continue
            yield at, b"".join(rest) if held <= limit else held
            at += held + 1
            for line in pieces[1:-1]:
                yield at, line if len(line) <= limit else len(line)
                at += len(line) + 1
            rest, held = [pieces[-1]], len(pieces[-1])
    except BrokenStream as error:
        yield at, (_CUT if held else "") + error.unread
        return
    if held:
        yield at, b"".join(rest) if held <= limit else held


def text_of(line: bytes, at: int, entry: CorpusEntry) -> str | None:
    """One line that begins at byte `at` -> its text. Raises RecordRejected where it is no document."""
    return _text(_parse(line, at), entry.text_field)


def _parse(line: bytes, at: int) -> dict[str, Any]:
    """One line -> its object. Raises RecordRejected with reason and detail."""
    if at == 0 and line.startswith(_BOM):
        line = line[len(_BOM) :]
    try:
        record: Any = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        record = _lenient(line, at, str(error))
    if isinstance(record, dict):
        return record
    if at == 0 and isinstance(record, list):
        raise _array()
    raise RecordRejected("not-an-object", expected=f"a JSON {type(record).__name__}, expected an object")


def _array() -> ShardFailed:
    return ShardFailed(
        "a JSON array", expected="one JSON object a line (JSON Lines)", todo="Convert it, e.g. `jq -c '.[]'`."
    )


def _lenient(line: bytes, at: int, reason: str) -> Any:
    """What orjson refuses: NaN and long numbers are let through."""
    if at == 0 and line.strip() == b"[":
        raise _array()
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RecordRejected("not-utf8", expected=f"byte {error.start} of the line is not UTF-8") from None
    except (ValueError, RecursionError):
        raise RecordRejected("bad-json", expected=reason[:120]) from None
    try:
        json.dumps(record, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise RecordRejected("lone-surrogate", expected="an escape stands for half a character") from None
    except (ValueError, RecursionError):
        raise RecordRejected("bad-json", expected="a number too long, or nested too deeply") from None
    return record


def _text(record: dict[str, Any], path: str) -> str | None:
    """The text; None if it is null. Raises RecordRejected where there is none, or no string."""
    text = record.get(path)
    if text is None and path not in record:
        text = lookup(record, path)
        if text is None:
            head, _, tail = path.rpartition(".")
            parent = lookup(record, head) if head else record
            if not (isinstance(parent, dict) and tail in parent):
                there = ", ".join(sorted(record)[:12]) or "none"
                raise RecordRejected("no-text-field", expected=f"no field {path!r}; fields: {there}"[:200])
    if text is None or isinstance(text, str):
        return text
    raise RecordRejected("text-not-string", expected=f"{path} is {type(text).__name__}")


def _expect_text(rows: Rows, first: bool, fields: dict[str, bool], entry: CorpusEntry) -> None:
    """Raises ShardFailed if every record so far lacks the text field: then the configuration is wrong, not the records.

    `fields`: the fields there are, and whether they hold text in any record.
    """
    if not first or not rows.only("no-text-field"):
        return
    texts = sorted(name for name, text in fields.items() if text)
    raise ShardFailed(
        f"no record has a text field {entry.text_field!r}",
        expected=f"one of the fields {', '.join((texts or sorted(fields))[:20])}", todo=name_text_field(entry, texts),
    )  # fmt: skip
