"""Every metric of ours, defined once, and the text that Prometheus reads.

No label ever carries a SKU, an order, a reservation, a raw path or whatever else a caller may choose: the number of
series must not grow with the business. Measures nothing by itself; the rooms that know call these.

Several `serve` processes answer as one: their parent makes an empty directory and starts them with
PROMETHEUS_MULTIPROC_DIR naming it, which prometheus_client reads once, when it is first imported. Whichever process
is scraped then adds up the files of all. Counters and histograms count the dead too; a gauge says here how it adds up.
"""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.values import MutexValue, ValueClass

from runtime.lifecycle import before_exit

SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""For what a caller waits for."""

LAG_SECONDS_BUCKETS = (*SECONDS_BUCKETS, 30.0, 60.0, 300.0, 1800.0)
"""For what may fall behind while a part of the system is down."""

HTTP_DURATION = Histogram(
    "http_server_request_duration_seconds",
    "Time to answer an HTTP request; `route` is the template, `_OTHER` stands for unknown methods and routes.",
    ("method", "route", "status"),
    buckets=SECONDS_BUCKETS,
)
RPC_DURATION = Histogram(
    "rpc_server_call_duration_seconds",
    "Time to answer a gRPC call; `code` is the status code's name.",
    ("method", "code"),
    buckets=SECONDS_BUCKETS,
)

RESERVATIONS = Counter(
    "inventory_reservations",
    "Reservations that reached an outcome: held, refused, rejected, committed, cancelled, expired, returned.",
    ("outcome", "source"),
)
HOLD_DURATION = Histogram(
    "inventory_hold_duration_seconds",
    "Time of the transaction that holds the stock, its retries included.",
    buckets=SECONDS_BUCKETS,
)
EXPIRY_LAG = Histogram(
    "inventory_reservation_expiry_lag_seconds",
    "How long after its deadline an expired reservation gave its stock back.",
    buckets=LAG_SECONDS_BUCKETS,
)
SWEEPS = Counter("inventory_sweeps", "Passes of the sweeper: idle, expired, failed.", ("outcome",))
DECISIONS_MADE_HERE = Counter(
    "inventory_decisions_without_workflow",
    "Sales and cancels made at once because their workflow stayed silent.",
    ["decision"],
)
SWEPT_RESERVATIONS = Counter("inventory_swept_reservations", "Reservations that the sweeper expired.")

OPERATION_STEPS = Counter(
    "inventory_operation_steps",
    "Steps of adjustments, transfers and purchase orders: done, repeated, or the code of the rule that refused it.",
    ("kind", "step", "outcome"),
)
OPERATIONS_OPEN = Gauge(
    "inventory_operations_open",
    "Operations that have not ended, by their state.",
    ("kind", "status"),
    multiprocess_mode="livemostrecent",
)

OUTBOX_OLDEST = Gauge(
    "inventory_outbox_oldest_seconds", "Age of the oldest event not yet sent.", multiprocess_mode="livemax"
)
OUTBOX_EVENTS = Counter("inventory_outbox_events", "Events sent to Kafka.", ("type",))
BRIDGE_EVENTS = Counter(
    "inventory_bridge_events",
    "Events consumed, by what became of them; `type` is one of the contract's, or unknown.",
    ("type", "outcome"),
)
BRIDGE_LAG = Histogram(
    "inventory_bridge_lag_seconds",
    "From an event's timestamp until its effect was durable.",
    buckets=LAG_SECONDS_BUCKETS,
)
BRIDGE_WAITING = Gauge(
    "inventory_bridge_waiting_events",
    "Events that wait for the one they depend on.",
    multiprocess_mode="livesum",
)

INVARIANT_VIOLATIONS = Gauge(
    "inventory_invariant_violations",
    "Rows that an invariant query found and must not find.",
    ("invariant",),
    multiprocess_mode="livemostrecent",
)

WAITLIST_WAITING = Gauge(
    "inventory_waitlist_waiting", "Entries of the waitlist that wait for stock.", multiprocess_mode="livemostrecent"
)
WAITLIST_ENTRIES = Counter("inventory_waitlist_entries", "Ends of waiting: offered, expired.", ("outcome",))
WAITLIST_DELAY = Histogram(
    "inventory_waitlist_delay_seconds",
    "From the last change of the stock that an entry was offered, or its own coming, until the offer.",
    buckets=LAG_SECONDS_BUCKETS,
)

UNRESOLVED_ALERTS = Gauge(
    "inventory_unresolved_alerts",
    "Alerts that nobody and nothing has resolved yet.",
    ("kind",),
    multiprocess_mode="livemostrecent",
)

ADMISSION_LIMIT = Gauge(
    "inventory_admission_limit", "What may be in work before holds are shed.", multiprocess_mode="livesum"
)
ADMISSION_INFLIGHT = Gauge(
    "inventory_admission_inflight", "Holds, commits and cancels in work.", multiprocess_mode="livesum"
)
ADMISSION_SHED = Counter("inventory_admission_shed", "Holds refused with 503 because too much was in work.")

AVAILABILITY_READS = Counter(
    "inventory_availability_reads", "Stock levels looked up in the Redis view: hit, miss, error.", ("result",)
)
DB_POOL = Gauge(
    "db_pool_connections", "Connections of the database pool: used, idle.", ("state",), multiprocess_mode="livesum"
)

_SHARED = ValueClass is not MutexValue
"""Whether PROMETHEUS_MULTIPROC_DIR was set when prometheus_client was imported."""


def exposition() -> tuple[bytes, str]:
    """The metrics of this process, or of all that share PROMETHEUS_MULTIPROC_DIR, and their content type.

    Reads files when they are shared: call it in a thread.
    """
    return generate_latest(_all_processes() if _SHARED else REGISTRY), CONTENT_TYPE_LATEST


def forget_process(directory: Path, pid: int) -> None:
    """Take a dead process out of the gauges that count the living. For its parent, after a kill."""
    multiprocess.mark_process_dead(pid, path=str(directory))  # type: ignore[no-untyped-call]


def configure_metrics() -> None:
    """Have this process leave the shared gauges when it ends."""
    if _SHARED:
        before_exit(lambda: multiprocess.mark_process_dead(os.getpid()))  # type: ignore[no-untyped-call]


def _all_processes() -> CollectorRegistry:
    registry = CollectorRegistry(support_collectors_without_names=True)
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
