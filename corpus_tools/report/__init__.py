"""The report: figures.py asks the database, page.py shows. Figures never draw, the page never queries."""

from corpus_tools.report.page import write_report

__all__ = ["write_report"]
