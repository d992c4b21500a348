"""The texts that labels are of, from the corpora that they were drawn from: JSON Lines with `passage_id` and `text`, for `train`.

    python data/labels/texts.py CONFIG --labels data/labels/round1.jsonl [--labels …] --output texts.jsonl

CONFIG is an audit's configuration that names the corpora (docs/examples/shelf.yaml for the bundled rounds). A passage is known by the
SHA-256 of its text, so a corpus may have moved; labels whose text is nowhere are counted, and the command ends with 1.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import orjson

from corpus_tools.classifier.annotations import read_jsonl
from corpus_tools.config import load_config
from corpus_tools.passages import split
from corpus_tools.readers import READERS
from corpus_tools.shards import plan_shards


def main() -> int:
    """Reads every shard once; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--labels", type=Path, action="append", required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    config = load_config(args.config)
    wanted: dict[str, list[str]] = {}
    for path in args.labels:
        for row in read_jsonl(path):
            wanted.setdefault(row["sha256"], []).append(row["passage_id"])
    count, written = sum(map(len, wanted.values())), 0
    with args.output.open("wb") as file:
        for shard in plan_shards(config.corpus, seed=config.seed).shards:
            entry = next(e for e in config.corpus if e.name == shard.dataset)
            for batch in READERS[shard.format](shard, entry):
                for text in batch.documents["text"].to_pylist():
                    for start, end in split(text or "", config.passages):
                        found = hashlib.sha256(text[start:end].encode()).hexdigest()
                        for passage_id in wanted.pop(found, ()):
                            file.write(orjson.dumps({"passage_id": passage_id, "text": text[start:end]}) + b"\n")
                            written += 1
    print(f"{written:,} of {count:,} texts in {args.output}")
    return int(written < count)


if __name__ == "__main__":
    sys.exit(main())
