"""What a reader yields, and what every reader shares: batches of documents, and the records that are none, each with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import orjson
import pyarrow as pa

from corpus_tools.config import CorpusEntry
from corpus_tools.shards import Shard
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

    def __call__(self, shard: Shard, entry: CorpusEntry) -> Iterator[Batch]: ...


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


class Rows:
    """Collects documents row by row into batches of DOCUMENT_BATCH, for readers that parse records one by one."""

    def __init__(self, entry: CorpusEntry) -> None:
        self._source_paths = entry.source_paths
        self._paths = {role: field_paths(entry, role) for role in DEFAULTS}
        self._clear()

    def _clear(self) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in DOCUMENT_BATCH.names}
        self._rejects: list[Reject] = []
        self._bytes = 0

    def add(self, position: int, text: str | None, record: Any) -> None:
        """One document; metadata is looked up in `record`."""
        columns = self._columns
        columns["position"].append(position)
        columns["text"].append(text)
        for name, role in (("given_id", "id_field"), ("url", "url_field"), ("date", "date_field"), ("language", "language_field")):
            columns[name].append(self._first(record, self._paths[role]))
        columns["sources"].append(
            [(name, as_text(lookup(record, path)) or "") for name, path in self._source_paths.items()]
        )
        self._bytes += len(text or "")

    @staticmethod
    def _first(record: Any, paths: tuple[str, ...]) -> str | None:
        for path in paths:
            value = as_text(lookup(record, path))
            if value is not None:
                return value
        return None

    def reject(self, place: str, fate: str, reason: str, detail: str = "", records: int = 1) -> None:
        """One record that is no document."""
        self._rejects.append(Reject(place, fate, reason, detail, records))

    @property
    def full(self) -> bool:
        """Whether it is time to `take` a batch."""
        return self._bytes >= BATCH_BYTES or len(self._columns["position"]) >= BATCH_ROWS or len(self._rejects) >= BATCH_ROWS

    def take(self, unread: str = "") -> Batch:
        """What was collected, as a batch; starts anew."""
        arrays = [pa.array(self._columns[f.name], f.type) for f in DOCUMENT_BATCH]
        batch = Batch(pa.RecordBatch.from_arrays(arrays, schema=DOCUMENT_BATCH), self._rejects, unread)
        self._clear()
        return batch
