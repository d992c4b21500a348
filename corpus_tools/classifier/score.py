"""A file of passages in, a file of scores out: `corpus-audit score`."""

from __future__ import annotations

import uuid
from pathlib import Path

import orjson

from corpus_tools.classifier.model import score_texts
from corpus_tools.config import ClassifierConfig
from corpus_tools.errors import LabelError
from corpus_tools.pack import load_pack
from corpus_tools.sources import detect_language


def score_file(source: Path, output: Path, pack_name: str, config: ClassifierConfig) -> int:
    """JSON Lines with `passage_id` and `text` -> JSON Lines with `passage_id` and `scores` (label -> probability); returns the count.

    A text in a language that the pack does not know is scored all the same and marked `"unscored": "<language>"`: do not count it.
    Raises LabelError with the line of the first that is wrong; nothing is written then.
    """
    pack = load_pack(pack_name)
    ids, texts = [], []
    try:
        lines = source.read_bytes().splitlines()
    except OSError as error:
        raise LabelError(f"cannot be read: {error.strerror}", where=str(source)) from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{source} line {number}"
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise LabelError(f"not JSON: {error}", where=where, expected='{"passage_id": …, "text": …}') from error
        if not isinstance(record, dict) or not isinstance(record.get("text"), str) or "passage_id" not in record:
            raise LabelError("no passage", where=where, expected='an object with "passage_id" and "text" (a string)')
        ids.append(record["passage_id"])
        texts.append(record["text"])
    scores = score_texts(texts, pack, config)
    part = output.with_name(f".{output.name}.{uuid.uuid4().hex}")
    try:
        with part.open("wb") as file:
            for passage_id, text, row in zip(ids, texts, scores.iter_rows(named=True), strict=True):
                out = {"passage_id": passage_id, "scores": {label: round(value, 4) for label, value in row.items()}}
                language = detect_language(text)
                if pack.languages and language not in pack.languages:
                    out["unscored"] = language or "unknown"
                file.write(orjson.dumps(out) + b"\n")
        part.replace(output)
    except OSError as error:
        raise LabelError(f"cannot be written: {error.strerror}", where=str(output)) from error
    finally:
        part.unlink(missing_ok=True)
    return len(ids)
