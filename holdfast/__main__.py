"""The console command. Each subcommand imports what it needs when it is called, so that none pays for another.

Reads the settings, hands them on, and ends the process with the code it is given back.
"""

from __future__ import annotations

import importlib
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from domain.operations import OperationKind, Step
from holdfast.command import DEFAULT_DIRECTORY, finish, read_settings, refuse, run, settings_here
from holdfast.stack.errors import StackError
from holdfast.stack_file import STACK_FILE
from runtime.lifecycle import exit_process

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The inventory service that cannot oversell.",
)

DirectoryOption = Annotated[Path, typer.Option("--directory", help="Where the stack keeps its data and logs.")]
AsOption = Annotated[str, typer.Option("--as", help="Whose name a development token is made for.")]
ApiOption = Annotated[str, typer.Option(envvar="HOLDFAST_API", help="The service; by default the one that runs here.")]
TokenOption = Annotated[str, typer.Option(envvar="HOLDFAST_TOKEN", help="A token of your own, instead of --as.")]
JsonOption = Annotated[bool, typer.Option("--json", help="What was found as JSON on standard output.")]


@app.command()
def up(directory: DirectoryOption = DEFAULT_DIRECTORY) -> None:
    """Start the stack and all processes and keep them running until Ctrl-C."""
    run("holdfast.up", directory)


@app.command()
def clean(directory: DirectoryOption = DEFAULT_DIRECTORY) -> None:
    """Drop the data that `up` keeps."""
    try:
        importlib.import_module("holdfast.stack.embedded").drop_data(directory)
    except StackError as error:
        refuse(str(error))
    finish(0)


@app.command()
def serve() -> None:
    """Serve REST and gRPC, with a reservation worker beside them."""
    run("holdfast.serve")


@app.command()
def worker() -> None:
    """Run workflows and activities, and the schedules."""
    run("holdfast.worker")


@app.command()
def bridge() -> None:
    """Carry events from Kafka to reservations."""
    run("holdfast.bridge")


@app.command()
def relay() -> None:
    """Carry events from the outbox to Kafka, and sweep holds that are overdue."""
    run("holdfast.relay")


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    settings = settings_here()
    revision = importlib.import_module("db.migrations").upgrade(settings)
    typer.echo(f"The schema is at revision {revision}.")
    finish(0)


@app.command()
def seed() -> None:
    """Fill an empty database with a believable catalogue."""
    finish(importlib.import_module("holdfast.seed").main(settings_here()))


@app.command(name="import")
def import_stock(
    file: Annotated[str, typer.Argument(help="The CSV file; - for standard input.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of each line.")] = False,
    as_json: JsonOption = False,
    warehouse: Annotated[str | None, typer.Option(help="The warehouse's code, for lines that name none.")] = None,
    name: Annotated[
        str | None, typer.Option(help="What makes a repeat a repeat; the file's contents when it is not given.")
    ] = None,
    performed_by: Annotated[str | None, typer.Option("--as", help="Whose name stands in the ledger.")] = None,
) -> None:
    """Import stock from a CSV file: make the rows that are missing, count those that are there.

    Columns: sku, product_id, warehouse (its code), and as you like variant_id, quantity, reorder_point,
    reorder_quantity, unit_cost, currency; separated by comma, semicolon or tab. An empty cell changes nothing. The
    quantity of a new row is its opening stock; of another it is a count, and the difference is adjusted unless it is
    large enough to need an approval. The exit code is 0 when every line was applied.
    """
    module = importlib.import_module("holdfast.imports")
    options = module.Options(dry_run=dry_run, warehouse=warehouse, name=name, performed_by=performed_by)
    finish(module.main(settings_here(), file, options, as_json=as_json))


@app.command()
def token(
    subject: Annotated[str, typer.Option(help="Who the token speaks for.")] = "developer",
    scope: Annotated[str, typer.Option(help="Scopes, separated by spaces.")] = "admin",
) -> None:
    """Print a development token."""
    settings = settings_here()
    issue = importlib.import_module("gateway.auth").development_token
    typer.echo(issue(settings, subject=subject, scopes=scope.split()))
    finish(0)


