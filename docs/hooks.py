"""What MkDocs is told beyond mkdocs.yml: pages made from files that live elsewhere in the repository, and their links.

The pages read well in the repository too, so links in them lead to files of the repository; here they are turned to the site's pages.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

HERE = Path(__file__).parent
REPOSITORY = HERE.parent
PACK = "corpus_tools/packs/ai_self_preservation"
ELSEWHERE = {
    "index.md": "README.md",
    "codebook.md": f"{PACK}/codebook.md",
    "card.md": f"{PACK}/card.md",
    "data.md": "data/README.md",
    "changes.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
}
"""Page of the site -> the file of the repository that it shows."""
LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Leaves pages out of the navigation that are not written yet."""
    made = {*ELSEWHERE, *(f"notebooks/{path.stem}.md" for path in (REPOSITORY / "notebooks").glob("*.ipynb"))}
    config.nav = _there(config.nav or [], made)
    return config


def _there(items: list[Any], made: set[str]) -> list[Any]:
    kept = []
    for item in items:
        if isinstance(item, dict) and isinstance(next(iter(item.values())), list):
            kept.append({title: _there(below, made) for title, below in item.items()})
            continue
        path = next(iter(item.values())) if isinstance(item, dict) else item
        if path in made or (HERE / path).is_file():
            kept.append(item)
    return kept


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made from files elsewhere."""
    for page, source in ELSEWHERE.items():
        files.append(File.generated(config, page, content=(REPOSITORY / source).read_text("utf-8")))
    for path in sorted((REPOSITORY / "notebooks").glob("*.ipynb")):
        body, pictures = _notebook(path)
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=body))
        for name, data in pictures.items():
            files.append(File.generated(config, f"notebooks/{name}", content=data))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turns links to files of the repository into links between pages; a file that is no page is named, not linked."""
    uri = page.file.src_uri
    if uri == "index.md":
        page.meta["hide"] = ["toc"]  # its tables are wide
    source = Path(ELSEWHERE.get(uri, f"docs/{uri}"))
    fenced = [match.span() for match in FENCE.finditer(markdown)]

    def turned(match: re.Match[str]) -> str:
        text, target, anchor = match.group(1), match.group(2), match.group(3) or ""
        if "://" in target or any(start <= match.start() < end for start, end in fenced):
            return match.group()
        path = os.path.normpath(source.parent / target)
        if not (REPOSITORY / path).exists():
            return match.group()  # a broken link: the strict build says so
        found = next((p for p, s in ELSEWHERE.items() if s == path), "") or re.sub(r"^docs/", "", path)
        found = re.sub(r"\.ipynb$", ".md", found)
        if files.get_file_from_path(found) is None:
            return text if path in text else f"{text} `{path}`"
        return f"[{text}]({os.path.relpath(found, Path(uri).parent)}{anchor})"

    return markdown if uri.startswith("notebooks/") else LINK.sub(turned, markdown)


def _notebook(path: Path) -> tuple[str, dict[str, bytes]]:
    """A stored notebook -> Markdown with its outputs, and its pictures by name."""
    import nbformat
    from nbconvert import MarkdownExporter

    body, resources = MarkdownExporter().from_notebook_node(
        nbformat.read(path, as_version=4), {"unique_key": path.stem, "output_files_dir": f"{path.stem}_files"}
    )
    return body, {name: bytes(data) for name, data in resources.get("outputs", {}).items()}
