"""An audit: a scan's shards under one classifier. Files of the root -> what the estimates take; estimates -> the root.

described (audit.json, made and read) > passages (the frames that estimates take) > estimates (at the end, and at a look under way);
beside them copies (near copies among the candidates) and behind (the passages that move a figure, two audits compared, labels wanted).
"""

from corpus_tools.audit.behind import comparison, labels_wanted, why_number, why_numbers
from corpus_tools.audit.copies import find_near_copies
from corpus_tools.audit.described import (
    describe,
    done_shards,
    entry_of,
    failed_said,
    latest,
    pack_of,
    read,
    sampled_said,
    scan_id,
    source_names,
)
from corpus_tools.audit.estimates import card_of, estimate, look, questions, usable_rounds, write
from corpus_tools.audit.passages import lean_passages, scored_passages, tallies

__all__ = [
    "card_of",
    "comparison",
    "describe",
    "done_shards",
    "entry_of",
    "estimate",
    "failed_said",
    "find_near_copies",
    "labels_wanted",
    "latest",
    "lean_passages",
    "look",
    "pack_of",
    "questions",
    "read",
    "sampled_said",
    "scan_id",
    "scored_passages",
    "source_names",
    "tallies",
    "usable_rounds",
    "why_number",
    "why_numbers",
    "write",
]
