"""Writes docs/reference/cli.md and configuration.md from the command line and the configuration themselves: python docs/reference.py."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from corpus_tools.config import AuditConfig
from pipelines.cli import app

FOLDER = Path(__file__).parent / "reference"
MADE = "Made by `python docs/reference.py`; a test holds it to the code."


def cli_page() -> str:
    """Every command with its help, arguments and options."""
    parts = [
        "# Command line",
        "`corpus-audit COMMAND --help` shows the same. What the exit codes mean stands in the [tutorial](../tutorial.md#exit-codes). "
        f"{MADE}",
    ]
    for name, command in _commands(typer.main.get_command(app), "corpus-audit"):
        parts += [f"## {name}", _cleaned(command.help), *_usage(name, command)]
    return "\n\n".join(parts) + "\n"


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    yield name, command
    for below, one in getattr(command, "commands", {}).items():
        yield from _commands(one, f"{name} {below}")


def _usage(name: str, command: Any) -> Iterator[str]:
    below = getattr(command, "commands", {})
    if below:
        yield "\n".join(
            f"- [`{name} {one}`](#{f'{name} {one}'.replace(' ', '-')}): {_cleaned(told.help).splitlines()[0]}"
            for one, told in below.items()
        )
        return
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden and p.name != "help"]
    words = [p.metavar or p.name.upper() for p in arguments]
    words = [w if p.required else f"[{w}]" for w, p in zip(words, arguments, strict=True)]
    words += [f"{p.opts[0]} …" for p in options if p.required]
    yield (
        "```text\n"
        + " ".join([name, *words, *(["[OPTIONS]"] if len(options) > sum(p.required for p in options) else [])])
        + "\n```"
    )
    rows = [(f"`{p.metavar or p.name.upper()}`", p) for p in arguments] + [(f"`{p.opts[0]}`", p) for p in options]
    if rows:
        yield _table(("name", "what", "default"), [(shown, _cleaned(p.help), _default(p)) for shown, p in rows])


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if parameter.default in (None, "", []) or parameter.show_default is False:
        return ""
    return f"`{parameter.default}`"


def configuration_page() -> str:
    """Every key of an audit's YAML file, with its default."""
    parts = [
        "# Configuration",
        "One YAML file. A mistyped key is named with the nearest one there is, and all mistakes are told at once. Paths are relative to "
        "the file. What decides which passages are kept is frozen in the root; the rest may change from run to run. "
        f"{MADE}",
        "## The audit",
        _cleaned(AuditConfig.__doc__),
        _keys(AuditConfig),
    ]
    for name, field in AuditConfig.model_fields.items():
        part = _part(field)
        if part:
            parts += [f"## `{name}`", _cleaned(part.__doc__), _keys(part)]
    return "\n\n".join(parts) + "\n"


def _part(field: FieldInfo) -> type[BaseModel] | None:
    kinds = [field.annotation, *get_args(field.annotation)]
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)


def _keys(model: type[BaseModel]) -> str:
    rows = []
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else _shown(field.get_default(call_default_factory=True))  # type: ignore[call-arg]
        if _part(field):
            rows.append((f"[`{name}`](#{name})", "see below", "required" if field.is_required() else ""))
        else:
            rows.append((f"`{name}`", "; ".join(filter(None, (_cleaned(field.description), _choices(field)))), default))
    return _table(("key", "what", "default"), rows)


def _choices(field: FieldInfo) -> str:
    found = [a for a in get_args(field.annotation) if isinstance(a, str) and a]
    return f"one of {', '.join(f'`{a}`' for a in found)}" if found else ""


def _shown(value: object) -> str:
    if value in ("", None, {}, []):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _cleaned(text: str | None) -> str:
    return re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(text or ""))


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


PAGES = {FOLDER / "cli.md": cli_page, FOLDER / "configuration.md": configuration_page}

if __name__ == "__main__":
    for path, page in PAGES.items():
        path.write_text(page(), "utf-8")
