"""The console for staff: `holdfast waiting`, `holdfast approve adjustment ID`, `holdfast receive transfer ID`, …

Speaks to the running service over REST like anybody else, so that every step meets the same rules and leaves the same
line in the audit trail. Knows which nouns take which step; the service decides everything else. A step keeps its key
until it is known what became of it, and says how to repeat it when that stays unknown.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from domain.limits import PAGE_ROWS_MAX
from domain.operations import OperationKind, Step
from gateway.auth import SCOPES, development_token
from holdfast.rest_client import NO_ANSWER, PATIENCE_SECONDS, Answer, PatienceEnded, open_rest
from runtime.settings import Settings

REQUEST_SECONDS_MAX = 30.0
INTERRUPTED = 130
"""What shells say of a command that was ended by Ctrl-C."""

PATHS = {
    OperationKind.ADJUSTMENT: "adjustments",
    OperationKind.TRANSFER: "transfers",
    OperationKind.PURCHASE_ORDER: "purchase-orders",
}
WAITING = {"adjustments": "PENDING", "transfers": "PENDING_APPROVAL", "purchase-orders": "DRAFT"}
"""The state in which each waits for somebody's approval."""

_ID_NAMES = ("adjustmentId", "transferId", "purchaseOrderId")


def new_key() -> str:
    """A key that no step has had."""
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Desk:
    """The service that a command speaks to, and in whose name; `options` say the same on the command line."""

    api: str
    token: str
    as_json: bool = False
    options: Sequence[str] = ()
    patience_seconds: float = PATIENCE_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A step to take. `lines` are `SKU=QUANTITY`; without any, all that is outstanding is meant.

    The same step with the same `key` counts once.
    """

    kind: OperationKind
    operation_id: str
    step: Step
    reason: str = ""
    lines: Sequence[str] = ()
    receipt_id: str = ""
    discrepancy: str = ""
    key: str = field(default_factory=new_key)

    @property
    def path(self) -> str:
        """Where the step is taken."""
        return f"/{PATHS[self.kind]}/{self.operation_id}/{self.step}"

    def body(self) -> dict[str, Any]:
        """What is said with it; nothing that was not given. Raises typer.BadParameter for a line that is none."""
        given = {
            "reason": self.reason,
            "lines": [_line(line) for line in self.lines],
            "receiptId": self.receipt_id,
            "discrepancy": self.discrepancy,
        }
        return {name: value for name, value in given.items() if value}

    def command(self, options: Sequence[str]) -> str:
        """What to type to take it again; with these options for where and in whose name."""
        texts = {"--reason": self.reason, "--receipt": self.receipt_id, "--discrepancy": self.discrepancy}
        said = [f"{option}={text}" for option, text in texts.items() if text]
        lines = [f"--line={line}" for line in self.lines]
        noun = ["holdfast", self.step.value, self.kind.value, self.operation_id]
        return shlex.join([*noun, *said, *lines, *options, f"--key={self.key}"])


def desk(settings: Settings, as_name: str, api: str, token: str, *, as_json: bool) -> Desk:
    """The service to speak to, and a token for it: the given one, or a development token in somebody's name."""
    address = api or f"http://{settings.app_host}:{settings.app_port}"
    bearer = token or development_token(settings, subject=as_name, scopes=SCOPES)
    # A token is no word for a screen; in another name than before, the same key would be a new one.
    caller = "--token=TOKEN" if token else f"--as={as_name}"
    return Desk(address, bearer, as_json, [f"--api={address}", caller, *(["--json"] if as_json else [])])


def take(desk: Desk, taken: Taken) -> int:
    """Take a step and show what became of it; 0 when it was taken."""
    try:
        return asyncio.run(_take(desk, taken))
    except KeyboardInterrupt:
        _tell_how_to_repeat(desk, taken)
        return INTERRUPTED


def waiting(desk: Desk) -> int:
    """Show everything that waits for an approval."""
    return asyncio.run(_waiting(desk))


async def _take(desk: Desk, taken: Taken) -> int:
    answer = await _answer_to(desk, taken, taken.body())
    is_unknown = answer.status >= 500 or not answer.is_final
    if desk.as_json:
        typer.echo(json.dumps(_words(answer) | ({"idempotencyKey": taken.key} if is_unknown else {}), indent=2))
    elif answer.status >= 400:
        _tell_refusal(answer)
    else:
        typer.echo(f"{taken.kind} {taken.operation_id} is {answer.body['status']} now.")
    if is_unknown:
        _tell_how_to_repeat(desk, taken)
    return 0 if answer.status < 400 else 1


