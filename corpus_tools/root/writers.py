"""A shard's tables and scores while they grow: piece by piece, shown only when they are whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from corpus_tools.root.files import Files, json_bytes
from corpus_tools.spool import Spool


class ShardWriter:
    """One shard's tables while they grow; made by Root.shard_writer."""

    def __init__(self, root: Files, spool: Spool, final: str) -> None:
        self._root, self._spool, self._final = root, spool, final

    def add(self, name: str, table: pa.Table) -> None:
        """Appends rows to a table; the first call sets its schema."""
        self._spool.add(f"{name}.parquet", table)

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Closes the tables and shows the shard: on a disk by one rename, in a store with the manifest last."""
        files = self._spool.close()
        if not self._root.local:
            for file in files:
                self._root.fs.put_file(str(file), f"{self._final}/{file.name}")
            self._root.put(f"{self._final}/manifest.json", json_bytes(manifest))
            return
        self._root.put(str(self._spool.folder / "manifest.json"), json_bytes(manifest))
        try:
            self._spool.folder.rename(self._final)
        except OSError:
            if not Path(self._final, "manifest.json").is_file():
                raise  # else another worker finished the same shard with the same rows


class ScoreWriter:
    """One shard's scores while they grow; made by Root.score_writer."""

    def __init__(self, root: Files, spool: Spool, folder: str, shard_id: str) -> None:
        self._root, self._spool, self._folder, self._shard = root, spool, folder, shard_id

    def add(self, scores: pa.Table, vectors: pa.Table | None = None, *, vectors_kept: bool = False) -> int:
        """Appends scores, and vectors where they are kept; returns how many rows."""
        self._spool.add(f"{self._shard}.parquet", scores)
        if vectors_kept and vectors is not None:
            self.add_vectors(vectors)
        return len(scores)

    def add_vectors(self, vectors: pa.Table) -> None:
        """Appends vectors."""
        self._spool.add(f"{self._shard}.vectors.parquet", vectors)

    def finish(self) -> None:
        """Shows the files whole; the scores last."""
        for file in sorted(self._spool.close(), key=lambda file: not file.name.endswith(".vectors.parquet")):
            final = f"{self._folder}/{file.name}"
            if self._root.local:
                file.replace(final)
            else:
                self._root.fs.put_file(str(file), final)
