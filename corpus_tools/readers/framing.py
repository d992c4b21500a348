"""WARC records in a stream of bytes: where each begins and ends, whatever its length field says.

A record's length is believed only if what follows it is a record or the end of the file. Where it is not, the record is
damage, and the next record is looked for by its first line, so that one lying field costs one record. (An iterator that
trusts the field, or that skips to the next record by itself, loses records without a word.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from corpus_tools.readers import base
from corpus_tools.readers.stream import BrokenStream

_START = re.compile(rb"\nWARC/[01]\.\d{1,3}\r?\n")
_VERSION = re.compile(rb"WARC/[01]\.\d{1,3}\r?\n")
_LONGEST_START = 16
_FOLD = re.compile(r"\r?\n[ \t]+")
_MAX_HEADER = 1 << 20
_GAP = 64  # line ends looked at after a record


class Record(NamedTuple):
    """One record: offset in the uncompressed stream, headers (lower-case name -> value), content block."""

    position: int
    headers: dict[str, str]
    block: bytes


@dataclass(frozen=True)
class Damage:
    """Bytes that should be a record: offset, fate, reason code, one line for a person."""

    position: int
    fate: str
    reason: str
    detail: str


@dataclass(frozen=True)
class End:
    """The last item. `unread` is '' unless the shard breaks off; `records`: whether there was any."""

    unread: str
    records: bool
    head: bytes


def split_records(stream: Iterator[bytes], *, sealed: bool = False) -> Iterator[Record | Damage | End]:
    """Blocks -> records and damage, in order, and an End. `sealed`: the stream says itself where it ends (compressed), so a last
    record that is shorter than its length field says has a wrong field; in a plain file, the file is cut off.
    """
    window = _Window(stream, sealed)
    any_record = False
    while window.skip_line_ends():
        at = window.position
        if not _VERSION.match(window.peek(_LONGEST_START)):
            lost = window.resync()
            yield Damage(at, "failed", "no-record", f"{lost:,} bytes that are no record")
            continue
        any_record = True
        yield _record(window)
    yield End(window.unread, any_record, window.head)


def _record(window: _Window) -> Record | Damage:
    at = window.position
    size = window.header_size()
    if size is None:
        ended = window.ended and not window.whole
        lost = window.resync(1)
        if ended and window.at_end():
            window.cut(f"the file ends within the header of the record at byte {at:,}")
            return Damage(at, "failed", "cut-off", "the shard breaks off within this record's header")
        return Damage(at, "failed", "bad-header", f"a header without an end; {lost:,} bytes are passed over")
    headers = parse_headers(window.peek(size).decode("utf-8", "replace"))
    given = headers.get("content-length", "")
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        window.resync(size - 1)
        return Damage(at, "failed", "bad-length", f"Content-Length is {given[:40]!r}" if given else "no Content-Length")
    length = int(given)
    lie = f"Content-Length is {length:,}, but the record does not end there"
    if length > base.MAX_RECORD_BYTES:
        return _long(window, at, size, length, lie)
    end = size + length
    there = window.fill(end + _GAP + _LONGEST_START)
    if there >= end and window.ends_at(end):
        return Record(at, headers, window.take(size, end))
    if there < end:
        window.resync(size - 1)
        return _short(window, at, there - size, length, lie)
    window.resync(size - 1)
    return Damage(at, "failed", "bad-length", lie)


def _short(window: _Window, at: int, there: int, length: int, lie: str) -> Damage:
    """A record of which fewer bytes are there than it says: the shard breaks off within it, or the length is wrong."""
    if window.whole or not window.at_end():
        return Damage(at, "failed", "bad-length", lie)
    window.cut(f"the last record has {there:,} of its {length:,} bytes")
    return Damage(at, "failed", "cut-off", f"the shard breaks off within this record: {there:,} of {length:,} bytes")


def _long(window: _Window, at: int, size: int, length: int, lie: str) -> Damage:
    """A record too long to be held: passed over up to its end, or to the next record's first line if that comes first."""
    passed = window.resync(size - 1, most=size + length)
    if passed < size + length:
        return _short(window, at, passed - size, length, lie)
    limit = base.MAX_RECORD_BYTES
    return Damage(at, "rejected", "record-too-long", f"a record of {length:,} bytes; at most {limit:,} are read")


