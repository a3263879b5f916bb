"""What chaos acts upon: a running service whose processes can be hurt and whose network can be broken, by name.

A scene is put together by whoever starts one (embedded_scene.py here, the real engines elsewhere); the campaign, the
customers and the oracle know nothing but this.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass

import psutil

from holdfast.stack.supervisor import Supervisor
from runtime.settings import Settings
from tests.chaos.links import Link

LOOK_EVERY_SECONDS = 0.05


class Actor:
    """One process of the scene. Its supervisor keeps it up (`running(keep_up=True)`): who has died starts again.

    `part` is what it is one of, and the line of the report that it counts for: two workers, `worker-1` and `worker-2`,
    are both a `worker`. By default the part has the name of the process.
    """

    def __init__(self, processes: Supervisor, name: str, part: str = "") -> None:
        self.name = name
        self.part = part or name
        self._processes = processes
        self._frozen: list[psutil.Process] = []

    @property
    def pid(self) -> int | None:
        """The process that runs now; None while there is none."""
        return self._processes[self.name].pid

    def kill(self) -> None:
        """kill −9 of the process itself; what it had started has to notice by itself."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP of the process and all it had started; they keep their connections and answer nobody."""
        if self.pid is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            leader = psutil.Process(self.pid)
            self._frozen = [leader, *leader.children(recursive=True)]
        self._signal_frozen(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT of everything that was frozen."""
        self._signal_frozen(signal.SIGCONT)
        self._frozen = []

    async def restart(self) -> float:
        """Ask it to stop, as a deployment does; answers the seconds until it had. One that does not stop is killed.

        The signal and the patience are those of its Part.
        """
        pid, part, begin = self.pid, self._processes[self.name].part, time.monotonic()
        if pid is None:
            return 0.0
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, part.stop_signal)
        while self.pid == pid:
            if time.monotonic() - begin > part.stop_seconds_max:
                self.kill()
                break
            await asyncio.sleep(LOOK_EVERY_SECONDS)
        return time.monotonic() - begin

    @property
    def stop_seconds_max(self) -> float:
        """Within which it must have stopped when asked."""
        return self._processes[self.name].part.stop_seconds_max

    def _signal_frozen(self, number: signal.Signals) -> None:
        for process in self._frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A service at work. `settings` lead the oracle to its servers, not through a link where that can be helped.

    `rest` and `rpc` are the addresses that clients use, each beside the other of the same process or balancer.
    `broker_forgets` says that a broker which restarts has lost its topics: then the oracle asks Kafka for what it can
    have and the outbox for everything. `title` says in a few words what runs, for the report.
    """

    title: str
    settings: Settings
    rest: tuple[str, ...]
    rpc: tuple[str, ...]
    token: str
    actors: tuple[Actor, ...]
    links: tuple[Link, ...]
    broker_forgets: bool

    def restored(self) -> None:
        """Everybody thawed, whatever happened."""
        for actor in self.actors:
            actor.thaw()
