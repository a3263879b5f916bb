"""The report of a rolling restart: who was replaced and how long it took, and what customers felt of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tests.rolling.fleet import Replacement
from tests.rolling.load import Call, Diary

MILLISECONDS = 1000


def summary(diary: Diary, replacements: Sequence[Replacement], began: float) -> dict[str, Any]:
    """Everything that was measured, as JSON. `began`: when the customers came, on time.perf_counter()."""
    windows = [(it.began, it.began + it.lasted_seconds) for it in replacements]
    return {
        "requests": len(diary.calls),
        "failed": sum(bool(call.wrong) for call in diary.calls),
        "shed": sum(call.is_shed for call in diary.calls),
        "orders": len(diary.orders),
        "changesOfStockApproved": diary.applied,
        "latencyMs": {
            name: {
                "whileNobodyWasReplaced": _spread(it for it in calls if not _overlaps(it, windows)),
                "whileSomebodyWas": _spread(it for it in calls if _overlaps(it, windows)),
            }
            for name, calls in _by_kind(diary.calls).items()
        },
        "replacements": [
            {
                "process": it.process,
                "atSeconds": round(it.began - began, 1),
                "successorFirst": it.successor_first,
                "stoppingSeconds": round(it.stopping_seconds, 2),
                "exitCode": it.code,
            }
            for it in replacements
        ],
    }


def as_text(found: dict[str, Any]) -> str:
    """The report for people."""
    machine = ", ".join(f"{name} {value}" for name, value in found["machine"].items())
    customers = ", ".join(f"{count} by {door}" for door, count in found["customers"].items())
    replaced = Counter(it["process"].partition("-")[0] for it in found["replacements"])
    longest = {kind: max(_stopping_seconds(found, kind)) for kind in replaced}
    lines = [
        f"Rolling restarts under load, {found['seconds']:g} s, seed {found['seed']}, {found['measuredAt']}",
        f"commit {found['commit']}; {machine}",
        f"customers: {customers}; nobody asks twice",
        "replaced: " + ", ".join(f"{count} × {kind}" for kind, count in replaced.items()),
        "gone after SIGTERM within " + ", ".join(f"{kind} {seconds:.1f} s" for kind, seconds in longest.items()),
        f"orders: {found['orders']}; changes of stock approved: {found['changesOfStockApproved']}",
        f"requests: {found['requests']}, failed {found['failed']}, shed by admission {found['shed']}",
        f"events on the topic: {found['events']}",
        f"findings: {found['wrongCount']}",
        *(f"  {it}" for it in found["wrong"]),
        "",
        f"{'latency in ms':20}{'while nobody was replaced':>36}{'while somebody was':>36}",
        f"{'':20}" + f"{'count':>9}{'p50':>9}{'p95':>9}{'max':>9}" * 2,
    ]
    for name, spreads in found["latencyMs"].items():
        cells = "".join(
            f"{spread.get(part, 0):>9}" for spread in spreads.values() for part in ("count", "p50", "p95", "max")
        )
        lines.append(f"{name:20}{cells}")
    return "\n".join(lines) + "\n"


def _stopping_seconds(found: dict[str, Any], kind: str) -> list[float]:
    return [it["stoppingSeconds"] for it in found["replacements"] if it["process"].startswith(kind)]


def _by_kind(calls: Iterable[Call]) -> dict[str, list[Call]]:
    kinds: dict[str, list[Call]] = {}
    for call in calls:
        kinds.setdefault(f"{call.door} {call.name}", []).append(call)
    return dict(sorted(kinds.items()))


def _overlaps(call: Call, windows: Sequence[tuple[float, float]]) -> bool:
    return any(call.began < end and begin < call.began + call.seconds for begin, end in windows)


def _spread(calls: Iterable[Call]) -> dict[str, float]:
    taken = sorted(call.seconds * MILLISECONDS for call in calls if not call.wrong)
    if not taken:
        return {"count": 0}
    return {
        "count": len(taken),
        "p50": round(taken[len(taken) // 2], 1),
        "p95": round(taken[int(len(taken) * 0.95)], 1),
        "p99": round(taken[int(len(taken) * 0.99)], 1),
        "max": round(taken[-1], 1),
    }
