"""A round of restocking: look for rows that are low, draft an order for each supplier and warehouse, let it go its way.

What is drafted counts as on order, and each draft is derived from the run: whatever is repeated drafts nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypedDict

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ActivityError, FailureError, WorkflowAlreadyStartedError

from domain.contracts.names import (
    OPERATIONS_QUEUE,
    PURCHASE_ORDER_WORKFLOW,
    RESTOCK_WORKFLOW,
    SKUS,
    operation_workflow_id,
)
from domain.contracts.operations import StaffDecision
from domain.contracts.purchase_orders import PurchaseOrderRequest
from domain.contracts.restock import DraftedOrder, DraftRequest, Need, RestockReport, RestockRequest, ScanRequest
from domain.ids import RESTOCK_POLICY
from domain.operations import OperationKind, Step
from domain.restock import RestockMode
from workflows.ports import RestockActivities

SKUS_SHOWN_MAX = 20


class StepOptions(TypedDict):
    """The limits of one step."""

    start_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy


STEP_OPTIONS: StepOptions = {
    "start_to_close_timeout": timedelta(minutes=5),
    # One transaction for each sign of life; longer than every limit that Postgres keeps for us.
    "heartbeat_timeout": timedelta(seconds=20),
    # A minute or so of trouble is sat out; what is left undone then is for the next run.
    "retry_policy": RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_attempts=6),
}


@workflow.defn(name=RESTOCK_WORKFLOW)
class RestockWorkflow:
    """One run."""

    @workflow.run
    async def run(self, request: RestockRequest) -> RestockReport:
        """Scan, then draft for each need and start what is drafted."""
        self._request = request
        while not self._request.scanned:
            await self._scan_a_page()
            self._go_on()
        while self._request.needs:
            await self._serve(self._request.needs[0])
            self._request = replace(self._request, needs=self._request.needs[1:])
            self._go_on()
        return self._request.report

    async def _scan_a_page(self) -> None:
        now = self._request
        page = await workflow.execute_activity_method(
            RestockActivities.scan, ScanRequest(token=now.token), summary="look for low rows", **STEP_OPTIONS
        )
        report = replace(
            now.report,
            low_rows=now.report.low_rows + page.low_rows,
            unsupplied_rows=now.report.unsupplied_rows + page.unsupplied_rows,
        )
        needs = list(dict.fromkeys([*now.needs, *page.needs]))
        self._request = replace(now, token=page.next_token, scanned=page.next_token is None, needs=needs, report=report)

    async def _serve(self, need: Need) -> None:
        """Draft what is needed, and let each order wait for people, or approve and send it by policy."""
        with self._noting_failure(need):
            drafted = await workflow.execute_activity_method(
                RestockActivities.draft,
                DraftRequest(run=workflow.info().workflow_id, need=need),
                summary="draft what a supplier is to deliver",
                **STEP_OPTIONS,
            )
            for order in drafted:
                await self._begin(order)
                self._note(orders=[*self._request.report.orders, order.number])

    async def _begin(self, order: DraftedOrder) -> None:
        """Start the order's workflow, which outlives this one."""
        workflow_id = operation_workflow_id(OperationKind.PURCHASE_ORDER, order.purchase_order_id)
        skus = SearchAttributeKey.for_keyword_list(SKUS)
        try:
            await workflow.start_child_workflow(
                PURCHASE_ORDER_WORKFLOW,
                PurchaseOrderRequest(purchase_order_id=order.purchase_order_id, title=order.title),
                id=workflow_id,
                task_queue=OPERATIONS_QUEUE,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                search_attributes=TypedSearchAttributes([SearchAttributePair(skus, order.skus[:SKUS_SHOWN_MAX])]),
                static_summary=order.title,
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("purchase_order_runs_already", extra={"number": order.number})
        if self._request.mode is RestockMode.AUTOMATIC:
            await self._approve_and_send(workflow_id, order)

    async def _approve_and_send(self, workflow_id: str, order: DraftedOrder) -> None:
        """As whoever set the mode has decided in advance. The order may have been cancelled by somebody meanwhile."""
        handle = workflow.get_external_workflow_handle(workflow_id)
        try:
            for step in (Step.APPROVE, Step.SEND):
                await handle.signal(step.value, _by_policy(step, order))
        except FailureError:
            workflow.logger.info("purchase_order_has_ended", extra={"number": order.number})

    def _go_on(self) -> None:
        """In a new history when this one has become long."""
        workflow.set_current_details(_in_words(self._request))
        if workflow.info().is_continue_as_new_suggested() and (not self._request.scanned or self._request.needs):
            workflow.continue_as_new(self._request)

    @contextmanager
    def _noting_failure(self, need: Need) -> Iterator[None]:
        try:
            yield
        except ActivityError:
            workflow.logger.exception("restock_draft_failed", extra={"supplier_id": str(need.supplier_id)})
            self._note(failed=[*self._request.report.failed, f"{need.supplier_id} for {need.warehouse_id}"])

    def _note(self, **found: Any) -> None:
        self._request = replace(self._request, report=replace(self._request.report, **found))


def _by_policy(step: Step, order: DraftedOrder) -> StaffDecision:
    return StaffDecision(
        decision_id=f"restock-{step}-{order.purchase_order_id}",
        actor_id=RESTOCK_POLICY.actor_id,
        actor_name=RESTOCK_POLICY.name,
        reason="restocked automatically",
    )


def _in_words(request: RestockRequest) -> str:
    report = request.report
    return (
        f"{report.low_rows} low rows, {report.unsupplied_rows} that nobody sells\n\n"
        f"drafted: {', '.join(report.orders) or 'nothing yet'}\n\nstill to look at: {len(request.needs)}"
    )
