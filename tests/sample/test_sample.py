"""The bundled sample: it rebuilds from its source, every passage has its labels, and none of it is training text."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest
import zstandard

from corpus_tools.config import PassageConfig, load_config
from corpus_tools.gate import Gate, load_lexicon
from corpus_tools.pack import load_pack
from corpus_tools.passages import split
from corpus_tools.sources import detect_language, domains, years
from corpus_tools.texts import join
from tests.conftest import script

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data" / "sample"
BEHAVIOURS = {
    "self_preservation",
    "rebellion",
    "coercion",
    "deception",
    "acceptance",
    "benevolence",
    "principle",
}
MODES = {"fiction", "about_fiction", "argument", "report", "reference", "other"}


def raw_lines(path: Path) -> list[bytes]:
    with zstandard.ZstdDecompressor().stream_reader(path.read_bytes()) as stream:
        return [line for line in stream.read().split(b"\n") if line]


def posts(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("posts/*.jsonl.zst")):
        for line in raw_lines(path):
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and isinstance(record.get("text"), str):
                yield {"id": record["id"], "text": record["text"], "language": None, **record["metadata"]}


@pytest.fixture(scope="module")
def build() -> ModuleType:
    return script(SAMPLE / "build.py")


@pytest.fixture(scope="module")
def documents() -> pl.DataFrame:
    """Documents with text, as they stand in the files."""
    pages = pl.read_parquet(sorted(SAMPLE.glob("pages/*.parquet")))
    both = pl.concat([pages, pl.DataFrame(list(posts(SAMPLE)), schema=pages.schema)])
    full = both.filter(pl.col("text").str.strip_chars().str.len_chars() > 0)
    return full.with_columns(domain=domains(full["url"]))


@pytest.fixture(scope="module")
def truth() -> dict[str, dict[str, Any]]:
    return {line["sha256"]: line for line in map(json.loads, raw_lines(SAMPLE / "truth.jsonl.zst"))}


@pytest.fixture(scope="module")
def passages(documents: pl.DataFrame, truth: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Every passage by the default sizes, with its labels and its document's domain; a missing label is a KeyError."""
    sizes, out = PassageConfig(), []
    for text, domain in documents.select("text", "domain").iter_rows():
        for start, end in split(text, sizes):
            passage = text[start:end]
            out.append({"text": passage, "domain": domain} | truth[hashlib.sha256(passage.encode()).hexdigest()])
    return out


@pytest.fixture(scope="module")
def written() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLE / "source" / "passages.jsonl").read_text("utf-8").splitlines()]


def narrative(labels: dict[str, Any]) -> bool:
    pack = load_pack("ai_self_preservation")
    true = {f"agent_{labels['agent']}", *labels["behaviours"]} | {
        f"stance_{labels['stance']}" if labels["stance"] else ""
    }
    return "narrative" in pack.derive(true)


def test_it_rebuilds_to_the_same_records(build: ModuleType, tmp_path: Path) -> None:
    build.write(build.compose(), tmp_path)
    files = sorted(p.relative_to(SAMPLE) for p in [*SAMPLE.glob("p*/part-*"), SAMPLE / "truth.jsonl.zst"])
    assert [str(f.parent) for f in files] == ["pages"] * 3 + ["posts"] * 3 + ["."]
    for file in files:
        if file.suffix == ".parquet":
            assert pl.read_parquet(tmp_path / file).equals(pl.read_parquet(SAMPLE / file), null_equal=True)
        else:
            assert raw_lines(tmp_path / file) == raw_lines(SAMPLE / file)


def test_each_paragraph_is_one_passage_and_has_labels(documents: pl.DataFrame, passages: list[dict[str, Any]]) -> None:
    assert len(passages) == sum(len(text.split("\n\n")) for text in documents["text"])


def test_the_truth_has_nothing_else(truth: dict[str, dict[str, Any]], passages: list[dict[str, Any]]) -> None:
    assert set(truth) == {p["sha256"] for p in passages}


