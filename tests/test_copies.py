from __future__ import annotations

import polars as pl

from corpus_tools.copies import near_copies
from corpus_tools.sampling import content_hash
from tests.conftest import BREAD, FOREIGN, ROBOT

NEAR = ROBOT.replace("a long while", "a great while")  # one word of 110
CASED = BREAD.upper().replace(",", "")
OTHER = ROBOT[: len(ROBOT) // 2] + BREAD[len(BREAD) // 2 :]


def frame(*texts: str) -> pl.DataFrame:
    return pl.DataFrame({"content": [content_hash(t) for t in texts], "text": texts})


def test_a_changed_word_is_a_near_copy_and_half_a_text_is_none() -> None:
    found = near_copies(frame(ROBOT, BREAD, FOREIGN, NEAR, CASED, OTHER))
    groups = {frozenset(g["content"].to_list()): g["similarity"].to_list() for _, g in found.group_by("near_group")}
    assert set(groups) == {frozenset(map(content_hash, pair)) for pair in ((ROBOT, NEAR), (BREAD, CASED))}
    assert groups[frozenset(map(content_hash, (BREAD, CASED)))] == [1.0, 1.0]
    assert (found["near_group"] <= found["content"]).all(), "a group is called by its smallest content"


def test_order_changes_nothing_and_short_texts_are_compared_whole() -> None:
    rows = frame(ROBOT, NEAR, BREAD, "Stop.", "stop!", "Go on.")
    found = near_copies(rows)
    assert near_copies(rows.reverse()).equals(found)
    assert near_copies(rows[i : i + 1] for i in (5, 0, 4, 1, 3, 2)).equals(found), "nor do pieces"
    assert set(found["content"]) == {content_hash(t) for t in (ROBOT, NEAR, "Stop.", "stop!")}


def test_nothing_to_compare() -> None:
    for rows in (frame(), frame(ROBOT), frame(ROBOT, BREAD), pl.DataFrame({"content": ["a", "b"], "text": ["", None]})):
        assert near_copies(rows.cast(pl.String)).is_empty()
