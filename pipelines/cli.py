"""`corpus-audit …`: parse, call, show, exit code. Errors become one line here and only here."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys

# Before Prefect is imported: quiet, no telemetry, a temporary server where none is named. Set by the user, they stand.
_SETTINGS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",  # our own errors are one message, not a logged traceback
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
_OURS = {name for name in _SETTINGS if name not in os.environ}
for _name in _OURS:
    os.environ[_name] = _SETTINGS[_name]

from collections.abc import Mapping  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Annotated, Any  # noqa: E402

import typer  # noqa: E402

from corpus_tools.errors import ConfigError, CorpusAuditError, RootError  # noqa: E402
from pipelines.cli_export import export  # noqa: E402
from pipelines.cli_labels import label_app, tell_notes, writable, write_out  # noqa: E402
from pipelines.cli_options import AuditOption, RootOption, beside, root_of, where  # noqa: E402
from pipelines.show import Look, coverage_table, err, frame_table, out, prevalence_table  # noqa: E402

app = typer.Typer(
    name="corpus-audit",
    help="Measures where narratives of artificial minds stand in a text corpus: per source, with honest intervals.\n\n"
    "Begin with `corpus-audit demo`; then write a configuration and `corpus-audit run` it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    add_completion=False,
)
app.add_typer(label_app)
app.command()(export)


@app.command()
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


@app.command()
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
    if outcome.labels_wanted:
        out.print(
            f"Not yet a measurement: label {outcome.labels_wanted} passages: corpus-audit label sample --root {settings.output}",
            style="yellow",
        )
    where(outcome.database, outcome.report)


@app.command()
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
        if name in _OURS or name not in os.environ:
            os.environ[name] = value
    from pipelines.serve import schedule_of, serve_audit

    schedule = schedule_of(cron, interval, timezone)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Prefect pauses the schedule on its way out
    serve_audit(config, schedule, now)


@app.command()
def score(
    source: Annotated[Path, typer.Argument(metavar="IN.jsonl", help="passages: passage_id and text a line")],
    output: Annotated[Path, typer.Option(help="where to write passage_id and scores a line")],
    pack: Annotated[str, typer.Option(help="a bundled pack or a folder")] = "ai_self_preservation",
    model: Annotated[str, typer.Option(help="`pack`, or a folder of fitted weights")] = "pack",
) -> None:
    """Score passages from a file: label -> probability."""
    from corpus_tools.classifier.score import score_file
    from corpus_tools.config import ClassifierConfig

    count = score_file(source, output, pack, ClassifierConfig(model=model))
    err.print(f"{count:,} passages scored: {output}")


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="one statement, read-only")],
    root: RootOption = "",
    output: Annotated[str, typer.Option("--format", help="table, csv or json")] = "table",
) -> None:
    """Query the audit's database, read-only."""
    from corpus_tools.audit import latest
    from corpus_tools.root import Root
    from corpus_tools.warehouse import query as run_query
    from corpus_tools.warehouse import renew

    if output not in ("table", "csv", "json"):
        raise RootError(f"no format {output!r}", expected="table, csv or json")
    place = Root(root_of(root))
    if renew(place):
        err.print("The database was made by an earlier version: it was made again from the root's files.", style="dim")
    frame = run_query(place, query)
    beside(*latest(place), to=err)
    if output == "csv":
        sys.stdout.write(frame.write_csv())
    elif output == "json":
        sys.stdout.write(frame.write_ndjson())
    else:
        out.print(frame_table(frame))
        if len(frame) > 1000:
            err.print(f"the first 1,000 of {len(frame):,} rows; --format csv prints all")


@app.command()
def report(root: RootOption = "", audit: AuditOption = "") -> None:
    """Write the report again from the database."""
    from corpus_tools import audit as audits
    from corpus_tools.report import write_report
    from corpus_tools.root import Root
    from corpus_tools.warehouse import renew

    place = Root(root_of(root))
    renew(place)
    found = audits.read(place, audit)
    beside(found)
    out.print(f"{write_report(place, found['audit_id'])}")


@app.command()
def why(
    source: Annotated[str, typer.Argument(help="a source (a domain, data set, kind …), or `all`")],
    root: RootOption = "",
    audit: AuditOption = "",
    label: Annotated[str, typer.Option(help="default: the headline label")] = "",
    dimension: Annotated[str, typer.Option(help="default: the first that has such a source")] = "",
    size: Annotated[int, typer.Option(min=1, help="how many passages")] = 10,
    round_name: Annotated[
        str, typer.Option("--round", help="make a label round of about --size passages of them, with this name")
    ] = "",
    output: Annotated[Path | None, typer.Option(help="of the round; default: <round>.jsonl beside you")] = None,
) -> None:
    """Show the passages that move a source's figure most, and what labelling each would do to it; or have them labelled."""
    from corpus_tools import audit as audits
    from corpus_tools.root import Root

    place = Root(root_of(root))
    found = audits.read(place, audit)
    if round_name:
        from corpus_tools.listed import listed_round

        pack, target = audits.pack_of(found), output or Path(f"{round_name}.jsonl")
        writable(target)
        drawn = listed_round(place, found, pack, source, name=round_name, size=size, dimension=dimension, label=label)
        write_out(place, pack, drawn, target, "jsonl")
        return
    rows = audits.why_number(place, found, audits.pack_of(found), source, dimension=dimension, label=label, size=size)
    beside(found)
    for row in rows.head(size).iter_rows(named=True):
        told = "not labelled" if row["value"] is None else "yes" if row["value"] >= 0.5 else "no"
        out.print(
            f"[bold]{row['passage_id']}[/bold]  score {row['score']:.2f}, label: {told}, stands for {row['weight']:.1f} passages; "
            f"labelled yes {row['if_yes']:+.2f}, no {row['if_no']:+.2f}"
        )
        out.print(row["text"] or "(text not kept)", markup=False, soft_wrap=True, style="dim")
        out.print()


