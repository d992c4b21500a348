from __future__ import annotations

import polars as pl
import pytest

from corpus_tools.sources import detect_language, domains, language_code, languages, registrable_domain, years
from tests.conftest import FOREIGN, ROBOT


def test_domains() -> None:
    urls = [
        "https://www.a.example.co.uk/x?y#z", "http://user:pw@b.example.org:8080/", "//cdn.example.com/a", "example.net/path",
        "https://127.0.0.1/x", "http://[::1]/", "not an address", "", None, "HTTPS://WWW.Example.COM", "https://blog.github.io/a",
    ]  # fmt: skip
    assert domains(pl.Series(urls)).to_list() == [
        "example.co.uk", "example.org", "example.com", "example.net", "127.0.0.1", "[::1]", "", "", "", "example.com", "github.io",
    ]  # fmt: skip


def test_a_host_without_public_suffix_is_its_own_domain() -> None:
    assert registrable_domain("localhost") == "localhost"
    assert registrable_domain("") == ""


def test_years() -> None:
    dates = ["2019-03-01T00:00:00Z", "20190301", "March 1923", "1/2/2003 10:00", "0019", "21999", None, ""]
    assert years(pl.Series(dates)).to_list() == [2019, 2019, 1923, 2003, None, None, None, None]


@pytest.mark.parametrize(
    ("given", "code"), [("en", "en"), ("EN-us", "en"), ("eng_Latn", "en"), ("German", "de"), (None, ""), (" ", "")]
)
def test_language_codes(given: str | None, code: str) -> None:
    assert language_code(given) == code
    assert languages(pl.Series([given], dtype=pl.String)).to_list() == [code]


def test_detection() -> None:
    assert detect_language(FOREIGN) == "de"
    assert detect_language(ROBOT) == "en"
    assert detect_language(" \n") == ""
