"""What commands share: options that name a root or an audit, what stands beside figures, and where results lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from corpus_tools.errors import RootError, no_such
from pipelines.show import out

if TYPE_CHECKING:
    from corpus_tools.root import Root

RootOption = Annotated[
    str,
    typer.Option("--root", help="the audit root; default: this folder, or the only root below it", show_default=False),
]
AuditOption = Annotated[
    str, typer.Option("--audit", help="an audit's id or its beginning; default: the latest", show_default=False)
]


def _known_model(model: str) -> str:
    from corpus_tools.pack import MODELS

    if model not in MODELS and not Path(model).is_dir():
        raise no_such("model", model, [*MODELS, "a folder of fitted weights"])
    return model


def _known_models(models: list[str]) -> list[str]:
    return [_known_model(model) for model in models]


def known_teacher(teacher: str) -> str:
    """As it is, also where none is named. Raises UsageError for a model that there is not."""
    return teacher and _known_model(teacher)


ModelsOption = Annotated[
    list[str],
    typer.Option(
        "--model", help="`pack`, `accurate` or a folder of fitted weights; more than once", callback=_known_models
    ),
]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        help="`pack`, `accurate` (the larger model), or a folder of fitted weights",
        callback=_known_model,
    ),
]


def root_of(named: str) -> str:
    """The root that is meant: the one named, else this folder, else the only one below it."""
    if named:
        if "://" not in named and not Path(named).is_dir():
            raise RootError("no such folder", where=named, expected="an audit root", todo="Name it by --root.")
        return named
    if Path("audits").is_dir():
        return "."
    below = sorted(p.parent for p in Path().glob("*/audits") if p.is_dir())
    if len(below) == 1:
        return str(below[0])
    listed = ", ".join(map(str, below)) or "none"
    raise RootError(
        "no audit root here",
        where=str(Path().resolve()),
        expected=f"one folder with audits (below are: {listed})",
        todo="Name it by --root.",
    )


def opened(root: str, audit: str) -> tuple[Root, dict[str, Any]]:
    """The root and the audit that two options name."""
    from corpus_tools import audit as audits
    from corpus_tools.root import Root

    place = Root(root_of(root))
    return place, audits.read(place, audit)


def beside(*audits: dict[str, Any], to: Any = out) -> None:
    """What stands beside every figure: 'N of M shards' of a sampled data set, and the shards that failed or break off."""
    from corpus_tools.audit import failed_said, sampled_said

    for line in dict.fromkeys(line for audit in audits for line in sampled_said(audit) + failed_said(audit)):
        to.print(line, style="yellow", markup=False, soft_wrap=True)


def tell_notes(place: Any, audit_id: str) -> None:
    """What a reader should know before quoting a figure of the audit; labels set aside, counted."""
    told = place.read_json("audits", audit_id, "notes.json") or {}
    for reason, count in sorted(told.get("set_aside", {}).items()):
        out.print(f"{count:,} labelled set aside: {reason}", style="yellow", markup=False, soft_wrap=True)
    for note in told.get("notes", []):
        out.print(note, style="yellow", markup=False, soft_wrap=True)


def where(database: str, report: str) -> None:
    """Says where the results lie."""
    out.print(f"database  {database}\nreport    {report}", soft_wrap=True)
