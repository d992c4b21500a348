"""The ready configurations of docs/sources.md, each on a file with the fields that its data set publishes."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
import zstandard

from corpus_tools.config import CorpusEntry, parse_config
from corpus_tools.readers import READERS
from corpus_tools.shards import plan_shards
from tests.readers.test_warc import record

PAGE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text("utf-8")
URL, DATE = "https://www.a.example/x", "2024-02-21T10:00:00Z"
WEB = {
    "text": "told", "id": "<urn:uuid:1>", "dump": "CC-MAIN-2024-10", "url": URL, "file_path": "s3://x", "language": "en",
    "language_score": 0.9, "token_count": 1,
}  # fmt: skip
PUBLISHED: dict[str, dict[str, Any]] = {
    "fineweb": WEB | {"date": DATE},
    "fineweb-edu": WEB | {"score": 3.1, "int_score": 3},
    "dclm": {
        "bff_contained_ngram_count_before_dedupe": 1, "language_id_whole_page_fasttext": {"en": 0.9}, "previous_word_count": 1,
        "metadata": {"WARC-Date": DATE, "WARC-Record-ID": "<urn:uuid:1>", "WARC-Target-URI": URL, "WARC-Type": "response"},
        "text": "told", "url": URL, "warcinfo": "isPartOf: x", "fasttext_openhermes_reddit_eli5_vs_rw_v2_bigram_200k_train_prob": 0.1,
    },
    "dolma": {
        "id": URL, "text": "told", "source": "common-crawl", "added": DATE, "created": DATE, "metadata": {"language": "en"},
    },
    "c4": {"text": "told", "timestamp": DATE, "url": URL},
    "common-crawl": {},
}  # fmt: skip
# given_id, year in the date, language, source keys
FOUND = {
    "fineweb": ("<urn:uuid:1>", "en", [("dump", "CC-MAIN-2024-10")]),
    "fineweb-edu": ("<urn:uuid:1>", "en", [("dump", "CC-MAIN-2024-10"), ("quality", "3")]),
    "dclm": ("<urn:uuid:1>", None, []),
    "dolma": (URL, "en", [("source", "common-crawl")]),
    "c4": (None, None, []),
    "common-crawl": ("<urn:uuid:1>", "eng", []),
}


def entries() -> dict[str, CorpusEntry]:
    (block,) = re.findall(r"```yaml\n(corpus:.*?)```", PAGE, re.DOTALL)
    raw = yaml.safe_load(block) | {"name": "documented", "output": "out"}
    return {entry.name: entry for entry in parse_config(raw, where="docs/sources.md").corpus}


def test_every_published_set_has_its_entry() -> None:
    assert list(entries()) == list(PUBLISHED)


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_ready_configuration(tmp_path: Path, name: str) -> None:
    entry = entries()[name]
    path = tmp_path / entry.uri.rsplit("/", 1)[1].replace("*", "0")
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([PUBLISHED[name]]), path)
    elif ".wet." in path.name:
        block = record(block=b"told", WARC_Target_URI=URL, WARC_Date=DATE, WARC_Identified_Content_Language="eng")
        path.write_bytes(gzip.compress(block))
    else:
        pack = zstandard.compress if path.suffix == ".zst" else gzip.compress
        path.write_bytes(pack(json.dumps(PUBLISHED[name]).encode()))
    local = entry.model_copy(update={"uri": str(path)})
    (shard,) = plan_shards([local], seed=0).shards
    (document,) = [d for b in READERS[shard.format](shard, local) for d in b.documents.to_pylist()]
    given_id, language, sources = FOUND[name]
    assert (document["text"], document["url"]) == ("told", URL)
    assert "2024" in document["date"]
    assert (document["given_id"], document["language"], document["sources"]) == (given_id, language, sources)


def test_every_reason_is_explained() -> None:
    code = "".join(p.read_text("utf-8") for p in (Path(__file__).parents[2] / "corpus_tools" / "readers").glob("*.py"))
    given = set(re.findall(r'"(?:rejected|failed)",\s*"([a-z0-9-]+)"', code))
    given |= set(re.findall(r'RecordRejected\(\s*"([a-z0-9-]+)"', code))
    explained = set(re.findall(r"`([a-z0-9-]+)`", PAGE.split("## What is put aside")[1].split("\n## ")[0]))
    assert given - explained == set()
    assert {"bad-json", "cut-off", "bad-length", "http-status"} <= given
