"""What a rate of reservations needs, computed from what one lifecycle was measured to cost. Pure; measures nothing.

A lifecycle is one line reserved by REST and sold. Every figure is a measured cost times a rate, or that divided by
what a part may be loaded with; what was not measured here stands in `Assumptions`, each with its reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

MEGABYTE = 1_000_000
GIBIBYTE = 2**30
PROCESSES = ("serve", "worker", "bridge", "relay")


@dataclass(frozen=True, slots=True)
class Costs:
    """Measured for one lifecycle. CPU is seconds of one core of the machine it was measured on, of each part.

    `cpu_seconds` is what rises with the rate, `idle_cores` what each part takes without any; `bytes_per_open` is
    resident memory that one more open reservation takes in the worker that keeps it cached.
    """

    measured_at: str
    source: str
    machine: str
    cpu_seconds: dict[str, float]
    idle_cores: dict[str, float]
    bridge_cpu_seconds_per_order: float
    wal_bytes: float
    flushes: float
    history_events: float
    history_bytes: float
    state_transitions: float
    kafka_events: float
    kafka_bytes: float
    bytes_per_open: float


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the sums take for granted beside the measured costs."""

    load_max: float = 0.6
    """Of a core, a disk or a shard: beyond it, waiting grows faster than work (M/M/1: 2.5 × the service time)."""

    shard_transition_seconds: float = 0.005
    """A Temporal shard writes one state transition after the other; this is one write to its database."""

    shard_load_max: float = 0.1
    """Shards are many and their number cannot be changed later; a hot one must not be felt by the rest."""

    partition_records_per_second: float = 1_000.0
    """One bridge lane or relay bucket waits for its broker: 1 ms for each record of a partition, cautiously."""

    open_seconds: float = 60.0
    """From hold to sale: how long a customer pays."""

    events_share: float = 0.2
    """Of the orders that come by Kafka."""


def needs(costs: Costs, rate_per_second: float, given: Assumptions) -> dict[str, dict[str, float]]:
    """What it takes, by part: `{part: {what: how much}}`."""
    opened = rate_per_second * given.open_seconds
    transitions = rate_per_second * costs.state_transitions
    orders = rate_per_second * given.events_share
    records = rate_per_second * costs.kafka_events
    return {
        "reservations": {"per second": rate_per_second, "open at a time": opened, "per day": rate_per_second * 86_400},
        "processes": _processes(costs, rate_per_second, given),
        "postgres": {
            "cores": _cores(costs, "postgres", rate_per_second, given),
            "flushes per second at most": rate_per_second * costs.flushes,
            "WAL in MB per second": rate_per_second * costs.wal_bytes / MEGABYTE,
            "WAL in GB per day": rate_per_second * costs.wal_bytes * 86_400 / 1e9,
        },
        "temporal": {
            "state transitions per second": transitions,
            "history events per second": rate_per_second * costs.history_events,
            "history in MB per second": rate_per_second * costs.history_bytes / MEGABYTE,
            "shards": _shards(transitions, given),
            "cores of a server of this kind": _cores(costs, "temporal", rate_per_second, given),
        },
        "kafka": {
            "events per second": records,
            "MB per second": rate_per_second * costs.kafka_bytes / MEGABYTE,
            "partitions of inventory.events": _at_least_two(records / given.partition_records_per_second),
            "partitions of order.events": _at_least_two(
                max(2 * orders / given.partition_records_per_second, _count(costs, "bridge", orders, given))
            ),
        },
        "memory": {"of open reservations in GiB": opened * costs.bytes_per_open / GIBIBYTE},
    }


def _processes(costs: Costs, rate: float, given: Assumptions) -> dict[str, float]:
    rates = {"serve": rate, "worker": rate, "bridge": rate * given.events_share, "relay": rate}
    return {name: _at_least_two(_count(costs, name, rates[name], given)) for name in PROCESSES}


def _count(costs: Costs, name: str, rate: float, given: Assumptions) -> float:
    """Processes of one core each (the GIL): what is left of a core beside what idling takes is for work."""
    seconds = costs.bridge_cpu_seconds_per_order if name == "bridge" else costs.cpu_seconds[name]
    return rate * seconds / max(given.load_max - costs.idle_cores[name], 0.1)


def _cores(costs: Costs, part: str, rate: float, given: Assumptions) -> float:
    return rate * costs.cpu_seconds[part] / given.load_max + costs.idle_cores[part]


def _shards(transitions: float, given: Assumptions) -> float:
    """A power of two, so that it can be said and shared out."""
    least = transitions * given.shard_transition_seconds / given.shard_load_max
    return float(2 ** max(3, math.ceil(math.log2(max(1.0, least)))))


def _at_least_two(count: float) -> float:
    return float(max(2, math.ceil(count)))


def costs_from(content: dict[str, Any]) -> Costs:
    """Costs from the JSON that a measurement wrote. Raises KeyError when one is missing."""
    return Costs(**{field.name: content[field.name] for field in fields(Costs)})
