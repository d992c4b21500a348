"""Every reader on tiny real files, whole and broken: what comes out, what is put aside, and that nothing is lost."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus_tools.config import CorpusEntry
from corpus_tools.errors import ShardFailed
from corpus_tools.readers import READERS, Batch, base, stream
from corpus_tools.shards import plan_shards

BOM = b"\xef\xbb\xbf"


def entry(path: Path, **more: Any) -> CorpusEntry:
    return CorpusEntry(uri=str(path), name="d", **more)


def read(path: Path, **more: Any) -> list[Batch]:
    one = entry(path, **more)
    (shard,) = plan_shards([one], seed=0).shards
    return list(READERS[shard.format](shard, one))


def documents(batches: list[Batch]) -> list[dict[str, Any]]:
    return [row for batch in batches for row in batch.documents.to_pylist()]


def rejects(batches: list[Batch]) -> list[tuple[str, str, str]]:
    return [(r.place, r.fate, r.reason) for batch in batches for r in batch.rejects]


def lines(tmp_path: Path, data: bytes, name: str = "x.jsonl") -> Path:
    path = tmp_path / name
    packed = {".gz": gzip.compress, ".zst": zstandard.compress}.get(path.suffix, bytes)(data)
    path.write_bytes(packed)
    return path


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x.jsonl.zst", "x.json", "x.ndjson.gz"])
def test_lines_and_their_metadata(tmp_path: Path, name: str) -> None:
    record = {
        "id": 7,
        "text": "né\0",
        "meta": '{"url": "https://a.example"}',
        "metadata": {"date": "2001", "lang": {"x": "de"}},
    }
    batches = read(
        lines(tmp_path, json.dumps(record).encode() + b"\n", name),
        language_field="metadata.lang.x",
        source_fields={"k": "metadata.date"},
    )
    assert documents(batches) == [
        {
            "position": 0,
            "given_id": "7",
            "text": "né\0",
            "url": "https://a.example",
            "date": "2001",
            "language": "de",
            "sources": [("k", "2001")],
        }
    ]


def test_lines_that_are_no_documents(tmp_path: Path) -> None:
    good = b'{"text": "a", "x": NaN}'
    rows = [
        good,
        b"",
        b"{",
        b"[1]",
        b'{"text": 1}',
        b'{"tex": "a"}',
        b'{"text": null}',
        b'{"text": "\\ud800"}',
        b'{"text": "\xff"}',
        b"  ",
        good + b"\r",
    ]
    data = BOM + b"\n".join(rows)
    batches = read(lines(tmp_path, data))
    assert [d["text"] for d in documents(batches)] == ["a", None, "a"]
    assert [r[1:] for r in rejects(batches)] == [
        ("rejected", "bad-json"), ("rejected", "not-an-object"), ("rejected", "text-not-string"), ("rejected", "no-text-field"),
        ("rejected", "lone-surrogate"), ("rejected", "not-utf8"),
    ]  # fmt: skip
    for place, _, reason in rejects(batches):
        at = int(place.removeprefix("byte "))
        assert data[at - 1 : at] == b"\n", reason
    assert sum(b.read for b in batches) == 9


def test_what_the_configuration_got_wrong_fails_the_shard(tmp_path: Path) -> None:
    with pytest.raises(ShardFailed, match="did you mean 'text_de'"):
        read(lines(tmp_path, b'{"text_de": "a"}\n{"text_de": "b"}\n'))
    with pytest.raises(ShardFailed, match="a JSON array"):
        read(lines(tmp_path, b'[{"text": "a"}]'))


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.jsonl.zst"])
@pytest.mark.parametrize("cut", [0.3, 0.7, 0.999])
def test_a_stream_cut_off_keeps_the_rows_before_the_break(tmp_path: Path, name: str, cut: float) -> None:
    rng = __import__("random").Random(1)
    rows = [json.dumps({"text": f"{i} {rng.random()}" * 30}).encode() for i in range(3000)]
    path = lines(tmp_path, b"\n".join(rows), name)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * cut)])
    batches = read(path)
    kept = documents(batches)
    assert [d["text"] for d in kept] == [json.loads(r)["text"] for r in rows[: len(kept)]]
    assert 0 < len(kept) < 3000
    assert "cut off" in batches[-1].unread
    assert rejects(batches) in ([], [(f"byte {sum(len(r) + 1 for r in rows[: len(kept)])}", "failed", "cut-off")])


def test_a_line_too_long_is_rejected_unheld(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "MAX_RECORD_BYTES", 100)
    batches = read(lines(tmp_path, b'{"text": "a"}\n{"text": "' + b"b" * 500 + b'"}\n{"text": "c"}'))
    assert [d["text"] for d in documents(batches)] == ["a", "c"]
    assert rejects(batches) == [("byte 14", "rejected", "record-too-long")]


_RECORD = st.one_of(
    st.builds(lambda t: json.dumps({"text": t}).encode(), st.text(max_size=30)),
    st.sampled_from([b"", b"{", b"[]", b'{"text": 3}', b"\xff\xfe", b'{"text": null}', b"7", b"   "]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(_RECORD, max_size=20),
    st.integers(1, 40),
    st.booleans(),
    st.sampled_from(["x.jsonl", "x.jsonl.gz", "x.jsonl.zst"]),
)
def test_books_balance_for_any_lines_and_any_block_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[bytes], block: int, end: bool, name: str
) -> None:
    monkeypatch.setattr(stream, "BLOCK", block)
    data = b"\n".join(rows) + (b"\n" if end else b"")
    try:
        batches = read(lines(tmp_path, data, name))
    except ShardFailed as error:
        assert "text field" in str(error) or "JSON array" in str(error)
        return
    records = [r for r in data.split(b"\n") if r.strip()]
    assert sum(b.read for b in batches) == len(records)
    for document in documents(batches):
        line = data[document["position"] :].split(b"\n", 1)[0]
        assert json.loads(line)["text"] == document["text"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["x.jsonl.gz", "x.jsonl.zst", "x.parquet", "x.warc.gz", "x.warc"]), st.data())
def test_no_damage_gets_anything_but_shard_failed_out_of_a_reader(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    whole = _sample(tmp_path, name)
    where = data.draw(st.integers(0, len(whole) - 1))
    how = data.draw(st.sampled_from(["cut", "flip", "drop", "zero"]))
    n = data.draw(st.integers(1, 40))
    broken = {
        "cut": whole[:where],
        "flip": whole[:where] + bytes([whole[where] ^ 0x55]) + whole[where + 1 :],
        "drop": whole[:where] + whole[where + n :],
        "zero": whole[:where] + bytes(n) + whole[where + n :],
    }[how]
    path = tmp_path / name
    path.write_bytes(broken)
    try:
        batches = read(path)
    except ShardFailed:
        return
    for batch in batches:
        assert batch.read == len(batch.documents) + sum(r.records for r in batch.rejects)


def _sample(tmp_path: Path, name: str) -> bytes:
    if name.endswith(".parquet"):
        sink = io.BytesIO()
        pq.write_table(pa.table({"text": [f"t{i}" * 20 for i in range(200)]}), sink, row_group_size=50)
        return sink.getvalue()
    data = warc() if ".warc" in name else b"\n".join(json.dumps({"text": f"t{i}" * 20}).encode() for i in range(200))
    return gzip.compress(data) if name.endswith(".gz") else zstandard.compress(data) if name.endswith(".zst") else data


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", None, "b"]),
        pa.array(["a", None, "b"], pa.large_string()),
        pa.array(["a", None, "b"]).dictionary_encode(),
        pa.array(["a", None, "b"], pa.string_view()),
    ],
    ids=["string", "large_string", "dictionary", "string_view"],
)
def test_parquet_text_of_every_kind(tmp_path: Path, column: pa.Array) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": column, "meta": [{"u": "https://a.example"}] * 3}), path, row_group_size=2)
    batches = read(path, url_field="meta.u")
    assert [(d["position"], d["text"], d["url"]) for d in documents(batches)] == [
        (0, "a", "https://a.example"), (1, None, "https://a.example"), (2, "b", "https://a.example"),
    ]  # fmt: skip


def test_parquet_without_such_text(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"content": ["a"], "n": [1]}), path)
    with pytest.raises(ShardFailed, match="content"):
        read(path)
    with pytest.raises(ShardFailed, match="int64"):
        read(path, text_field="n")
    pq.write_table(pa.table({"text": [["a"]]}), path)
    with pytest.raises(ShardFailed, match="list"):
        read(path)
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(ShardFailed, match="not a whole Parquet file"):
        read(path)
    path.write_bytes(b"")
    with pytest.raises(ShardFailed):
        read(path)


def test_a_row_group_that_does_not_decode_is_one_reject(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(
        pa.table({"text": [f"text number {i} {i * 7919}" for i in range(300)]}),
        path,
        row_group_size=100,
        use_dictionary=False,
    )
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    data[column.data_page_offset : column.data_page_offset + 200] = bytes(200)
    path.write_bytes(bytes(data))
    batches = read(path)
    assert sum(b.read for b in batches) == 300
    assert len(documents(batches)) == 200
    assert [r[1:] for r in rejects(batches)] == [("failed", "block-not-decoded")]


def test_the_datasets_library_streams_local_files(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a", "b"], "url": ["https://a.example", None]}), tmp_path / "x.parquet")
    one = CorpusEntry(uri=f"datasets:{tmp_path / 'x.parquet'}", name="d")
    (shard,) = plan_shards([one], seed=0).shards
    assert shard.format == "datasets"
    assert [(d["position"], d["text"], d["url"]) for d in documents(list(READERS["datasets"](shard, one)))] == [
        (0, "a", "https://a.example"), (1, "b", None),
    ]  # fmt: skip


def warc(*, length_off: int = 0) -> bytes:
    told = b"A robot said that it would rather not be switched off, and nobody knew what to say."
    html = b"<html><body><main><p>" + told + b"</p></main></body></html>"
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + html
    missing = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n<html>gone</html>"

    def record(kind: str, block: bytes, off: int = 0, **headers: str) -> bytes:
        head = {
            "WARC-Type": kind,
            "WARC-Record-ID": f"<urn:{kind}>",
            "Content-Length": str(len(block) + off),
            **headers,
        }
        return (
            b"WARC/1.0\r\n" + "".join(f"{k}: {v}\r\n" for k, v in head.items()).encode() + b"\r\n" + block + b"\r\n\r\n"
        )

    where = {
        "WARC-Target-URI": "https://www.a.example/x",
        "WARC-Date": "2020-01-02T03:04:05Z",
        "Content-Type": "application/http; msgtype=response",
    }
    return (
        record("warcinfo", b"software: test")
        + record("response", http, length_off, **where)
        + record("response", missing, **where)
        + record(
            "conversion",
            b"Plain text of a page.",
            **{"Content-Type": "text/plain", "WARC-Target-URI": "https://b.example/"},
        )
    )


@pytest.mark.parametrize("name", ["x.warc", "x.warc.gz", "x.warc.wet.gz", "x.warc.zst"])
def test_warc(tmp_path: Path, name: str) -> None:
    batches = read(lines(tmp_path, warc(), name))
    found = documents(batches)
    assert [(d["url"], d["date"], d["given_id"]) for d in found] == [
        ("https://www.a.example/x", "2020-01-02T03:04:05Z", "<urn:response>"), ("https://b.example/", None, "<urn:conversion>"),
    ]  # fmt: skip
    assert "rather not be switched off" in found[0]["text"]
    assert "<p>" not in found[0]["text"]
    assert [r[2] for r in rejects(batches)] == ["not-a-document", "http-status"]
    assert found[0]["position"] == warc().index(b"WARC/1.0", 5)


@pytest.mark.parametrize("off", [-40, 40, 100_000])
def test_a_length_that_lies_costs_one_record(tmp_path: Path, off: int) -> None:
    batches = read(lines(tmp_path, warc(length_off=off), "x.warc"))
    assert [d["url"] for d in documents(batches)] == ["https://b.example/"]
    assert ("failed", "bad-length") in [r[1:] for r in rejects(batches)]


def test_arc_and_other_files_say_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(ShardFailed, match="an ARC file"):
        read(lines(tmp_path, b"filedesc://x.arc 0.0.0.0 20010101 text/plain 5\n1 0 x\n", "x.arc"))
    with pytest.raises(ShardFailed, match="no WARC record"):
        read(lines(tmp_path, b"hello", "x.warc"))


SHARED = Path(__file__).parents[3] / "shared" / "corpus" / "formats"


@pytest.mark.real
@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared here")
@pytest.mark.parametrize(
    ("name", "count"),
    [("c4-sample.json.gz", 200), ("cc_en_head.jsonl.gz", 10), ("cc-sample.warc.gz", 24), ("whirlwind.warc.wet.gz", 1)],
)
def test_original_files(name: str, count: int) -> None:
    assert len(documents(read(SHARED / name))) == count


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
