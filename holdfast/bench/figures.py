"""What a measurement yields: durations by percentile, several runs by their minimum, median and maximum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

LATE_SECONDS = 1.0
"""An answer that took longer is late: the buyer has looked elsewhere."""


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over several runs."""

    values: tuple[float, ...]

    @property
    def lowest(self) -> float:
        """The smallest run."""
        return min(self.values)

    @property
    def middle(self) -> float:
        """The median run."""
        return median(self.values)

    @property
    def highest(self) -> float:
        """The largest run."""
        return max(self.values)


@dataclass(slots=True)
class Outcome:
    """One run of a load: what was asked, what came back, how long it took. Durations in seconds."""

    offered_per_second: float
    elapsed_seconds: float = 0.0
    asked: int = 0
    lifecycles: int = 0
    shed: int = 0
    failed: int = 0
    first_failure: str = ""
    held_seconds: list[float] = field(default_factory=list)
    settled_seconds: list[float] = field(default_factory=list)

    @property
    def lifecycles_per_second(self) -> float:
        """Finished reservations, from hold to commit, by second of the whole run."""
        return self.lifecycles / self.elapsed_seconds

    @property
    def late(self) -> int:
        """Holds and commits that were answered, but not in time."""
        return sum(taken > LATE_SECONDS for taken in (*self.held_seconds, *self.settled_seconds))

    def fail(self, answer: object) -> None:
        """Note an answer that is neither success nor a 503."""
        self.failed += 1
        self.first_failure = self.first_failure or str(answer)


@dataclass(slots=True)
class Compared:
    """The runs of one load: ours, and the yardsticks on the same work."""

    ours: list[Outcome] = field(default_factory=list)
    eager_path: list[Outcome] = field(default_factory=list)
    dbos: list[Outcome] = field(default_factory=list)


@dataclass(slots=True)
class Measured:
    """The runs of one bench. Durations in seconds, rates a second; `curve` by multiples of saturation."""

    latency: Compared = field(default_factory=Compared)
    capacity: Compared = field(default_factory=Compared)
    one_statement: list[float] = field(default_factory=list)
    holds: list[float] = field(default_factory=list)
    bare: list[list[float]] = field(default_factory=list)
    availability: list[list[float]] = field(default_factory=list)
    reserved: list[list[float]] = field(default_factory=list)
    expiry: list[list[float]] = field(default_factory=list)
    plans: list[list[float]] = field(default_factory=list)
    reasons: list[list[float]] = field(default_factory=list)
    curve: dict[float, list[Outcome]] = field(default_factory=dict)

    @property
    def saturation_per_second(self) -> float:
        """What the service was able to do in the first run when more was offered."""
        return self.capacity.ours[0].lifecycles_per_second


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report; `budget` is text for people, `is_within` whether it is kept."""

    name: str
    unit: str
    ours: Spread
    yardstick: Spread | None = None
    yardstick_name: str = ""
    budget: str = ""
    is_within: bool | None = None
    notes: str = ""


def percentile_ms(seconds: Sequence[float], share: float) -> float:
    """The value below which `share` of the durations lie, in milliseconds; 0 for none."""
    if not seconds:
        return 0.0
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * share))] * 1000


def spread_ms(runs: Sequence[Sequence[float]], share: float) -> Spread:
    """That percentile of each run."""
    return Spread(tuple(percentile_ms(run, share) for run in runs))
