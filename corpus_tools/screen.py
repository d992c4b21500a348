"""Passages -> inclusion probability by stratum, and which are drawn: the candidates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from corpus_tools.config import ScreenConfig
from corpus_tools.sampling import draw


def screen(
    contents: Sequence[str], strata: Sequence[str], rates: ScreenConfig, seed: int
) -> tuple[list[float], np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Contents and strata [n] -> (probabilities [n], drawn [n]). Copies with the same probability are in or out together."""
    by_stratum = {"hit": rates.hit, "near": rates.near, "sampled": rates.sampled}
    probabilities = [by_stratum[stratum] for stratum in strata]
    return probabilities, draw("screen", contents, seed, probabilities)
