from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from corpus_tools import tally
from corpus_tools.audit import entry_of, scan_id
from corpus_tools.classifier import Classifier
from corpus_tools.config import AuditConfig
from corpus_tools.errors import CorpusAuditError
from corpus_tools.pack import Pack
from corpus_tools.root import Root
from corpus_tools.sampling import content_hash
from corpus_tools.scan import Books, Chosen, Rules, choose, judge, rescore, scan
from corpus_tools.shards import Shard, plan_shards
from tests.conftest import BREAD, FOREIGN, ROBOT

RECORDS = [
    {
        "id": "1",
        "text": f"{ROBOT}\n\n{BREAD}",
        "url": "https://a.example.org/x",
        "date": "2001-05-05",
        "meta": {"kind": "story"},
    },
    {"id": "2", "text": BREAD, "url": "https://b.example.org/y"},
    {"id": "3", "text": FOREIGN},
    {"id": "4", "text": "  "},
    {"id": "5", "text": None},
    {"id": "6", "text": 7},
    "{broken",
    {"id": "2", "text": BREAD + " Salt it.", "url": "http://www.b.example.org"},
]


def only_shard(config: AuditConfig) -> Shard:
    (shard,) = plan_shards(config.corpus, seed=config.seed).shards
    return shard


def chosen(config: AuditConfig, pack: Pack) -> list[Chosen]:
    rules = Rules.of(config, pack)
    return [
        c
        for s in plan_shards(config.corpus, seed=config.seed).shards
        for c in choose(s, entry_of(config, s.dataset), rules)
    ]


@pytest.fixture
def config(make_config: Callable[..., AuditConfig], write_lines: Callable[..., Path]) -> AuditConfig:
    write_lines("a.jsonl", RECORDS)
    return make_config([{"uri": "a.jsonl", "source_fields": {"kind_given": "meta.kind"}}], gate={"audit_fraction": 1.0})


def test_choose_keeps_what_the_design_says(config: AuditConfig, pack: Pack) -> None:
    (one,) = chosen(config, pack)
    assert one.books == Books(read=8, kept=4, empty=2, rejected=2, failed=0)
    assert [(r.fate, r.reason) for r in one.rejects] == [("rejected", "text-not-string"), ("rejected", "bad-json")]
    documents = one.documents.select(
        "document_id", "given_id", "domain", "year", "language", "sources", "stratum", "open_probability", "unscored"
    )
    assert [row[1:] for row in documents.rows()] == [
        ("1", "example.org", 2001, "en", '{"kind_given":"story"}', "hit", 1.0, False),
        ("2", "example.org", None, "en", '{"kind_given":""}', "sampled", 1.0, False),
        ("3", "", None, "de", '{"kind_given":""}', "sampled", 1.0, True),
        ("2", "example.org", None, "en", '{"kind_given":""}', "sampled", 1.0, False),
    ]
    assert documents["document_id"][0] == "a/a.jsonl#0"
    passages = one.passages.select("stratum", "drawn", "content", "terms")
    assert [(s, t) for s, _, _, t in passages.rows()] == [
        ("hit", ["robot", "the machine"]), ("near", []), ("sampled", []), ("sampled", []), ("sampled", []),
    ]  # fmt: skip
    assert passages["content"].to_list()[:2] == [content_hash(ROBOT), content_hash(BREAD)]
    assert passages["drawn"].to_list()[3] is False, "a passage in a language that is not known is counted, not scored"


def test_tally_counts_everything(config: AuditConfig, pack: Pack) -> None:
    (one,) = chosen(config, pack)
    sums = one.tally.select(pl.exclude(tally.KEYS)).sum().row(0, named=True)
    words = [len(str(r["text"]).split()) for r in (RECORDS[0], RECORDS[1], RECORDS[2], RECORDS[7])]  # type: ignore[index]
    assert sums["documents"] == 4
    assert sums["words"] == sum(words)
    assert sums["bytes"] == sum(len(str(r["text"]).encode()) for r in (RECORDS[0], RECORDS[1], RECORDS[2], RECORDS[7]))  # type: ignore[index]
    assert (sums["hit_documents"], sums["sampled_documents"], sums["unscored_documents"]) == (1, 3, 1)
    assert (sums["hit_passages"], sums["near_passages"], sums["sampled_passages"]) == (1, 1, 3)
    assert sums["hit_words"] == words[0]


def test_books_that_do_not_balance_are_refused() -> None:
    Books(5, 2, 1, 1, 1).check()
    with pytest.raises(CorpusAuditError, match="do not balance"):
        Books(5, 2, 1, 1, 0).check()


def records(n: int) -> list[dict[str, Any]]:
    return [
        {"text": f"{ROBOT if i % 7 == 0 else BREAD} Number {i % 40}.", "url": f"https://s{i % 3}.example.org/"}
        for i in range(n)
    ]


@pytest.mark.parametrize("split", [(100,), (1, 99), (30, 30, 40)])
def test_how_documents_lie_in_shards_changes_no_content(
    split: tuple[int, ...], make_config: Callable[..., AuditConfig], write_lines: Callable[..., Path], pack: Pack
) -> None:
    everything = records(100)
    whole = write_lines("whole/x.jsonl", everything)
    at = 0
    for i, n in enumerate(split):
        write_lines(f"parts/{i}.jsonl", everything[at : at + n])
        at += n
    gate = {"audit_fraction": 0.3}
    one = chosen(make_config([{"uri": str(whole), "name": "d"}], gate=gate), pack)
    many = chosen(make_config([{"uri": "parts/*.jsonl", "name": "d"}], gate=gate), pack)

    def rows(parts: list[Chosen]) -> pl.DataFrame:
        return (
            pl.concat(p.passages for p in parts)
            .select("content", "stratum", "screen_probability", "drawn")
            .sort(pl.all())
        )

    assert_frame_equal(rows(one), rows(many))
    assert_frame_equal(tally.add(c.tally for c in one), tally.add(c.tally for c in many))