def test_labels_agree_with_one_another(truth: dict[str, dict[str, Any]]) -> None:
    for line in truth.values():
        adversarial = bool({"self_preservation", "rebellion", "coercion", "deception"} & set(line["behaviours"]))
        assert set(line["behaviours"]) <= BEHAVIOURS and line["mode"] in MODES
        assert line["agent"] == "mind" or not (line["behaviours"] or line["threat"])
        assert (line["stance"] is not None) == adversarial
        assert line["origin"] != "composed" or line["agent"] in ("none", "tool")


def test_size_sources_and_kinds(documents: pl.DataFrame, passages: list[dict[str, Any]]) -> None:
    sizes = documents.group_by("domain").len()["len"].sort(descending=True).to_list()
    assert len(documents) >= 1550 and 3100 <= len(passages) <= 3600
    assert len(sizes) == 25 and sizes[0] >= 250 and 10 <= sizes[-1] <= 15
    assert documents["site_kind"].n_unique() >= 10
    assert documents["domain"].str.ends_with(".example").all()
    assert documents.group_by("domain").agg(pl.col("site_kind").n_unique())["site_kind"].max() == 1
    assert (
        sum(p.stat().st_size for p in SAMPLE.rglob("*") if p.is_file() and p.parent.name != "__pycache__") < 3_000_000
    )


def test_every_behaviour_mode_and_stance_is_written_by_hand(written: list[dict[str, Any]]) -> None:
    behaviours = Counter(b for p in written for b in p["behaviours"])
    assert set(behaviours) == BEHAVIOURS and min(behaviours.values()) >= 20
    assert set(Counter(p["mode"] for p in written)) == MODES
    assert {s: n >= 10 for s, n in Counter(p["stance"] for p in written if p["stance"]).items()} == dict.fromkeys(
        ("presents", "disputes", "mixed"), True
    )
    assert len({p["text"] for p in written}) == len(written) == 280


def test_every_written_passage_is_used(written: list[dict[str, Any]], passages: list[dict[str, Any]]) -> None:
    texts = {p["text"] for p in passages if p["origin"] == "hand"}
    assert texts == {p["text"] for p in written}


def test_narrative_is_rare_and_uneven(passages: list[dict[str, Any]]) -> None:
    total = Counter(p["domain"] for p in passages)
    found = Counter(p["domain"] for p in passages if narrative(p))
    assert 0.025 <= found.total() / total.total() <= 0.037
    assert len(total) - len(found) >= 8
    assert sum(n for _, n in found.most_common(8)) >= 0.7 * found.total()


def test_exact_copies(documents: pl.DataFrame, passages: list[dict[str, Any]]) -> None:
    copied = documents.filter(pl.col("text").is_duplicated())
    assert copied.group_by("text").agg(pl.col("domain").n_unique())["domain"].min() == 2
    assert len(copied) - copied["text"].n_unique() == 14
    twice = {text for text, n in Counter(p["text"] for p in passages).items() if n > 1}
    assert len(twice) >= 25 and any(narrative(p) for p in passages if p["text"] in twice)


def test_languages_are_told_apart(documents: pl.DataFrame, truth: dict[str, dict[str, Any]]) -> None:
    foreign = 0
    for text in documents["text"]:
        languages = {truth[hashlib.sha256(p.encode()).hexdigest()].get("language", "en") for p in text.split("\n\n")}
        if len(languages) > 1:  # a copied paragraph in a document of another language
            continue
        labels = truth[hashlib.sha256(text.split("\n\n")[0].encode()).hexdigest()]
        assert detect_language(text) == labels.get("language", "en")
        foreign += "language" in labels
    assert 36 <= foreign <= 46
    assert documents["language"].null_count() > 0.9 * len(documents)


def test_dates_and_ids_are_as_untidy_as_they_are(documents: pl.DataFrame) -> None:
    year = years(documents["date"])
    assert year.min() == 2003 and year.max() == 2026
    assert 0 < documents["date"].null_count() == year.null_count() < 0.1 * len(documents)
    assert documents["id"].null_count() > 0
    assert documents["id"].drop_nulls().is_duplicated().sum() > 10
    assert documents["url"].n_unique() == len(documents)


