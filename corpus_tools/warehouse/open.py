"""The database, read-only: queries answered as Polars frames, mistakes as one clear message."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import duckdb
import polars as pl

from corpus_tools.errors import RootError
from corpus_tools.root import DATABASE, Root
from corpus_tools.warehouse.load import SCHEMA_VERSION


def connect(root: Root) -> duckdb.DuckDBPyConnection:
    """Opens the root's database read-only, without access to other files. Raises RootError: none there, or of another version."""
    path = Path(root.at(DATABASE))
    if not root.local:
        raise RootError(
            "the database is on a remote root", where=root.uri, todo=f"Fetch {DATABASE} and query the copy."
        )
    if not path.is_file():
        raise RootError(
            "no database",
            where=str(path),
            todo="Run an audit first: corpus-audit run CONFIG.yaml, or corpus-audit demo.",
        )
    try:
        db = duckdb.connect(str(path), read_only=True, config={"enable_external_access": "false"})
        found = db.execute("SELECT schema_version FROM meta").fetchall()
    except duckdb.Error as error:
        raise RootError(
            f"not a database of corpus-audit: {_first_line(error)}",
            where=str(path),
            todo="Delete it, then `corpus-audit report` builds it again.",
        ) from error
    version = found[0][0] if found else None
    if version != SCHEMA_VERSION:
        db.close()
        newer = isinstance(version, int) and version > SCHEMA_VERSION
        raise RootError(
            f"the database has schema {version}", where=str(path), expected=f"schema {SCHEMA_VERSION}",
            todo="It was made by a newer corpus-audit: upgrade."
            if newer
            else "Run the audit again: it is built anew from the root's files.",
        )  # fmt: skip
    return db


def query(root: Root, sql: str, parameters: list[Any] | None = None) -> pl.DataFrame:
    """One read-only statement -> a Polars frame. Raises RootError with what is wrong with it."""
    with connect(root) as db:
        try:
            statements = db.extract_statements(sql)
            if len(statements) != 1:
                raise RootError(f"{len(statements)} statements", expected="one query")
            result = db.sql(sql, params=parameters or None)
            if result is None:
                return pl.DataFrame()
            return cast(pl.DataFrame, pl.from_arrow(result.to_arrow_table()))
        except duckdb.InvalidInputException as error:
            if "read-only" in str(error):
                raise RootError("the database is read-only", expected="a query that writes nothing") from error
            raise RootError(_first_line(error)) from error
        except duckdb.CatalogException as error:
            tables = ", ".join(
                r[0] for r in db.execute("SELECT table_name FROM information_schema.tables ORDER BY 1").fetchall()
            )
            raise RootError(_first_line(error), expected=f"one of the tables and views {tables}") from error
        except duckdb.Error as error:
            raise RootError(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n\n")[0].replace("\n", " ")
