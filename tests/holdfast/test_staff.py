"""The staff console against a service that says what it is told to."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest
import typer
from aiohttp import web

from db.engine import Database
from db.paging import Page, PageRequest
from domain.adjustments import StockAdjustment
from domain.errors import SelfApproval, Unavailable
from domain.operations import OperationKind, Step
from gateway.auth import development_token
from holdfast import staff
from holdfast.staff import Desk, Taken
from runtime.settings import Settings
from tests.gateway.http.conftest import with_usual_answers
from tests.gateway.http.face import ADJUSTMENT, WAITING, Face, served

SETTINGS = Settings(app_env="test")
Told = tuple[int, str, dict[str, str]]
"""Status, text, headers."""

LOST: Told = (0, "", {})
"""An answer that does not arrive."""


class Mute:
    """A service of which answers get lost: it answers what it was told, in order, the last again and again."""

    def __init__(self) -> None:
        self.answers: list[Told] = []
        self.keys: list[str] = []
        self.api = ""
        self.asked, self.over = asyncio.Event(), asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers["Idempotency-Key"])
        self.asked.set()
        if not self.answers:
            await self.over.wait()
            return web.Response()
        told = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if told is LOST:
            assert request.transport is not None
            request.transport.abort()
        status, text, headers = told
        return web.Response(status=status or 200, text=text, headers=headers)


def problem(status: int, code: str, **headers: str) -> Told:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, json.dumps({"code": code, "detail": "told"}), sent


@pytest.fixture(scope="module")
async def face(database: Settings) -> AsyncIterator[Face]:
    connected = Database.connect(database)
    async with served(SETTINGS, database=connected) as opened:
        yield with_usual_answers(opened)
    await connected.close()


@pytest.fixture
async def mute() -> AsyncIterator[Mute]:
    service = Mute()
    app = web.Application()
    app.router.add_post("/api/v1/{path:.*}", service.answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.api = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield service
    service.over.set()
    await runner.cleanup()


def desk(face: Face, *, as_json: bool = False) -> Desk:
    token = development_token(SETTINGS, subject="boss", scopes=["admin"])
    return Desk(f"http://127.0.0.1:{face.port}", token, as_json)


def approval(**fields: object) -> Taken:
    return Taken(
        **{"kind": OperationKind.ADJUSTMENT, "operation_id": str(ADJUSTMENT), "step": Step.APPROVE, **fields}  # type: ignore[arg-type]
    )


async def test_a_step_goes_the_way_of_every_request(face: Face, capsys: pytest.CaptureFixture[str]) -> None:
    code = await asyncio.to_thread(staff.take, desk(face), approval(reason="seen"))
    (adjustment_id, step, caller), keywords = face.adjustments.last("decide")
    assert (code, adjustment_id, step, caller.subject, keywords["reason"]) == (0, ADJUSTMENT, "approve", "boss", "seen")
    assert f"adjustment {ADJUSTMENT} is APPLIED now.\n" in capsys.readouterr().out


async def test_a_refusal_is_said_and_fails_the_command(face: Face, capsys: pytest.CaptureFixture[str]) -> None:
    face.adjustments.answers["decide"] = SelfApproval("whoever asked for it cannot approve it")
    assert await asyncio.to_thread(staff.take, desk(face), approval()) == 1
    assert "self_approval: whoever asked for it cannot approve it\n" in capsys.readouterr().err


async def test_a_service_that_is_not_there_is_said_so(face: Face, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = Desk("http://127.0.0.1:1", "token", patience_seconds=0.1)
    assert await asyncio.to_thread(staff.take, nowhere, approval()) == 1
    assert "does not answer" in capsys.readouterr().err


async def test_a_step_whose_outcome_is_not_known_is_asked_for_again_with_its_key(
    mute: Mute, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = approval()
    mute.answers = [
        LOST,
        problem(503, "outcome_unknown", Retry_After="1"),
        (502, "Bad Gateway", {}),
        problem(409, "request_in_progress", Retry_After="1"),
        (200, '{"status": "APPLIED"}', {}),
    ]
    assert await asyncio.to_thread(staff.take, Desk(mute.api, "token"), taken) == 0
    assert mute.keys == [taken.key] * 5
    shown = capsys.readouterr()
    assert shown.out == f"adjustment {ADJUSTMENT} is APPLIED now.\n"
    assert shown.err.count(taken.key) == 1


async def test_a_refusal_is_not_asked_for_again(mute: Mute, capsys: pytest.CaptureFixture[str]) -> None:
    mute.answers = [problem(409, "step_not_allowed")]
    assert await asyncio.to_thread(staff.take, Desk(mute.api, "token"), approval()) == 1
    assert (len(mute.keys), capsys.readouterr().err) == (1, "step_not_allowed: told\n")


@pytest.mark.parametrize(
    "answer",
    [LOST, problem(503, "outcome_unknown", Retry_After="9"), problem(500, "internal_error"), (504, "", {})],
)
async def test_who_gives_up_is_told_how_to_repeat_the_step(
    mute: Mute, capsys: pytest.CaptureFixture[str], answer: Told
) -> None:
    taken = approval(
        kind=OperationKind.PURCHASE_ORDER, step=Step.RECEIVE, lines=["A=5", "B C=1"], receipt_id="R-1", reason="it's in"
    )
    mute.answers = [answer]
    here = Desk(mute.api, "token", options=["--as=dora"], patience_seconds=0.3)
    assert await asyncio.to_thread(staff.take, here, taken) == 1
    assert set(mute.keys) == {taken.key}
    *_, command = capsys.readouterr().err.splitlines()
    assert shlex.split(command) == [
        *("holdfast", "receive", "purchase-order", str(ADJUSTMENT), "--reason=it's in", "--receipt=R-1"),
        *("--line=A=5", "--line=B C=1", "--as=dora", f"--key={taken.key}"),
    ]
    assert await asyncio.to_thread(staff.take, replace(here, as_json=True), taken) == 1
    assert json.loads(capsys.readouterr().out)["idempotencyKey"] == taken.key


async def test_who_stops_waiting_is_told_too_and_a_key_may_be_given(mute: Mute) -> None:
    said = ["receive", "purchase-order", str(ADJUSTMENT), "--line=A=5", f"--api={mute.api}", "--as=dora", "--key=k-1"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "holdfast", *said),
        stderr=asyncio.subprocess.PIPE,
        # What runs these tests in the background may have it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    await mute.asked.wait()
    process.send_signal(signal.SIGINT)
    _, told = await process.communicate()
    assert (process.returncode, mute.keys) == (staff.INTERRUPTED, ["k-1"])
    assert shlex.split(told.decode().splitlines()[-1]) == ["holdfast", *said]


def test_a_repeat_goes_to_the_same_service_in_the_same_name_and_shows_no_token() -> None:
    mine = staff.desk(SETTINGS, "dora", "", "", as_json=True)
    assert mine.options == [f"--api=http://{SETTINGS.app_host}:{SETTINGS.app_port}", "--as=dora", "--json"]
    theirs = staff.desk(SETTINGS, "developer", "https://shop.example", "secret", as_json=False)
    assert (theirs.options, theirs.token) == (["--api=https://shop.example", "--token=TOKEN"], "secret")


async def test_an_answer_may_be_json(face: Face, capsys: pytest.CaptureFixture[str]) -> None:
    await asyncio.to_thread(staff.take, desk(face, as_json=True), approval())
    printed = capsys.readouterr().out
    assert json.loads(printed[printed.index("{\n") :])["code"] == "self_approval"


async def test_everything_that_waits_is_shown_however_many_pages_it_fills(
    face: Face, capsys: pytest.CaptureFixture[str]
) -> None:
    newest = replace(WAITING, adjustment_id=UUID(int=1))
    pages = {None: Page((newest,), "a"), "a": Page((), "b"), "b": Page((WAITING,))}
    asked: list[tuple[int, str | None]] = []

    async def page(_: object, request: PageRequest) -> Page[StockAdjustment]:
        asked.append((request.size, request.token))
        return pages[request.token]

    face.operation_views.answers |= {"adjustment_list": page}
    for name in ("transfer_list", "purchase_order_list"):
        face.operation_views.answers[name] = Page(())
    assert await asyncio.to_thread(staff.waiting, desk(face, as_json=True)) == 0
    printed = capsys.readouterr().out
    found = json.loads(printed[printed.index("{\n") :])
    assert [one["adjustmentId"] for one in found["adjustments"]] == [str(newest.adjustment_id), str(ADJUSTMENT)]
    assert asked == [(200, None), (200, "a"), (200, "b")]


async def test_a_list_that_cannot_be_had_is_said_so(face: Face, capsys: pytest.CaptureFixture[str]) -> None:
    face.operation_views.answers["adjustment_list"] = Unavailable("busy")
    assert await asyncio.to_thread(staff.waiting, desk(face)) == 1
    assert "unavailable: busy\n" in capsys.readouterr().err
    assert await asyncio.to_thread(staff.waiting, Desk("http://127.0.0.1:1", "token")) == 1
    assert "does not answer" in capsys.readouterr().err


def test_lines_are_read_strictly() -> None:
    taken = approval(kind=OperationKind.TRANSFER, step=Step.RECEIVE, lines=["A=B=3", "C=1"], receipt_id="R-1")
    assert taken.body() == {
        "lines": [{"sku": "A=B", "quantity": 3}, {"sku": "C", "quantity": 1}],
        "receiptId": "R-1",
    }
    assert taken.path == f"/transfers/{ADJUSTMENT}/receive"
    for line in ("A", "=3", "A=", "A=-1", "A=x"):
        with pytest.raises(typer.BadParameter):
            approval(lines=[line]).body()