@app.command()
def waiting(
    as_name: AsOption = "developer", api: ApiOption = "", token: TokenOption = "", as_json: JsonOption = False
) -> None:
    """Show what waits for somebody's approval."""
    staff = importlib.import_module("holdfast.staff")
    finish(staff.waiting(staff.desk(settings_here(), as_name, api, token, as_json=as_json)))


def _take_step(step: Step, explanation: str) -> None:
    """Make `holdfast STEP NOUN ID` a command."""

    def command(
        noun: OperationKind,
        operation_id: Annotated[str, typer.Argument(metavar="ID")],
        *,
        reason: Annotated[str, typer.Option(help="Why; it stands in the audit trail.")] = "",
        line: Annotated[list[str] | None, typer.Option(help="SKU=QUANTITY, as often as needed; all if none.")] = None,
        receipt: Annotated[str, typer.Option(help="The delivery's own number: it counts once.")] = "",
        discrepancy: Annotated[str, typer.Option(help="What became of a gap: lost, found or return.")] = "",
        key: Annotated[str, typer.Option(help="The key of a step whose outcome is not known, to take it once.")] = "",
        as_name: AsOption = "developer",
        api: ApiOption = "",
        token: TokenOption = "",
        as_json: JsonOption = False,
    ) -> None:
        staff = importlib.import_module("holdfast.staff")
        taken = staff.Taken(
            kind=noun,
            operation_id=operation_id,
            step=step,
            reason=reason,
            lines=line or (),
            receipt_id=receipt,
            discrepancy=discrepancy,
            key=key or staff.new_key(),
        )
        finish(staff.take(staff.desk(settings_here(), as_name, api, token, as_json=as_json), taken))

    command.__name__ = step.value
    app.command(name=step.value, help=explanation)(command)


for _step, _explanation in {
    Step.APPROVE: "Approve an adjustment, a transfer or a purchase order that somebody else asked for.",
    Step.REJECT: "Reject one: it will not be done.",
    Step.SHIP: "Ship an approved transfer: its stock leaves the source.",
    Step.SEND: "Send an approved purchase order to its supplier.",
    Step.RECEIVE: "Receive what a transfer or a purchase order brings, in whole or in part.",
    Step.RESOLVE: "Say what became of the pieces of a transfer that did not arrive.",
    Step.CLOSE: "Close a purchase order short: the rest does not come.",
    Step.CANCEL: "Cancel one: whatever it moved goes back.",
}.items():
    _take_step(_step, _explanation)


@app.command()
def doctor(directory: DirectoryOption = DEFAULT_DIRECTORY, as_json: JsonOption = False) -> None:
    """Check every dependency and the invariants, and say what to do."""
    stack_file = directory / STACK_FILE
    settings = settings_here(stack_file)
    finish(importlib.import_module("holdfast.doctor").main(settings, stack_file, as_json=as_json))


@app.command()
def demo(as_json: JsonOption = False) -> None:
    """Tell a checkout story on the whole stack, with its numbers."""
    finish(importlib.import_module("holdfast.demo").main(read_settings(), as_json=as_json))


@app.command()
def bench(
    report: Annotated[
        Path | None, typer.Option(help="Write every figure to this JSON file, a table and plots beside it.")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="How often everything is measured.")] = 3,
    queries: Annotated[bool, typer.Option("--queries", help="Measure queries on five million movements.")] = False,
    flash_sale: Annotated[
        bool, typer.Option("--flash-sale", help="Sell 1 000 pieces of one row to 20 000 buyers.")
    ] = False,
) -> None:
    """Measure latency and capacity beside their yardsticks, on a stack of its own."""
    if flash_sale:
        run("holdfast.bench.flash_run", report)
    run("holdfast.bench.query_run" if queries else "holdfast.bench.run", report, runs)


@app.command()
def capacity(
    rate: Annotated[
        list[float] | None, typer.Option(min=0.1, help="Reservations a second; as often as wanted.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what so many reservations a second need, from the measured costs of one."""
    finish(importlib.import_module("holdfast.capacity").main(rate or (1_000.0, 10_000.0), as_json=as_json))


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


if __name__ == "__main__":
    main()
