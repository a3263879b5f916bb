"""The report of a campaign: which faults were survived and how soon, what clients felt, and what 99.99 % would allow.

Computes from an outcome; judges nothing anew.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from tests.chaos.outcome import Incident, Outcome
from tests.chaos.witness import End

TARGET = 0.9999
"""The specification's uptime."""

MONTH_SECONDS = 30 * 86_400
BUDGET_SECONDS = MONTH_SECONDS * (1 - TARGET)
"""What a month of 30 days may lack: 259 s, 4.3 minutes."""

WAYS = ("sale", "events", "staff")
TWO = "two at once"


def as_facts(outcome: Outcome) -> dict[str, Any]:
    """The outcome as JSON."""
    plan = {name: value for name, value in asdict(outcome.plan).items() if name != "parts" or value}
    return {
        "scene": outcome.title,
        "plan": plan,
        "allHeld": outcome.all_held,
        "wrong": outcome.wrong,
        "leftOpen": outcome.left,
        "seconds": round(outcome.seconds, 1),
        "quietAfterSeconds": round(outcome.quiet_after_seconds, 1),
        "availability": _availability(outcome),
        "faults": _table(outcome.incidents),
        "lookedAt": outcome.counts,
        "orders": {"begun": outcome.orders, "givenUp": outcome.gave_up},
        "tries": outcome.tries,
        "incidents": [_incident(incident) for incident in outcome.incidents],
    }


def as_text(facts: dict[str, Any]) -> str:
    """The same for people."""
    plan, found = facts["plan"], facts["availability"]
    lines = [
        f"Chaos for {facts['seconds']:g} s with seed {plan['seed']}, {facts['measuredAt']}, commit {facts['commit']}",
        ", ".join(f"{name} {value}" for name, value in facts["machine"].items()),
        facts["scene"],
        "",
        _verdict(facts),
        "",
        "Faults survived. Seconds from the fault, its own duration included, until the first of three tries in a row",
        "that went well had ended, p50 / max: a sale (hold and commit over REST), an order's event until the news of",
        "its sale (Kafka to Kafka), a step of staff (an adjustment asked for and withdrawn), and the commit of a hold",
        "from before the fault. A dash: never interrupted. Hurt: clients' requests with a try without a final answer.",
        "",
        *_rows(facts["faults"]),
        "",
        f"Clients made {found['requests']} requests in {facts['orders']['begun']} orders beside those of the table.",
        f"  answered for good at the first try    {_share(found['firstTry'])}",
        f"  answered for good after repeats       {_share(found['afterRepeats'])}",
        f"  by time, a sale being served          {_share(found['byTime'])}",
        *_budget(facts["seconds"], found),
        "",
        "Looked at: " + ", ".join(f"{count} {what}" for what, count in facts["lookedAt"].items()),
        f"Quiet {facts['quietAfterSeconds']:g} s after the last order.",
        "",
        *(f"{count:7}  {words}" for words, count in facts["tries"].items()),
    ]
    return "\n".join(lines) + "\n"


def _availability(outcome: Outcome) -> dict[str, Any]:
    requests = sum(outcome.first_tries.values())
    interrupted = sum(one.recoveries["sale"].outage_seconds for one in outcome.incidents)
    faults = sum(len(one.faults) for one in outcome.incidents)
    return {
        "target": TARGET,
        "requests": requests,
        "firstTry": outcome.first_tries.get(End.FINAL, 0) / max(1, requests),
        "afterRepeats": outcome.last_tries.get(End.FINAL, 0) / max(1, requests),
        "firstTriesBy": outcome.first_tries,
        "lastTriesBy": outcome.last_tries,
        "interruptedSeconds": round(interrupted, 2),
        "faults": faults,
        "byTime": 1 - min(interrupted, outcome.seconds) / max(1.0, outcome.seconds),
        "faultsAMonth": _a_month(interrupted, faults),
    }


