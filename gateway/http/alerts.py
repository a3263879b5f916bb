"""Alerts over REST."""

from __future__ import annotations

from domain.alerts import Alert as AlertRow
from gateway.http.call import Call, Reply
from gateway.http.schemas.alerts import Alert, AlertAcknowledge, AlertListing, AlertQuery, AlertResolve


async def list_all(call: Call[None, AlertQuery]) -> Reply:
    """List alerts, newest first.

    `orderBy` is `raisedAt`.
    """
    page = await call.services.views.alert_list(call.query.filters(), call.query.page_request())
    items = [Alert.model_validate(row) for row in page.items]
    return Reply(body=AlertListing.of(items, page.next_token))


async def read(call: Call[None, None]) -> Reply:
    """Get an alert."""
    return _reply(await call.services.views.alert(call.ids["alertId"]))


async def acknowledge(call: Call[AlertAcknowledge, None]) -> Reply:
    """Acknowledge an alert: somebody has seen it.

    The first one's name stays; repeating it changes nothing. 409 `alert_resolved` when it is over already.
    """
    return _reply(await call.services.alerts.acknowledge(call.ids["alertId"], call.actor))


async def resolve(call: Call[AlertResolve, None]) -> Reply:
    """Resolve an alert by hand, although what it tells of may go on.

    It is not raised again until the condition was over and comes back. One that is resolved already stays as it is.
    """
    return _reply(await call.services.alerts.resolve(call.ids["alertId"], call.actor, reason=call.body.reason))


def _reply(row: AlertRow) -> Reply:
    return Reply(body=Alert.model_validate(row), version=row.version)
