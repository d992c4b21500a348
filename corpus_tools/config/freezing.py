"""The part of a configuration that decides which passages are kept, and the hash that ids are made of."""

from __future__ import annotations

import json
from pathlib import Path

import xxhash

from corpus_tools.config.model import AuditConfig
from corpus_tools.pack import Pack, file_sha256

SCAN_FORMAT = 1
"""Raised by hand when the same configuration would write other shard files."""


def frozen(config: AuditConfig, pack: Pack) -> dict[str, object]:
    """What decides which passages are kept, and nothing else; its hash is the scan_id.

    Not the release, the card, the workers, the list of shards or the classifier; which fields are read is part of a shard's id.
    Under `screen.rule: scored` it is frozen once every rate is written out (screen.resolved); before, its hash names what was asked.
    Under `auto` it is that of `rates`, which a small corpus gets.
    """
    model = pack.screen if config.screen.model == "pack" else Path(config.screen.model)
    return {
        "scan_format": SCAN_FORMAT,
        "audit_fraction": config.gate.audit_fraction,
        "screen": config.screen.frozen(
            file_sha256(model) if config.screen.rule == "scored" and model.is_file() else ""
        ),
        "passages": config.passages.model_dump(),
        "lexicon": file_sha256(pack.lexicon),
        "languages": list(pack.languages),
        "store": config.store.model_dump(),
        "seed": config.seed,
    }


def digest(value: object) -> str:
    """Any JSON value -> 16 hexadecimal digits: the form of scan_id, classifier_id, shard_id and audit_id."""
    return xxhash.xxh3_64_hexdigest(json.dumps(value, sort_keys=True, ensure_ascii=False).encode())
