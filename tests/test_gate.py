from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus_tools.errors import PackError
from corpus_tools.gate import Gate, Phrase, audit_draw, load_lexicon, spans
from corpus_tools.sampling import content_hash, drawn
from corpus_tools.texts import join

PHRASES = [
    Phrase("robot(s)", "g", False),
    Phrase("thinking machine(s)", "g", False),
    Phrase("corrigib*", "g", False),
    Phrase("AI", "g", True),
]


def texts(*values: str | None) -> pa.Array:
    return pa.array(values, pa.large_string())


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate(PHRASES)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The Robot said", ["robot"]), ("ROBOTS!", ["robot"]), ("robotic", []), ("a thinking\n machine", ["thinking machine"]),
        ("thinking-machines", ["thinking machine"]), ("thinking  about machines", []), ("incorrigible corrigibility", ["corrigib"]),
        ("AI and ai", ["AI"]), ("said", []), ("MAIL", []), ("", []), ("ｒobot", []), ("“robot”", ["robot"]), ("robot\0AI", ["AI", "robot"]),
    ],
)  # fmt: skip
def test_terms(gate: Gate, text: str, terms: list[str]) -> None:
    assert gate.terms(join(texts(text))).to_pylist() == [terms]
    assert gate.hits(join(texts(text))).tolist() == [bool(terms)]


def test_nothing_leaks_from_one_text_into_the_next(gate: Gate) -> None:
    assert gate.hits(join(texts("thinking", "machine", "rob", "ot", "xA", "I"))).tolist() == [False] * 6
    assert gate.hits(join(texts("a robot", None, "AI"))).tolist() == [True, False, True]


def test_joined_offsets() -> None:
    joined = join(texts("é", None, "", "abc"))
    assert joined.offsets.tolist() == [0, 3, 4, 5, 9]
    assert joined.sizes.tolist() == [2, 0, 0, 3]
    assert len(join(texts())) == 0
    assert join(texts("x", "abc", "de").slice(1)).sizes.tolist() == [3, 2]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.sampled_from("robt AIs\n-é\0"), max_size=12), max_size=12))
def test_whole_batch_and_single_texts_agree(values: list[str]) -> None:
    gate = Gate(PHRASES)
    alone = [gate.terms(join(texts(value)))[0].as_py() for value in values]
    assert gate.terms(join(texts(*values))).to_pylist() == alone


def test_the_audit_draw_is_by_content() -> None:
    values = [f"text {i % 500}" for i in range(1000)]
    joined = join(texts(*values))
    missed = np.arange(1000) % 2 == 0
    opened = audit_draw(joined, missed, fraction=0.3, seed=5)
    assert not opened[~missed].any()
    assert opened.tolist() == [
        bool(m) and drawn("audit", content_hash(v), 5, 0.3) for v, m in zip(values, missed, strict=True)
    ]


@pytest.mark.parametrize(
    ("toml", "part"),
    [
        ("x", "cannot be read"),
        ("[groups.a]\nphrases = ['b', 'B']", "stand twice"),
        ("[groups.a]\nphrases = [' ']", "empty"),
        ("[groups]", "empty"),
    ],
)
def test_broken_lexicons(tmp_path: Path, toml: str, part: str) -> None:
    path = tmp_path / "lexicon.toml"
    path.write_text(toml)
    with pytest.raises(PackError, match=part):
        load_lexicon(path)


def test_spans_of_a_text_are_where_its_terms_stand() -> None:
    text = "Ein „Röbot“: the ROBOTS, a thinking\nmachine, AI, not ai."
    found = spans(text, [*PHRASES, Phrase("machine", "g", False)])
    assert [(text[start:end], term) for start, end, term in found] == [
        ("ROBOTS", "robot"), ("thinking\nmachine", "thinking machine"), ("AI", "AI"),
    ]  # fmt: skip
    assert spans("", PHRASES) == []
