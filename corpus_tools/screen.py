"""Passages -> inclusion probability by stratum, and which are drawn: the candidates."""

from __future__ import annotations

import polars as pl

from corpus_tools.config import ScreenConfig
from corpus_tools.sampling import draw


def screen(passages: pl.DataFrame, rates: ScreenConfig, seed: int) -> pl.DataFrame:
    """Passages (content, stratum, unscored) -> passages (+ screen_probability, drawn).

    The draw is by content: copies in strata of the same rate are in or out together, and a draw at a lower rate is part of
    one at a higher. Passages of unscored documents keep their probability and are never drawn.
    """
    probabilities = passages["stratum"].replace_strict(
        {"hit": rates.hit, "near": rates.near, "sampled": rates.sampled}, return_dtype=pl.Float64
    )
    drawn = pl.Series(draw("screen", passages["content"].to_list(), seed, probabilities.to_list()), dtype=pl.Boolean)
    return passages.with_columns(screen_probability=probabilities, drawn=drawn & ~passages["unscored"])
