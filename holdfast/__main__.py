"""The console command. Each subcommand imports what it needs when it is called, so that none pays for another.

Reads the settings, hands them on, and ends the process with the code it is given back.
"""

from __future__ import annotations

import importlib
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from holdfast.stack.errors import StackError
from holdfast.stack_file import STACK_FILE
from runtime.lifecycle import exit_process
from runtime.settings import Settings, SettingsError, load_settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The inventory service that cannot oversell.",
)

DirectoryOption = Annotated[Path, typer.Option("--directory", help="Where the stack keeps its data and logs.")]
DEFAULT_DIRECTORY = Path(".holdfast")
JsonOption = Annotated[bool, typer.Option("--json", help="What was found as JSON on standard output.")]


@app.command()
def up(directory: DirectoryOption = DEFAULT_DIRECTORY) -> None:
    """Start the stack and all processes and keep them running until Ctrl-C."""
    _run("holdfast.up", directory)


@app.command()
def clean(directory: DirectoryOption = DEFAULT_DIRECTORY) -> None:
    """Drop the data that `up` keeps."""
    try:
        importlib.import_module("holdfast.stack.embedded").drop_data(directory)
    except StackError as error:
        _refuse(str(error))
    _finish(0)


@app.command()
def serve() -> None:
    """Serve REST and gRPC, with a reservation worker beside them."""
    _run("holdfast.serve")


@app.command()
def worker() -> None:
    """Run workflows and activities, and the schedules."""
    _run("holdfast.worker")


@app.command()
def bridge() -> None:
    """Carry events from Kafka to reservations."""
    _run("holdfast.bridge")


@app.command()
def relay() -> None:
    """Carry events from the outbox to Kafka, and sweep holds that are overdue."""
    _run("holdfast.relay")


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    settings = _settings_here()
    revision = importlib.import_module("db.migrations").upgrade(settings)
    typer.echo(f"The schema is at revision {revision}.")
    _finish(0)


@app.command()
def seed() -> None:
    """Fill an empty database with a believable catalogue."""
    _finish(importlib.import_module("holdfast.seed").main(_settings_here()))


@app.command()
def token(
    subject: Annotated[str, typer.Option(help="Who the token speaks for.")] = "developer",
    scope: Annotated[str, typer.Option(help="Scopes, separated by spaces.")] = "admin",
) -> None:
    """Print a development token."""
    settings = _settings_here()
    issue = importlib.import_module("gateway.auth").development_token
    typer.echo(issue(settings, subject=subject, scopes=scope.split()))
    _finish(0)


@app.command()
def doctor(directory: DirectoryOption = DEFAULT_DIRECTORY, as_json: JsonOption = False) -> None:
    """Check every dependency and the invariants, and say what to do."""
    stack_file = directory / STACK_FILE
    settings = _settings_here(stack_file)
    _finish(importlib.import_module("holdfast.doctor").main(settings, stack_file, as_json=as_json))


@app.command()
def demo(as_json: JsonOption = False) -> None:
    """Tell a checkout story on the whole stack, with its numbers."""
    _finish(importlib.import_module("holdfast.demo").main(_settings(), as_json=as_json))


@app.command()
def bench(
    json_path: Annotated[Path | None, typer.Option("--json", help="Write every figure to this file, too.")] = None,
    runs: Annotated[int, typer.Option(min=1, help="How often everything is measured.")] = 3,
) -> None:
    """Measure latency and capacity beside their yardsticks, on a stack of its own."""
    _run("holdfast.bench.run", json_path, runs)


def main() -> NoReturn:
    """The entry point of the `holdfast` script; never returns."""
    try:
        app()
    except SystemExit as end:
        exit_process(end.code if isinstance(end.code, int) else 1)
    except Exception:
        traceback.print_exc()
        exit_process(1)
    exit_process(0)


def _run(module: str, *arguments: object) -> NoReturn:
    """Call `main(settings, ...)` of one process; what it returns is the exit code."""
    settings = _settings()
    _finish(importlib.import_module(module).main(settings, *arguments))


def _settings() -> Settings:
    try:
        return load_settings()
    except SettingsError as error:
        _refuse(str(error))


def _settings_here(stack_file: Path = DEFAULT_DIRECTORY / STACK_FILE) -> Settings:
    """Settings of a command typed beside `holdfast up`: what they do not name comes from the stack that runs here."""
    here = importlib.import_module("holdfast.local_stack").local_addresses(stack_file, _settings())
    return load_settings(**here)


def _refuse(message: str) -> NoReturn:
    typer.echo(message, err=True)
    _finish(2)


def _finish(code: int | None) -> NoReturn:
    exit_process(code or 0)


if __name__ == "__main__":
    main()
