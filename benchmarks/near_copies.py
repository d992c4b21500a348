"""Near copies: how long grouping takes, and whether planted ones are found. `python benchmarks/near_copies.py [passages]`

Made-up passages of 120 words; every tenth is another with one to ten words changed.
"""

from __future__ import annotations

import platform
import resource
import sys
import time

import numpy as np
import polars as pl

from corpus_tools.copies import near_copies

if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rng = np.random.default_rng(1)
    words = np.array([f"{rng.integers(26**4):x}w{i}" for i in range(30_000)])
    texts, planted = [], []
    for i in range(size):
        if i % 10 or not i:
            texts.append(" ".join(words[rng.integers(0, len(words), 120)]))
            continue
        of, changed = int(rng.integers(i // 10)) * 10 + 1, int(rng.integers(1, 11))
        copy = texts[of].split()
        for at in rng.choice(120, changed, replace=False):
            copy[at] = "other"
        texts.append(" ".join(copy))
        planted.append((i, of, changed))
    frame = pl.DataFrame({"content": [f"{i:032x}" for i in range(size)], "text": texts})
    began = time.perf_counter()
    found = dict(near_copies(frame).select("content", "near_group").iter_rows())
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{size:,} passages: {took:.1f} s, peak {peak:.2f} GB, {platform.machine()}, Python {platform.python_version()}"
    )
    for low, high in ((1, 2), (3, 4), (5, 10)):
        some = [(i, of) for i, of, n in planted if low <= n <= high]
        share = np.mean([f"{i:032x}" in found and found[f"{i:032x}"] == found.get(f"{of:032x}") for i, of in some])
        print(f"{low} to {high} of 120 words changed: {share:.3f} of {len(some):,} found")
    alone = sum(1 for i, _, _ in planted if f"{i:032x}" in found) + len({of for _, of, _ in planted})
    print(f"{len(found):,} contents in groups; {alone:,} are planted copies or their originals")
