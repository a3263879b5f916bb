"""The service itself: its settings, its processes, its news, and what must always be true of its rows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from db.engine import Database
from db.invariants import INVARIANTS, violations_of
from db.outbox import oldest_unsent_seconds
from domain.errors import HoldfastError
from holdfast.doctor.findings import Finding, fail, ok, warn
from holdfast.stack.errors import NotReadyError
from holdfast.stack.probes import http_answers
from runtime.settings import DEVELOPMENT_SECRET, LOOPBACK, Settings

OUTBOX_SECONDS_FINE = 5.0
OUTBOX_SECONDS_MAX = 60.0


def settings_in_use(settings: Settings) -> list[Finding]:
    """Settings that are allowed and still worth a second look."""
    findings = [ok("settings", f"APP_ENV={settings.app_env}, no contradiction")]
    secret = settings.jwt_secret.get_secret_value()
    is_alone = settings.app_env == "development" and settings.app_host in LOOPBACK
    if not is_alone and not settings.jwt_jwks_url and secret == DEVELOPMENT_SECRET:
        advice = "Set JWT_SECRET or JWT_JWKS_URL before anybody else can reach it."
        findings.append(warn("settings", "JWT_SECRET is the one that everybody knows", advice))
    if settings.failpoints:
        findings.append(warn("settings", f"FAILPOINTS={','.join(settings.failpoints)}", "Unset it: it breaks things."))
    return findings


async def processes(facts: Mapping[str, Any]) -> list[Finding]:
    """The four processes that stack.json names, each asked whether it is ready."""
    return list(await asyncio.gather(*(_process(name, facts, url) for name, url in facts["metrics"].items())))


async def _process(name: str, facts: Mapping[str, Any], url: str) -> Finding:
    place = urlsplit(url)
    assert place.hostname, "stack.json holds whole addresses"
    assert place.port, "stack.json holds whole addresses"
    try:
        await http_answers(place.hostname, place.port, "/health/ready")
    except NotReadyError as error:
        advice = f"See {facts['logs']}/{name}.log; the supervisor starts it again when it dies."
        return fail(name, f"not ready: {error}", advice)
    return ok(name, f"ready, process {facts['pids'].get(name, 'unknown')}, metrics at {url}")


def unread(part: str) -> Finding:
    """For what lies in a database that cannot be read."""
    return fail(part, "cannot be looked at", "See postgres and schema above.")


async def outbox(database: Database) -> list[Finding]:
    """How long news wait."""
    try:
        async with database.read() as session:
            seconds = await oldest_unsent_seconds(session)
    except HoldfastError as error:
        return [fail("outbox", f"cannot be read: {error.detail}", "Look again: Postgres answered a moment ago.")]
    detail = f"the oldest unsent event has waited {seconds:.1f} s" if seconds else "everything is sent"
    if seconds <= OUTBOX_SECONDS_FINE:
        return [ok("outbox", detail)]
    advice = "Is `holdfast relay` running, and does Kafka answer? Nothing is lost: it sends on when both do."
    return [(warn if seconds <= OUTBOX_SECONDS_MAX else fail)("outbox", detail, advice)]


async def invariants(database: Database) -> list[Finding]:
    """What must always be true; one finding for each that is not."""
    try:
        found = await violations_of(database)
    except HoldfastError as error:
        return [fail("invariants", f"cannot be checked: {error.detail}", "Look again: Postgres answered a moment ago.")]
    if not found:
        return [ok("invariants", f"all {len(INVARIANTS)} hold")]
    advice = "This must never happen: keep the database as it is and report it with these rows."
    return [
        fail(f"invariant {it.invariant}", f"{it.count} rows contradict it: {'; '.join(it.samples)}", advice)
        for it in found
    ]
