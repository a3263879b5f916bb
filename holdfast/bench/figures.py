"""What a measurement yields: durations by percentile, several runs by their minimum, median and maximum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


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

    def fail(self, answer: object) -> None:
        """Note an answer that is neither success nor a 503."""
        self.failed += 1
        self.first_failure = self.first_failure or str(answer)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report. `better` says which direction is good; `budget` is text for people."""

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
