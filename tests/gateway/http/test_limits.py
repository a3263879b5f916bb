from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from domain.reservations import Reservation
from gateway.commands.reservations import Reserved
from gateway.health import HealthChecks
from gateway.http.app import draining
from runtime.settings import Settings
from tests.gateway.http.face import COMMITTED, HELD, RESERVATION, RESERVE, Face, served

PATH = "/api/v1/reservations"
HASTY = Settings(app_env="test", request_timeout_seconds=1.0, shutdown_grace_seconds=30)
"""Time enough to read a request on a busy machine: one that is too slow to come in is refused otherwise."""


class Slow:
    """A method that answers when it is let go."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.entered = asyncio.Event()
        self.leave = asyncio.Event()
        self.ended = asyncio.Event()

    async def __call__(self, *_args: Any, **_keywords: Any) -> Any:
        self.entered.set()
        await self.leave.wait()
        self.ended.set()
        return self.answer


async def test_work_that_takes_too_long_is_an_unknown_outcome_naming_the_reservation() -> None:
    async with served(HASTY) as face:
        face.reservations.answers = {"commit": Slow(COMMITTED)}
        answer = await face.post(f"{PATH}/{RESERVATION}/commit")
        assert (answer.status, answer.code) == (503, "outcome_unknown")
        assert answer.json["reservationId"] == str(RESERVATION)
        assert "Retry-After" in answer.headers
        face.reservations.answers["commit"].leave.set()


@pytest.mark.parametrize("own_id", [None, UUID(int=77)])
async def test_a_hold_that_takes_too_long_names_the_reservation_it_is_about(own_id: UUID | None) -> None:
    async with served(HASTY) as face:
        slow = face.reservations.answers["reserve"] = Slow(Reserved(HELD, is_new=True))
        answer = await face.post(PATH, {**RESERVE, **({"reservationId": str(own_id)} if own_id else {})})
        assert (answer.status, answer.code) == (503, "outcome_unknown")
        (command, _), _ = face.reservations.last("reserve")
        assert answer.json["reservationId"] == str(command.reservation_id)
        assert own_id in (None, command.reservation_id)
        slow.leave.set()
        await asyncio.wait_for(slow.ended.wait(), 30)


async def test_a_read_that_takes_too_long_changed_nothing() -> None:
    async with served(HASTY) as face:
        face.views.answers["reservation"] = Slow(HELD)
        answer = await face.get(f"{PATH}/{RESERVATION}")
        assert (answer.status, answer.code) == (503, "unavailable")


async def test_a_hold_goes_on_when_the_caller_hangs_up(face: Face) -> None:
    slow = face.reservations.answers["reserve"] = Slow(Reserved(HELD, is_new=True))
    asking = asyncio.create_task(face.reserve())
    await slow.entered.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    slow.leave.set()
    await asyncio.wait_for(slow.ended.wait(), 30)


async def test_a_failure_nobody_waits_for_is_logged(capfd: pytest.CaptureFixture[str]) -> None:
    async def fail(*_args: Any, **_keywords: Any) -> Reservation:
        await leave.wait()
        raise ZeroDivisionError

    leave = asyncio.Event()
    async with served(HASTY) as face:
        face.reservations.answers["commit"] = fail
        assert (await face.post(f"{PATH}/{RESERVATION}/commit")).status == 503
        leave.set()
        await draining(face.app).unfinished.wait(30)
    logged = capfd.readouterr()
    assert "http_work_failed" in logged.out + logged.err


async def test_an_announced_stop_closes_connections_and_still_answers() -> None:
    async with served(Settings(app_env="test")) as face:
        face.reservations.answers["reserve"] = Reserved(HELD, is_new=True)
        draining(face.app).announce()
        answer = await face.reserve()
        assert (answer.status, answer.headers["Connection"]) == (201, "close")


async def test_leaving_waits_for_work_whose_caller_is_gone() -> None:
    async with served(HASTY) as face:
        slow = face.reservations.answers["reserve"] = Slow(Reserved(HELD, is_new=True))
        assert (await face.reserve()).status == 503
        asyncio.get_running_loop().call_later(0.1, slow.leave.set)
    assert slow.ended.is_set()


async def test_waiting_ends_when_the_grace_is_over() -> None:
    async with served(HASTY) as face:
        slow = face.reservations.answers["reserve"] = Slow(Reserved(HELD, is_new=True))
        await face.reserve()
        assert await draining(face.app).wait(0.05) is False
        slow.leave.set()
        assert await draining(face.app).wait(30) is True


async def test_readiness_goes_red_before_anything_is_refused() -> None:
    health = HealthChecks(required={}, optional={})
    async with served(Settings(app_env="test"), health=health) as face:
        face.reservations.answers["reserve"] = Reserved(HELD, is_new=True)
        assert (await face.get("/health/ready")).status == 200
        health.drain()
        assert (await face.get("/health/ready")).status == 503
        assert (await face.reserve()).status == 201
