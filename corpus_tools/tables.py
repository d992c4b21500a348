"""Arrow schemas of every table that crosses a wall, each column explained.

Ids are strings. A *content* is the xxh3 hash (128 bit, 32 hexadecimal digits) of a text as UTF-8: exact copies share it.
A score file has passage_id, content and one float32 column per label of the pack, rounded to four places; a file of vectors passage_id and
vector, a list of float32 of one length.
"""

from __future__ import annotations

import pyarrow as pa

STRATA = ("hit", "near", "sampled")
"""hit: a gate term in the passage; near: none, but in a document that the gate hits; sampled: in the audit sample of the rest."""

SOURCE_KEYS: tuple[tuple[str, pa.DataType], ...] = (
    ("dataset", pa.string()),  # name of the corpus entry
    ("domain", pa.string()),  # registrable domain of the document's address, '' if none
    ("year", pa.int16()),  # of the document's date, null if none
    ("language", pa.string()),  # ISO 639-1 code: given, or detected (opened documents only); '' if unknown
    ("sources", pa.map_(pa.string(), pa.string())),  # every name in `source_fields`
)


def _schema(*columns: tuple[str, pa.DataType] | pa.Field) -> pa.Schema:
    return pa.schema([c if isinstance(c, pa.Field) else pa.field(*c) for c in columns])


DOCUMENT_BATCH = _schema(
    ("position", pa.int64()),  # row number (Parquet), uncompressed byte offset (lines), record offset (WARC)
    ("given_id", pa.string()),  # the id the corpus gives, null if none
    ("text", pa.large_string()),  # null or white space only: an empty document
    ("url", pa.string()),
    ("date", pa.string()),  # as given; sources.py reads the year
    ("language", pa.string()),  # as given
    ("sources", pa.map_(pa.string(), pa.string())),
)
"""What a reader yields. `document_id` is dataset, relative path and position, joined by scan.py."""

REJECTS = _schema(
    ("place", pa.string()),  # 'row 12', 'byte 3456', 'record at byte 789'
    ("fate", pa.string()),  # rejected (the record is not a document) | failed (it could not be read)
    ("records", pa.int64()),  # how many: 1, or the rows of a block that does not decode
    ("reason", pa.string()),  # a short code, the same for the same cause: bad-json, not-an-object, text-not-string …
    ("detail", pa.string()),  # one line for a person; never the record's text
)
"""Records that are not documents, each with a reason; `shard_id` is the folder's."""

DOCUMENTS = _schema(
    ("document_id", pa.string()),
    ("given_id", pa.string()),
    ("content", pa.string()),  # of the whole text
    ("url", pa.string()),
    *SOURCE_KEYS,
    ("stratum", pa.string()),  # hit | sampled
    ("open_probability", pa.float64()),  # 1 if the gate hits, else audit_fraction
    ("hit_passages", pa.int32()),
    ("near_passages", pa.int32()),
    ("sampled_passages", pa.int32()),
    ("bytes", pa.int64()),
    ("words", pa.int64()),
    ("unscored", pa.bool_()),  # the classifier does not know the language: passages are counted, not scored
    ("position", pa.int64()),
)
"""One row per opened document."""

PASSAGES = _schema(
    ("passage_id", pa.string()),  # document_id:start
    ("document_id", pa.string()),
    ("start", pa.int64()),  # character offsets into the document's text
    ("end", pa.int64()),
    ("content", pa.string()),
    ("stratum", pa.string()),  # hit | near | sampled
    ("screen_probability", pa.float64()),  # of being drawn for scoring, given that the document is opened
    ("drawn", pa.bool_()),  # true: a candidate
    ("n_words", pa.int32()),
    ("terms", pa.list_(pa.string())),  # gate terms in the passage, each once
    ("text", pa.string()),  # candidates only, by `store.text`: full | excerpt | null
)
"""One row per passage of an opened document, drawn or not."""

TALLIES = _schema(
    *SOURCE_KEYS,
    ("documents", pa.int64()),  # documents with text
    ("bytes", pa.int64()),  # of their text as UTF-8
    ("words", pa.int64()),  # runs of bytes that are not white space
    ("hit_documents", pa.int64()),
    ("sampled_documents", pa.int64()),
    ("hit_words", pa.int64()),  # in hit documents
    ("sampled_words", pa.int64()),  # in sampled documents
    ("hit_passages", pa.int64()),
    ("near_passages", pa.int64()),
    ("sampled_passages", pa.int64()),
    ("unscored_documents", pa.int64()),  # opened, in a language that the classifier does not know
)
"""Exact counts per tuple of source keys. In tallies `language` is the given one, '' if none (the rest is not detected)."""

