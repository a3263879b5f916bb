from __future__ import annotations

import asyncio
import signal
import time

import pytest

from runtime.failpoints import configure_failpoints, failpoint, task_failpoint
from runtime.settings import Settings, SettingsError, load_settings
from tests.runtime.conftest import StartChild

PASS_FIVE_TIMES = """
    from runtime.failpoints import configure_failpoints, failpoint
    from runtime.settings import load_settings
    configure_failpoints(load_settings())
    for number in range(1, 6):
        print(number, flush=True)
        failpoint("after_hold_commit")
"""


@pytest.mark.parametrize(
    ("armed", "passes"),
    [
        ("after_hold_commit=kill", 1),
        ("after_hold_commit=kill@3", 3),
        ("somewhere_else=kill,after_hold_commit=kill@2", 2),
    ],
)
def test_a_kill_point_ends_the_process_at_the_pass_it_names(start_child: StartChild, armed: str, passes: int) -> None:
    child = start_child(PASS_FIVE_TIMES, FAILPOINTS=armed)
    output, _ = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    assert output.split() == [str(number) for number in range(1, passes + 1)]


@pytest.mark.parametrize("armed", ["", "somewhere_else=kill", "after_hold_commit=kill@6"])
def test_a_point_that_is_not_reached_changes_nothing(start_child: StartChild, armed: str) -> None:
    child = start_child(PASS_FIVE_TIMES, FAILPOINTS=armed)
    output, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    assert len(output.split()) == 5


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the process was frozen, each time; it still is."""
    frozen: list[float] = []
    sleep = time.sleep

    def freeze(seconds: float) -> None:
        frozen.append(seconds)
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", freeze)
    return frozen


def test_a_pause_point_freezes_the_process_once(settings: Settings, pauses: list[float]) -> None:
    configure_failpoints(settings.model_copy(update={"failpoints": ("before_delivery=pause:0.2",)}))
    assert _seconds_to_pass() >= 0.2
    failpoint("before_delivery")
    assert pauses == [0.2]


async def test_who_hangs_at_a_point_does_so_alone_and_once(settings: Settings) -> None:
    configure_failpoints(settings.model_copy(update={"failpoints": ("after_rendezvous=hang@2",)}))
    tasks = [asyncio.ensure_future(task_failpoint("after_rendezvous")) for _ in range(3)]
    done, hanging = await asyncio.wait(tasks, timeout=0.2)
    assert done == {tasks[0], tasks[2]}
    hanging.pop().cancel()


def test_configuring_again_disarms_what_was_armed(settings: Settings, pauses: list[float]) -> None:
    configure_failpoints(settings.model_copy(update={"failpoints": ("before_delivery=pause:5",)}))
    configure_failpoints(settings)
    failpoint("before_delivery")
    assert pauses == []


def test_production_refuses_failpoints(bare_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILPOINTS", "after_hold_commit=kill")
    with pytest.raises(SettingsError, match="FAILPOINTS is for chaos tests"):
        load_settings(app_env="production", jwt_secret="x" * 32, db_password="y" * 32)


@pytest.mark.parametrize(
    "wrong", ["after_hold_commit", "a=die", "a=kill@0", "a=pause", "a=pause:soon", "a=hang:1", "A b=kill"]
)
def test_a_malformed_failpoint_is_refused(bare_environment: None, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("FAILPOINTS", wrong)
    with pytest.raises(SettingsError, match="FAILPOINTS"):
        load_settings()


def _seconds_to_pass() -> float:
    begin = time.perf_counter()
    failpoint("before_delivery")
    return time.perf_counter() - begin
