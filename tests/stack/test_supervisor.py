from __future__ import annotations

import asyncio
import os
import re
import signal

import psutil
import pytest

from holdfast.stack.errors import NotReadyError, StackError
from holdfast.stack.guard import Guard
from holdfast.stack.supervisor import Supervisor
from tests.stack.conftest import MakeStub, Reports, wait_until_ended


async def test_parts_serve_inside_and_are_gone_after(guard: Guard, make_stub: MakeStub, reports: Reports) -> None:
    parts = [make_stub("first"), make_stub("second")]
    supervisor = Supervisor(parts, guard, reports)

    async with supervisor.running(keep_up=False):
        for part in parts:
            await part.ready()
        pids = supervisor.pids()

    assert set(pids) == {"first", "second"}
    assert not any(psutil.pid_exists(pid) for pid in pids.values())
    assert reports.events("first") == ["starting", "ready", "stopped"]


async def test_a_part_that_ends_early_is_named_with_its_code_and_the_end_of_its_log(
    guard: Guard, make_stub: MakeStub, reports: Reports
) -> None:
    supervisor = Supervisor([make_stub("healthy"), make_stub("faulty", "dies")], guard, reports)

    with pytest.raises(StackError, match=r"(?s)faulty ended with code 3.*the stub has no reason to live"):
        async with supervisor.running(keep_up=True):
            pytest.fail("a stack with a faulty part must not run")

    assert supervisor.pids() == {}
    assert reports.events("healthy")[-1] == "stopped"


async def test_every_part_that_does_not_start_is_named(guard: Guard, make_stub: MakeStub) -> None:
    missing = make_stub("missing", command=("/nonexistent/program",))
    supervisor = Supervisor([missing, make_stub("faulty", "dies")], guard)

    with pytest.raises(StackError, match=r"(?s)missing cannot be started: .*No such file.*faulty ended"):
        async with supervisor.running(keep_up=False):
            pytest.fail("a stack without a part must not run")


async def test_a_part_that_never_answers_is_given_up_with_the_last_reason(guard: Guard, make_stub: MakeStub) -> None:
    supervisor = Supervisor([make_stub("mute", "silent", ready_seconds_max=0.5)], guard)

    with pytest.raises(StackError, match=r"mute did not serve within 0\.5 s: GET / .*refused"):
        async with supervisor.running(keep_up=False):
            pytest.fail("a part that does not serve is not running")

    assert supervisor.pids() == {}


async def test_a_killed_part_is_started_again_on_its_port(guard: Guard, make_stub: MakeStub, reports: Reports) -> None:
    part = make_stub("mortal")
    supervisor = Supervisor([part], guard, reports)

    async with supervisor.running(keep_up=True):
        first = supervisor.pids()["mortal"]
        os.kill(first, signal.SIGKILL)
        await reports.until("mortal", "ready", times=2)
        await part.ready()
        second = supervisor.pids()["mortal"]

    assert second != first
    assert reports.events("mortal") == ["starting", "ready", "died", "ready", "stopped"]


async def test_a_part_that_cannot_come_back_is_tried_again_and_again(
    guard: Guard, make_stub: MakeStub, reports: Reports
) -> None:
    part = make_stub("mortal")
    supervisor = Supervisor([part], guard, reports)
    broken = part.directory / "logs-moved-away"

    async with supervisor.running(keep_up=True):
        part.log_path.parent.rename(broken)
        part.log_path.parent.write_text("a file where the log directory was")
        os.kill(supervisor.pids()["mortal"], signal.SIGKILL)
        await reports.until("mortal", "failed", times=2)
        part.log_path.parent.unlink()
        await reports.until("mortal", "ready", times=2)
        await part.ready()


async def test_a_part_that_is_slow_to_come_back_is_not_killed_for_it(
    guard: Guard, make_stub: MakeStub, reports: Reports
) -> None:
    allowed = asyncio.Event()
    allowed.set()

    async def ready() -> None:
        if not allowed.is_set():
            raise NotReadyError("still recovering")

    supervisor = Supervisor([make_stub("slow", ready=ready, ready_seconds_max=0.5)], guard, reports)
    async with supervisor.running(keep_up=True):
        allowed.clear()
        os.kill(supervisor.pids()["slow"], signal.SIGKILL)
        await reports.until("slow", "failed")
        assert "still recovering" in reports.heard[-1][2]
        assert psutil.pid_exists(supervisor.pids()["slow"])

    assert reports.events("slow") == ["starting", "ready", "died", "failed", "stopped"]


async def test_without_keeping_up_a_part_may_be_stopped_and_started_by_hand(
    guard: Guard, make_stub: MakeStub, reports: Reports
) -> None:
    part = make_stub("optional")
    supervisor = Supervisor([part], guard, reports)

    async with supervisor.running(keep_up=False):
        await supervisor["optional"].stop()
        assert supervisor.pids() == {}
        await supervisor["optional"].start()
        await part.ready()

    assert "died" not in reports.events("optional")


async def test_a_part_that_ignores_the_request_to_stop_is_killed(guard: Guard, make_stub: MakeStub) -> None:
    supervisor = Supervisor([make_stub("stubborn", "deaf", stop_seconds_max=0.3)], guard)

    async with supervisor.running(keep_up=False):
        pid = supervisor.pids()["stubborn"]

    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_no_child_of_a_part_outlives_it(
    guard: Guard, make_stub: MakeStub, reports: Reports, number: signal.Signals
) -> None:
    part = make_stub("parent", "family")
    supervisor = Supervisor([part], guard, reports)

    async with supervisor.running(keep_up=True):
        child = psutil.Process(int(re.findall(r"child (\d+)", part.log_path.read_text())[0]))
        os.kill(supervisor.pids()["parent"], number)
        await reports.until("parent", "ready", times=2)
        wait_until_ended(child)