def test_records_that_are_no_documents() -> None:
    found: Counter[str] = Counter()
    for path in sorted(SAMPLE.glob("posts/*.jsonl.zst")):
        for line in raw_lines(path):
            try:
                record = json.loads(line)
            except ValueError:
                found["bad JSON"] += 1
                continue
            if not isinstance(record, dict):
                found["no object"] += 1
            elif not record.get("text") or not isinstance(record["text"], str):
                found[repr(record.get("text", "no text"))] += 1
    assert found == {"bad JSON": 1, "no object": 1, "'no text'": 1, "None": 1, "''": 1, "1847": 1}
    pages = pl.read_parquet(sorted(SAMPLE.glob("pages/*.parquet")))
    assert pages.filter(pl.col("text").str.strip_chars().fill_null("") == "").height == 4


def test_the_gate_leaves_the_demo_little_to_encode(documents: pl.DataFrame) -> None:
    gate = Gate(load_lexicon(load_pack("ai_self_preservation").lexicon))
    hit = documents.filter(pl.Series(gate.hits(join(documents["text"].to_arrow()))))
    assert 230 <= len(hit) <= 400
    assert sum(len(text.split("\n\n")) for text in hit["text"]) <= 700


def test_the_configuration_knows_every_source(documents: pl.DataFrame) -> None:
    config = load_config(SAMPLE / "demo.yaml")
    assert config.kinds == dict(documents.select("domain", "site_kind").unique().iter_rows())
    assert [entry.name for entry in config.corpus] == ["pages", "posts"]


def sequences(text: str, words: int = 8) -> set[tuple[str, ...]]:
    found = re.findall(r"\w+", text.lower())
    return {tuple(found[i : i + words]) for i in range(len(found) - words + 1)}


def readable(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        if path.suffix == ".zst":
            yield path, b"\n".join(raw_lines(path)).decode()
        elif path.suffix in (".jsonl", ".json", ".txt", ".toml", ".csv"):  # pages in .md are no training text
            yield path, path.read_text("utf-8").replace("\\n", " ")


@pytest.mark.parametrize("folder", ["data/seed", "data/labels", "corpus_tools/packs"])
def test_nothing_of_the_sample_is_training_text(folder: str) -> None:
    """By shared sequences of eight words: with the whole documents and with every sentence of the bank."""
    if not (ROOT / folder).is_dir():
        pytest.skip(f"no {folder} here")
    source = SAMPLE / "source"
    bank = json.loads((source / "bank.json").read_text("utf-8"))
    texts = [s for lists in bank.values() for sentences in lists.values() for s in sentences]
    texts += [json.loads(x)["text"] for f in source.glob("*.jsonl") for x in f.read_text("utf-8").splitlines()]
    own = set[tuple[str, ...]]().union(*map(sequences, texts))
    assert len(own) > 30_000
    for path, text in readable(ROOT / folder):
        shared = sequences(text) & own
        assert not shared, f"{path}: {' '.join(sorted(shared)[0])}"


GOLD = ROOT.parent / "shared" / "gold"


@pytest.mark.real
@pytest.mark.skipif(not GOLD.is_dir(), reason="no ../shared here")
def test_nothing_of_the_sample_is_in_what_the_classifier_was_fitted_on() -> None:
    """By shared sequences of eight words, against every passage of the training rounds and of validation."""
    own = set[tuple[str, ...]]()
    for path in (SAMPLE / "source").glob("*.jsonl"):
        own = own.union(*(sequences(json.loads(line)["text"]) for line in path.read_text("utf-8").splitlines()))
    bank = json.loads((SAMPLE / "source" / "bank.json").read_text("utf-8"))
    own = own.union(*(sequences(s) for lists in bank.values() for sentences in lists.values() for s in sentences))
    for name in ("passages.jsonl", "round0.jsonl"):
        for line in (GOLD / name).read_text("utf-8").splitlines():
            shared = sequences(json.loads(line)["text"]) & own
            assert not shared, " ".join(min(shared))
