"""The staff console against a service that says what it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import typer

from db.engine import Database
from domain.errors import SelfApproval
from domain.operations import OperationKind, Step
from gateway.auth import development_token
from holdfast import staff
from holdfast.staff import Desk, Taken
from runtime.settings import Settings
from tests.gateway.http.conftest import with_usual_answers
from tests.gateway.http.face import ADJUSTMENT, Face, served

SETTINGS = Settings(app_env="test")


@pytest.fixture(scope="module")
async def face(database: Settings) -> AsyncIterator[Face]:
    connected = Database.connect(database)
    async with served(SETTINGS, database=connected) as opened:
        yield with_usual_answers(opened)
    await connected.close()


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
    nowhere = Desk("http://127.0.0.1:1", "token")
    assert await asyncio.to_thread(staff.take, nowhere, approval()) == 1
    assert "does not answer" in capsys.readouterr().err


async def test_an_answer_may_be_json(face: Face, capsys: pytest.CaptureFixture[str]) -> None:
    await asyncio.to_thread(staff.take, desk(face, as_json=True), approval())
    printed = capsys.readouterr().out
    assert json.loads(printed[printed.index("{\n") :])["code"] == "self_approval"


def test_lines_are_read_strictly() -> None:
    taken = approval(kind=OperationKind.TRANSFER, step=Step.RECEIVE, lines=["A=B=3", "C=1"], receipt_id="R-1")
    assert taken.body() == {
        "lines": [{"sku": "A=B", "quantity": 3}, {"sku": "C", "quantity": 1}],
        "receiptId": "R-1",
    }
    assert taken.path == f"transfers/{ADJUSTMENT}/receive"
    for line in ("A", "=3", "A=", "A=-1", "A=x"):
        with pytest.raises(typer.BadParameter):
            approval(lines=[line]).body()
