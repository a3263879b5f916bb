"""What a soak is asked to do, and everything that it measured."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.soak.drain import News, Sale
from tests.soak.herd import Commits, Herd
from tests.soak.watching import Watch


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for. `due_after_seconds`: 0 reckons it from the rate of a warm-up."""

    reservations: int
    commits: int
    seed: int
    due_after_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """What became of a reservation of the herd, as Postgres has it; moments as time.time() has them."""

    reservation_id: str
    status: str
    expires_at: float
    expired_at: float | None


@dataclass(slots=True)
class Soak:
    """Everything that was measured. Moments as time.time() has them, durations in seconds."""

    plan: Plan
    herd: Herd = field(default_factory=lambda: Herd(0.0))
    cold: Commits = field(default_factory=Commits)
    warm: Commits = field(default_factory=Commits)
    sales: list[Sale] = field(default_factory=list)
    late_waits: list[float] = field(default_factory=list)
    news: News = field(default_factory=News)
    watch: Watch = field(default_factory=lambda: Watch({}, {}))
    rows: list[Row] = field(default_factory=list)
    swept: int = 0
    closed_at: float = 0.0
    wrong: list[str] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
