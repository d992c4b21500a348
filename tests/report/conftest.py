"""A real audit of a small corpus that means harm: markup, steering characters, endless words, templates; and the page of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from corpus_tools import audit as audits
from corpus_tools.classifier import Classifier
from corpus_tools.config import parse_config
from corpus_tools.labels import import_labels
from corpus_tools.pack import Pack
from corpus_tools.report import write_report
from corpus_tools.root import Root
from corpus_tools.rounds import sample_round
from corpus_tools.warehouse import load
from tests.conftest import BREAD, ROBOT, scanned
from tests.report.browser import CHROMIUM, WHY_NOT, Browser

OWNED = "document.title='owned'"
HOSTILE = [
    f"<script>{OWNED}</script>",
    f'<img src=x onerror="{OWNED}"><svg/onload="{OWNED}">',
    f"</p></article></main></section></style></script><script>{OWNED}</script><!--",
    f'" onmouseover="{OWNED}" style="position:fixed;inset:0" x="',
    "{{ 7 * 191 }} {% for x in y %} ${7 * 191} <%= 7 * 191 %> #{7 * 191}",
    "\u202eremotsuc raed\u2066\u200f\u0000\u0007\u001b[2J\ufeff",
    "<base href='https://evil.invalid/'><link rel=stylesheet href='https://evil.invalid/a.css'><meta http-equiv=refresh content='0;url=https://evil.invalid'>",
    "<iframe src='https://evil.invalid'></iframe><form action='https://evil.invalid'><input name=filter id=filter></form>",
    f'javascript:{OWNED} <a href="javascript:{OWNED}">robot</a>',
]


def hostile_records() -> list[dict[str, Any]]:
    """Eighteen documents; the nastiness stands in texts, ids, addresses and source fields alike."""
    records = []
    for i in range(18):
        nasty = HOSTILE[i % len(HOSTILE)]
        text = f"{nasty} {ROBOT if i % 3 else BREAD + ' Nobody told the robot.'} {nasty} No. {i}."
        if i == 4:
            text = f"The robot said {'Aa' * 50_000} and would not be switched off. " + text
        records.append(
            {
                "id": f"{nasty}{i}", "text": text, "url": f"https://s{i % 4}.example/{nasty}", "date": f"{2001 + i % 5}-01-01",
                "site": nasty if i % 2 else "W" * 300, "language": "en",
            }
        )  # fmt: skip
    return records


def finished(config: Any, pack: Pack, classifier: Classifier, when: str) -> tuple[Root, dict[str, Any]]:
    """Plan, scan and estimate without a scheduler."""
    root, audit = scanned(config, pack, classifier)
    audits.write(root, audit, audits.estimate(root, audit, pack))
    run = {"run_id": when, "audit_id": audit["audit_id"], "started": when, "finished": when, "config": {}}
    root.write_json(run, "runs", f"{when[:10]}.json")
    return root, audit


@pytest.fixture(scope="session")
def hostile(
    tmp_path_factory: pytest.TempPathFactory, pack: Pack, classifier: Classifier
) -> Iterator[dict[str, tuple[Root, str, Path]]]:
    """'before', 'after': two audits of one root, the first without labels, the second with every candidate labelled -> its page."""
    folder = tmp_path_factory.mktemp("hostile")
    lines = [json.dumps(r) for r in hostile_records()]
    (folder / "c").mkdir()
    (folder / "c" / "0.jsonl").write_text("\n".join(lines[:12]) + "\n[1, 2]\n", "utf-8")
    config = parse_config(
        {
            "name": f"<b onclick=\"{OWNED}\">x</b>", "output": "root", "gate": {"audit_fraction": 0.9}, "screen": {"near": 1.0},
            "corpus": [{"uri": "c/*.jsonl", "name": "c", "url_field": "url", "date_field": "date", "id_field": "id",
                        "language_field": "language", "source_fields": {"site": "site"}}],
            "crossings": [["dataset", "mode"]],
        },
        where="test", base=folder,
    )  # fmt: skip
    pages = {}
    root, audit = finished(config, pack, classifier, "2026-01-01T00:00:00+00:00")
    load(root)
    write_report(root, audit["audit_id"])
    pages["before"] = (root, audit["audit_id"], folder / "before.html")
    (folder / "before.html").write_bytes((folder / "root" / "report.html").read_bytes())
    (folder / "c" / "1.jsonl").write_text("\n".join(lines[12:]) + "\n", "utf-8")
    root, audit = finished(config, pack, classifier, "2026-02-01T00:00:00+00:00")
    drawn = sample_round(root, audit, pack, name="r", size=10_000).passages
    yes = {"agent": "mind", "behaviours": ["coercion"], "threat": True, "mode": "fiction", "stance": "presents"}
    no = {"agent": "none", "behaviours": [], "threat": False, "mode": "reference"}
    answers = [
        {"passage_id": p, **(yes if "letters" in t else no)} for p, t in drawn.select("passage_id", "text").iter_rows()
    ]
    import_labels(root, "r", answers, pack, "<i>me</i>")
    audits.write(root, audit, audits.estimate(root, audit, pack))
    load(root)
    write_report(root, audit["audit_id"])
    pages["after"] = (root, audit["audit_id"], folder / "root" / "report.html")
    yield pages


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for the tests of a file."""
    if CHROMIUM is None:
        pytest.skip(WHY_NOT)
    with Browser(tmp_path_factory.mktemp("chromium"), seconds=300) as opened:
        yield opened
