"""Fills the outputs in README.md, docs/queries.md, docs/export.md and docs/report.md from a demo audit: python docs/fill.py [demo-audit].

The picture of the report is taken in Chromium; where there is none, it is left as it is, and said so.
"""

from __future__ import annotations

import html
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from corpus_tools.export import page
from corpus_tools.root import Root
from corpus_tools.warehouse import query
from pipelines.show import frame_table

HERE = Path(__file__).parent
SQL = re.compile(r"(<!-- sql -->\n```sql\n(.*?)\n```\n)(\n```text\n.*?\n```\n)?", re.DOTALL)
DEMO = re.compile(r"(<!-- demo -->\n).*?(<!-- end -->)", re.DOTALL)
REPORT = re.compile(r"(<!-- report -->\n).*?(<!-- end -->)", re.DOTALL)
ASK = re.compile(r"(<!-- ask -->\n).*?(<!-- end -->)", re.DOTALL)
COMMAND = re.compile(
    r"(<!-- (?:export|refused) -->\n```console\n\$ corpus-audit ([^\n]*)\n).*?(```\n<!-- end -->)", re.DOTALL
)
CURVE = re.compile(r"(<!-- curve -->\n).*?(<!-- end -->)", re.DOTALL)
CURVE_ROWS = 8


def queries(text: str) -> list[str]:
    """The queries of a page."""
    return [match.group(2) for match in SQL.finditer(text)]


def answer(root: Path, sql: str) -> str:
    """A query's answer as it is printed."""
    out = io.StringIO()
    Console(file=out, width=130, highlight=False).print(frame_table(query(Root(root), sql)))
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())


def commands(text: str) -> list[str]:
    """The commands of a page whose output it shows."""
    return [match.group(2) for match in COMMAND.finditer(text)]


def desk(root: Path, folder: Path) -> Path:
    """A folder to run the page's commands in: `demo-audit`, and `unlabelled`, the same before its labels."""
    (folder / "demo-audit").symlink_to(root.resolve(), target_is_directory=True)
    shutil.copytree(root, folder / "unlabelled", ignore=shutil.ignore_patterns("rounds", "*.duckdb", "*.html"))
    return folder


def ran(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command of the page, run in a folder; what it says on either stream is in stdout."""
    words = [sys.executable, "-m", "pipelines.cli", *shlex.split(command)]
    return subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def export_page(text: str, root: Path) -> str:
    """docs/export.md with its commands' outputs and a few rows of the curve."""
    with tempfile.TemporaryDirectory() as name:
        folder = desk(root, Path(name))
        text = COMMAND.sub(lambda m: f"{m.group(1)}{ran(m.group(2), folder).stdout.rstrip()}\n{m.group(3)}", text)
        curve = json.loads((folder / "robots.json").read_text("utf-8"))["curve"]
    step = (len(curve) - 1) / (CURVE_ROWS - 1)
    rows = page.lines([curve[round(i * step)] for i in range(CURVE_ROWS)])
    return CURVE.sub(lambda m: f"{m.group(1)}{rows}\n{m.group(2)}", text)


def sentences(report: str) -> str:
    """The headline of a report and what stands out, as Markdown."""
    card = report[report.index('<div class="headline">') :]
    parts = re.findall(r"<(?:p class=\"big\"|li)>(.*?)</(?:p|li)>", card[: card.index("</div>")], re.DOTALL)
    plain = [html.unescape(re.sub(r"<[^>]+>", "", part)) for part in parts]
    return "\n".join(f"> {' '.join(part.split())}{'  ' if i < len(plain) - 1 else ''}" for i, part in enumerate(plain))


def picture(report: Path, target: Path) -> bool:
    """The top of a report as a picture; whether there is a browser to take it."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        return False
    with tempfile.TemporaryDirectory() as profile:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1200,1460"]
        said = [f"--user-data-dir={profile}", f"--screenshot={target}", report.resolve().as_uri()]
        subprocess.run([browser, *flags, *said], check=True, capture_output=True, timeout=300)
    return True


def main() -> None:
    """Runs the demo if need be, and writes the outputs into the pages."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-audit")
    demo = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "demo", "--output", str(root)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    asked_page, exported = HERE / "queries.md", HERE / "export.md"
    text = asked_page.read_text("utf-8")
    text = SQL.sub(lambda m: f"{m.group(1)}\n```text\n{answer(root, m.group(2))}\n```\n", text)
    asked_page.write_text(text, "utf-8")
    exported.write_text(export_page(exported.read_text("utf-8"), root), "utf-8")
    readme = HERE.parent / "README.md"
    shown = demo[demo.index("Before labels") : demo.index("By source")].rstrip()
    shown = "\n".join(line.rstrip() for line in shown.splitlines())
    sql = "from prevalence_of('narrative', by := 'domain') select source, prevalence, ci_low, ci_high, status limit 4"
    asked = f'$ corpus-audit sql --root demo-audit "{sql}"\n{answer(root, sql)}'
    text = readme.read_text("utf-8")
    text = DEMO.sub(lambda m: f"{m.group(1)}```text\n{shown}\n```\n{m.group(2)}", text)
    text = ASK.sub(lambda m: f"{m.group(1)}```console\n{asked}\n```\n{m.group(2)}", text)
    readme.write_text(text, "utf-8")
    reported = HERE / "report.md"
    told = sentences((root / "report.html").read_text("utf-8"))
    reported.write_text(REPORT.sub(lambda m: f"{m.group(1)}{told}\n{m.group(2)}", reported.read_text("utf-8")), "utf-8")
    if not picture(root / "report.html", HERE / "report.png"):
        said = "docs/report.png is as it was: no Chromium here to take it (Debian: apt-get install chromium)"
        Console(stderr=True).print(said, style="yellow")


if __name__ == "__main__":
    main()
