from __future__ import annotations

import polars as pl

from corpus_tools.config import ScreenConfig
from corpus_tools.sampling import drawn
from corpus_tools.screen import screen


def test_probabilities_by_stratum_and_draws_by_content() -> None:
    passages = pl.DataFrame(
        {
            "content": [str(i % 300) for i in range(600)],
            "stratum": ["near"] * 300 + ["sampled"] * 300,
            "unscored": [i % 10 == 0 for i in range(600)],
        }
    )
    out = screen(passages, ScreenConfig(hit=1, near=0.2, sampled=0.5), seed=3)
    assert out["screen_probability"].to_list() == [0.2] * 300 + [0.5] * 300
    expected = [
        drawn("screen", c, 3, p) and not u
        for c, u, p in out.select("content", "unscored", "screen_probability").iter_rows()
    ]
    assert out["drawn"].to_list() == expected
    near, sampled = out["drawn"][:300], out["drawn"][300:]
    assert not (near & ~sampled).any(), "a draw at a lower rate is part of one at a higher"
