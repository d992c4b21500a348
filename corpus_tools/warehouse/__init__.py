"""The warehouse: a DuckDB file derived from the root, built beside and renamed over. It may be deleted and built again.

tables/, views/ and macros/ hold the SQL, one relation each; load.py fills them; open.py reads, read-only.
"""

from corpus_tools.warehouse.load import load
from corpus_tools.warehouse.open import connect, query

__all__ = ["connect", "load", "query"]
