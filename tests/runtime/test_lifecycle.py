from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

import pytest

from tests.runtime.conftest import StartChild

PREAMBLE = """
import asyncio, sys
from runtime import lifecycle
from runtime.lifecycle import before_exit, run_process
from runtime.logs import configure_logging
from runtime.settings import load_settings
configure_logging(load_settings(), "probe")

async def serve(stop):
    print("up", flush=True)
    await stop.wait()
    print("drained")

async def never_drain(stop):
    print("up", flush=True)
    await asyncio.Event().wait()

async def refuse_to_end(stop):
    print("up", flush=True)
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("cancelled", flush=True)

async def return_at_once(stop):
    pass

async def fail(stop):
    raise RuntimeError("the reason")
"""


def run_to_end(child: subprocess.Popen[str]) -> tuple[str, list[dict[str, Any]]]:
    output, errors = child.communicate(timeout=60)
    return output, [json.loads(line) for line in errors.splitlines()]


def wait_until_up(child: subprocess.Popen[str], line: str = "up") -> None:
    assert child.stdout is not None
    assert child.stdout.readline() == line + "\n"


def test_a_process_whose_work_is_done_exits_0(start_child: StartChild) -> None:
    child = start_child(PREAMBLE + "run_process(return_at_once)")
    run_to_end(child)
    assert child.returncode == 0


def test_an_unhandled_error_is_logged_and_exits_1(start_child: StartChild) -> None:
    child = start_child(PREAMBLE + "run_process(fail)")
    _, log = run_to_end(child)
    assert child.returncode == 1
    assert [line["event"] for line in log] == ["process_failed"]
    assert "RuntimeError: the reason" in log[0]["exception"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_process_drain_and_exit_0(start_child: StartChild, number: signal.Signals) -> None:
    child = start_child(PREAMBLE + "run_process(serve)")
    wait_until_up(child)
    child.send_signal(number)
    output, log = run_to_end(child)
    assert child.returncode == 0
    assert output == "drained\n"
    assert [line["event"] for line in log] == ["process_stopping", "process_stopped"]


def test_a_second_signal_hurries(start_child: StartChild) -> None:
    child = start_child(PREAMBLE + "lifecycle.ECHO_SECONDS_MAX = -1\nrun_process(never_drain)")
    wait_until_up(child)
    child.send_signal(signal.SIGINT)
    assert child.stderr is not None
    assert "process_stopping" in child.stderr.readline()
    child.send_signal(signal.SIGTERM)
    _, log = run_to_end(child)
    assert child.returncode == 128 + signal.SIGINT
    assert [line["event"] for line in log] == ["process_hurried"]


def test_the_echo_of_a_signal_does_not_hurry(start_child: StartChild) -> None:
    code = """
async def drain_after_the_echo(stop):
    print("up", flush=True)
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, end.set)
    await stop.wait()
    print("draining", flush=True)
    await end.wait()
    print("drained")
import signal
lifecycle.ECHO_SECONDS_MAX = 60
run_process(drain_after_the_echo)
"""
    child = start_child(PREAMBLE + code)
    wait_until_up(child)
    child.send_signal(signal.SIGINT)
    wait_until_up(child, "draining")
    child.send_signal(signal.SIGTERM)
    child.send_signal(signal.SIGUSR1)
    output, _ = run_to_end(child)
    assert child.returncode == 0
    assert output == "drained\n"


def test_a_third_signal_ends_a_process_that_swallows_its_cancellation(start_child: StartChild) -> None:
    child = start_child(PREAMBLE + "lifecycle.ECHO_SECONDS_MAX = -1\nrun_process(refuse_to_end)")
    wait_until_up(child)
    child.send_signal(signal.SIGTERM)
    assert child.stderr is not None
    assert "process_stopping" in child.stderr.readline()
    child.send_signal(signal.SIGTERM)
    wait_until_up(child, "cancelled")
    child.send_signal(signal.SIGTERM)
    run_to_end(child)
    assert child.returncode == 128 + signal.SIGTERM


def test_a_drain_that_takes_too_long_is_cancelled(start_child: StartChild) -> None:
    child = start_child(PREAMBLE + "run_process(never_drain, drain_seconds_max=0.1)")
    wait_until_up(child)
    child.send_signal(signal.SIGTERM)
    _, log = run_to_end(child)
    assert child.returncode == 128 + signal.SIGTERM
    assert log[-1]["reason"] == "drain_took_too_long"


def test_a_cancelled_process_that_does_not_end_is_ended(start_child: StartChild) -> None:
    code = "lifecycle.HURRY_SECONDS_MAX = 0.1\nrun_process(refuse_to_end, drain_seconds_max=0.1)"
    child = start_child(PREAMBLE + code)
    wait_until_up(child)
    child.send_signal(signal.SIGTERM)
    run_to_end(child)
    assert child.returncode == 128 + signal.SIGTERM


def test_the_last_flushes_run_in_reverse_order_and_one_that_fails_stops_no_other(start_child: StartChild) -> None:
    code = """
before_exit(lambda: sys.stdout.write("first registered"))
before_exit(lambda: 1 / 0)
before_exit(lambda: sys.stdout.write("last registered, "))
run_process(return_at_once)
"""
    child = start_child(PREAMBLE + code)
    output, _ = run_to_end(child)
    assert child.returncode == 0
    assert output == "last registered, first registered"


def test_a_flush_that_hangs_does_not_keep_the_process(start_child: StartChild) -> None:
    code = """
import threading
lifecycle.EXIT_SECONDS_MAX = 0.1
before_exit(threading.Event().wait)
run_process(return_at_once)
"""
    child = start_child(PREAMBLE + code)
    run_to_end(child)
    assert child.returncode == 0


def test_threads_that_never_end_do_not_keep_the_process(start_child: StartChild) -> None:
    code = """
import threading
threading.Thread(target=threading.Event().wait).start()
run_process(return_at_once)
"""
    child = start_child(PREAMBLE + code)
    run_to_end(child)
    assert child.returncode == 0


def test_an_error_in_a_forgotten_task_is_logged(start_child: StartChild) -> None:
    code = """
async def forget(stop):
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
run_process(forget)
"""
    child = start_child(PREAMBLE + code)
    _, log = run_to_end(child)
    assert child.returncode == 0
    assert "ZeroDivisionError" in next(line for line in log if line["event"] == "stray_error")["exception"]


def test_the_loop_is_uvloop_and_the_garbage_collector_quiet(start_child: StartChild) -> None:
    code = """
import gc
async def tell(stop):
    print(type(asyncio.get_running_loop()).__module__, gc.get_freeze_count() > 0, gc.get_threshold()[0])
run_process(tell)
"""
    child = start_child(PREAMBLE + code)
    output, _ = run_to_end(child)
    assert output == "uvloop True 5000\n"
