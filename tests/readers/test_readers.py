"""Every reader on tiny real files, whole and broken: what comes out, what is put aside, and that nothing is lost."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from corpus_tools import stores
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


def test_only_fields_that_hold_text_are_offered_for_the_text(tmp_path: Path) -> None:
    """`texts` is nearer, but holds numbers; where nothing holds text, nothing is offered."""
    rows = [{"texts": 3, "text_body": "a"}, {"texts": 4, "text_body": None}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    for path in (lines(tmp_path, "\n".join(map(json.dumps, rows)).encode()), tmp_path / "x.parquet"):
        with pytest.raises(ShardFailed, match=r"text_body.*did you mean 'text_body'") as error:
            read(path)
        assert "texts" not in str(error.value)
    with pytest.raises(ShardFailed) as error:
        read(lines(tmp_path, b'{"texts": 3}'))
    assert "did you mean" not in str(error.value)


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


def test_a_line_of_200_mb_is_passed_over_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(b'{"text": "a"}\n{"text": "')
        for _ in range(200):
            file.write(b"b" * 1_000_000)
        file.write(b'"}\n{"text": "c"}\n')
    reads = """
import resource, sys
from corpus_tools import stores
from corpus_tools.config import CorpusEntry
from corpus_tools.readers import READERS
from corpus_tools.shards import plan_shards
entry = CorpusEntry(uri=sys.argv[1], name="d")
(shard,) = plan_shards([entry], seed=0).shards
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
batches = list(READERS["jsonl"](shard, entry))
more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(sum(len(b.documents) for b in batches), [r.reason for b in batches for r in b.rejects], more < 120_000, more)
"""
    done = subprocess.run(
        [sys.executable, "-c", reads, str(path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("2 ['record-too-long'] True"), done.stdout + done.stderr


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
    places = [int(place.removeprefix("byte ")) for place, _, _ in rejects(batches)]
    starts = [sum(len(r) + 1 for r in rows[:i]) for i, row in enumerate(rows) if row.strip()]
    assert sorted(places + [d["position"] for d in documents(batches)]) == starts, "each line once, where it stands"


_EDITS = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 60), st.sampled_from(["flip", "drop", "zero", "copy", "cut", "junk"])),
    min_size=1, max_size=4,
)  # fmt: skip
_NAMES = ["x.jsonl", "x.jsonl.gz", "x.jsonl.zst", "x.parquet", "x.warc.gz", "x.warc", "x.warc.wet.zst"]


def edited(data: bytes, edits: list[tuple[float, int, str]]) -> bytes:
    """Bytes -> the same, damaged."""
    for place, n, how in edits:
        at = int(place * len(data))
        data = {
            "flip": data[:at] + bytes(b ^ 0x55 for b in data[at : at + 1]) + data[at + 1 :],
            "drop": data[:at] + data[at + n :],
            "zero": data[:at] + bytes(n) + data[at + n :],
            "copy": data[: at + n] + data[at:],
            "cut": data[:at] if n < 20 else data,
            "junk": data[:at] + bytes((n * i) % 256 for i in range(n)) + data[at:],
        }[how]
    return data


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(_NAMES), _EDITS, st.integers(1, 5000))
@example("x.parquet", [(0.8156091818322765, 1, "flip")], 1)  # a row group's count of rows in the footer
def test_no_damage_gets_anything_but_shard_failed_out_of_a_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, edits: list[tuple[float, int, str]], block: int
) -> None:
    path = tmp_path / name
    broken = edited(_sample(tmp_path, name), edits)
    path.write_bytes(broken)
    try:
        batches = read(path)
    except ShardFailed as error:
        assert "unexpected" not in str(error)
        return
    found = [d["position"] for d in documents(batches)]
    assert found == sorted(set(found)), "no row twice"
    for batch in batches:
        batch.documents.validate(full=True)
        assert batch.read == len(batch.documents) + sum(r.records for r in batch.rejects)
        assert all(r.place and r.fate in ("rejected", "failed") and r.reason and r.detail for r in batch.rejects)
    if name == "x.jsonl":
        assert sum(b.read for b in batches) == sum(bool(line) and not line.isspace() for line in broken.split(b"\n"))
    if name != "x.parquet":
        monkeypatch.setattr(stream, "BLOCK", block)
        again = read(path)
        assert documents(again) == documents(batches)
        assert rejects(again) == rejects(batches)
        assert again[-1].unread == batches[-1].unread


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


def test_parquet_text_that_is_not_utf8_is_rejected_and_metadata_mended(tmp_path: Path) -> None:
    raw = pa.array([b"a", b"caf\xe9", None, b"d"], pa.binary())
    column = pa.Array.from_buffers(pa.string(), 4, raw.buffers())
    pq.write_table(pa.table({"text": column, "url": column}), tmp_path / "x.parquet")
    batches = read(tmp_path / "x.parquet", source_fields={"k": "url"})
    assert [(d["position"], d["text"], d["url"], d["sources"]) for d in documents(batches)] == [
        (0, "a", "a", [("k", "a")]), (2, None, None, [("k", "")]), (3, "d", "d", [("k", "d")]),
    ]  # fmt: skip
    assert rejects(batches) == [("row 1", "rejected", "not-utf8")]


def test_parquet_metadata_of_every_type_and_depth(tmp_path: Path) -> None:
    table = pa.table(
        {
            "deep": [{"text": "a", "in": {"u": "https://a.example"}}, None],
            "n": [7, None],
            "when": pa.array([0, None], pa.timestamp("s", "UTC")),
            "json": ['{"lang": {"code": "de"}, "k": [1]}', "no json"],
            "list": [["x"], []],
            "yes": [True, False],
            "dict": pa.array(["s", "t"]).dictionary_encode(),
            "dot.ted": ["whole", "name"],
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    paths = {"l": "list", "y": "yes", "d": "dict", "w": "dot.ted", "none": "deep.no", "j": "json.k", "f": "n.of"}
    batches = read(
        tmp_path / "x.parquet", text_field="deep.text", url_field="deep.in.u", id_field="n", date_field="when",
        language_field="json.lang.code", source_fields=paths,
    )  # fmt: skip
    first, second = documents(batches)
    assert (first["text"], first["url"], first["given_id"], first["language"]) == ("a", "https://a.example", "7", "de")
    assert first["date"].startswith("1970-01-01 00:00:00")
    assert first["sources"] == [
        ("l", ""), ("y", "true"), ("d", "s"), ("w", "whole"), ("none", ""), ("j", ""), ("f", ""),
    ]  # fmt: skip
    assert [second[k] for k in ("text", "url", "given_id", "date", "language")] == [None] * 5


def test_files_without_records_are_read_to_their_end(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "x.parquet")
    paths = [
        tmp_path / "x.parquet",
        *(lines(tmp_path, b"", f"e{i}{n}") for i, n in enumerate((".jsonl", ".jsonl.gz", ".warc"))),
    ]
    (tmp_path / "none.jsonl.gz").write_bytes(b"")
    for path in [*paths, tmp_path / "none.jsonl.gz"]:
        batches = read(path)
        assert len(batches) >= 1
        assert (sum(b.read for b in batches), batches[-1].unread) == (0, "")


def test_a_file_that_grows_is_read_as_it_was_planned_and_one_that_shrinks_says_so(tmp_path: Path) -> None:
    path = lines(tmp_path, b'{"text": "a"}\n{"text": "b"}\n')
    one = entry(path)
    (shard,) = plan_shards([one], seed=0).shards
    with path.open("ab") as file:
        file.write(b'{"text": "half')
    batches = list(READERS["jsonl"](shard, one))
    assert ([d["text"] for d in documents(batches)], rejects(batches), batches[-1].unread) == (["a", "b"], [], "")
    path.write_bytes(b'{"text": "a"}\n{"te')
    batches = list(READERS["jsonl"](shard, one))
    assert [d["text"] for d in documents(batches)] == ["a"]
    assert rejects(batches) == [("byte 14", "failed", "cut-off")]
    assert "when it was planned" in batches[-1].unread


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz", "x.jsonl.zst", "x.parquet", "x.warc.gz"])
def test_a_disk_that_fails_is_tried_again_not_taken_for_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    import fsspec

    fs = fsspec.filesystem("memory")
    with fs.open(f"/{name}", "wb") as file:
        file.write(_sample(tmp_path, name))
    one = CorpusEntry(uri=f"memory://{name}", name="d")
    (shard,) = plan_shards([one], seed=0).shards
    whole = documents(list(READERS[shard.format](shard, one)))
    assert whole

    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 100 or name.endswith(".parquet"):
                raise TimeoutError("no answer")
            return super().read(101)

    monkeypatch.setattr(type(fs), "_open", lambda self, path, *_, **__: Failing(self.cat_file(path)))
    monkeypatch.setattr(stores, "WAIT", 0.001)
    with pytest.raises(ShardFailed, match="no answer") as caught:
        list(READERS[shard.format](shard, one))
    assert caught.value.retry


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