def _table(incidents: Sequence[Incident]) -> list[dict[str, Any]]:
    """One row for each kind and part, doubles in a row of their own."""
    rows: dict[tuple[str, str], list[Incident]] = defaultdict(list)
    for incident in incidents:
        fault = incident.faults[0]
        rows[(fault.kind, fault.part) if len(incident.faults) == 1 else ("two", TWO)].append(incident)
    return [_row(kind, part, found) for (kind, part), found in sorted(rows.items())]


def _row(kind: str, part: str, incidents: Sequence[Incident]) -> dict[str, Any]:
    outages = [one.recoveries["sale"].outage_seconds for one in incidents]
    return {
        "kind": kind,
        "part": part,
        "times": len(incidents),
        "lastedSeconds": _spread([max(fault.seconds for fault in one.faults) for one in incidents]),
        **{way: _spread([one.recoveries[way].outage_seconds for one in incidents]) for way in WAYS},
        "carried": _spread([one.carried_seconds or 0.0 for one in incidents]),
        "requestsHurt": sum(one.requests_hurt for one in incidents),
        "slowestRequestSeconds": round(max(one.slowest_seconds for one in incidents), 1),
        "aMonth": _a_month(sum(outages), len(incidents)),
    }


def _a_month(outage_seconds: float, faults: int) -> int | None:
    """How many such faults the budget pays for; None when they cost nothing."""
    return int(BUDGET_SECONDS * faults / outage_seconds) if outage_seconds else None


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"p50": round(statistics.median(values), 2), "max": round(max(values), 2)}


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "atSeconds": incident.at_seconds,
        "faults": [f"{fault.kind} {fault.part} {fault.seconds:g} s" for fault in incident.faults],
        "recoverySeconds": {way: found.seconds for way, found in incident.recoveries.items()},
        "interrupted": [way for way, found in incident.recoveries.items() if found.was_interrupted],
        "carriedSeconds": None if incident.carried_seconds is None else round(incident.carried_seconds, 2),
        "requestsHurt": incident.requests_hurt,
        "slowestRequestSeconds": round(incident.slowest_seconds, 2),
    }


def _verdict(facts: dict[str, Any]) -> str:
    if facts["allHeld"]:
        return "Everything held: no finding."
    left = [f"  left open: {count} {what}" for what, count in facts["leftOpen"].items() if count]
    return "\n".join([f"{len(facts['wrong'])} findings", *(f"  {wrong}" for wrong in facts["wrong"]), *left])


def _rows(rows: Iterable[dict[str, Any]]) -> list[str]:
    heads = ("fault", "part", "×", "sale", "events", "staff", "sale from before", "hurt", "a month")
    layout = "{:8}{:13}{:>3}{:>14}{:>14}{:>14}{:>18}{:>6}{:>9}"
    return [layout.format(*heads)] + [
        layout.format(
            row["kind"],
            row["part"],
            row["times"],
            *(_pair(row[way]) for way in WAYS),
            _pair(row["carried"]),
            row["requestsHurt"],
            _number(row["aMonth"]),
        )
        for row in rows
    ]


def _budget(seconds: float, found: dict[str, Any]) -> list[str]:
    lost, faults = found["interruptedSeconds"], found["faults"]
    every, payable = seconds / max(1, faults), _number(found["faultsAMonth"])
    return [
        f"Sales were interrupted for {lost:.1f} of {seconds:.0f} s by {faults} faults. The {TARGET:.2%} of the",
        f"specification leave {BUDGET_SECONDS:.0f} s in a month of 30 days. They pay for {payable} faults a month of",
        f"this mix, or of one kind for as many as its last column says; not for one every {every:.0f} s as here.",
    ]


def _pair(spread: dict[str, float]) -> str:
    return f"{spread['p50']:.1f} / {spread['max']:.1f}" if spread["max"] else "–"


def _share(value: float) -> str:
    return f"{value:.3%}"


def _number(value: int | None) -> str:
    return "any" if value is None else str(value)
