"""Rounds of labels: which passages to label, out as files, answers back in, agreement. Tables in, tables out; no estimator.

A round is a rule (rates by cell) fixed before any of its labels is seen, what it drew, and the answers as they arrive.
Labels attach to content. Each round has a role: *estimate* corrects figures, *train* fits models, never both.
"""

from corpus_tools.labels.agree import agreement, cohen_kappa
from corpus_tools.labels.answers import Imported, import_labels
from corpus_tools.labels.files import annotation_fields, export_round, label_studio_config, read_answers
from corpus_tools.labels.rounds import (
    ROLES,
    UNITS,
    Used,
    add_batch,
    check_new,
    create_round,
    document_labels,
    draw_round,
    labels_table,
    read_round,
    round_names,
    shared_coverage,
    used,
)

__all__ = [
    "ROLES",
    "UNITS",
    "Imported",
    "Used",
    "add_batch",
    "agreement",
    "annotation_fields",
    "check_new",
    "cohen_kappa",
    "create_round",
    "document_labels",
    "draw_round",
    "export_round",
    "import_labels",
    "label_studio_config",
    "labels_table",
    "read_answers",
    "read_round",
    "round_names",
    "shared_coverage",
    "used",
]
