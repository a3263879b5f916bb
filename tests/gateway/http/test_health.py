from __future__ import annotations

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from gateway import health
from gateway.health import HealthChecks
from runtime.settings import Settings
from tests.gateway.http.face import RESERVATION, Face, served

SETTINGS = Settings(app_env="test")


async def up() -> None:
    """Answer."""


async def down() -> None:
    raise ConnectionError("postgres at 10.0.0.7 says no")


@pytest.mark.parametrize(
    ("required", "optional", "status", "word"),
    [(up, up, 200, "up"), (up, down, 200, "degraded"), (down, up, 503, "down")],
)
async def test_health_reports_each_dependency(required: object, optional: object, status: int, word: str) -> None:
    checks = HealthChecks(required={"postgres": required}, optional={"redis": optional})  # type: ignore[dict-item]
    async with served(SETTINGS, health=checks) as face:
        answer = await face.get("/health")
        assert (answer.status, answer.json["status"]) == (status, word)
        postgres = answer.json["dependencies"]["postgres"]
        assert (postgres["status"], postgres["required"]) == ("up" if required is up else "down", True)
        assert answer.json["dependencies"]["redis"]["required"] is False
        assert b"10.0.0.7" not in answer.raw
        assert (await face.get("/health/ready")).status == status
        assert (await face.get("/health/live")).status == 200


async def test_a_dependency_that_is_down_is_logged_when_it_goes_and_when_it_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "KEPT_SECONDS", 0.0)
    answers = [up, down, down, up, up]

    async def check() -> None:
        await answers.pop(0)()

    checks = HealthChecks(required={"postgres": check}, optional={})
    with capture_logs() as lines:
        seen = [await checks.is_ready() for _ in range(5)]
    assert seen == [True, False, False, True, True]
    assert [line["event"] for line in lines] == ["dependency_down", "dependency_up"]
    assert "10.0.0.7" in lines[0]["error"]


async def test_a_dependency_that_is_down_for_another_reason_is_logged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "KEPT_SECONDS", 0.0)
    reasons = ["refused", "refused", "not migrated", "not migrated"]

    async def check() -> None:
        raise ConnectionError(reasons.pop(0))

    checks = HealthChecks(required={"postgres": check}, optional={})
    with capture_logs() as lines:
        assert not any([await checks.is_ready() for _ in range(4)])
    assert [line["error"] for line in lines] == ["ConnectionError('refused')", "ConnectionError('not migrated')"]


async def test_metrics_count_requests_by_template_and_never_by_path(face: Face) -> None:
    await face.get(f"/api/v1/reservations/{RESERVATION}")
    await face.get("/no/such/path")
    await asyncio.gather(*(face.reserve() for _ in range(3)))
    answer = await face.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    counted = {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for family in text_string_to_metric_families(answer.raw.decode())
        for sample in family.samples
        if sample.name == "http_server_request_duration_seconds_count"
    }
    assert counted["GET", "/api/v1/reservations/{reservationId}", "200"] >= 1
    assert counted["GET", "_OTHER", "404"] >= 1
    assert counted["POST", "/api/v1/reservations", "201"] >= 3
    assert not any(str(RESERVATION) in route for _, route, _ in counted)


async def test_each_request_is_one_line_in_the_log(face: Face) -> None:
    with capture_logs() as lines:
        await face.get(f"/api/v1/reservations/{RESERVATION}")
        await face.get("/no/such/path")
    first, second = [line for line in lines if line["event"] == "http_request"]
    assert (first["method"], first["route"], first["status"], first["subject"]) == (
        "GET",
        "/api/v1/reservations/{reservationId}",
        200,
        "tester",
    )
    assert first["ms"] >= 0
    assert (second["route"], second["status"], second["subject"]) == ("_OTHER", 404, None)
