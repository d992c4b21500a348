"""The benchmarks' own parts: peers are asked the same question as this tool, and costs are reckoned as the page says."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpus_tools.gate import Gate, load_lexicon
from corpus_tools.pack import Pack
from corpus_tools.root import Root
from corpus_tools.texts import join

HERE = Path(__file__).parent.parent
sys.path.append(str(HERE / "benchmarks"))  # as for the scripts themselves

import costs  # noqa: E402
import estimate_speed  # noqa: E402
import peer_ways  # noqa: E402

TEXTS = {
    "The robots refused.": True, "A ROBOT": True, "robota": False, "xrobot": False, "a\nrobot\n": True, "deep\x0blearning": True,
    "deep-\nlearning": True, "deep     learning": False, "AI": True, "ai": False, "the ai safety": True, "MAIN": False, "A.I. won": True,
    "\u212aill switch": False, "kill switch": True, "robo\u017f": False, "\u00e9robot": True, "\u4e2drobot\u4e2d": True,
    "robot\u00e9": True,
    "cybernetics": True, "": False, " ": False, "C-3PO": True, "paperclip maximiser": True, "paper clip": False,
}  # fmt: skip
"""Text -> whether the gate opens it: words end where ASCII words end, case folds as ASCII does."""


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": [str(i) for i in range(len(TEXTS))], "text": list(TEXTS)}), path)
    return path


def test_the_expression_means_what_the_gate_means(pack: Pack) -> None:
    gate = Gate(load_lexicon(pack.lexicon))
    assert dict(zip(TEXTS, gate.hits(join(pa.array(list(TEXTS), pa.large_string()))).tolist(), strict=True)) == TEXTS
    hit = peer_ways.with_re()
    assert {text: hit(text) for text in TEXTS} == TEXTS


def test_re2_agrees() -> None:
    pytest.importorskip("re2")
    hit = peer_ways.with_re2()
    assert {text: hit(text) for text in TEXTS} == TEXTS


@pytest.mark.parametrize("name", [n for n, way in peer_ways.WAYS.items() if way.make and not n.endswith("read")])
def test_every_way_finds_the_same(name: str, shard: Path) -> None:
    pytest.importorskip("datatrove" if "datatrove" in name else "datasets")
    if "re2" in name:
        pytest.importorskip("re2")
    make = peer_ways.WAYS[name].make
    assert make
    assert make()(shard)[1] == sum(TEXTS.values())


RATES = {
    "date": "2026-01-01", "machine": "one", "load": 0.0,
    "scan": {"parquet": 100.0, "wet": 50.0}, "encoder": {"fp32": 10.0, "bf16": 20.0},
    "web": {
        "documents": 10, "mb": 1.0, "hit_documents": 0.1, "gzip": 2.0,
        "passages_per_mb": {"hit": 10.0, "near": 40.0, "sampled": 950.0},
        "drawn": {
            "census": {"hit": 1.0, "near": 1.0, "sampled": 1.0}, "rates": {"hit": 1.0, "near": 0.2, "sampled": 1.0},
            "scored": {"hit": 0.1, "near": 0.05, "sampled": 0.1},
        },
    },
}  # fmt: skip
WEB = costs.Corpus("web", "parquet", text_tb=0.36, fetched_tb=0.2, shards=1000, spread=0.5)


def test_passages_encoded_for_a_megabyte() -> None:
    found = {rule: costs.scored_per_mb(RATES, rule, 0.01) for rule in ("all", "census", "rates", "scored")}
    assert found == pytest.approx({"all": 1000, "census": 59.5, "rates": 27.5, "scored": 3.95})


def test_hours_of_a_share_of_a_corpus() -> None:
    whole = costs.cost(WEB, RATES, "scored", precision="fp32", audit=0.01)
    assert (whole.reading, whole.passages, whole.hours) == pytest.approx((1.0, 1_422_000, 40.5))
    tenth = costs.cost(WEB, RATES, "scored", precision="bf16", audit=0.01, share=0.1)
    assert (tenth.reading, tenth.fetched_tb, tenth.hours) == pytest.approx((0.1, 0.02, 2.075))


def test_shards_for_an_interval() -> None:
    """360 MB a shard, 180 positives, drawn with 0.3 in clusters of 5: relative variance 0.25 + 5 / 54; t s sqrt(1/n - 1/N) at n = 102 is
    0.109, at 68 0.137, of 0.2 sqrt(1/2) = 0.141 wanted."""
    assert costs.shards_needed(WEB, RATES, costs.Assumed(), 0.2) == 68
    assert costs.shards_needed(WEB, RATES, costs.Assumed(), 0.18) == 102
    assert costs.shards_needed(WEB, RATES, costs.Assumed(), 0.9) == 30
    assert costs.shards_needed(WEB, RATES, costs.Assumed(), 0.001) == 1000


def test_figures_are_told_to_two_digits() -> None:
    assert [costs.rounded(x) for x in (68, 65.98, 0.2041, 1_123_456.0, 4.96, 0.0)] == [
        "68",
        "66",
        "0.20",
        "1,100,000",
        "5.0",
        "0",
    ]


def test_the_page_has_the_table_of_the_rates_in_the_repository() -> None:
    page = (HERE / "docs" / "costs.md").read_text("utf-8")
    rates = json.loads(costs.RATES.read_text("utf-8"))
    (shown,) = re.findall(r"<!-- costs -->\n(.*?)\n<!-- end -->", page, re.DOTALL)
    assert shown == costs.told(rates, costs.Assumed(), costs.arguments([]))


def test_the_estimates_are_timed_on_an_audit_that_is_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    estimate_speed.write(Root(tmp_path), candidates=9_000, sources=20, labels=2, shards=3)
    estimate_speed.measure(tmp_path, 2)
    assert re.match(r"read, estimated and written in \d+ s .* rows; sum \d", capsys.readouterr().out)
    corpus = Root(tmp_path).estimates("a", "prevalence").filter(dimension="corpus", unit="passages", basis="exposure")
    assert corpus["status"].to_list() == ["calibrated"] * 2 and corpus["n_labelled"].min() == 2000
