"""Which interleavings to try: all of them, each once, as far as somebody is interrupted no more than so many times.

A schedule is who goes on at each stop, from the beginning; past its end whoever went last goes on while he can. What a
run has met shows the schedules that branch off from it, so nothing need be known of the racers beforehand. To bound
interruptions rather than steps is Musuvathi and Qadeer's finding (PLDI 2007): nearly every known race shows with two.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

Schedule = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """At a stop: who could have gone on, and who did."""

    able: tuple[int, ...]
    chosen: int


@dataclass(slots=True)
class Follow:
    """Follows a schedule to its end and then lets whoever went last go on; keeps what it chose."""

    schedule: Schedule
    choices: list[Choice] = field(default_factory=list)

    def choose(self, able: tuple[int, ...]) -> int:
        """Who of them goes on."""
        position = len(self.choices)
        last = self.choices[-1].chosen if self.choices else able[0]
        chosen = last if last in able else able[0]
        if position < len(self.schedule):
            chosen = self.schedule[position]
            assert chosen in able, "the same schedule meets the same stops"
        self.choices.append(Choice(able, chosen))
        return chosen


@dataclass(slots=True)
class Frontier:
    """Schedules that are still to be tried; with `dice` in an order of its own, to try some of many."""

    interruptions_max: int
    dice: random.Random | None = None
    _waiting: list[Schedule] = field(default_factory=lambda: [()])

    def __len__(self) -> int:
        return len(self._waiting)

    def pop(self) -> Schedule:
        """The next to try."""
        return self._waiting.pop(self.dice.randrange(len(self._waiting)) if self.dice else -1)

    def learn(self, followed: Follow) -> None:
        """Add what branches off from a run behind the end of its schedule."""
        chosen = tuple(choice.chosen for choice in followed.choices)
        for position in range(len(followed.schedule), len(chosen)):
            for other in followed.choices[position].able:
                if other != chosen[position]:
                    branch = (*chosen[:position], other)
                    if interruptions(branch, followed.choices) <= self.interruptions_max:
                        self._waiting.append(branch)


def interruptions(schedule: Schedule, choices: list[Choice]) -> int:
    """How often somebody else went on though the last one could have."""
    pairs = zip(schedule, schedule[1:], choices[1:], strict=False)
    return sum(last != now and last in choice.able for last, now, choice in pairs)