async def _answer_to(desk: Desk, taken: Taken, body: dict[str, Any]) -> Answer:
    """The final answer to a step; the last one, or that there was none, when patience ends."""

    def tell(failure: str) -> None:
        typer.echo(f"No final answer yet ({failure}): asking again, with the key {taken.key}.", err=True)

    try:
        async with open_rest(desk.api, desk.token, request_seconds_max=REQUEST_SECONDS_MAX) as rest:
            return await rest.post_patiently(
                taken.path,
                body,
                key=taken.key,
                patience_seconds=desk.patience_seconds,
                heeds_retry_after=True,
                on_first_failure=tell,
            )
    except PatienceEnded as end:
        return end.last or _silence(desk, end.__cause__)
    except NO_ANSWER as error:
        return _silence(desk, error)


async def _waiting(desk: Desk) -> int:
    found: dict[str, list[dict[str, Any]]] = {}
    for path, state in WAITING.items():
        try:
            found[path] = [item async for item in _listed(desk, f"/{path}", status=state)]
        except _Refused as refused:
            _tell_refusal(refused.answer)
            return 1
    if desk.as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        Console().print(_as_table(found) if any(found.values()) else "Nothing waits for an approval.")
    return 0


async def _listed(desk: Desk, path: str, **query: str) -> AsyncIterator[dict[str, Any]]:
    """Every item of a list, page by page to its end. Raises _Refused."""
    place: dict[str, str] = {}
    async with open_rest(desk.api, desk.token, request_seconds_max=REQUEST_SECONDS_MAX) as rest:
        while True:
            try:
                answer = await rest.get(path, **query, pageSize=str(PAGE_ROWS_MAX), **place)
            except NO_ANSWER as error:
                raise _Refused(_silence(desk, error)) from error
            if answer.status >= 400:
                raise _Refused(answer)
            for item in answer.body["items"]:
                yield item
            if answer.body["nextPageToken"] is None:
                return
            place = {"pageToken": answer.body["nextPageToken"]}


class _Refused(Exception):
    """A list that cannot be had to its end."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.code)
        self.answer = answer


def _silence(desk: Desk, error: BaseException | None) -> Answer:
    detail = f"{desk.api} does not answer: {error or type(error).__name__}"
    return Answer(503, {"code": "unavailable", "detail": detail}, seconds=0.0)


def _words(answer: Answer) -> dict[str, Any]:
    """What was answered, also when it was not the service that did."""
    return answer.body if isinstance(answer.body, dict) else {"code": answer.code, "detail": "no answer"}


def _tell_refusal(answer: Answer) -> None:
    words = _words(answer)
    typer.echo(f"{answer.code}: {words.get('detail', 'no answer')}", err=True)


def _tell_how_to_repeat(desk: Desk, taken: Taken) -> None:
    typer.echo("It is not known whether it was done. The same key makes it count once, within 24 hours:", err=True)
    typer.echo(f"  {taken.command(desk.options)}", err=True)


def _as_table(found: dict[str, list[dict[str, Any]]]) -> Table:
    table = Table("what", "id", "asked by", "since", "about")
    for path, items in found.items():
        for item in items:
            own_id = next(item[name] for name in _ID_NAMES if name in item)
            asked = str(item.get("requestedByName", ""))
            table.add_row(path, own_id, asked, str(item.get("requestedAt", ""))[:16], _about(item))
    return table


def _about(item: dict[str, Any]) -> str:
    lines = item.get("lines") or [{"sku": item.get("sku"), "quantity": item.get("delta")}]
    return ", ".join(f"{line['quantity']} × {line['sku']}" for line in lines[:3]) + (" …" if len(lines) > 3 else "")


def _line(text: str) -> dict[str, Any]:
    sku, separator, quantity = text.rpartition("=")
    if not separator or not sku or not quantity.isdecimal():
        raise typer.BadParameter(f"{text!r} is no line: write SKU=QUANTITY")
    return {"sku": sku, "quantity": int(quantity)}
