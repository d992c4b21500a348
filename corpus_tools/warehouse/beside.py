"""The warehouse's file: made beside the old one and renamed over it; of a root in a store, on this machine and then put there."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pyarrow as pa

from corpus_tools.errors import RootError
from corpus_tools.root import DATABASE, Root
from corpus_tools.warehouse.open import opened

MEMORY = "2GB"

_one_at_a_time = threading.Lock()


@contextmanager
def beside(root: Root, copy: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a new file beside the warehouse (a copy of it, or empty), renamed over it at the end; gone after an error."""
    with _one_at_a_time, tempfile.TemporaryDirectory() as folder:
        final = Path(root.at(DATABASE)) if root.local else Path(folder) / DATABASE
        new = final.with_name(f"{DATABASE}.new")
        mine = False
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            _clear(new)
            mine = True
            if copy and root.local:
                shutil.copyfile(final, new)
            elif copy:
                root.fs.get_file(root.at(DATABASE), str(new))
            with opened(new, read_only=False, memory=MEMORY, spill=f"{new}.tmp") as con:
                yield con
            _move(root, new, final)
        except (duckdb.Error, OSError, pa.ArrowInvalid) as error:
            raise RootError(
                f"the warehouse cannot be made: {' '.join(str(error).split())}",
                where=root.uri,
                todo="Free space, mend the permissions, or delete the file that is named to have it made again; what is done is kept.",
            ) from error
        finally:
            if mine:
                with suppress(OSError):
                    _remove(new)


def _clear(new: Path) -> None:
    """Removes what a killed load left. Raises RootError where another load holds the file."""
    if not new.exists():
        return
    try:
        with opened(new, read_only=False):
            pass
    except duckdb.Error as error:
        if "lock" in str(error).lower():
            raise RootError(
                "another load of this root is going on", where=str(new), todo="Wait for it to end."
            ) from error
    _remove(new)


def _remove(file: Path) -> None:
    for path in (file, file.with_name(f"{file.name}.wal")):
        path.unlink(missing_ok=True)
    shutil.rmtree(f"{file}.tmp", ignore_errors=True)


def _move(root: Root, new: Path, final: Path) -> None:
    if root.local:
        final.with_name(f"{final.name}.wal").unlink(missing_ok=True)  # of the file that is replaced
        new.replace(final)
    else:
        root.fs.put_file(str(new), root.at(DATABASE))
