"""The documentation site builds strictly, shows every page, and fetches nothing from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent
pytest.importorskip("mkdocs")


def build(repository: Path, site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=repository, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(HERE, folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_there(site: Path) -> None:
    pages = {str(p.relative_to(HERE / "docs").with_suffix(".html")) for p in (HERE / "docs").rglob("*.md")}
    pages |= {"index.html", "codebook.html", "card.html", "data.html", "changes.html", "contributing.html"}
    pages |= {f"notebooks/{p.stem}.html" for p in (HERE / "notebooks").glob("*.ipynb")}
    assert {p for p in pages if not (site / p).is_file()} == set()
    library = (site / "reference" / "library.html").read_text("utf-8")
    assert 'id="corpus_tools.warehouse.open.query"' in library
    assert len(re.findall(r"<img [^>]*\.svg", (site / "notebooks" / "source_attribution.html").read_text("utf-8"))) >= 5


def test_links_to_files_of_the_repository_lead_to_pages(site: Path) -> None:
    home = (site / "index.html").read_text("utf-8")
    assert 'href="codebook.html"' in home
    assert 'href="docs/' not in home
    assert 'href="../index.html"' in (site / "how-to" / "index.html").read_text("utf-8")


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        loaded = re.findall(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(https?:)?//[^\s>]+", text)
        loaded += re.findall(
            r"<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|preconnect|icon|preload))[^>]*\bhref=[\"']?(?:https?:)?//[^\s>]+",
            text,
        )
        assert not loaded, f"{page.relative_to(site)}: {loaded}"
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?https?://|@import", style.read_text("utf-8")), style


def test_a_broken_link_fails(tmp_path: Path) -> None:
    shutil.copytree(HERE / "docs", tmp_path / "docs")
    for name in ("corpus_tools", "data", "notebooks", "pipelines", "mkdocs.yml", "README.md", "CONTRIBUTING.md"):
        (tmp_path / name).symlink_to(HERE / name)
    (tmp_path / "CHANGELOG.md").write_text("# Changes\n\n[gone](docs/gone.md), [no such part](docs/methods.md#gone)\n")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert "docs/gone.md" in done.stderr
    assert "#gone" in done.stderr
