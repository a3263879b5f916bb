"""The order of `holdfast bench --flash-sale`: a service of its own, the sale, and what the books say then."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from db.engine import Database
from db.invariants import violations_of
from domain.contracts.names import RESERVATION_WORKFLOW
from holdfast.bench.figures import Row, Spread, percentile_ms
from holdfast.bench.flash_sale import Fates, Sale, held_sale
from holdfast.bench.programs import run_program
from holdfast.bench.report import Report, print_report, write_report
from holdfast.bench.run import serving
from holdfast.bench.service_load import Shop
from runtime.settings import Settings
from runtime.temporal import connect

REFUSED_MS_MAX = 100.0
REFUSED_BY_EVENT_MS_MAX = 500.0
NEEDLESS_SHARE_MAX = 0.01
"""Of those who were refused: how many may have cost a workflow, since two processes took the last piece at once."""

COUNT_SECONDS_MAX = 20.0
"""Temporal counts workflows a little late."""


@dataclass(frozen=True, slots=True)
class Books:
    """What is true after the sale, from the tables, the ledger and Temporal."""

    committed: int
    left_over: int
    sold_by_ledger: int
    workflows: int
    violations: list[str]


def main(settings: Settings, report_path: Path | None = None, sale: Sale | None = None) -> int:
    """Hold the sale and tell; 0 when exactly what there was has been sold, and everybody knows."""
    sale = sale or Sale()
    console = Console()
    fates, books = asyncio.run(_held(settings, sale, lambda line: console.print(f"[dim]{line}[/dim]")))
    found = rows(sale, fates, books)
    report = Report(title_of(sale), found, 1, lines=told(fates, books), details=_details(sale, fates, books))
    print_report(console, report)
    if report_path is not None:
        console.print(f"written: {', '.join(path.name for path in write_report(report_path, report))}")
    return 0 if is_exact(sale, fates, books) else 1


def is_exact(sale: Sale, fates: Fates, books: Books) -> bool:
    """Whether exactly what there was has been sold, the books agree, and everybody was told, and the truth."""
    told_sold = fates.counts["sold by REST"] + fates.counts["sold by event"]
    told_refused = fates.counts["refused by REST"] + fates.counts["refused by event"]
    return (
        told_sold == books.committed == books.sold_by_ledger == sale.units
        and told_refused == sale.buyers - sale.units
        and books.left_over == 0
        and not books.violations
        and not fates.first_failure
    )


def rows(sale: Sale, fates: Fates, books: Books) -> list[Row]:
    """The figures of a sale."""
    refused = fates.counts["refused by REST"] + fates.counts["refused by event"]
    needless = books.workflows - sale.units
    exact = f"exactly {sale.units:,}, and everybody told"
    return [
        Row("pieces sold", "", _one(books.committed), budget=exact, is_within=is_exact(sale, fates, books)),
        Row(
            "workflows started",
            "",
            _one(books.workflows),
            budget=f"one for each piece; at most {NEEDLESS_SHARE_MAX:.0%} of refusals cost one",
            is_within=needless <= NEEDLESS_SHARE_MAX * max(1, refused),
            notes=f"{needless} more than pieces, for {refused:,} refusals",
        ),
        _quick("refusal by REST (409), p95", fates.refused, REFUSED_MS_MAX),
        _quick("order.created to inventory.reservation_rejected, p95", fates.refused_by_event, REFUSED_BY_EVENT_MS_MAX),
        Row("sent away for now (503), p95", "ms", _ms(fates.shed, 0.95), notes=f"{len(fates.shed):,} times"),
        Row("held, p95", "ms", _ms(fates.held, 0.95)),
        Row("committed, p95", "ms", _ms(fates.committed, 0.95)),
        Row("from the first ask to the last word, p95", "ms", _ms(fates.told, 0.95)),
        Row("sold out after", "s", Spread((fates.sold_out_after_seconds,))),
    ]


def title_of(sale: Sale) -> str:
    """The sale in one line."""
    by_event = f"{sale.events_share:.0%} of them by event"
    return f"Flash sale of {sale.units:,} pieces, {sale.buyers:,} buyers at {sale.rate_per_second:.0f}/s, {by_event}"


def told(fates: Fates, books: Books) -> list[str]:
    """What became of everybody, and what is wrong, in words."""
    counts = ", ".join(f"{count:,} {fate}" for fate, count in sorted(fates.counts.items()))
    wrong = [*books.violations, *([fates.first_failure] if fates.first_failure else [])]
    return [counts, *(f"WRONG: {it}" for it in wrong)]


async def _held(settings: Settings, sale: Sale, log: Callable[[str], None]) -> tuple[Fates, Books]:
    async with serving(settings, log) as (service, shop):
        before = await _workflows(service.settings)
        sku = f"FLASH-{uuid.uuid4().hex[:8]}"
        await _shelve(shop, sku, sale.units)
        log(f"{sale.buyers:,} buyers at {sale.rate_per_second:.0f}/s")
        fates = await held_sale(service.settings, shop, sku, sale)
        log("counting")
        return fates, await _books(service.settings, sku, before)


async def _shelve(shop: Shop, sku: str, units: int) -> None:
    place = {"code": sku, "name": "Flash sale", "region": "bench"}
    _, warehouse = await shop.post("/warehouses", place)
    row = {"sku": sku, "productId": str(uuid.uuid4()), "warehouseId": warehouse["warehouseId"], "quantityTotal": units}
    status, answer = await shop.post("/inventory", row)
    assert status == 201, answer


async def _books(settings: Settings, sku: str, workflows_before: int) -> Books:
    row = f"(select inventory_id from inventory where sku = '{sku}')"  # noqa: S608 - a name of our own
    sold = f"select coalesce(-sum(quantity), 0) from stock_movements where type = 'OUTBOUND' and inventory_id = {row}"  # noqa: S608
    committed = (
        "select count(*) from reservations join reservation_lines using (reservation_id) "  # noqa: S608
        f"where status = 'COMMITTED' and inventory_id = {row}"
    )
    left_over = f"select quantity_total + quantity_reserved from inventory where sku = '{sku}'"  # noqa: S608
    database = Database.connect(settings, process="bench")
    try:
        violations = [f"{it.invariant}: {it.count} rows" for it in await violations_of(database)]
    finally:
        await database.close()
    sold_rows = await _number(settings, committed)
    return Books(
        committed=sold_rows,
        left_over=await _number(settings, left_over),
        sold_by_ledger=await _number(settings, sold),
        workflows=await _workflows(settings, at_least=sold_rows + workflows_before) - workflows_before,
        violations=violations,
    )


async def _number(settings: Settings, query: str) -> int:
    return int(await run_program(settings, "psql", "--no-psqlrc", "--no-align", "--tuples-only", "--command", query))


async def _workflows(settings: Settings, at_least: int = 0) -> int:
    """Reservation workflows that were ever started, once that many are counted and the count stands still."""
    client = await connect(settings, process="bench")
    count, before = -1, -2
    async with asyncio.timeout(COUNT_SECONDS_MAX):
        while count < at_least or count != before:
            await asyncio.sleep(0.5)
            before = count
            count = (await client.count_workflows(f"WorkflowType = '{RESERVATION_WORKFLOW}'")).count
    return count


def _quick(name: str, seconds: list[float], milliseconds_max: float) -> Row:
    found = _ms(seconds, 0.95)
    budget = f"≤ {milliseconds_max:.0f} ms"
    notes = f"p50 {percentile_ms(seconds, 0.5):.0f}, p99 {percentile_ms(seconds, 0.99):.0f} ms"
    return Row(name, "ms", found, budget=budget, is_within=found.middle <= milliseconds_max, notes=notes)


def _one(count: int) -> Spread:
    return Spread((float(count),))


def _ms(seconds: list[float], share: float) -> Spread:
    return Spread((percentile_ms(seconds, share),))


def _details(sale: Sale, fates: Fates, books: Books) -> dict[str, Any]:
    return {"sale": asdict(sale), "fates": dict(fates.counts), "books": asdict(books)}
