"""What both protocols are given: the commands, the views, and who may call them. Put together by holdfast/serve.py."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from db.engine import Database
from domain.contracts.names import operation_workflow_id, reservation_workflow_id
from domain.operations import OperationKind
from gateway.auth import Authenticator
from gateway.commands.adjustments import AdjustmentCommands
from gateway.commands.alerts import AlertCommands
from gateway.commands.purchase_orders import PurchaseOrderCommands
from gateway.commands.reservations import ReservationCommands
from gateway.commands.restock import RestockCommands
from gateway.commands.returns import ReturnCommands
from gateway.commands.stock import StockCommands
from gateway.commands.suppliers import SupplierCommands
from gateway.commands.transfers import TransferCommands
from gateway.commands.waitlist import WaitlistCommands
from gateway.commands.warehouses import WarehouseCommands
from gateway.health import HealthChecks
from gateway.operation_views import OperationViews
from gateway.purchasing import PurchasingViews
from gateway.reports import Reports
from gateway.views import Views
from runtime.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The service as the protocols see it."""

    settings: Settings
    database: Database
    authenticator: Authenticator
    reservations: ReservationCommands
    returns: ReturnCommands
    waitlist: WaitlistCommands
    stock: StockCommands
    warehouses: WarehouseCommands
    suppliers: SupplierCommands
    purchase_orders: PurchaseOrderCommands
    restock: RestockCommands
    purchasing: PurchasingViews
    alerts: AlertCommands
    adjustments: AdjustmentCommands
    transfers: TransferCommands
    operation_views: OperationViews
    views: Views
    reports: Reports
    health: HealthChecks

    def reservation_link(self, reservation_id: UUID) -> str:
        """Where an operator sees this reservation's workflow in Temporal UI."""
        return self.workflow_link(reservation_workflow_id(reservation_id))

    def operation_link(self, kind: OperationKind, operation_id: UUID) -> str:
        """Where an operator sees this operation's workflow in Temporal UI."""
        return self.workflow_link(operation_workflow_id(kind, operation_id))

    def workflow_link(self, workflow_id: str) -> str:
        """Where an operator sees a workflow in Temporal UI."""
        base = self.settings.temporal_ui_url.rstrip("/")
        namespace = self.settings.temporal_namespace
        return f"{base}/namespaces/{namespace}/workflows/{workflow_id}"