TALLY_COUNTS = tuple(f.name for f in TALLIES if pa.types.is_integer(f.type) and f.name != "year")

ROUND = _schema(
    ("content", pa.string()),  # of the passage's text
    ("passage_id", pa.string()),  # one passage with that content, to read it by
    ("sha256", pa.string()),  # of the passage's text as UTF-8
    ("cell", pa.string()),  # the rule's cell that gave the rate
    (
        "probability",
        pa.float64(),
    ),  # the label draw's: the highest rate among the content's (or document's) candidates when drawn
    ("document", pa.string()),  # content of the whole document, where documents are drawn; else null
    ("batch", pa.int32()),  # 0: the first draw; 1, 2 …: top-ups for shards that arrived later
    (
        "raised",
        pa.list_(pa.struct([("batch", pa.int32()), ("probability", pa.float64())])),
    ),  # by top-ups that hold a copy at a higher rate
    (
        "labels",
        pa.list_(pa.struct([("annotator", pa.string()), ("label", pa.string()), ("value", pa.bool_())])),
    ),  # as they arrive; empty: not yet labelled
)
"""The drawn passages of a round, beside its rule in JSON."""

LABELS = _schema(
    ("content", pa.string()),
    ("label", pa.string()),
    ("value", pa.float64()),  # 0 or 1; the mean where annotators differ
    ("probability", pa.float64()),  # of the label draw in its round, times the share of its cell that is answered
    ("round", pa.string()),
    ("role", pa.string()),  # estimate | train
    ("annotator", pa.string()),  # who; joined by '+' where several
)
"""Labels as the estimates take them: one row per content, label and round."""

DOCUMENT_LABELS = pa.schema([("document", pa.string()), *LABELS])
"""The same of documents read whole: one row per passage, label and round; `probability` is of the document (its content)."""

ESTIMATE_KEY = (
    ("audit_id", pa.string()),
    ("dimension", pa.string()),  # corpus, dataset, domain, year, language, mode, kind, or a name in source_fields
    ("source", pa.string()),  # 'all' for the corpus
    ("dimension_2", pa.string()),  # '' if not crossed
    ("source_2", pa.string()),
    ("unit", pa.string()),  # passages | words | documents
    ("basis", pa.string()),  # exposure (copies count) | distinct (exact copies once)
)

TOTALS = _schema(
    *ESTIMATE_KEY,
    ("total", pa.float64()),
    ("low", pa.float64()),  # equal to total where it is a count
    ("high", pa.float64()),
    ("unscored_share", pa.float64()),  # of the opened text, the share in languages that are not scored
)

PREVALENCE = _schema(
    *ESTIMATE_KEY,
    ("label", pa.string()),
    ("prevalence", pa.float64()),  # share of the unit's total
    ("ci_low", pa.float64()),  # 95 %; null where uncalibrated
    ("ci_high", pa.float64()),
    ("bound", pa.string()),  # two | upper; null without an interval
    ("spread", pa.float64()),  # uncalibrated rows: relative half-width from sampling alone
    ("n_scored", pa.int64()),
    ("n_labelled", pa.int64()),
    ("labelled_by", pa.string()),
    ("status", pa.string()),  # calibrated | pooled | uncalibrated
    ("method", pa.string()),
)

MEASURES = _schema(
    *ESTIMATE_KEY,
    ("label", pa.string()),
    ("measure", pa.string()),  # count, share, exposure_share, lift, rank, shrunk, seen, missed, label_error, recall, …
    ("against", pa.string()),  # what it is measured against: another label, an earlier audit; '' if nothing
    ("value", pa.float64()),
    ("low", pa.float64()),
    ("high", pa.float64()),
    ("q_value", pa.float64()),  # Benjamini-Hochberg, where many sources are tested
    (
        "status",
        pa.string(),
    ),  # as of prevalence; no denominator: no value, as nothing was found of what it is divided by
    ("method", pa.string()),
)

NEAR_COPIES = _schema(
    ("audit_id", pa.string()),
    ("content", pa.string()),
    ("near_group", pa.string()),  # the smallest content of the group
    (
        "similarity",
        pa.float64(),
    ),  # estimated share of three-word shingles in common with the content that it is linked by
    ("group_contents", pa.int64()),
    ("group_passages", pa.int64()),  # candidates, exact copies counted
)
"""Candidates of an audit that are near copies of others."""