@app.command()
def compare(
    before: Annotated[str, typer.Argument(help="an audit's id or its beginning")],
    after: Annotated[str, typer.Argument(help="another; default: the latest")] = "",
    root: RootOption = "",
    label: Annotated[str, typer.Option(help="default: the headline label")] = "",
) -> None:
    """Compare two audits source by source, with intervals and false-discovery control."""
    import polars as pl

    from corpus_tools import audit as audits
    from corpus_tools.root import Root

    place = Root(root_of(root))
    first, second = audits.read(place, before), audits.read(place, after)
    rows = audits.comparison(place, first, second).filter(
        label=label or second["headline"], unit="passages", basis="exposure", dimension_2=""
    )
    beside(first, second)
    shown = rows.sort(pl.col("value").abs(), descending=True, nulls_last=True)
    out.print(frame_table(shown.select("dimension", "source", "value", "low", "high", "q_value", "status"), limit=60))


@app.command()
def rescore(
    root: RootOption = "",
    audit: AuditOption = "",
    model: Annotated[str, typer.Option(help="`pack`, or a folder of fitted weights")] = "pack",
) -> None:
    """Score an audit's candidates with another classifier; no shard is read where its texts are kept."""
    from corpus_tools import audit as audits
    from corpus_tools.root import Root
    from corpus_tools.rounds import settings
    from pipelines.audit import run_audit

    place = Root(root_of(root))
    found = audits.read(place, audit)
    config = settings(place, found)
    config = config.model_copy(update={"classifier": config.classifier.model_copy(update={"model": model})})
    with Look() as look:
        outcome = run_audit(config, look, tuple(audits.done_shards(found)))
    out.print(f"audit {outcome.audit_id} (classifier {outcome.classifier_id})")
    beside(audits.read(place, outcome.audit_id))
    where(outcome.database, outcome.report)


@app.command()
def train(
    labels: Annotated[
        list[Path], typer.Option(help="annotations (JSON Lines, with their texts or without); more than once")
    ],
    output: Annotated[Path, typer.Option(help="folder for the weights; name it as classifier.model")],
    texts: Annotated[
        list[Path] | None,
        typer.Option(help="passages with passage_id and text, of annotations without; more than once"),
    ] = None,
    pack: Annotated[str, typer.Option(help="a bundled pack or a folder")] = "ai_self_preservation",
    epochs: Annotated[int, typer.Option(min=1)] = 6,
) -> None:
    """Fit a classifier on labels; those with `split: validation` are held out, calibrate it, and judge it."""
    import logging

    from corpus_tools.classifier.annotations import read_jsonl
    from corpus_tools.classifier.card import card_path
    from corpus_tools.classifier.train import train as fit
    from corpus_tools.pack import load_pack

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    rows = [row for path in labels for row in read_jsonl(path)]
    passages = [row for path in texts or [] for row in read_jsonl(path)]
    spec = load_pack(pack)
    _quality(fit(spec, rows, passages, output, epochs=epochs))
    out.print(f"weights   {output}\ncard      {card_path(spec, output)}", markup=False)


@app.command("train-screen")
def train_screen(
    labels: Annotated[list[Path], typer.Option(help="annotations (JSON Lines); more than once")],
    texts: Annotated[list[Path], typer.Option(help="passages with passage_id and text; more than once")],
    output: Annotated[Path, typer.Option(help="the npz to write; name it as screen.model")],
    scores: Annotated[
        list[Path], typer.Option(help="a classifier's scores of further passages, as `score` writes them")
    ] = [],  # noqa: B006  # typer reads it, nobody changes it
    pack: Annotated[str, typer.Option(help="a bundled pack or a folder")] = "ai_self_preservation",
) -> None:
    """Fit the cheap scorer before the encoder; labels with `split: validation` are held out and say what it keeps."""
    from corpus_tools.classifier.annotations import read_jsonl
    from corpus_tools.classifier.screen import train_screen as fit
    from corpus_tools.pack import load_pack

    read = [[row for path in paths for row in read_jsonl(path)] for paths in (labels, texts, scores)]
    out.print(frame_table(fit(load_pack(pack), read[0], read[1], output, read[2])))
    out.print(f"screen   {output}")


