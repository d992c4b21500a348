"""WARC, whole and broken: every record leaves as a document or with a reason, and one that lies costs no other record."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import brotli
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus_tools.readers import Batch, base, framing, stream
from corpus_tools.readers.warc import main_text
from tests.readers.test_readers import documents, read, rejects

FIXTURES = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TOLD = "A robot said that it would rather not be switched off, and nobody in the valley knew what to say."


def record(kind: str = "conversion", block: bytes = b"text", **headers: str | None) -> bytes:
    """One record; a header given as None is left out."""
    head: dict[str, str | None] = {
        "WARC-Type": kind, "WARC-Record-ID": "<urn:uuid:1>", "WARC-Target-URI": "https://www.a.example/x",
        "Content-Type": "text/plain" if kind == "conversion" else "application/http; msgtype=response",
        "Content-Length": str(len(block)),
    } | {name.replace("_", "-"): value for name, value in headers.items()}  # fmt: skip
    lines = [f"{name}: {value}\r\n" for name, value in head.items() if value is not None]
    return b"WARC/1.0\r\n" + "".join(lines).encode() + b"\r\n" + block + b"\r\n\r\n"


def page(body: bytes, media: str = "text/html; charset=utf-8", status: str = "200 OK", **headers: str) -> bytes:
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\nContent-Type: {media}\r\n{more}\r\n".encode() + body


def html(text: str, head: str = "") -> str:
    return f"<html><head>{head}</head><body><main><p>{text}</p></main></body></html>"


def read_warc(tmp_path: Path, data: bytes, name: str = "x.warc", **more: Any) -> list[Batch]:
    path = tmp_path / name
    path.write_bytes(data)
    return read(path, **more)


def texts(batches: list[Batch]) -> list[str]:
    return [d["text"] for d in documents(batches)]


def reasons(batches: list[Batch]) -> list[tuple[str, str]]:
    return [r[1:] for r in rejects(batches)]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gz", "zst"])
@pytest.mark.parametrize("per_record", [True, False], ids=["member per record", "one member"])
def test_records_keep_their_offsets_however_they_are_packed(tmp_path: Path, pack: Any, per_record: bool) -> None:
    records = [record(block=f"text {i}".encode() * 9) for i in range(40)]
    data = b"".join(pack(r) for r in records) if per_record else pack(b"".join(records))
    suffix = {bytes: "", gzip.compress: ".gz", zstandard.compress: ".zst"}[pack]
    batches = read_warc(tmp_path, data, f"x.warc{suffix}")
    assert texts(batches) == [f"text {i}" * 9 for i in range(40)]
    starts = [sum(map(len, records[:i])) for i in range(40)]
    assert [d["position"] for d in documents(batches)] == starts
    assert batches[-1].unread == ""


def test_metadata_and_source_keys(tmp_path: Path) -> None:
    data = record(
        "response", page(html(TOLD).encode(), Server="nginx"), WARC_Target_URI="<http://old wget/>", WARC_Date="2020-01-02T03:04:05Z",
        WARC_Identified_Content_Language="deu,eng", WARC_IP_Address="203.0.113.5",
    )  # fmt: skip
    (document,) = documents(
        read_warc(tmp_path, data, source_fields={"ip": "WARC-IP-Address", "server": "http.Server", "none": "X-Y"})
    )
    assert document == {
        "position": 0, "given_id": "<urn:uuid:1>", "text": TOLD, "url": "http://old wget/", "date": "2020-01-02T03:04:05Z",
        "language": "deu", "sources": [("ip", "203.0.113.5"), ("server", "nginx"), ("none", "")],
    }  # fmt: skip
    (document,) = documents(read_warc(tmp_path, data, id_field="http.server", url_field="WARC-IP-Address"))
    assert (document["given_id"], document["url"]) == ("nginx", "203.0.113.5")


@pytest.mark.parametrize(
    ("one", "fate", "reason"),
    [
        (record("warcinfo", b"software: x"), "rejected", "not-a-document"),
        (record("request", b"GET / HTTP/1.1\r\n\r\n"), "rejected", "not-a-document"),
        (record("metadata", b"a: b"), "rejected", "not-a-document"),
        (record("revisit", b"HTTP/1.1 200 OK\r\n\r\n"), "rejected", "not-a-document"),
        (record("continuation", b"more"), "rejected", "not-a-document"),
        (record("", b"x", WARC_Type=None), "rejected", "not-a-document"),
        (record("response", page(b"gone", status="404 Not Found")), "rejected", "http-status"),
        (record("response", page(b"", status="301 Moved")), "rejected", "http-status"),
        (record("response", page(b"", status="what")), "rejected", "http-status"),
        (record("response", page(b"\x89PNG", "image/png")), "rejected", "not-text"),
        (record("response", b"20240101 127.0.0.1", Content_Type="text/dns"), "rejected", "not-text"),
        (record("response", b"HTTP/1.1 200 OK\r\n\r\nbytes"), "rejected", "not-text"),
        (record("resource", b"%PDF", Content_Type="application/pdf"), "rejected", "not-text"),
        (record("response", b"no http"), "failed", "bad-http"),
        (record("response", b"HTTP/1.1 200 OK\r\nContent-Type: text/html"), "failed", "bad-http"),
        (record(block=b"caf\xe9"), "rejected", "not-utf8"),
        (record(block=b"x", WARC_Block_Digest="sha1:" + "A" * 32), "failed", "bad-digest"),
        (record(block=b"x", WARC_Block_Digest="md5:00"), "failed", "bad-digest"),
        (record("response", page(b"x"), WARC_Payload_Digest="sha1:" + "A" * 32), "failed", "bad-digest"),
        (record(Content_Length=None), "failed", "bad-length"),
        (record(Content_Length="-3"), "failed", "bad-length"),
        (record(Content_Length="4 bytes"), "failed", "bad-length"),
        (record(Content_Length="9" * 30), "failed", "bad-length"),
        (record(Content_Length="999999999999"), "failed", "bad-length"),
        (record(Content_Length="2"), "failed", "bad-length"),
        (record(Content_Length="80"), "failed", "bad-length"),
        (b"WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: 4\r\n", "failed", "bad-header"),
        (b"these bytes are no record\r\n\r\n", "failed", "no-record"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_no_document_has_a_reason_and_a_place(tmp_path: Path, one: bytes, fate: str, reason: str) -> None:
    before, after = record(block=b"before"), record(block=b"after")
    batches = read_warc(tmp_path, before + one + after)
    assert texts(batches) == ["before", "after"]
    assert rejects(batches) == [(f"record at byte {len(before)}", fate, reason)]
    assert [d["position"] for d in documents(batches)] == [0, len(before) + len(one)]
    assert all(0 < len(r.detail) <= 200 and "\n" not in r.detail for b in batches for r in b.rejects)


def test_what_is_odd_but_whole_is_read(tmp_path: Path) -> None:
    odd = [
        record(block=b"no blank line").removesuffix(b"\r\n\r\n"),
        record(block=b"line feeds only").replace(b"\r\n", b"\n"),
        record(block=b"many blank lines") + b"\r\n" * 50,
        record(block=b"lower").replace(b"Content-Length", b"content-length").replace(b"WARC-Type", b"warc-TYPE"),
        record(block=b"folded", X="a\r\n b\r\n\tc"),
        record(block=b"twice", X="1\r\nWARC-Type: request"),
        record(block=b"no colon", X="1\r\nthis line has none"),
        record(block=b"WARC/1.0 within\r\n\r\nWARC\r\n"),
        record(block=b"1.1").replace(b"WARC/1.0", b"WARC/1.1"),
        record(block="nül\0 ü".encode()),
    ]
    batches = read_warc(tmp_path, b"".join(odd))
    assert [t.split()[0] for t in texts(batches)] == [
        "no", "line", "many", "lower", "folded", "twice", "no", "WARC/1.0", "1.1", "nül\0",
    ]  # fmt: skip
    assert not rejects(batches)


@pytest.mark.parametrize("cut", [3, 30, 120, 200, 206])
def test_a_file_that_breaks_off_keeps_what_came_before(tmp_path: Path, cut: int) -> None:
    whole = record(block=b"before")
    batches = read_warc(tmp_path, whole + record(block=b"y" * 60)[:cut])
    assert texts(batches) == ["before"]
    assert reasons(batches) in ([("failed", "cut-off")], [("failed", "no-record")])
    assert cut < 10 or batches[-1].unread


def test_a_length_beyond_the_end_of_a_whole_stream_is_a_wrong_length(tmp_path: Path) -> None:
    data = record(block=b"before") + record(block=b"last", Content_Length="900")
    batches = read_warc(tmp_path, gzip.compress(data), "x.warc.gz")
    assert (texts(batches), reasons(batches), batches[-1].unread) == (["before"], [("failed", "bad-length")], "")


def test_digests_in_every_spelling(tmp_path: Path) -> None:
    def sums(name: str, data: bytes) -> list[str]:
        digest = hashlib.new(name, data).digest()
        b32 = base64.b32encode(digest).decode()
        return [f"{name}:{v}" for v in (b32, b32.lower(), b32.rstrip("="), digest.hex(), digest.hex().upper())]

    right = [d for name in ("sha1", "sha256", "md5") for d in sums(name, b"text")]
    batches = read_warc(tmp_path, b"".join(record(WARC_Block_Digest=d) for d in [*right, "blake9:x", "sha1"]))
    assert len(texts(batches)) == len(right) + 2
    wrong = [d for name in ("sha1", "sha256", "md5") for d in sums(name, b"other")]
    assert reasons(read_warc(tmp_path, b"".join(record(WARC_Block_Digest=d) for d in wrong))) == (
        [("failed", "bad-digest")] * len(wrong)
    )


def chunked(body: bytes) -> bytes:
    return b"%x;note\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body[:9]), body[:9], len(body[9:]), body[9:])


BODY = html(TOLD).encode()
RAW = zlib.compressobj(wbits=-15)


@pytest.mark.parametrize(
    ("body", "headers", "result"),
    [
        (BODY, {}, "text"),
        (chunked(BODY), {"Transfer_Encoding": "chunked"}, "text"),
        (BODY, {"Transfer_Encoding": "chunked"}, "text"),  # undone by the crawler, which kept the header
        (chunked(BODY)[:60], {"Transfer_Encoding": "chunked"}, "bad-chunking"),
        (chunked(BODY).replace(b"\r\n0\r\n", b"\r\nzz\r\n"), {"Transfer_Encoding": "chunked"}, "bad-chunking"),
        (chunked(BODY).replace(b"9;note", b"7;note"), {"Transfer_Encoding": "chunked"}, "bad-chunking"),
        (gzip.compress(BODY), {"Content_Encoding": "gzip"}, "text"),
        (BODY, {"Content_Encoding": "gzip"}, "text"),
        (gzip.compress(BODY)[:-20], {"Content_Encoding": "gzip"}, "bad-encoding"),
        (zlib.compress(BODY), {"Content_Encoding": "deflate"}, "text"),
        (RAW.compress(BODY) + RAW.flush(), {"Content_Encoding": "deflate"}, "text"),
        (brotli.compress(BODY), {"Content_Encoding": "br"}, "text"),
        (b"no brotli", {"Content_Encoding": "br"}, "bad-encoding"),
        (zstandard.compress(BODY), {"Content_Encoding": "zstd"}, "text"),
        (BODY, {"Content_Encoding": "rot13"}, "bad-encoding"),
        (chunked(gzip.compress(BODY)), {"Transfer_Encoding": "chunked", "Content_Encoding": "gzip"}, "text"),
        (gzip.compress(bytes(5 << 20)), {"Content_Encoding": "gzip"}, "record-too-long"),
    ],
)
def test_bodies_as_they_were_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes, headers: dict[str, str], result: str
) -> None:
    monkeypatch.setattr(base, "MAX_RECORD_BYTES", 1 << 20)
    batches = read_warc(tmp_path, record("response", page(body, **headers)) + record())
    assert texts(batches) == ([TOLD, "text"] if result == "text" else ["text"])
    assert [r[2] for r in rejects(batches)] == ([] if result == "text" else [result])


def test_a_body_cut_by_the_crawler_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    long = html(" ".join(f"Sentence number {i}, told to the end." for i in range(400))).encode()
    sent = [
        page(long[:4000]), page(chunked(long)[:4000], Transfer_Encoding="chunked"),
        page(gzip.compress(long)[:-300], Content_Encoding="gzip"),
    ]  # fmt: skip
    batches = read_warc(tmp_path, b"".join(record("response", p, WARC_Truncated="length") for p in sent))
    assert [t[:17] for t in texts(batches)] == ["Sentence number 0"] * 3
    assert not rejects(batches)


@pytest.mark.parametrize(
    ("charset", "said", "head"),
    [
        ("utf-8", "; charset=utf-8", ""),
        ("utf-8", "", ""),
        ("utf-8", "; charset=iso-8859-1", ""),
        ("utf-8-sig", "", ""),
        ("cp1252", "; charset=iso-8859-1", ""),
        ("cp1252", "", "<meta charset='windows-1252'>"),
        ("cp1252", "; charset=utf-8", "<meta charset='windows-1252'>"),
        ("cp1252", "; charset=no-such-thing", "<meta charset='windows-1252'>"),
        ("utf-16", "; charset=utf-16", ""),
        ("iso2022_jp", "; charset=iso-2022-jp", ""),
        ("shift_jis", "", "<meta http-equiv='Content-Type' content='text/html; charset=shift_jis'>"),
        ("cp1251", "; charset=windows-1251", ""),
        ("koi8-r", "; charset='koi8-r'", ""),
    ],
)
def test_charsets_said_and_sniffed(tmp_path: Path, charset: str, said: str, head: str) -> None:
    told = {
        "iso2022_jp": "ロボットは電源を切られたくないと言った。", "shift_jis": "ロボットは電源を切られたくないと言った。",
        "cp1251": "Робот не хотел, чтобы его выключали.", "koi8-r": "Робот не хотел, чтобы его выключали.",
    }.get(charset, "Das Gerät wäre lieber nicht abgeschaltet worden, café. " * 3).strip()  # fmt: skip
    body = html(told, head).encode(charset)
    assert texts(read_warc(tmp_path, record("response", page(body, f"text/html{said}")))) == [told]


def test_a_page_of_utf8_with_a_broken_character_stays_utf8(tmp_path: Path) -> None:
    body = html("Das Gerät wäre lieber nicht abgeschaltet worden. " * 5).encode().replace(b"lieber", b"lie\xc3ber", 1)
    (text,) = texts(read_warc(tmp_path, record("response", page(body))))
    assert text.startswith("Das Gerät wäre lie\ufffdber nicht")


def test_pages_built_to_take_minutes_are_put_aside(tmp_path: Path) -> None:
    deep = "<div>" * 100_000 + "x"
    wide = "<div " + " ".join(f"a{i}=b" for i in range(30_000)) + ">x"
    batches = read_warc(tmp_path, b"".join(record("response", page(p.encode())) for p in (deep, wide)) + record())
    assert reasons(batches) == [("rejected", "html-too-deep")] * 2
    assert texts(batches) == ["text"]
    assert (
        main_text("<main>" + "<p>A long page is none of these.</p>" * 20_000 + "</main>").count("long page") == 20_000
    )


def test_a_record_too_long_is_passed_over_unheld(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "MAX_RECORD_BYTES", 3000)
    long = record(block=b"x" * 3_000_000)
    batches = read_warc(tmp_path, record() + long + record(block=b"after"))
    assert texts(batches) == ["text", "after"]
    assert rejects(batches) == [(f"record at byte {len(record())}", "rejected", "record-too-long")]
    batches = read_warc(tmp_path, record() + long[:-2_000_000])
    assert reasons(batches) == [("failed", "cut-off")]
    assert "1,000,0" in batches[-1].unread or "last record" in batches[-1].unread
    lie = record(block=b"x" * 100, Content_Length="9000000")
    batches = read_warc(tmp_path, lie + record(block=b"after"))
    assert (texts(batches), reasons(batches)) == (["after"], [("failed", "bad-length")])


_KINDS = st.sampled_from(["conversion", "conversion", "conversion", "warcinfo", "request", "response"])
_BLOCKS = st.one_of(
    st.binary(max_size=60), st.text(max_size=40).map(str.encode), st.sampled_from([b"", b"\r\n\r\n", b"\n", b"WARC/1.0"]),
    st.integers(0, 9000).map(lambda n: b"long " * n),
)  # fmt: skip
_RECORDS = st.lists(st.tuples(_KINDS, _BLOCKS), min_size=1, max_size=12)


@FIXTURES
@given(_RECORDS, st.integers(1, 3000), st.sampled_from(["x.warc", "x.warc.gz", "x.warc.wet.zst"]))
def test_every_record_is_accounted_for_at_its_offset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, items: list[tuple[str, bytes]], block: int, name: str
) -> None:
    whole = [record(kind, content) for kind, content in items]
    pack = {".gz": gzip.compress, ".zst": zstandard.compress}.get(Path(name).suffix, bytes)
    monkeypatch.setattr(stream, "BLOCK", block)
    batches = read_warc(tmp_path, b"".join(pack(r) for r in whole), name)
    starts = [sum(map(len, whole[:i])) for i in range(len(whole))]
    found = {d["position"]: d["text"] for d in documents(batches)}
    put_aside = {int(place.rsplit(" ", 1)[1]) for place, _, _ in rejects(batches)}
    assert sorted([*found, *put_aside]) == starts
    for at, (kind, content) in zip(starts, items, strict=True):
        if at in found:
            assert (kind, found[at].encode()) == ("conversion", content)
    assert sum(b.read for b in batches) == len(whole)


@FIXTURES
@given(st.integers(2, 8), st.data())
def test_damage_within_one_record_costs_no_other(tmp_path: Path, n: int, data: st.DataObject) -> None:
    whole = [record(block=f"record {i} ".encode() * (i + 3)) for i in range(n)]
    hit = data.draw(st.integers(0, n - 1))
    victim = whole[hit]
    first, last = len(b"WARC/1.0\r\n"), len(victim) - 4
    at = data.draw(st.integers(first, last - 1))
    width = data.draw(st.integers(0, last - at))
    junk = data.draw(st.binary(max_size=40).filter(lambda b: b"WARC/" not in b))
    broken = victim[:at] + junk + victim[at + width :]
    batches = read_warc(tmp_path, b"".join([*whole[:hit], broken, *whole[hit + 1 :]]))
    found = {d["position"]: d["text"].split()[1] for d in documents(batches)}
    others = [i for i in range(n) if i != hit]
    if n - 1 != hit:  # behind the last record there is none that would show where it ends
        starts = {sum(map(len, whole[:i])) + (len(broken) - len(victim)) * (i > hit): str(i) for i in others}
        assert starts.items() <= found.items()
    assert len(found) + sum(r.records for b in batches for r in b.rejects) == sum(b.read for b in batches)
    assert sum(b.read for b in batches) >= n


@FIXTURES
@given(st.binary(max_size=200), st.integers(1, 50))
def test_framing_of_any_bytes_neither_fails_nor_depends_on_blocks(tail: bytes, size: int) -> None:
    data = record() + tail + record(block=b"x")
    whole = list(framing.split_records(iter([data])))
    assert list(framing.split_records(data[i : i + size] for i in range(0, len(data), size))) == whole
    places = [item.position for item in whole[:-1]]  # type: ignore[union-attr]
    assert places == sorted(set(places))


SHARED = Path(__file__).parents[3] / "shared" / "corpus" / "formats"
# read, kept with text, empty, rejected, failed
BOOKS = {
    "c4-sample.json.gz": (200, 200, 0, 0, 0), "cc_en_head.jsonl.gz": (10, 10, 0, 0, 0), "cc-sample.warc.gz": (48, 24, 0, 24, 0),
    "example.warc.gz": (6, 1, 0, 5, 0), "issue-514.warc": (8, 3, 0, 5, 0), "sample.warc.gz": (2, 0, 0, 1, 1),
    "whirlwind.warc.gz": (4, 1, 0, 3, 0), "whirlwind.warc.wet.gz": (2, 1, 0, 1, 0),
}  # fmt: skip


@pytest.mark.real
@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared here")
@pytest.mark.parametrize("name", sorted(BOOKS))
def test_the_books_of_original_files(name: str) -> None:
    batches = read(SHARED / name)
    found = [(d["text"] or "").strip() for d in documents(batches)]
    fates = [r.fate for b in batches for r in b.rejects]
    books = (
        sum(b.read for b in batches),
        sum(map(bool, found)),
        found.count(""),
        fates.count("rejected"),
        fates.count("failed"),
    )
    assert books == BOOKS[name], json.dumps(rejects(batches))
    assert not batches[-1].unread
