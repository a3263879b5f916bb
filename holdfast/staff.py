"""The console for staff: `holdfast waiting`, `holdfast approve adjustment ID`, `holdfast receive transfer ID`, …

Speaks to the running service over REST like anybody else, so that every step meets the same rules and leaves the same
line in the audit trail. Knows which nouns take which step; the service decides everything else.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import typer
from rich.console import Console
from rich.table import Table

from domain.operations import OperationKind, Step

REQUEST_SECONDS_MAX = 30.0

PATHS = {
    OperationKind.ADJUSTMENT: "adjustments",
    OperationKind.TRANSFER: "transfers",
    OperationKind.PURCHASE_ORDER: "purchase-orders",
}
WAITING = {"adjustments": "PENDING", "transfers": "PENDING_APPROVAL", "purchase-orders": "DRAFT"}
"""The state in which each waits for somebody's approval."""

_ID_NAMES = ("adjustmentId", "transferId", "purchaseOrderId")


@dataclass(frozen=True, slots=True)
class Desk:
    """The service that a command speaks to, and in whose name."""

    api: str
    token: str
    as_json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A step to take. `lines` are `SKU=QUANTITY`; without any, all that is outstanding is meant."""

    kind: OperationKind
    operation_id: str
    step: Step
    reason: str = ""
    lines: Sequence[str] = ()
    receipt_id: str = ""
    discrepancy: str = ""

    @property
    def path(self) -> str:
        """Where the step is taken."""
        return f"{PATHS[self.kind]}/{self.operation_id}/{self.step}"

    def body(self) -> dict[str, Any]:
        """What is said with it; nothing that was not given. Raises typer.BadParameter for a line that is none."""
        given = {
            "reason": self.reason,
            "lines": [_line(line) for line in self.lines],
            "receiptId": self.receipt_id,
            "discrepancy": self.discrepancy,
        }
        return {name: value for name, value in given.items() if value}


def take(desk: Desk, taken: Taken) -> int:
    """Take a step and show what became of it; 0 when it was taken."""
    return asyncio.run(_take(desk, taken))


def waiting(desk: Desk) -> int:
    """Show everything that waits for an approval."""
    return asyncio.run(_waiting(desk))


async def _take(desk: Desk, taken: Taken) -> int:
    body = taken.body()
    status, answer = await _ask(desk, "POST", taken.path, body=body)
    if desk.as_json:
        typer.echo(json.dumps(answer, indent=2))
    elif status >= 400:
        typer.echo(f"{answer.get('code', status)}: {answer.get('detail', 'no answer')}", err=True)
    else:
        typer.echo(f"{taken.kind} {taken.operation_id} is {answer['status']} now.")
    return 0 if status < 400 else 1


async def _waiting(desk: Desk) -> int:
    found: dict[str, list[dict[str, Any]]] = {}
    for path, state in WAITING.items():
        status, answer = await _ask(desk, "GET", path, query={"status": state})
        if status >= 400:
            typer.echo(f"{answer.get('code', status)}: {answer.get('detail', 'no answer')}", err=True)
            return 1
        found[path] = answer["items"]
    if desk.as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        Console().print(_as_table(found) if any(found.values()) else "Nothing waits for an approval.")
    return 0


async def _ask(
    desk: Desk, method: str, path: str, *, body: Any = None, query: dict[str, str] | None = None
) -> tuple[int, Any]:
    """One request; a POST carries a key, so that it may be sent again by whoever sees no answer."""
    headers = {"Authorization": f"Bearer {desk.token}"}
    if method == "POST":
        headers["Idempotency-Key"] = str(uuid.uuid4())
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS_MAX)
    try:
        async with (
            aiohttp.ClientSession(desk.api, timeout=timeout, headers=headers) as session,
            session.request(method, f"/api/v1/{path}", json=body, params=query) as response,
        ):
            return response.status, await response.json(content_type=None)
    except (OSError, aiohttp.ClientError, TimeoutError) as error:
        return 503, {"code": "unavailable", "detail": f"{desk.api} does not answer: {error or type(error).__name__}"}


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
