"""Commands that read a corpus: demo, run, serve, rescore."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from corpus_tools.errors import Stop
from pipelines.cli.environment import OURS
from pipelines.cli.options import AuditOption, ModelOption, RootOption, beside, opened, tell_notes, where
from pipelines.show import Look, coverage_table, out, prevalence_table


def demo(
    output: Annotated[Path, typer.Option(help="folder to write to")] = Path("demo-audit"),
) -> None:
    """Audit the bundled (synthetic) sample: before labels, and after a round of about 400."""
    from pipelines.demo import known_coverage, run_demo

    with Look() as look:
        result = run_demo(output, look)
    out.print()
    out.print(
        "The sample is synthetic: written for this project by language models, labels included.\n", style="italic"
    )
    out.print(prevalence_table(result.before.filter(dimension="corpus"), "Before labels"))
    out.print(
        "Not yet a measurement: label 400 passages. An uncorrected classifier's figure has no interval.\n",
        style="yellow",
    )
    for dimension, title in (
        ("corpus", f"After {result.labels} labels"),
        ("kind", "By kind of source"),
        ("domain", "By source"),
    ):
        truth = {source: share for (d, source), share in result.truth.items() if d == dimension}
        out.print(prevalence_table(result.after.filter(dimension=dimension), title, truth))
        out.print()
    if found := known_coverage():
        out.print(coverage_table(found))
        out.print()
    where(result.outcome.database, result.outcome.report)
    out.print(
        "Next:  "
        f"corpus-audit sql --root {output} \"from latest_prevalence where label = 'narrative' and dimension = 'kind'\"\n"
        "       corpus-audit run CONFIG.yaml      on a corpus of your own (see docs/tutorial.md)"
    )


def run(
    config: Annotated[Path, typer.Argument(help="the audit's YAML file", metavar="CONFIG.yaml")],
    workers: Annotated[int | None, typer.Option(min=1, help="instead of runner.workers")] = None,
    until_width: Annotated[
        str,
        typer.Option(
            help="stop once the headline's half-width is at most this share of it, as 20%", show_default=False
        ),
    ] = "",
    max_hours: Annotated[
        float | None, typer.Option(min=0, help="begin no shard after so many hours; what has begun is finished")
    ] = None,
) -> None:
    """Audit a corpus: scan what is not scanned yet, estimate, load the database, write the report.

    Stopped early, by a width or by the time, it is a survey of the whole corpus by a sample of its shards; run without a limit
    later, it goes on from there.
    """
    from corpus_tools import audit as audits
    from corpus_tools.config import load_config
    from corpus_tools.root import Root
    from corpus_tools.stopping import Limit, read_width
    from pipelines.audit import run_audit
    from pipelines.demo import headline_rows

    width = read_width(until_width) if until_width else None
    limit = Limit(width, max_hours) if width or max_hours is not None else None
    settings = load_config(config)
    if workers:
        settings = settings.model_copy(update={"runner": settings.runner.model_copy(update={"workers": workers})})
    with Look() as look:
        outcome = run_audit(settings, look, limit=limit)
    root = Root(settings.output)
    audit = audits.read(root, outcome.audit_id)
    rows = headline_rows(root, outcome.audit_id, audit["headline"])
    beside(audit)
    for dimension in ("corpus", "dataset", "kind", "domain"):
        part = rows.filter(dimension=dimension)
        if len(part):
            out.print(prevalence_table(part, f"{audit['headline']}, by {dimension}", limit=20))
            out.print()
    _books(audit)
    tell_notes(root, outcome.audit_id)
    if not audit["books"]["kept"]:
        raise Stop(
            f"no document was kept of {audit['books']['read']:,} records", where=settings.output,
            todo="The database says why: corpus-audit sql \"select reason, detail, count(*) from rejects group by all\"",
        )  # fmt: skip
    if outcome.labels_wanted:
        out.print(
            f"Not yet a measurement: label {outcome.labels_wanted} passages: corpus-audit label sample --root {settings.output}",
            style="yellow",
        )
    where(outcome.database, outcome.report)


def serve(
    config: Annotated[Path, typer.Argument(help="the audit's YAML file", metavar="CONFIG.yaml")],
    cron: Annotated[str, typer.Option(help="when, as cron says it: '0 3 * * *' is every night at three")] = "",
    interval: Annotated[str, typer.Option(help="or how often: 6h, 1d, 1w")] = "",
    timezone: Annotated[str, typer.Option(help="of --cron")] = "UTC",
    now: Annotated[bool, typer.Option("--now", help="begin with a run at once")] = False,
) -> None:
    """Audit on a schedule: what is new is read, and what changed is told. Needs a Prefect server (docs/schedules.md)."""
    # Here the log is what one looks at: on the terminal and on Prefect's pages, with the library's warnings.
    for name, value in {
        "PREFECT_LOGGING_LEVEL": "INFO", "PREFECT_LOGGING_TO_API_ENABLED": "true",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "corpus_tools,pipelines",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore", "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    }.items():  # fmt: skip
        if name in OURS or name not in os.environ:
            os.environ[name] = value
    from pipelines.serve import schedule_of, serve_audit

    schedule = schedule_of(cron, interval, timezone)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Prefect pauses the schedule on its way out
    serve_audit(config, schedule, now)


def rescore(
    root: RootOption = "",
    audit: AuditOption = "",
    model: ModelOption = "pack",
) -> None:
    """Score an audit's candidates with another classifier; no shard is read where its texts are kept."""
    from corpus_tools import audit as audits
    from corpus_tools.rounds import settings
    from pipelines.audit import run_audit

    place, found = opened(root, audit)
    config = settings(place, found)
    config = config.model_copy(update={"classifier": config.classifier.model_copy(update={"model": model})})
    with Look() as look:
        outcome = run_audit(config, look, tuple(audits.done_shards(found)))
    out.print(f"audit {outcome.audit_id} (classifier {outcome.classifier_id})")
    beside(audits.read(place, outcome.audit_id))
    where(outcome.database, outcome.report)


def _books(audit: dict[str, Any]) -> None:
    books = audit["books"]
    out.print(
        f"{books['read']:,} records read = {books['kept']:,} kept + {books['empty']:,} empty + {books['rejected']:,} rejected "
        f"+ {books['failed']:,} failed"
    )
