"""The demo's parts: patience that never doubles, claims that are counted, and a stage that is plain when piped."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from holdfast.demo.claims import Claim, Claims, percentile
from holdfast.demo.stage import Stage, advance
from holdfast.demo.telling import own_settings
from holdfast.rest_client import PatienceEnded, Rest, open_rest
from holdfast.stack.external import named_in
from holdfast.stack.ports import free_port
from runtime.settings import Settings


class FlakyShop:
    """Answers with what it was told, in order; the last answer again and again."""

    def __init__(self, *answers: tuple[int, dict[str, str]]) -> None:
        self.answers = list(answers)
        self.headers: dict[str, str] = {}
        self.keys: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers["Idempotency-Key"])
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.json_response(body, status=status, headers=self.headers)


@pytest.fixture
def shop() -> FlakyShop:
    return FlakyShop(
        (503, {"code": "saturated"}),
        (409, {"code": "request_in_progress"}),
        (201, {"reservationId": "1"}),
    )


@pytest.fixture
async def rest(shop: FlakyShop) -> AsyncIterator[Rest]:
    app = web.Application()
    app.router.add_post("/api/v1/reservations", shop.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    async with open_rest(f"http://127.0.0.1:{port}", "token") as client:
        yield client
    await runner.cleanup()


async def test_a_patient_client_repeats_with_the_same_key_until_the_answer_is_final(
    rest: Rest, shop: FlakyShop
) -> None:
    answer = await rest.post_patiently("/reservations", {}, key="k")
    assert (answer.status, answer.failures) == (201, ("saturated", "request_in_progress"))
    assert shop.keys == ["k", "k", "k"]


async def test_a_refusal_is_final(rest: Rest, shop: FlakyShop) -> None:
    shop.answers = [(409, {"code": "insufficient_stock"})]
    assert (await rest.post_patiently("/reservations", {}, key="k")).status == 409
    assert shop.keys == ["k"]


async def test_patience_ends_and_says_what_it_got(rest: Rest, shop: FlakyShop) -> None:
    shop.answers = [(503, {"code": "unavailable"})]
    with pytest.raises(PatienceEnded, match="unavailable"):
        await rest.post_patiently("/reservations", {}, key="k", patience_seconds=0.3)


async def test_who_heeds_retry_after_does_not_ask_before_it(rest: Rest, shop: FlakyShop) -> None:
    shop.answers, shop.headers = [(503, {"code": "saturated"})], {"Retry-After": "60"}
    with pytest.raises(PatienceEnded) as ended:
        await rest.post_patiently("/reservations", {}, key="k", patience_seconds=30, heeds_retry_after=True)
    assert (shop.keys, ended.value.last and ended.value.last.retry_after_seconds) == (["k"], 60)


def test_nothing_claimed_is_nothing_held_and_one_broken_claim_breaks_all() -> None:
    true, false = Claim("chapter", "water is wet", True, ""), Claim("chapter", "pigs fly", False, "0 m")
    assert [Claims(made).all_held for made in ([], [true], [true, false])] == [False, True, False]
    assert Claims([true, false]).broken == [false]
    assert Claims([true, false]).as_json()["held"] is False


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([5.0], 0.95) == 5.0


def test_a_piped_stage_writes_plain_lines() -> None:
    stream, claims = io.StringIO(), Claims()
    stage = Stage(claims, stream)
    stage.open("Title", "Text")
    stage.chapter("First")
    with stage.progress("work", 3) as progress:
        advance(progress)
    stage.part("serve", "starting", "")
    stage.part("serve", "ready", "pid 1")
    stage.claim("it [works]", True, "5 ms")
    stage.claim("it flies", False)
    stage.finale()
    shown = stream.getvalue()
    assert "\x1b" not in shown
    assert "== 1. First" in shown
    assert "✔ it [works]  5 ms" in shown
    assert "starting" not in shown
    assert "1 of 2 claims did not hold." in shown
    assert "✘ First: it flies" in shown


def test_a_stream_that_cannot_say_a_tick_is_still_written_to(tmp_path: Path) -> None:
    path = tmp_path / "ascii"
    with path.open("w", encoding="ascii") as stream:
        Stage(Claims(), stream).claim("it works", True)
    assert "it works" in path.read_text("ascii")


def test_the_demo_never_touches_servers_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_HOST", "production.example")
    monkeypatch.setenv("KAFKA_BROKERS", "production.example:9092")
    monkeypatch.setenv("APP_PORT", "8080")
    monkeypatch.setenv("RESERVATION_HOLD_SECONDS", "60")
    own = own_settings(Settings())
    assert named_in(own, ("postgres", "temporal", "broker", "cache")) == []
    assert (own.db_host, own.app_port, own.grpc_port, own.prometheus_port) == ("127.0.0.1", 0, 0, 0)
    assert own.reservation_hold_seconds == 60
