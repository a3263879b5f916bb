from __future__ import annotations

import asyncio

import pytest

from domain.errors import Unavailable
from gateway.commands import last_look as module
from gateway.commands.last_look import last_look, leaving_time_to_look


async def found() -> str | None:
    return "row"


async def nobody_answers() -> str | None:
    raise Unavailable("the database cannot answer right now")


async def it_takes_too_long() -> str | None:
    await asyncio.Event().wait()
    return "row"


@pytest.mark.parametrize(("read", "answer"), [(found, "row"), (nobody_answers, None), (it_takes_too_long, None)])
async def test_a_last_look_finds_the_row_or_nothing_in_time(
    monkeypatch: pytest.MonkeyPatch, read: object, answer: str | None
) -> None:
    monkeypatch.setattr(module, "LAST_READ_SECONDS", 0.05)
    async with asyncio.timeout(30):
        assert await last_look(read()) == answer  # type: ignore[operator]


async def test_a_mistake_of_ours_is_no_missing_row() -> None:
    async def mistaken() -> str | None:
        raise KeyError("row")

    with pytest.raises(KeyError):
        await last_look(mistaken())


@pytest.mark.parametrize(("deadline_seconds", "waits_seconds"), [(8.0, 7.0), (2.0, 1.0), (1.0, 0.5)])
async def test_waiting_leaves_a_second_for_the_look_and_takes_half_of_a_short_time(
    deadline_seconds: float, waits_seconds: float
) -> None:
    loop = asyncio.get_running_loop()
    before = loop.time()
    async with leaving_time_to_look(deadline_seconds) as limit:
        ends_at = limit.when()
    assert ends_at is not None
    assert before + waits_seconds <= ends_at <= loop.time() + waits_seconds
