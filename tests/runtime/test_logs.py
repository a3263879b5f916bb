from __future__ import annotations

import inspect
import json
import os
import pty
import re
from datetime import datetime
from typing import Any

from aiokafka.consumer import group_coordinator

from runtime.logs import _COORDINATOR, _REJOINS
from tests.runtime.conftest import StartChild

PREAMBLE = """
import asyncio, logging, warnings
import structlog
from runtime.logs import configure_logging, get_logger
from runtime.settings import load_settings
log = get_logger("room.module")
configure_logging(load_settings(), "bridge")
"""


def lines_of(start_child: StartChild, code: str, **environment: str) -> list[dict[str, Any]]:
    child = start_child(PREAMBLE + code, **environment)
    output, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    assert output == ""
    return [json.loads(line) for line in errors.splitlines()]


def test_away_from_a_terminal_each_event_is_one_json_line(start_child: StartChild) -> None:
    (line,) = lines_of(start_child, 'log.info("hold_committed", lines=2)')
    assert datetime.fromisoformat(line.pop("timestamp")).tzinfo is not None
    assert line == {
        "event": "hold_committed",
        "lines": 2,
        "level": "info",
        "logger": "room.module",
        "process": "bridge",
    }


def test_a_library_logs_through_the_same_pipeline(start_child: StartChild) -> None:
    code = 'logging.getLogger("alembic.runtime").info("Running %s -> %s", "a", "b")'
    (line,) = lines_of(start_child, code)
    assert line["event"] == "Running a -> b"
    assert (line["logger"], line["level"], line["process"]) == ("alembic.runtime", "info", "bridge")


def test_a_warning_becomes_a_line(start_child: StartChild) -> None:
    (line,) = lines_of(start_child, 'warnings.warn("old ways")')
    assert line["logger"] == "py.warnings"
    assert "old ways" in line["event"]


def test_log_level_is_the_least_that_shows(start_child: StartChild) -> None:
    code = """
for write in (log.debug, log.info, log.warning, log.error): write("shown")
for write in (logging.debug, logging.info, logging.warning, logging.error): write("shown")
"""
    for level, shown in (("debug", 8), ("info", 6), ("warning", 4), ("error", 2)):
        assert len(lines_of(start_child, code, LOG_LEVEL=level)) == shown


def test_chatty_libraries_are_heard_from_warning_on_unless_debugging(start_child: StartChild) -> None:
    code = (
        'logging.getLogger("aiokafka.consumer").info("joined"); logging.getLogger("aiokafka.consumer").warning("lost")'
    )
    assert [line["event"] for line in lines_of(start_child, code)] == ["lost"]
    assert [line["event"] for line in lines_of(start_child, code, LOG_LEVEL="debug")] == ["joined", "lost"]


def test_what_is_bound_to_the_context_is_on_every_line_of_it(start_child: StartChild) -> None:
    code = """
async def work(request):
    with structlog.contextvars.bound_contextvars(request_id=request):
        await asyncio.sleep(0)
        log.info("worked")
        logging.getLogger("library").info("helped")
async def both():
    await asyncio.gather(work("a"), work("b"))
asyncio.run(both())
log.info("after")
"""
    lines = lines_of(start_child, code)
    assert [(line["event"], line.get("request_id")) for line in lines] == [
        ("worked", "a"),
        ("helped", "a"),
        ("worked", "b"),
        ("helped", "b"),
        ("after", None),
    ]


def test_an_active_span_is_named(start_child: StartChild) -> None:
    code = """
from opentelemetry import trace
context = trace.SpanContext(trace_id=0xABC, span_id=0xDEF, is_remote=False)
with trace.use_span(trace.NonRecordingSpan(context)):
    log.info("inside")
log.info("outside")
"""
    inside, outside = lines_of(start_child, code)
    assert inside["trace_id"] == f"{0xABC:032x}"
    assert inside["span_id"] == f"{0xDEF:016x}"
    assert "trace_id" not in outside


def test_an_error_carries_its_traceback(start_child: StartChild) -> None:
    code = """
try:
    1 / 0
except ZeroDivisionError:
    log.exception("division_failed")
    logging.exception("failed too")
"""
    for line in lines_of(start_child, code):
        assert "ZeroDivisionError: division by zero" in line["exception"]


def test_values_that_json_does_not_know_are_written_as_text(start_child: StartChild) -> None:
    (line,) = lines_of(start_child, 'import uuid; log.info("held", reservation_id=uuid.UUID(int=1))')
    assert line["reservation_id"] == "00000000-0000-0000-0000-000000000001"


def test_on_a_terminal_lines_are_for_people(start_child: StartChild) -> None:
    controller, terminal = pty.openpty()
    child = start_child(PREAMBLE + 'log.info("hold_committed", lines=2)', stderr=terminal)
    child.communicate(timeout=60)
    os.close(terminal)
    shown = os.read(controller, 10_000).decode()
    os.close(controller)
    assert "hold_committed" in shown
    assert "\x1b[" in shown
    assert "{" not in shown


def test_an_offset_that_came_too_late_in_a_rebalance_is_no_error(start_child: StartChild) -> None:
    code = """
kafka = logging.getLogger("aiokafka.consumer.group_coordinator")
kafka.error("OffsetCommit failed for group %s due to group error (%s), will rejoin", "g", "[Error 22]")
kafka.error("OffsetCommit failed for group %s - %s", "g", "GroupAuthorizationFailedError")
"""
    assert [line["level"] for line in lines_of(start_child, code)] == ["warning", "error"]


def test_the_words_about_it_are_those_that_aiokafka_has() -> None:
    source = re.sub(r'"\s+"', "", inspect.getsource(group_coordinator))
    assert group_coordinator.__name__ == _COORDINATOR
    assert f'"{_REJOINS}"' in source
