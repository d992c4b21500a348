"""`corpus-audit …`: parse, call, show, exit code.

environment.py  settings before Prefect is imported
options.py      what commands share: options, and what stands beside figures
run.py          commands that read a corpus: demo, run, serve, rescore
read.py         commands that read an audit: sql, report, why, compare
classify.py     commands around a classifier: score, train, average, stack, quantize, train-screen, evaluate
labels.py       `corpus-audit label …`
export.py       `corpus-audit export`
entry.py        all of them in order; errors become one line
"""

from pipelines.cli import environment as environment  # first: Prefect reads it when it is imported
from pipelines.cli.entry import app, main

__all__ = ["app", "main"]
