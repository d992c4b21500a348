"""The commands in the order of `corpus-audit --help`, and the way in: errors become one line here and only here."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from corpus_tools.errors import ConfigError, CorpusAuditError
from pipelines.cli import classify, read
from pipelines.cli import run as scans
from pipelines.cli.export import export
from pipelines.cli.labels import label_app
from pipelines.show import err, out

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
for _command in (
    export, scans.demo, scans.run, scans.serve, classify.score, read.sql, read.report, read.why, read.compare, scans.rescore,
    classify.train, classify.average, classify.stack, classify.quantize, classify.train_screen, classify.evaluate,
):  # fmt: skip
    app.command()(_command)


def _version(asked: bool) -> None:
    if asked:
        out.print(f"corpus-audit {version('corpus-audit')}", highlight=False)
        raise typer.Exit


@app.callback()
def _main(
    asked: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="say it, and exit")
    ] = False,
) -> None:
    pass


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
