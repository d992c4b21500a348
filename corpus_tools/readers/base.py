"""What a reader yields, and what every reader shares: batches of documents, and the records that are none, each with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from functools import wraps
from typing import Any, Protocol

import orjson
import pyarrow as pa

from corpus_tools.config import CorpusEntry
from corpus_tools.errors import ShardFailed
from corpus_tools.shards import Shard
from corpus_tools.stores import one_line, redacted
from corpus_tools.tables import DOCUMENT_BATCH, REJECTS

BATCH_BYTES = 8 << 20
"""Text per batch, about: memory is bounded by this, not by the shard."""
BATCH_ROWS = 4096
MAX_RECORD_BYTES = 64 << 20
"""A longer line or record is rejected, and skipped without being held."""


@dataclass(frozen=True)
class Reject:
    """A record that is not a document (`rejected`) or could not be read (`failed`); `records` of them where a block is lost."""

    place: str
    fate: str
    reason: str
    detail: str = ""
    records: int = 1


@dataclass(frozen=True)
class Batch:
    """Documents in the order of the shard, and rejects. `read` = rows + rejected records.

    `unread` is not '' on the last batch of a shard that breaks off: what was not read, for a person.
    """

    documents: pa.RecordBatch
    rejects: list[Reject] = field(default_factory=list)
    unread: str = ""

    @property
    def read(self) -> int:
        """Records accounted for."""
        return len(self.documents) + sum(r.records for r in self.rejects)


def rejects_table(rejects: list[Reject]) -> pa.Table:
    """Rejects -> tables.REJECTS."""
    return pa.Table.from_pylist([asdict(reject) for reject in rejects], schema=REJECTS)


class Reader(Protocol):
    """shard, corpus entry -> batches. Raises ShardFailed where the shard as a whole cannot be read."""

    def __call__(self, shard: Shard, entry: CorpusEntry) -> Iterator[Batch]:
        """Reads one shard."""
        ...


def guarded(reader: Reader) -> Reader:
    """The reader, with every error named after its shard, and nothing but ShardFailed leaving it."""

    @wraps(reader)
    def read(shard: Shard, entry: CorpusEntry) -> Iterator[Batch]:
        try:
            yield from reader(shard, entry)
        except ShardFailed as error:
            if error.where:
                raise
            raise ShardFailed(
                error.what, where=redacted(shard.uri), expected=error.expected, todo=error.todo, retry=error.retry
            ) from error
        except Exception as error:
            raise ShardFailed(
                f"unexpected {type(error).__name__}: {one_line(error)}", where=redacted(shard.uri),
                todo="Look whether the file is whole; if it is, please report this.",
            ) from error  # fmt: skip

    return read


NO_DOCUMENTS = pa.RecordBatch.from_pylist([], DOCUMENT_BATCH)

DEFAULTS = {
    "url_field": ("url", "metadata.url", "meta.url", "metadata.WARC-Target-URI"),
    "id_field": ("id",),
    "date_field": ("date", "timestamp", "metadata.date", "metadata.WARC-Date", "created"),
    "language_field": ("language", "lang", "metadata.language"),
}
"""Fields tried in this order where the configuration names none."""


def lookup(record: Any, path: str) -> Any:
    """A dotted path into nested mappings; a value that is JSON text is opened on the way; None where there is nothing.

    A key that itself holds dots is found whole first.
    """
    if isinstance(record, dict) and path in record:
        return record[path]
    value: Any = record
    for part in path.split("."):
        if isinstance(value, str) and value[:1] == "{":
            try:
                value = orjson.loads(value)
            except orjson.JSONDecodeError:
                return None
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return value


def field_paths(entry: CorpusEntry, role: str) -> tuple[str, ...]:
    """Paths to try for url, id, date or language."""
    named = getattr(entry, role)
    return (named,) if named else DEFAULTS[role]


def as_text(value: Any) -> str | None:
    """A metadata value -> text; None for none and for what is no single value."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else None


def field_reader(paths: tuple[str, ...]) -> Callable[[dict[str, Any]], str | None]:
    """Paths -> a function that finds the first of them with a value in a record."""
    split = [(path, path.split(".", 1)[0]) for path in paths]

    def find(record: dict[str, Any]) -> str | None:
        for path, head in split:
            if path in record:
                value = record[path]
            elif head in record:
                value = lookup(record, path)
            else:
                continue
            if type(value) is str:
                return value
            text = as_text(value)
            if text is not None:
                return text
        return None

    return find


Metadata = tuple[str | None, str | None, str | None, str | None, list[tuple[str, str]]]
"""given_id, url, date, language, sources."""


def metadata_reader(entry: CorpusEntry) -> Callable[[dict[str, Any]], Metadata]:
    """A corpus entry -> a function from a record to its metadata."""
    given_id, url, date, language = (
        field_reader(field_paths(entry, role)) for role in ("id_field", "url_field", "date_field", "language_field")
    )
    sources = [(name, field_reader((path,))) for name, path in entry.source_paths.items()]

    def read(record: dict[str, Any]) -> Metadata:
        keys = [(name, find(record) or "") for name, find in sources] if sources else []
        return given_id(record), url(record), date(record), language(record), keys

    return read


class Rows:
    """Collects documents row by row into batches of DOCUMENT_BATCH, for readers that parse records one by one."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._rows: list[tuple[int, str | None, Metadata]] = []
        self._rejects: list[Reject] = []
        self._bytes = 0

    def add(self, position: int, text: str | None, metadata: Metadata) -> None:
        """One document."""
        self._rows.append((position, text, metadata))
        self._bytes += len(text or "")

    def reject(self, place: str, fate: str, reason: str, detail: str = "") -> None:
        """One record that is no document."""
        self._rejects.append(Reject(place, fate, reason, detail))

    @property
    def full(self) -> bool:
        """Whether it is time to `take` a batch."""
        return self._bytes >= BATCH_BYTES or len(self._rows) >= BATCH_ROWS or len(self._rejects) >= BATCH_ROWS

    def only(self, reason: str) -> bool:
        """Whether there are rejects, all for this reason, and no document."""
        return bool(self._rejects) and not self._rows and all(r.reason == reason for r in self._rejects)

    def take(self, unread: str = "") -> Batch:
        """What was collected, as a batch; starts anew."""
        if self._rows:
            positions, texts, metadata = zip(*self._rows, strict=True)
            given_ids, urls, dates, languages, sources = zip(*metadata, strict=True)
            columns = (positions, given_ids, texts, urls, dates, languages, sources)
            arrays = [pa.array(c, f.type) for c, f in zip(columns, DOCUMENT_BATCH, strict=True)]
            documents = pa.RecordBatch.from_arrays(arrays, schema=DOCUMENT_BATCH)
        else:
            documents = NO_DOCUMENTS
        batch = Batch(documents, self._rejects, unread)
        self._clear()
        return batch


def name_text_field(entry: CorpusEntry, texts: Sequence[str]) -> str:
    """What to do where a corpus entry's text field is not there; `texts`: fields that hold text."""
    near = get_close_matches(entry.text_field, texts, n=1, cutoff=0.4)
    return f"Set text_field in the corpus entry{f': did you mean {near[0]!r}?' if near else '.'}"
