"""The page in headless Chromium: hostile text runs nothing and breaks no layout; filter, links, keyboard and names work; no network."""

from __future__ import annotations

import re
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from corpus_tools.numbers import percent
from corpus_tools.root import Root
from tests.report.browser import CHROMIUM, WHY_NOT, Browser
from tests.report.conftest import HOSTILE

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=WHY_NOT)
Pages = dict[str, tuple[Root, str, Path]]


@pytest.fixture
def page(hostile: Pages, browser: Browser) -> Browser:
    """The labelled audit's page, on a desktop."""
    browser.width(1200)
    browser.media()
    browser.open(hostile["after"][2])
    return browser


def test_hostile_text_runs_nothing_and_asks_for_nothing(page: Browser, hostile: Pages) -> None:
    html = hostile["after"][2].read_text("utf-8")
    for nasty in ("&lt;script&gt;document.title=", "&lt;img src=x onerror", "{{ 7 * 191 }}", "⟨U+202E⟩", "⟨U+0000⟩"):
        assert nasty in html, f"{nasty} reached the page, as text"
    assert "1337" not in re.sub(r"[0-9a-f]{16,}", "", html), "no template of the corpus is evaluated"
    assert page.run("document.title").startswith("Corpus Audit: <b onclick")
    assert page.run("document.querySelectorAll('script').length") == 1
    assert (
        page.run(
            "document.querySelectorAll('img, iframe, link, base, object, embed, [onclick], [onerror], [onload], [style]').length"
        )
        == 0
    )
    assert page.run("[...document.querySelectorAll('form')].length") == 1
    assert page.requests() == [hostile["after"][2].as_uri()]
    assert page.complaints() == []


def test_the_policy_holds_where_escaping_would_fail(hostile: Pages, browser: Browser, tmp_path: Path) -> None:
    """The same page with markup let through on purpose: still nothing runs and nothing is asked for (but for a refresh, which no policy
    forbids)."""
    html = hostile["after"][2].read_text("utf-8")
    broken, through = tmp_path / "broken.html", "".join((*HOSTILE[:2], *HOSTILE[7:])) + HOSTILE[6].split("<meta")[0]
    broken.write_text(html.replace('<p class="soft">', f'<p class="soft">{through}', 1), "utf-8")
    browser.open(broken)
    assert browser.run("document.title") != "owned"
    assert any("Content Security Policy" in text for text in browser.complaints())
    assert [r for r in browser.requests() if not r.startswith("file:")] == []


@pytest.mark.parametrize(("pixels", "phone"), [(360, True), (768, False), (1200, False)])
@pytest.mark.parametrize("state", ["before", "after"])
def test_nothing_is_wider_than_the_window(
    hostile: Pages, browser: Browser, pixels: int, phone: bool, state: str
) -> None:
    browser.width(pixels, phone=phone)
    browser.media()
    browser.open(hostile[state][2])
    browser.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert browser.run("document.documentElement.scrollWidth") == pixels
    wide = browser.run(
        "[...document.querySelectorAll('body *')].filter((e) => !e.closest('.scroll, nav, svg, .hidden, .skip')"
        " && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 90))"
    )
    assert wide == []


def test_the_filter(page: Browser) -> None:
    shown = "[...document.querySelectorAll('article')].filter((a) => a.getBoundingClientRect().height > 0).length"
    everything = page.run(shown)
    assert everything > 10
    fill = "(f, w) => { f.value = w; f.dispatchEvent(new Event('input', {bubbles: true})); }"
    page.run(f"({fill})(document.querySelector('input[type=search]'), 'WEATHER station')")
    some = page.run(shown)
    assert 0 < some < everything
    assert page.run("document.getElementById('shown').textContent") == f"{some} of {everything} passages"
    page.run(f"({fill})(document.querySelector('input[type=search]'), 'no such words anywhere')")
    assert page.run(shown) == 0
    page.run("document.querySelector('form.filter button').click()")
    page.run("new Promise((done) => setTimeout(done, 50))")
    assert page.run(shown) == everything
    page.run(f"({fill})(document.getElementById('by-label-filter'), 'yes')")
    told = page.run("[...document.querySelectorAll('article:not([hidden])')].map((a) => a.dataset.told)")
    assert set(told) == {"yes"}


def test_from_a_number_to_the_passages_that_move_it(page: Browser) -> None:
    page.run("document.querySelector('#by-domain td.link a').click()")
    page.run("new Promise((done) => setTimeout(done, 100))")
    at = page.run("location.hash.slice(1)")
    assert page.run(f"document.getElementById('{at}').closest('details').open"), "it stands open"
    assert page.run("document.activeElement.id") == at, "and has the focus"
    page.run(f"document.querySelector('#{at} tbody a').click()")
    page.run("new Promise((done) => setTimeout(done, 100))")
    assert page.run("document.activeElement.tagName") == "ARTICLE"
    assert page.run("document.activeElement.getBoundingClientRect().top") < 300
    page.run("document.querySelector('#modes td.link a').click()")
    page.run("new Promise((done) => setTimeout(done, 100))")
    assert len(set(page.run("[...document.querySelectorAll('article:not([hidden])')].map((a) => a.dataset.mode)"))) == 1