@app.command()
def evaluate(
    labels: Annotated[
        list[Path] | None,
        typer.Option(help="annotations (JSON Lines); more than once. Without any: the card's numbers again"),
    ] = None,
    texts: Annotated[
        list[Path] | None,
        typer.Option(help="passages with passage_id and text, of annotations without; more than once"),
    ] = None,
    pack: Annotated[str, typer.Option(help="a bundled pack or a folder")] = "ai_self_preservation",
    model: Annotated[str, typer.Option(help="`pack`, or a folder of fitted weights")] = "pack",
    split: Annotated[str, typer.Option(help="only labels with this split; '' for all")] = "validation",
    readings: Annotated[
        list[Path] | None,
        typer.Option(help="two annotators' files of the same passages: how well one predicts the other"),
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="a field of the labels to slice by; more than once. Default: dataset")
    ] = None,
    threshold: Annotated[float, typer.Option(min=0.01, max=0.99, help="of F1, precision and recall")] = 0.5,
    write: Annotated[
        bool, typer.Option("--write", help="keep the numbers beside the weights and fill their card")
    ] = False,
) -> None:
    """Judge a classifier by labels of works that it never saw; without labels, print what its card says."""
    from corpus_tools.classifier.annotations import read_jsonl
    from corpus_tools.classifier.card import write_card
    from corpus_tools.classifier.judge import BY, judge, read_evaluation, write_evaluation
    from corpus_tools.config import ClassifierConfig
    from corpus_tools.errors import LabelError
    from corpus_tools.pack import load_pack

    spec = load_pack(pack)
    folder = spec.weights if model == "pack" else Path(model)
    if not labels:
        _quality(read_evaluation(folder))
        return
    rows = [row for path in labels for row in read_jsonl(path) if not split or row.get("split") == split]
    if not rows:
        raise LabelError(
            f"no labels with split {split!r}", expected="at least one", todo="Name another --split, or '' for all."
        )
    passages = [row for path in texts or [] for row in read_jsonl(path)]
    config = ClassifierConfig(model=model, threshold=threshold)
    read = [read_jsonl(path) for path in readings or []]
    evaluation = judge(spec, config, rows, passages, passes=read, by=tuple(by or BY))
    _quality(evaluation)
    if write:
        write_evaluation(evaluation, folder)
        out.print(f"card      {write_card(spec, folder)}", markup=False)


def _quality(evaluation: Mapping[str, Any]) -> None:
    from corpus_tools.classifier.card import metrics, slices

    for part in (metrics(evaluation), slices(evaluation["rows"])):
        out.print(part + "\n", markup=False, soft_wrap=True)


def _books(audit: dict[str, Any]) -> None:
    books = audit["books"]
    out.print(
        f"{books['read']:,} records read = {books['kept']:,} kept + {books['empty']:,} empty + {books['rejected']:,} rejected "
        f"+ {books['failed']:,} failed"
    )


def _stop_at_once(_signal: int, _frame: object) -> None:
    """Ctrl-C: every file is written whole or not at all, so nothing is lost by going now; threads in the encoder would not stop."""
    from pipelines import runners

    err.print("\nStopped. Finished shards are kept: the same command goes on from there.", style="yellow")
    runners.end_workers()
    _end(130)


def _end(code: int) -> None:
    """Ends at once; the temporary Prefect server is stopped before."""
    signal.alarm(10)  # should it not stop
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code)


def main() -> None:
    """Entry point: every error of ours is one message and an exit code."""
    signal.signal(signal.SIGINT, _stop_at_once)
    logging.getLogger("EventsWorker").setLevel(
        logging.ERROR
    )  # Prefect's, at the end of a short run: of no use to a user
    code = _code()
    if (
        code and "duckdb" in sys.modules
    ):  # the error holds a database: its binding would print a page about it at an orderly end
        _end(code)
    sys.exit(code)


def _code() -> int:
    try:
        app(standalone_mode=False)
    except ConfigError as error:
        where = f" in {error.where}" if error.where else ""
        err.print(
            f"Configuration: {len(error.mistakes)} mistake{'s' if len(error.mistakes) > 1 else ''}{where}",
            style="bold red",
        )
        for mistake in error.mistakes:
            err.print(f"  {mistake}", markup=False, soft_wrap=True)
        return error.exit_code
    except CorpusAuditError as error:
        err.print(f"{error}", style="red", markup=False, soft_wrap=True)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        err.print("Stopped. Finished shards are kept: the same command goes on from there.", style="yellow")
        return 130
    except typer.Exit as stop:
        return stop.exit_code
    except BrokenPipeError:
        return 0
    except Exception as error:
        if hasattr(error, "show") and hasattr(
            error, "exit_code"
        ):  # a usage mistake; typer brings its own copy of click
            error.show()
            return int(error.exit_code)
        raise
    return 0


if __name__ == "__main__":
    main()
