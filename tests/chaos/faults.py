"""What can be done to a scene, drawn by a dice; each fault ends by itself. Measures nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tests.chaos.links import Link
from tests.chaos.scene import Actor, Scene

HURTS = ("kill", "freeze", "restart")
"""What is done to a process: kill −9, SIGSTOP for a while and SIGCONT, and being asked to stop as by a deployment."""

BREAKS = ("cut", "refuse", "stall")
"""What is done to a link: all connections reset once, for a while no new ones either, for a while nothing carried."""

LASTING_SECONDS = (1.0, 4.0)
"""How long those faults last that last."""

AWAY_SECONDS_MAX = 30.0
LOOK_EVERY_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a process or a link; `seconds` is how long it lasts, 0 for one that is over at once."""

    kind: str
    target: Actor | Link
    seconds: float

    @property
    def part(self) -> str:
        """What was hit, as the report names it."""
        return self.target.part if isinstance(self.target, Actor) else f"→ {self.target.name}"

    @property
    def loses_the_broker(self) -> bool:
        """Whether the broker's process is another one afterwards."""
        return self.part == "broker" and self.kind in {"kill", "restart"}


def deck(scene: Scene, dice: random.Random, kinds: Collection[str], parts: Collection[str] = ()) -> Iterator[Fault]:
    """Faults without end: each of these kinds and parts (none: all) once in random order, then all again in another."""
    everything: list[tuple[str, Actor | Link]] = [
        *((kind, actor) for kind in HURTS for actor in scene.actors if kind in kinds),
        *((kind, link) for kind in BREAKS for link in scene.links if kind in kinds),
    ]
    if parts:
        everything = [(kind, target) for kind, target in everything if Fault(kind, target, 0.0).part in parts]
    while everything:
        for kind, target in dice.sample(everything, len(everything)):
            seconds = dice.uniform(*LASTING_SECONDS) if kind in {"freeze", "refuse", "stall"} else 0.0
            yield Fault(kind, target, round(seconds, 2))


async def strike(fault: Fault) -> str:
    """Do it, and undo it when its time is over. Answers what went wrong with it, in words; usually nothing."""
    if isinstance(fault.target, Link):
        return await _broken(fault.target, fault.kind, fault.seconds)
    return await _hurt(fault.target, fault.kind, fault.seconds)


async def until_present(scene: Scene) -> None:
    """Wait until every process is there, ready or not. Raises TimeoutError."""
    async with asyncio.timeout(AWAY_SECONDS_MAX):
        while any(actor.pid is None for actor in scene.actors):  # noqa: ASYNC110 - a process tells nobody
            await asyncio.sleep(LOOK_EVERY_SECONDS)


async def _hurt(actor: Actor, kind: str, seconds: float) -> str:
    pid = actor.pid
    if kind == "freeze":
        actor.freeze()
        try:
            await asyncio.sleep(seconds)
        finally:
            actor.thaw()
    elif kind == "kill":
        actor.kill()
        while actor.pid == pid:  # noqa: ASYNC110 - a process tells nobody
            await asyncio.sleep(LOOK_EVERY_SECONDS)
    elif (took := await actor.restart()) >= actor.stop_seconds_max:
        return f"{actor.name} did not stop within {took:.0f} s and had to be killed"
    return ""


async def _broken(link: Link, kind: str, seconds: float) -> str:
    if kind == "cut":
        await link.cut()
        return ""
    try:
        await (link.refuse() if kind == "refuse" else link.stall())
        await asyncio.sleep(seconds)
    finally:
        await link.restore()
    return ""