def test_a_table_is_copied_with_exact_values(page: Browser) -> None:
    page.run("navigator.clipboard.writeText = (text) => { window.kept = text; return Promise.resolve(); }")
    page.run("document.querySelector('#by-domain button[aria-label^=Copy]').click()")
    lines = [line.split("\t") for line in page.run("window.kept").split("\n")]
    assert lines[0][:4] == ["source", "prevalence", "ci_low", "ci_high"]
    assert {len(line) for line in lines} == {len(lines[0])}
    shown = page.run("document.querySelector('#by-domain tbody tr td.n').textContent")
    assert percent(float(lines[1][1])) == shown


def test_long_tables_are_folded_and_open(page: Browser) -> None:
    rows = (
        "[...document.querySelectorAll('#labels tbody tr')].filter((r) => r.getBoundingClientRect().height > 0).length"
    )
    assert page.run(rows) == 12
    page.run("document.querySelector('#labels button[aria-expanded]').click()")
    assert page.run(rows) == 26


def test_by_keyboard(page: Browser) -> None:
    page.key("Tab", 9)
    assert page.run("document.activeElement.textContent") == "Skip to the headline"
    assert page.run("document.activeElement.getBoundingClientRect().top") >= 0, "it is seen when it has the focus"
    seen = []
    for _ in range(25):
        page.key("Tab", 9)
        seen.append(page.run("document.activeElement.tagName"))
        outline = page.run("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", page.run("document.activeElement.outerHTML")[:200]
    assert {"A", "BUTTON", "SUMMARY", "DIV"} <= set(seen), "links, buttons, what opens, and tables that scroll"


def nodes(page: Browser) -> list[tuple[str, str]]:
    """(role, name) of everything that a screen reader is told."""
    found = page.ask("Accessibility.getFullAXTree")["nodes"]
    return [
        (n["role"]["value"], n.get("name", {}).get("value", "")) for n in found if not n.get("ignored") and "role" in n
    ]


@pytest.mark.parametrize("pixels", [360, 1200])
def test_a_screen_reader_finds_its_way(page: Browser, pixels: int) -> None:
    page.width(pixels, phone=pixels < 500)
    told = nodes(page)
    roles: dict[str, list[str]] = {}
    for role, name in told:
        roles.setdefault(role, []).append(name)
    assert len(roles["main"]) == len(roles["banner"]) == len(roles["contentinfo"]) == 1
    assert roles["navigation"] == ["Sections"]
    regions = set(roles["region"])
    assert {"Headline", "Which sources", "Balance", "How far to trust it", "Passages to read"} <= regions
    assert all(roles["table"]), "every table has a name, cards included"
    assert len(roles["table"]) > 12
    assert len(roles["columnheader"]) > 60
    assert len(roles["rowheader"]) > 40
    assert all(roles["link"]) and all(roles["button"]) and all(roles["image"])
    assert all(name for role in ("searchbox", "combobox", "textbox") for name in roles.get(role, []))
    levels = page.run("[...document.querySelectorAll('h1, h2, h3, h4')].map((h) => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels)), "no level is skipped"
    ids = page.run("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))


COLOURS = """(() => {
  const parse = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
  const under = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  const bad = [];
  for (const e of document.querySelectorAll(
    'p, li, th, td, a, summary, small, caption, button, mark, code, pre, h1, h2, h3, b, em, dd')) {
    if (!e.textContent.trim() || !e.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(under(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.push(`${e.tagName} ${e.className} ${ratio.toFixed(2)}`);
  }
  return [...new Set(bad)];
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(page: Browser, scheme: str) -> None:
    page.media(scheme=scheme)
    dark = page.run("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")
    assert page.run(COLOURS) == []


def test_on_paper(page: Browser, tmp_path: Path) -> None:
    with tempfile.NamedTemporaryFile(suffix=".pdf", dir=tmp_path) as file:
        page.paper(Path(file.name))
        pages: Any = Path(file.name).read_bytes().count(b"/Type /Page\n") or Path(file.name).read_bytes().count(
            b"/Type /Page"
        )
    assert 3 < pages < 60
    page.media(kind="print")
    gone = "nav, form.filter, .made, section[aria-labelledby=why]"
    assert page.run(f"[...document.querySelectorAll('{gone}')].every((e) => getComputedStyle(e).display === 'none')")


def test_without_labels_the_page_says_what_to_do(hostile: Pages, browser: Browser) -> None:
    browser.width(1200)
    browser.open(hostile["before"][2])
    said = browser.run("document.querySelector('.headline').innerText")
    assert said.startswith("Not yet a measurement.")
    assert "corpus-audit label sample --root root" in said
    assert "every passage of it, as there are fewer than 300; there are 0 so far" in said
    assert browser.run("document.querySelectorAll('svg .ci, svg .bound').length") == 0, "no interval is drawn"


def test_without_scripts_everything_is_there(hostile: Pages, browser: Browser) -> None:
    browser.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(hostile["after"][2])
    finally:
        browser.ask("Emulation.setScriptExecutionDisabled", value=False)
    assert browser.run("document.querySelectorAll('article').length") > 10
    assert browser.run("document.querySelectorAll('.folded, article[hidden], button:not(form button)').length") == 0
    assert browser.run("document.querySelector('form.filter').hidden"), "no filter that does nothing"
