"""Documents above a threshold, for a training pipeline: what to take out or weigh anew, and what that is expected to do."""

from corpus_tools.export import page
from corpus_tools.export.choose import Wish
from corpus_tools.export.make import Export, make
from corpus_tools.export.write import FORMS, write

__all__ = ["FORMS", "Export", "Wish", "make", "page", "write"]
