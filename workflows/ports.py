"""What workflows may ask of the world: abstract activities, each with its time limits and retries beside it.

Classes in activities/ implement them. A workflow's imports end here: no database, no network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import timedelta
from typing import TypedDict

from temporalio import activity
from temporalio.common import RetryPolicy

from domain.contracts.adjustments import AdjustmentRequest
from domain.contracts.operations import StepOutcome, StepRequest
from domain.contracts.purchase_orders import PurchaseOrderRequest
from domain.contracts.reservations import HoldOutcome, HoldRequest, SettleOutcome, SettleRequest
from domain.contracts.restock import DraftedOrder, DraftRequest, ScanPage, ScanRequest
from domain.contracts.transfers import TransferRequest


class LocalActivityOptions(TypedDict):
    """The limits of a local activity, spelled out: the SDK has no defaults that suit stock."""

    start_to_close_timeout: timedelta
    local_retry_threshold: timedelta
    retry_policy: RetryPolicy


UNTIL_IT_ANSWERS = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=5),
    maximum_attempts=0,
)
"""Stock is settled some day, whatever is down today: no limit on attempts."""

STOCK_OPTIONS: LocalActivityOptions = {
    # One transaction; longer than every limit that Postgres keeps for us.
    "start_to_close_timeout": timedelta(seconds=20),
    # Short outages are waited out inside the workflow task, longer ones by a timer of the server.
    "local_retry_threshold": timedelta(seconds=5),
    "retry_policy": UNTIL_IT_ANSWERS,
}


class ActivityOptions(TypedDict):
    """The limits of an ordinary activity."""

    start_to_close_timeout: timedelta
    retry_policy: RetryPolicy


STEP_OPTIONS: ActivityOptions = {
    # One transaction, as above. Ordinary activities, because people read these workflows in Temporal UI, where a local
    # one has no words of its own.
    "start_to_close_timeout": timedelta(seconds=20),
    "retry_policy": UNTIL_IT_ANSWERS,
}


class ReservationActivities(ABC):
    """One Postgres transaction each, idempotent on the reservation id. Run as local activities."""

    @activity.defn(name="hold")
    @abstractmethod
    async def hold(self, request: HoldRequest) -> HoldOutcome:
        """Hold stock or record the refusal; a repeat answers the row as it is now."""

    @activity.defn(name="settle")
    @abstractmethod
    async def settle(self, request: SettleRequest) -> SettleOutcome:
        """Make a guarded transition; the answer is the row's status afterwards, whoever won."""


class AdjustmentActivities(ABC):
    """One Postgres transaction each, idempotent on the adjustment's id and the decision's."""

    @activity.defn(name="open_adjustment")
    @abstractmethod
    async def open(self, request: AdjustmentRequest) -> StepOutcome:
        """Record the adjustment if nobody has, apply it if one person is enough; answers the row as it is now."""

    @activity.defn(name="take_adjustment_step")
    @abstractmethod
    async def take(self, request: StepRequest) -> StepOutcome:
        """Take one step under its rules, or record who was refused and why."""


class TransferActivities(ABC):
    """One Postgres transaction each, idempotent on the transfer's id and the decision's."""

    @activity.defn(name="open_transfer")
    @abstractmethod
    async def open(self, request: TransferRequest) -> StepOutcome:
        """Record the transfer if nobody has; answers the row as it is now."""

    @activity.defn(name="take_transfer_step")
    @abstractmethod
    async def take(self, request: StepRequest) -> StepOutcome:
        """Take one step under its rules, or record who was refused and why."""


class PurchaseOrderActivities(ABC):
    """One Postgres transaction each, idempotent on the decision's id. Run as local activities."""

    @activity.defn(name="open_purchase_order")
    @abstractmethod
    async def open(self, request: PurchaseOrderRequest) -> StepOutcome:
        """The order's row as it is now: it was drafted before its workflow started."""

    @activity.defn(name="take_purchase_order_step")
    @abstractmethod
    async def take(self, request: StepRequest) -> StepOutcome:
        """Take one step under its rules, or record who was refused and why."""


class RestockActivities(ABC):
    """The work of a Restock run. Ordinary activities, each safe to repeat."""

    @activity.defn(name="scan_for_restock")
    @abstractmethod
    async def scan(self, request: ScanRequest) -> ScanPage:
        """Look at one page of low rows."""

    @activity.defn(name="draft_for_restock")
    @abstractmethod
    async def draft(self, request: DraftRequest) -> list[DraftedOrder]:
        """Draft what one supplier is to deliver to one warehouse; answers what the run has drafted for it."""


class MaintenanceActivities(ABC):
    """The housekeeping of the Reconcile schedule. Ordinary activities, each safe to repeat."""

    @activity.defn(name="check_invariants")
    @abstractmethod
    async def check_invariants(self) -> dict[str, int]:
        """Count the violations of each invariant and export them as a metric, and what waits beside them."""

    @activity.defn(name="adopt_orphans")
    @abstractmethod
    async def adopt_orphans(self) -> int:
        """Start a workflow for each PENDING row that has none; answers how many."""

    @activity.defn(name="trim")
    @abstractmethod
    async def trim(self) -> dict[str, int]:
        """Delete what is past its keeping: inbox, keys, REJECTED rows and the like; answers rows by table."""
