from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from unittest.mock import Mock

import pytest
from aiohttp import ClientSession

from runtime import health
from runtime.health import failed_checks, serve_health

REASON = "password=hunter2 at 10.0.0.5"


async def works() -> None:
    return


async def fails() -> None:
    raise ConnectionError(REASON)


async def says_no() -> bool:
    return False


async def hangs() -> None:
    await asyncio.Event().wait()


async def get(port: int, path: str) -> tuple[int, str, str]:
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as response:
        return response.status, response.headers["Content-Type"], await response.text()


async def test_a_process_whose_checks_pass_is_ready() -> None:
    async with serve_health("127.0.0.1", 0, {"database": works, "kafka": works}, "bridge") as port:
        status, _, body = await get(port, "/health/ready")
    assert status == 200
    assert body == '{"status": "up", "process": "bridge", "checks": {"database": "up", "kafka": "up"}}'


@pytest.mark.parametrize("path", ["/health/ready", "/health"])
async def test_a_failing_check_is_named_without_its_reason(path: str) -> None:
    async with serve_health("127.0.0.1", 0, {"database": fails, "kafka": works}, "bridge") as port:
        status, _, body = await get(port, path)
    assert status == 503
    assert '"database": "down", "kafka": "up"' in body
    assert "hunter2" not in body
    assert "10.0.0.5" not in body


async def test_a_process_that_is_not_ready_is_still_alive() -> None:
    async with serve_health("127.0.0.1", 0, {"database": fails}, "relay") as port:
        status, _, body = await get(port, "/health/live")
    assert status == 200
    assert '"process": "relay"' in body


async def test_a_check_that_fails_is_logged_once_and_again_when_it_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Mock()
    monkeypatch.setattr(health, "_log", log)
    monkeypatch.setattr(health, "_told", {})
    for check in (works, fails, fails, says_no, works, works):
        await failed_checks({"database": check})
    assert [call[1]["error"] for call in log.warning.call_args_list] == [repr(ConnectionError(REASON)), "answered no"]
    log.info.assert_called_once_with("health_check_passes", check="database")


async def test_metrics_are_prometheus_text() -> None:
    async with serve_health("127.0.0.1", 0, {}, "relay") as port:
        status, content_type, body = await get(port, "/metrics")
    assert status == 200
    assert content_type.startswith("text/plain; version=")
    assert "# TYPE inventory_outbox_oldest_seconds gauge" in body


async def test_an_unknown_path_is_not_found() -> None:
    async with serve_health("127.0.0.1", 0, {}, "relay") as port:
        status, _, _ = await get(port, "/etc/passwd")
    assert status == 404


async def test_a_check_that_hangs_has_failed_and_delays_no_other() -> None:
    failed = await asyncio.wait_for(
        failed_checks({"slow": hangs, "sound": works, "broken": fails}, seconds_max=0.05), timeout=30
    )
    assert failed == ["slow", "broken"]


async def test_a_check_that_answers_no_has_failed() -> None:
    assert await failed_checks({"temporal": says_no, "sound": works}) == ["temporal"]


async def test_checks_run_side_by_side() -> None:
    first, second = asyncio.Event(), asyncio.Event()

    def meet(mine: asyncio.Event, theirs: asyncio.Event) -> Callable[[], Awaitable[None]]:
        async def check() -> None:
            mine.set()
            await theirs.wait()

        return check

    assert await failed_checks({"a": meet(first, second), "b": meet(second, first)}) == []


async def test_a_taken_port_makes_way_for_the_next() -> None:
    async with (
        serve_health("127.0.0.1", 0, {}, "worker") as taken,
        serve_health("127.0.0.1", taken, {}, "bridge", ports_tried=5) as port,
    ):
        assert taken < port < taken + 5
        status, _, body = await get(port, "/health/live")
    assert status == 200
    assert "bridge" in body


async def test_a_taken_port_is_an_error_when_no_other_is_allowed() -> None:
    async with serve_health("127.0.0.1", 0, {}, "worker") as taken:
        with pytest.raises(OSError, match="in use"):
            async with serve_health("127.0.0.1", taken, {}, "bridge"):
                pass


async def test_processes_may_share_a_port() -> None:
    async with (
        serve_health("127.0.0.1", 0, {}, "serve", reuse_port=True) as shared,
        serve_health("127.0.0.1", shared, {}, "serve", reuse_port=True) as port,
    ):
        assert port == shared


async def test_the_port_is_free_again_afterwards() -> None:
    async with serve_health("127.0.0.1", 0, {}, "worker") as port:
        pass
    with socket.create_server(("127.0.0.1", port)):
        pass
