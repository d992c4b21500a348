"""dolma's tagger over the slice of `benchmarks/peers.py`; runs in an environment with dolma and needs nothing of this project.

PYTHON benchmarks/peer_dolma.py re|re2 FOLDER
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from dolma.core.data_types import DocResult, Document, Span
from dolma.core.registry import TaggerRegistry
from dolma.core.runtime import create_and_run_tagger
from dolma.core.taggers import BaseTagger

ENGINE, FOLDER = sys.argv[1], Path(sys.argv[2]) / "dolma"


def matcher() -> Callable[[str], bool]:
    """As in peers.py."""
    pattern = (FOLDER / "pattern.txt").read_text("utf-8")
    if ENGINE == "re":
        search = re.compile(pattern, re.ASCII).search
        return lambda text: search(text) is not None
    import re2

    options = re2.Options()
    options.encoding, options.never_capture, options.max_mem = re2.Options.Encoding.LATIN1, True, 1 << 28
    find = re2.compile(pattern.encode(), options).search
    return lambda text: find(text.encode()) is not None


HIT = matcher()


@TaggerRegistry.add("gate")
class GateTagger(BaseTagger):
    """One span over a document that has a phrase."""

    def predict(self, doc: Document) -> DocResult:
        hit = HIT(doc.text)
        return DocResult(doc=doc, spans=[Span(start=0, end=len(doc.text), type="hit", score=1.0)] if hit else [])


def run(part: str) -> tuple[int, int]:
    """The slice, or a few documents of it -> documents, documents with a phrase (counted in what dolma writes)."""
    out = FOLDER / f"attributes-{ENGINE}"
    shutil.rmtree(out, ignore_errors=True)
    wall, cpu = time.perf_counter(), time.process_time()
    create_and_run_tagger(
        documents=[str(FOLDER / "documents" / f"{part}.json.gz")], taggers=["gate"], destination=str(out), debug=True
    )
    run.took = time.perf_counter() - wall, time.process_time() - cpu  # type: ignore[attr-defined]
    (written,) = [path for path in out.rglob("*.gz") if path.is_file()]
    with gzip.open(written, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line)["attributes"] for line in lines]
    return len(rows), sum(1 for row in rows if row)


def main() -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    run("warm")
    documents, hits = run("slice")
    wall, cpu = run.took  # type: ignore[attr-defined]
    peak = int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text("utf-8"))[0]) / 1024
    print(json.dumps({"wall": wall, "cpu": cpu, "documents": documents, "hits": hits, "mb": peak}), flush=True)


if __name__ == "__main__":
    main()
