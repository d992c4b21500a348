"""Fills the outputs in README.md and docs/queries.md from a demo audit: python docs/fill.py [demo-audit]."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from corpus_tools.root import Root
from corpus_tools.warehouse import query
from pipelines.show import frame_table

HERE = Path(__file__).parent
SQL = re.compile(r"(<!-- sql -->\n```sql\n(.*?)\n```\n)(\n```text\n.*?\n```\n)?", re.DOTALL)
DEMO = re.compile(r"(<!-- demo -->\n).*?(<!-- end -->)", re.DOTALL)
ASK = re.compile(r"(<!-- ask -->\n).*?(<!-- end -->)", re.DOTALL)


def queries(page: str) -> list[str]:
    """The queries of a page."""
    return [match.group(2) for match in SQL.finditer(page)]


def answer(root: Path, sql: str) -> str:
    """A query's answer as it is printed."""
    out = io.StringIO()
    Console(file=out, width=130, highlight=False).print(frame_table(query(Root(root), sql)))
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())


def main() -> None:
    """Runs the demo if need be, and writes the outputs into the pages."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-audit")
    demo = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "demo", "--output", str(root)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    page = HERE / "queries.md"
    text = SQL.sub(lambda m: f"{m.group(1)}\n```text\n{answer(root, m.group(2))}\n```\n", page.read_text("utf-8"))
    page.write_text(text, "utf-8")
    readme = HERE.parent / "README.md"
    shown = demo[demo.index("Before labels") : demo.index("By source")].rstrip()
    shown = "\n".join(line.rstrip() for line in shown.splitlines())
    sql = "from prevalence_of('narrative', by := 'domain') select source, prevalence, ci_low, ci_high, status limit 4"
    asked = f'$ corpus-audit sql --root demo-audit "{sql}"\n{answer(root, sql)}'
    text = readme.read_text("utf-8")
    text = DEMO.sub(lambda m: f"{m.group(1)}```text\n{shown}\n```\n{m.group(2)}", text)
    text = ASK.sub(lambda m: f"{m.group(1)}```console\n{asked}\n```\n{m.group(2)}", text)
    readme.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
