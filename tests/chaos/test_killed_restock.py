"""kill −9 of a worker between a draft and its order's workflow: the run goes on elsewhere and drafts nothing twice."""

from __future__ import annotations

import asyncio

from db.engine import Database
from db.purchase_order_rows import of_restock_run
from domain.contracts.names import operation_workflow_id
from domain.contracts.restock import RestockReport
from domain.operations import OperationKind
from runtime.settings import Settings
from tests.buying import add_supplier, incoming_to, sell
from tests.chaos.conftest import Processes, customer_of, killed
from tests.gateway.commands.desk import connect
from tests.stocking import add_stock, assert_invariants


async def test_a_run_whose_worker_died_goes_on_and_drafts_nothing_twice(
    processes: Processes, db: Database, settings: Settings
) -> None:
    items, suppliers = [await add_stock(db, 3) for _ in range(3)], [await add_supplier(db) for _ in range(3)]
    for item, supplier in zip(items, suppliers, strict=True):
        await sell(db, supplier, item.sku, pack_size=12)
    (_, api), victim = await asyncio.gather(processes.serve(), processes.worker("after_restock_draft=kill@2"))
    async with customer_of(api, settings) as clerk:
        run = await clerk.post("/restock/run", {}, key="k-1")
        assert run.status == 202
        await killed(victim)
        await processes.worker()
        assert (await clerk.post("/restock/run", {}, key="k-1")).body == run.body
    temporal = await connect(settings)
    handle = temporal.get_workflow_handle(str(run.body["workflowId"]), result_type=RestockReport)
    report = await asyncio.wait_for(handle.result(), 90)
    orders = await db.reading(lambda session: of_restock_run(session, handle.id))
    assert report.orders == [order.number for order in orders]
    assert sorted(order.lines[0].sku for order in orders) == sorted(item.sku for item in items)
    assert [(await incoming_to(db, item)).on_order for item in items] == [60, 60, 60]
    for order in orders:
        workflow_id = operation_workflow_id(OperationKind.PURCHASE_ORDER, order.purchase_order_id)
        assert (await temporal.get_workflow_handle(workflow_id).describe()).close_time is None
    await assert_invariants(db)