def test_the_same_documents_in_parquet_and_lines_are_the_same_audit(
    make_config: Callable[..., AuditConfig],
    write_lines: Callable[..., Path],
    write_parquet: Callable[..., Path],
    pack: Pack,
) -> None:
    everything = records(50)
    gate = {"audit_fraction": 0.3}
    lines = chosen(make_config([{"uri": str(write_lines("x.jsonl", everything)), "name": "d"}], gate=gate), pack)
    table = chosen(make_config([{"uri": str(write_parquet("x.parquet", everything)), "name": "d"}], gate=gate), pack)
    columns = ("content", "stratum", "drawn", "terms", "start", "end", "n_words")
    assert_frame_equal(lines[0].passages.select(columns), table[0].passages.select(columns))
    assert_frame_equal(lines[0].tally, table[0].tally)


def test_judge_scores_a_content_once_whatever_its_batch(classifier: Classifier) -> None:
    frame = pl.DataFrame({"passage_id": ["a", "b", "c"], "text": [ROBOT, BREAD, ROBOT]}).with_columns(
        content=pl.col("text").map_elements(content_hash, return_dtype=pl.String)
    )
    scores = pl.DataFrame(judge(frame, classifier)[0])
    assert scores["passage_id"].to_list() == ["a", "b", "c"]
    assert scores.row(0)[1:] == scores.row(2)[1:]
    alone = pl.DataFrame(judge(frame[1:2], classifier)[0])
    assert_frame_equal(alone, scores[1:2], abs_tol=1e-4)


def test_scan_writes_the_root_and_rescore_gives_the_same_scores(
    config: AuditConfig, pack: Pack, classifier: Classifier
) -> None:
    root, rules, shard = Root(config.output), Rules.of(config, pack), only_shard(config)
    scanned = scan_id(config, pack)
    told: list[int] = []
    manifest = scan(shard, config.corpus[0], rules, classifier, root, scanned, told.append)
    assert sum(told) == manifest["text_bytes"]
    assert root.done(scanned) == root.scored(classifier.classifier_id, scanned) == {shard.shard_id}
    assert manifest["candidates"] == len(root.scores(classifier.classifier_id, scanned, [shard.shard_id]))
    path = Path(root.at("scores", classifier.classifier_id, scanned, f"{shard.shard_id}.parquet"))
    first = pq.read_table(path)
    path.unlink()
    rescore(shard, config.corpus[0], rules, classifier, root, scanned)
    assert pq.read_table(path).equals(first)


def test_rescore_without_stored_texts_chooses_again(
    make_config: Callable[..., AuditConfig], write_lines: Callable[..., Path], pack: Pack, classifier: Classifier
) -> None:
    write_lines("a.jsonl", records(8))
    config = make_config(["a.jsonl"], store={"text": "none", "vectors": True})
    root, rules, shard, scanned = Root(config.output), Rules.of(config, pack), only_shard(config), scan_id(config, pack)
    scan(shard, config.corpus[0], rules, classifier, root, scanned)
    folder = Path(root.at("scores", classifier.classifier_id, scanned))
    first = pl.read_parquet(folder / f"{shard.shard_id}.parquet")
    vectors = pl.read_parquet(folder / f"{shard.shard_id}.vectors.parquet")
    assert len(vectors) == len(first) == 2
    assert root.read_table("shards", scanned, shard.shard_id, "passages.parquet")["text"].null_count == 2
    (folder / f"{shard.shard_id}.parquet").unlink()
    rescore(shard, config.corpus[0], rules, classifier, root, scanned)
    assert_frame_equal(pl.read_parquet(folder / f"{shard.shard_id}.parquet"), first)


@pytest.mark.parametrize("at_once", [1, 3, 512])
def test_when_the_encoder_is_called_changes_nothing(
    at_once: int, config: AuditConfig, pack: Pack, classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corpus_tools.scan.JUDGED_AT_ONCE", at_once)
    root, shard, scanned = Root(config.output), only_shard(config), scan_id(config, pack)
    manifest = scan(shard, config.corpus[0], Rules.of(config, pack), classifier, root, scanned)
    assert manifest["candidates"] == len(root.scores(classifier.classifier_id, scanned, [shard.shard_id])) == 3


def test_an_empty_shard_is_done_and_scored(
    make_config: Callable[..., AuditConfig], write_lines: Callable[..., Path], pack: Pack, classifier: Classifier
) -> None:
    Path(write_lines("a.jsonl", [])).write_bytes(b"")
    config = make_config(["a.jsonl"])
    root, shard, scanned = Root(config.output), only_shard(config), scan_id(config, pack)
    manifest = scan(shard, config.corpus[0], Rules.of(config, pack), classifier, root, scanned)
    assert (manifest["read"], manifest["candidates"]) == (0, 0)
    assert root.scored(classifier.classifier_id, scanned) == {shard.shard_id}
