"""The routes of alerts."""

from __future__ import annotations

from gateway.auth import INVENTORY_READ, OPERATIONS_WRITE
from gateway.http import alerts
from gateway.http.route import Route, answers
from gateway.http.schemas.alerts import Alert, AlertAcknowledge, AlertListing, AlertQuery, AlertResolve

READ = (INVENTORY_READ,)
ACT = (OPERATIONS_WRITE,)

ALERT = answers(Alert)

ALERTS = (
    Route("GET", "/api/v1/alerts", alerts.list_all, READ, answers(AlertListing), query=AlertQuery),
    Route("GET", "/api/v1/alerts/{alertId}", alerts.read, READ, ALERT, has_version=True),
    Route(
        "POST",
        "/api/v1/alerts/{alertId}/acknowledge",
        alerts.acknowledge,
        ACT,
        ALERT,
        body=AlertAcknowledge,
        body_required=False,
        has_version=True,
        problems={409: ("alert_resolved",)},
    ),
    Route(
        "POST",
        "/api/v1/alerts/{alertId}/resolve",
        alerts.resolve,
        ACT,
        ALERT,
        body=AlertResolve,
        body_required=False,
        has_version=True,
    ),
)
