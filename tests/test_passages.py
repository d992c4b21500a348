from __future__ import annotations

from itertools import pairwise

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_tools.config import PassageConfig
from corpus_tools.passages import split, split_documents, to_table
from corpus_tools.sampling import content_hash
from tests.conftest import BREAD, ROBOT

SIZES = PassageConfig()
SMALL = PassageConfig(least=50, most=101, paragraph=110)


def test_paragraphs_stay_whole() -> None:
    text = f"{ROBOT}\n\n{BREAD}\n \n"
    assert [text[a:b] for a, b in split(text, SIZES)] == [ROBOT, BREAD]


def test_a_long_paragraph_is_cut_at_a_sentence_end_without_a_stump() -> None:
    text = " ".join([ROBOT, BREAD, ROBOT])
    parts = [text[a:b] for a, b in split(text, SIZES)]
    assert all(part.endswith(".") for part in parts)
    assert all(300 < len(part) <= SIZES.paragraph for part in parts)


def test_short_and_empty_texts() -> None:
    assert [(a, b) for a, b in split("  hello \n", SIZES)] == [(2, 7)]
    assert list(split(" \n\t ", SIZES)) == []
    assert list(split("", SIZES)) == []


def test_text_without_spaces() -> None:
    text = "あ" * 5000
    parts = [text[a:b] for a, b in split(text, SIZES)]
    assert "".join(parts) == text
    assert max(map(len, parts)) <= SIZES.paragraph


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab.?! \n\r\té。\u2003"), max_size=900))
def test_every_character_is_in_exactly_one_passage(text: str) -> None:
    spans = list(split(text, SMALL))
    assert all(a < b for a, b in spans)
    assert all(b <= c for (_, b), (c, _) in pairwise(spans))
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())
    assert all(text[a:b].strip() == text[a:b] for a, b in spans)


def test_documents_to_passages() -> None:
    documents = pl.DataFrame(
        {"document_id": ["d#0"], "text": [f"{ROBOT}\n\n{BREAD}"], "stratum": ["hit"], "unscored": [False]}
    )
    passages, joined = split_documents(documents, SIZES)
    assert joined.sizes.tolist() == [len(ROBOT.encode()), len(BREAD.encode())]
    assert passages.select("passage_id", "start", "end", "content", "n_words").rows() == [
        ("d#0:0", 0, len(ROBOT), content_hash(ROBOT), len(ROBOT.split())),
        (f"d#0:{len(ROBOT) + 2}", len(ROBOT) + 2, len(ROBOT) + 2 + len(BREAD), content_hash(BREAD), len(BREAD.split())),
    ]
    marked = passages.with_columns(
        stratum=pl.lit("hit"), screen_probability=1.0, drawn=pl.Series([True, False]), terms=pl.lit(["robot"])
    )
    assert to_table(marked, "full")["text"].to_pylist() == [ROBOT, None]
    assert to_table(marked, "excerpt")["text"].to_pylist() == [ROBOT[:240], None]
    assert to_table(marked, "none")["text"].to_pylist() == [None, None]
