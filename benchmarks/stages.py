"""Where a scan's processor time goes, step by step of `corpus_tools.scan.choose`: a Markdown table.

    python benchmarks/stages.py SHARD [--json]

A profiler's figures: it makes steps that call many small functions look dearer than they are, by a few per cent of the whole.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import time
from pathlib import Path

import pyarrow as pa

from corpus_tools.config import parse_config
from corpus_tools.pack import load_pack
from corpus_tools.scan import Rules, choose
from corpus_tools.shards import plan_shards

STEPS = {
    ("base.py", "read"): "read (the shard -> batches)",
    ("texts.py", "join"): "join (a batch's texts as one buffer)",
    ("texts.py", "count_words"): "count words",
    ("gate.py", "hits"): "gate",
    ("gate.py", "audit_draw"): "hash and draw the documents without a hit",
    ("sources.py", "documents_read"): "source keys",
    ("sources.py", "open_documents"): "open (language, content)",
    ("passages.py", "split_documents"): "split into passages",
    ("gate.py", "mark"): "terms of passages",
    ("draw.py", "screen"): "screen",
}


def stages(path: Path) -> dict[str, float]:
    """A shard -> step of the scan: its share of the processor time."""
    raw = {"name": "b", "output": "o", "corpus": [str(path)], "gate": {"audit_fraction": 0.001}}
    config = parse_config(raw, where="benchmark")
    rules = Rules.of(config, load_pack(config.pack))
    (shard,) = plan_shards(config.corpus, seed=0).shards
    next(choose(shard, config.corpus[0], rules))  # warms up
    profile = cProfile.Profile(time.process_time)
    profile.enable()
    for _ in choose(shard, config.corpus[0], rules):
        pass
    profile.disable()
    stats = pstats.Stats(profile).strip_dirs().stats  # type: ignore[attr-defined]
    own = next(timing for (file, _, name), timing in stats.items() if (file, name) == ("scan.py", "choose"))
    spent = dict.fromkeys(STEPS.values(), 0.0)
    for (file, _, name), (_, _, _, _, callers) in stats.items():
        took = sum(timing[3] for (where, _, who), timing in callers.items() if (where, who) == ("scan.py", "choose"))
        if (file, name) in STEPS:
            spent[STEPS[file, name]] += took
    shares = {step: took / own[3] for step, took in spent.items()}
    return shares | {"the rest": 1 - sum(shares.values())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shard", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    shares = stages(given.shard)
    if given.json:
        print(json.dumps(shares))
        return
    print("| step | share of the scan's processor time |\n|---|---|")
    for step, share in shares.items():
        print(f"| {step} | {share:.0%} |")


if __name__ == "__main__":
    main()
