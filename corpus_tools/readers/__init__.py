"""shard -> batches of documents and rejects. One file a format, one signature, one registry.

To add a reader: write `@guarded def read(shard, entry) -> Iterator[Batch]` in a file of its own, and name it here.
"""

from corpus_tools.readers import hub, lines, parquet, warc
from corpus_tools.readers.again import texts_at
from corpus_tools.readers.base import Batch, Reader, Reject, rejects_table

READERS: dict[str, Reader] = {
    "parquet": parquet.read,
    "jsonl": lines.read,
    "json": lines.read,
    "wet": warc.read,
    "warc": warc.read,
    "datasets": hub.read,
}

__all__ = ["READERS", "Batch", "Reader", "Reject", "rejects_table", "texts_at"]
