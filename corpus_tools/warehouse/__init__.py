"""The warehouse: one DuckDB file made from the root's files, and asked by SQL. The only room that knows DuckDB."""

from corpus_tools.warehouse.load import load, renew, update_labels
from corpus_tools.warehouse.open import SCHEMA_VERSION, Ask, asking, connect, query

__all__ = ["SCHEMA_VERSION", "Ask", "asking", "connect", "load", "query", "renew", "update_labels"]
