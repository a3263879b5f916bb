"""What a campaign is asked for and what comes of it: plain values, judged elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chaos.faults import BREAKS, HURTS, Fault
from tests.chaos.probes import Recovery


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long, how many customers, which faults and how thick they fall.

    `pause_seconds` lie between a recovery and the next fault; in `double_share` of the incidents two come at once.
    """

    seconds: float
    seed: int
    customers: int = 8
    kinds: tuple[str, ...] = (*HURTS, *BREAKS)
    parts: tuple[str, ...] = ()
    pause_seconds: tuple[float, float] = (0.2, 1.0)
    double_share: float = 0.12
    patience_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Incident:
    """One fault, or two at once, and what it did: the recovery of each way, and of a sale begun before it.

    `carried_seconds` is how long the commit of a hold from before the fault took; None when it was not answered.
    """

    faults: tuple[Fault, ...]
    at_seconds: float
    recoveries: dict[str, Recovery]
    carried_seconds: float | None
    requests_hurt: int
    slowest_seconds: float
    problems: tuple[str, ...]


@dataclass(slots=True)
class Outcome:
    """What there is to tell: `wrong` is empty and `left` all zero when everything held."""

    title: str
    plan: Plan
    wrong: list[str] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    first_tries: dict[str, int] = field(default_factory=dict)
    last_tries: dict[str, int] = field(default_factory=dict)
    orders: int = 0
    gave_up: int = 0
    seconds: float = 0.0
    quiet_after_seconds: float = 0.0

    @property
    def all_held(self) -> bool:
        """Whether nothing is wrong and nothing was left open."""
        return not self.wrong and not any(self.left.values())


def named(faults: Sequence[Fault]) -> str:
    return " and ".join(f"{fault.kind} {fault.part} {fault.seconds or ''}".rstrip() for fault in faults)


def in_a_line(incident: Incident) -> str:
    ways = ", ".join(
        f"{way} {'never' if found.seconds is None else f'{found.seconds:.1f}'}{' !' if found.was_interrupted else ''}"
        for way, found in incident.recoveries.items()
    )
    carried = "never" if incident.carried_seconds is None else f"{incident.carried_seconds:.1f}"
    return (
        f"{incident.at_seconds:6.1f} s  {named(incident.faults)}: {ways}; from before {carried},"
        f" hurt {incident.requests_hurt}, slowest {incident.slowest_seconds:.1f}"
    )
