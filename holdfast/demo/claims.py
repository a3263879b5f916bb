"""What the demo claims, and whether it held. Collects and counts; how it looks is the stage's matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence that is true or not, and what was measured. `chapter` is where it was made."""

    chapter: str
    text: str
    held: bool
    measured: str


@dataclass(slots=True)
class Claims:
    """All claims of one telling, in order."""

    made: list[Claim] = field(default_factory=list)

    def add(self, claim: Claim) -> Claim:
        """Remember a claim."""
        self.made.append(claim)
        return claim

    @property
    def broken(self) -> list[Claim]:
        """Those that did not hold."""
        return [claim for claim in self.made if not claim.held]

    @property
    def all_held(self) -> bool:
        """Whether something was claimed and all of it held."""
        return bool(self.made) and not self.broken

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"held": self.all_held, "claims": [asdict(claim) for claim in self.made]}


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of `values` lie. There must be at least one."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def in_milliseconds(seconds: float) -> str:
    """A duration for people."""
    return f"{seconds * 1000:.0f} ms"