def parse_headers(head: str) -> dict[str, str]:
    """A header's lines after the first -> lower-case name -> value; folded lines joined; the first of a name counts."""
    if "\n " in head or "\n\t" in head:
        head = _FOLD.sub(" ", head)
    headers: dict[str, str] = {}
    for line in head.split("\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return headers


class _Window:
    """A stretch of the stream, from the reading position on; grows as needed, forgets what is behind."""

    def __init__(self, stream: Iterator[bytes], sealed: bool) -> None:
        self._stream = stream
        self._sealed = sealed
        self._data = b""
        self._at = 0
        self._base = 0
        self.ended = False
        self.unread = ""
        self.fill(64)
        self.head = self._data[:64]

    @property
    def position(self) -> int:
        """Offset in the uncompressed stream."""
        return self._base + self._at

    def fill(self, size: int) -> int:
        """Makes `size` bytes ahead available if there are as many; returns how many there are."""
        have = len(self._data) - self._at
        if have >= size or self.ended:
            return have
        pieces = [self._data[self._at :]]
        self._base += self._at
        self._at = 0
        try:
            while have < size:
                block = next(self._stream, None)
                if block is None:
                    self.ended = True
                    break
                pieces.append(block)
                have += len(block)
        except BrokenStream as error:
            self.ended = True
            self.unread = error.unread
        self._data = b"".join(pieces)
        return have

    @property
    def whole(self) -> bool:
        """Whether the stream has ended where it says that it ends."""
        return self._sealed and self.ended and not self.unread

    def cut(self, unread: str) -> None:
        """Notes that the last record is not whole."""
        self.unread = self.unread or unread

    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self.fill(1) == 0

    def peek(self, size: int) -> bytes:
        """Up to `size` bytes ahead."""
        self.fill(size)
        return self._data[self._at : self._at + size]

    def take(self, start: int, end: int) -> bytes:
        """Bytes ahead from `start` to `end`, which must be there; the position moves to `end`."""
        block = self._data[self._at + start : self._at + end]
        self._at += end
        return block

    def skip_line_ends(self) -> bool:
        """Moves past CR and LF; False at the end."""
        while self.fill(1):
            data, at = self._data, self._at
            while at < len(data) and data[at] in b"\r\n":
                at += 1
            self._at = at
            if at < len(data):
                return True
        return False

    def header_size(self) -> int | None:
        """Bytes up to and with the blank line that ends a header; None if it has no such end."""
        want = 4096
        while True:
            have = self.fill(want)
            at, limit = self._at, self._at + min(have, want)
            end = self._data.find(b"\r\n\r\n", at, limit)
            short = self._data.find(b"\n\n", at, limit if end < 0 else end)
            if end >= 0 or short >= 0:
                stop = short + 2 if short >= 0 else end + 4
                begun = self._data.find(b"\nWARC/", at, stop) >= 0 and _START.search(self._data, at, stop)
                return None if begun else stop - at
            if have < want or want >= _MAX_HEADER:
                return None
            want *= 4

    def ends_at(self, end: int) -> bool:
        """Whether a record may end there: a blank line, the next record, or the end of the file follows."""
        tail = self._data[self._at + end : self._at + end + _GAP + _LONGEST_START]
        after = tail.lstrip(b"\r\n")
        return tail.startswith((b"\r\n\r\n", b"\n\n")) or not after or bool(_VERSION.match(after))

    def resync(self, start: int = 0, most: int | None = None) -> int:
        """Moves to the first line of the next record at or after `start` bytes ahead, but at most by `most` bytes, or to
        the end; holds no more than a block meanwhile. Returns how many bytes were passed over.
        """
        passed = 0
        while True:
            have = self.fill(start + (1 << 20))
            found = _START.search(self._data, self._at + start)
            if found and (most is None or passed + found.start() + 1 - self._at < most):
                passed += found.start() + 1 - self._at
                self._at = found.start() + 1
                return passed
            left = have if most is None else min(have, most - passed)
            if self.ended or (most is not None and left == most - passed):
                self._at += left
                return passed + left
            step = have - _LONGEST_START
            self._at += step
            passed += step
            start = 0
