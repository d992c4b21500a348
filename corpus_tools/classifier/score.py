"""A file of passages in, a file of scores out: `corpus-audit score`."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

import orjson

from corpus_tools.classifier.model import read_card, score_texts, specs
from corpus_tools.config import ClassifierConfig
from corpus_tools.encoder_files import longer_than_read
from corpus_tools.errors import LabelError
from corpus_tools.pack import load_pack
from corpus_tools.sources import detect_language


@dataclass(frozen=True)
class ScoredFile:
    """How many passages were scored, and how many of them say less than their scores seem to."""

    passages: int
    without_words: int
    truncated: int
    unscored: int  # those without words are not among them
    max_tokens: int  # what the encoder reads of a text


def score_file(source: Path, output: Path, pack_name: str, config: ClassifierConfig) -> ScoredFile:
    """JSON Lines with `passage_id` and `text` -> JSON Lines with `passage_id` and `scores` (label -> probability).

    A text in a language that the pack does not know is scored all the same and marked `"unscored": "<language>"` ("unknown" where
    none can be told, as without words): do not count it. One that is longer than the encoder reads is scored by its beginning and
    marked `"truncated": true`. Raises LabelError with the line of the first that is wrong; nothing is written then.
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
    card, folder = read_card(pack, config)
    encoders = specs(card["weights"], folder)
    cut = [any(longer) for longer in zip(*(longer_than_read(spec, texts) for spec in encoders), strict=True)]
    wordless = [not text.split() for text in texts]
    languages = [detect_language(text) for text in texts]
    unscored = [bool(pack.languages) and language not in pack.languages for language in languages]
    part = output.with_name(f".{output.name}.{uuid.uuid4().hex}")
    try:
        with part.open("wb") as file:
            for i, row in enumerate(scores.iter_rows(named=True)):
                out = {"passage_id": ids[i], "scores": {label: round(value, 4) for label, value in row.items()}}
                if unscored[i]:
                    out["unscored"] = languages[i] or "unknown"
                if cut[i]:
                    out["truncated"] = True
                file.write(orjson.dumps(out) + b"\n")
        part.replace(output)
    except OSError as error:
        raise LabelError(f"cannot be written: {error.strerror}", where=str(output)) from error
    finally:
        part.unlink(missing_ok=True)
    in_another = sum(no and not empty for no, empty in zip(unscored, wordless, strict=True))
    return ScoredFile(len(ids), sum(wordless), sum(cut), in_another, min(spec.max_tokens for spec in encoders))
