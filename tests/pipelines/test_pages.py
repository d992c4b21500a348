"""Every command in the pages is run, in a folder with what its page speaks of, or its page's source says why not.

A fenced block of commands (`console`; each begins with `$ `) is run from top to bottom of a page, unless the line above the block is
`<!-- not run: why -->` (a mark of docs/fill.py may stand between). A YAML block that begins with `# name.yaml` is that file. What a
person would fill in, the sample's truth does.
"""

from __future__ import annotations

import gzip
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import fsspec
import pytest

from corpus_tools.classifier.annotations import text_sha256
from pipelines.cli import app
from pipelines.demo import SAMPLE, Demo, truth_answers
from tests.conftest import ROBOT
from tests.loopback import s3_store
from tests.readers.test_warc import html, page, record

HERE = Path(__file__).parents[2]
MADE = {
    "docs/reference/cli.md"
}  # shows how commands are written, not commands; tests/test_reference.py holds it to the code
PAGES = sorted(
    str(path.relative_to(HERE))
    for pattern in ("*.md", "docs/**/*.md", "data/**/*.md", "corpus_tools/packs/*/*.md")
    for path in HERE.glob(pattern)
    if str(path.relative_to(HERE)) not in MADE
)
FENCE = re.compile(
    r"(?:^ *<!-- not run: (?P<why>[^\n]+) -->\n(?:<!-- \w+ -->\n)?)?"
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^(?P=indent)```",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block; `why` it is not run, or ''."""

    language: str
    body: str
    why: str


def blocks(text: str) -> list[Block]:
    found = []
    for match in FENCE.finditer(text):
        indent = len(match["indent"])
        body = "\n".join(line[indent:] for line in match["body"].splitlines())
        found.append(Block(match["language"], body, match["why"] or ""))
    return found


def commands(block: Block) -> list[list[str]]:
    """The block's commands, split into words."""
    joined = block.body.replace("\\\n", " ")
    return [shlex.split(line[2:], comments=True) for line in joined.splitlines() if line.startswith("$ ")]


def to_run(text: str) -> list[list[str]]:
    return [
        words for block in blocks(text) if block.language == "console" and not block.why for words in commands(block)
    ]


RUN = [path for path in PAGES if to_run((HERE / path).read_text("utf-8"))]


@pytest.mark.parametrize("path", PAGES)
def test_every_command_stands_where_it_is_run(path: str) -> None:
    for block in blocks((HERE / path).read_text("utf-8")):
        if block.language != "console":
            assert not re.search(r"^(\$ )?corpus-audit ", block.body, re.MULTILINE), (
                f"make it a console block: {block.body}"
            )
        elif not block.why:
            assert commands(block), f"no line begins with '$ ': {block.body}"
            other = {words[0] for words in commands(block)} - {"corpus-audit", "cp"}
            assert not other, f"{other} is not run by this test: put '<!-- not run: why -->' above the block"


def test_the_pages_that_should_run_do() -> None:
    assert {"README.md", "docs/tutorial.md", "docs/how-to/warc.md", "docs/how-to/s3.md", "docs/how-to/label.md"} <= set(
        RUN
    )


@pytest.fixture
def folder(demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the pages speak of: the demo's root, a corpus of lines and one of Parquet, a crawl of WARC files."""
    shutil.copytree(Path(demo.outcome.database).parent, tmp_path / "demo-audit")
    (tmp_path / "data").mkdir()
    shutil.copy(min((SAMPLE / "posts").glob("*.jsonl.zst")), tmp_path / "data")
    shutil.copy(min((SAMPLE / "pages").glob("*.parquet")), tmp_path / "pages.parquet")
    (tmp_path / "crawl").mkdir()
    for name in ("archive", "paper"):
        url = f"https://{name}.example/x"
        told = record("response", page(html(ROBOT).encode(), Server=name), WARC_Target_URI=url)
        gone = record("response", page(b"gone", status="404 Not Found"), WARC_Target_URI=url)
        (tmp_path / "crawl" / f"{name}.warc.gz").write_bytes(gzip.compress(told) + gzip.compress(gone))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def bucket() -> Iterator[None]:
    """An S3 store on loopback with `my-bucket` and a corpus in it."""
    with s3_store("my-bucket") as address:
        record = json.dumps({"text": ROBOT, "url": "https://a.example/"})
        fsspec.filesystem("s3").pipe_file(f"{address}/crawl/a.jsonl", record.encode())
        yield


def fill_in(path: Path) -> None:
    """A round's file, as an annotator leaves it: by the sample's truth."""
    truth = truth_answers()
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    if not all({"sha256", "text"} <= set(row) for row in rows):
        return  # no round
    fields = ("agent", "behaviours", "threat", "mode", "stance")
    told = [row | {f: truth[text_sha256(row["text"])].get(f) for f in fields} for row in rows]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in told), "utf-8")


@pytest.mark.parametrize("path", RUN)
def test_the_commands_of_a_page_run(path: str, folder: Path, request: pytest.FixtureRequest) -> None:
    if path == "docs/labelling.md":  # speaks of the tutorial's audit
        shutil.copytree(folder / "demo-audit", folder / "mine")
    if path.endswith("s3.md"):
        request.getfixturevalue("bucket")
    text = (HERE / path).read_text("utf-8")
    for block in blocks(text):
        name = re.match(r"# ([\w-]+\.yaml)\n", block.body)
        if block.language == "yaml" and name:
            (folder / name.group(1)).write_text(block.body, "utf-8")
    for words in to_run(text):
        before = set(folder.glob("*.jsonl"))
        if words[0] == "cp":
            shutil.copy(words[1], words[2])
            continue
        app(words[1:], standalone_mode=False)  # raises what ends as a message and an exit code
        for made in set(folder.glob("*.jsonl")) - before:
            fill_in(made)
