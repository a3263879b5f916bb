"""Every route: method, path, handler, who may; one table for each noun. What is not here does not exist."""

from __future__ import annotations

from gateway.http.routes.adjustments import ADJUSTMENTS
from gateway.http.routes.alerts import ALERTS
from gateway.http.routes.availability import AVAILABILITY
from gateway.http.routes.health import HEALTH
from gateway.http.routes.inventory import INVENTORY
from gateway.http.routes.purchase_orders import PURCHASE_ORDERS
from gateway.http.routes.reports import REPORTS
from gateway.http.routes.reservations import RESERVATIONS
from gateway.http.routes.restock import RESTOCK
from gateway.http.routes.returns import RETURNS
from gateway.http.routes.suppliers import SUPPLIERS
from gateway.http.routes.transfers import TRANSFERS
from gateway.http.routes.waitlist import WAITLIST
from gateway.http.routes.warehouses import WAREHOUSES

ROUTES = (
    *INVENTORY,
    *RESERVATIONS,
    *RETURNS,
    *WAITLIST,
    *WAREHOUSES,
    *AVAILABILITY,
    *REPORTS,
    *ALERTS,
    *SUPPLIERS,
    *PURCHASE_ORDERS,
    *RESTOCK,
    *ADJUSTMENTS,
    *TRANSFERS,
    *HEALTH,
)
