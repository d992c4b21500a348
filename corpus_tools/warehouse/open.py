"""Opening a warehouse, and asking it: read-only, one statement, nothing outside it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

import duckdb
import polars as pl

from corpus_tools.errors import RootError, UsageError
from corpus_tools.root import DATABASE, Root

SCHEMA_VERSION = 4
"""Raised by hand when a table, a view or a column changes its meaning. An older warehouse is made again from its root."""

CATALOG = "corpus_audit"
"""Name of the database within a connection: the one DuckDB gives to the file."""

STORAGE = "v1.4.0"
"""Storage format of new files: DuckDB command lines and packages from 1.4 on read it (left to itself, 2.0 writes what only 2.0 reads)."""

Ask = Callable[..., pl.DataFrame]
"""sql, and parameters where it has some -> its rows."""

READS = (
    duckdb.StatementType.SELECT,
    duckdb.StatementType.EXPLAIN,
    duckdb.StatementType.MULTI,
)  # MULTI: what PIVOT becomes


def connect(root: Root, read_only: bool = True) -> duckdb.DuckDBPyConnection:
    """The warehouse of a root, as the current database of a connection; of a remote root, a copy made now.

    Goes on showing the file as it was when opened, whatever is loaded later. Raises RootError where there is no warehouse, it cannot be
    read, or it has another schema version.
    """
    if not root.fs.exists(root.at(DATABASE)):
        raise RootError(
            "no database",
            where=root.at(DATABASE),
            todo="Run an audit first (corpus-audit run CONFIG.yaml, or corpus-audit demo), or name its folder with --root.",
        )
    if root.local:
        return _checked(Path(root.at(DATABASE)), read_only)
    with tempfile.TemporaryDirectory() as folder:  # an open file outlives its name
        copy = Path(folder) / DATABASE
        root.fs.get_file(root.at(DATABASE), str(copy))
        return _checked(copy, read_only)


def query(root: Root, sql: str, parameters: list[Any] | None = None) -> pl.DataFrame:
    """One SELECT (or WITH, FROM, PIVOT, DESCRIBE, SHOW, SUMMARIZE, EXPLAIN) -> its rows. Reads the warehouse and nothing else.

    Raises RootError for anything else, and with DuckDB's message where the statement is wrong; UsageError where there is none.
    """
    with asking(root) as ask:
        return ask(sql, parameters)


@contextmanager
def asking(root: Root) -> Iterator[Ask]:
    """Many queries, as `query` takes them, of the warehouse as it is now: opened once, and of a remote root copied once."""
    with _closing(connect(root)) as con:
        con.execute(
            "SET enable_external_access = false; SET python_enable_replacements = false; SET lock_configuration = true"
        )
        yield partial(_answer, con)


def _answer(con: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any] | None = None) -> pl.DataFrame:
    try:
        statements = con.extract_statements(sql)
        if not statements:
            raise UsageError(
                "the query is empty", expected="one statement", todo='For example: "from latest_prevalence"'
            )
        if len(statements) != 1:
            raise RootError(f"{len(statements)} statements came", expected="one", todo="Ask one after the other.")
        if statements[0].type not in READS:
            raise RootError(
                f"a statement that is no query came: {statements[0].type.name}",
                expected="SELECT, FROM, WITH, PIVOT, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN",
                todo="The database is read-only: it is made from the root's files, and a change would be lost.",
            )
        return cast(pl.DataFrame, con.sql(sql, params=parameters or None).pl())
    except duckdb.Error as error:
        there = _relations(con) if isinstance(error, duckdb.CatalogException) else ""
        raise RootError(_plain(error), where="sql", expected=there) from error


def is_current(root: Root, audit_ids: set[str]) -> bool:
    """Whether there is a warehouse of this version that has these audits and no other."""
    try:
        con = connect(root)
    except RootError:
        return False
    with _closing(con):
        return {str(row[0]) for row in con.execute("SELECT audit_id FROM audits").fetchall()} == audit_ids


def is_older(root: Root) -> bool:
    """Whether there is a warehouse, and an earlier version of corpus-audit made it."""
    if not root.local or not Path(root.at(DATABASE)).is_file():
        return False
    with suppress(duckdb.Error, OSError), _closing(_attached(Path(root.at(DATABASE)), read_only=True)) as con:
        version = _version(con)
        return version is not None and version < SCHEMA_VERSION
    return False


@contextmanager
def opened(file: Path, *, read_only: bool, memory: str = "", spill: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection whose current database is this file. Closed, and its changes written, at the end."""
    with _closing(_attached(file, read_only, memory, spill)) as con:
        yield con
        con.execute("USE memory")
        con.execute(f"DETACH {CATALOG}")  # writes what is still in the log


def _attached(file: Path, read_only: bool, memory: str = "", spill: str = "") -> duckdb.DuckDBPyConnection:
    # Attached, not connected to: a process keeps one instance per path, and would show a renamed-over file's old content to new readers.
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "temp_directory": spill or str(Path(tempfile.gettempdir()) / "corpus-audit-duckdb"),
    }
    con = duckdb.connect(":memory:", config=config | ({"memory_limit": memory} if memory else {}))
    try:
        name = str(file).replace("'", "''")
        option = " (READ_ONLY)" if read_only else "" if file.exists() else f" (STORAGE_VERSION '{STORAGE}')"
        con.execute(f"ATTACH '{name}' AS {CATALOG}{option}")
        con.execute(f"USE {CATALOG}")
    except BaseException:
        con.close()
        raise
    return con


@contextmanager
def _closing(con: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        yield con
    finally:
        con.close()


def _checked(file: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        con = _attached(file, read_only)
    except (duckdb.Error, OSError) as error:
        if "lock on file" in str(error):
            raise RootError(
                "another program holds the database open for writing",
                where=str(file),
                todo="Close it there, or open it read-only there too (duckdb -readonly).",
            ) from error
        raise RootError(
            f"not a database of corpus-audit, or one that cannot be read: {_plain(error)}",
            where=str(file),
            todo="If it is broken, delete it and run the audit again: it is made from the root's files.",
        ) from error
    version = _version(con)
    if version == SCHEMA_VERSION:
        return con
    con.close()
    if version is not None and version > SCHEMA_VERSION:
        raise RootError(
            f"the database has schema {version}: it was made by a newer corpus-audit",
            where=str(file),
            expected=f"schema {SCHEMA_VERSION} or older",
            todo="Install the newer version (pip install --upgrade corpus-audit).",
        )
    raise RootError(
        f"the database has schema {version}" if version is not None else "not a database of corpus-audit",
        where=str(file),
        expected=f"schema {SCHEMA_VERSION}",
        todo="Run the audit again to rebuild it, or ask by corpus-audit sql; shards that are done are not read again.",
    )


def _version(con: duckdb.DuckDBPyConnection) -> int | None:
    with suppress(duckdb.Error):
        rows = con.execute("SELECT schema_version FROM meta").fetchall()
        return int(rows[0][0]) if rows and rows[0][0] is not None else None
    return None


def _relations(con: duckdb.DuckDBPyConnection) -> str:
    rows = con.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_catalog = ? ORDER BY 1", [CATALOG]
    ).fetchall()
    macros = con.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE database_name = ? ORDER BY 1", [CATALOG]
    ).fetchall()
    return f"one of the tables and views {', '.join(str(r[0]) for r in rows)}" + (
        f"; macros {', '.join(f'{r[0]}(…)' for r in macros)}" if macros else ""
    )


def _plain(error: Exception) -> str:
    """DuckDB's message in one line, without the statement that it repeats."""
    return " ".join(str(error).split("\n\nLINE ", 1)[0].split())
