"""One pipeline for every log line: ours and those of the libraries.

Events are static snake_case names with fields; a line carries what is bound to the context (`request_id`,
`reservation_id`) and the ids of the active span. Colours on a terminal, JSON lines otherwise, both to standard error
so that a command's own output stays clean. Must not decide what is worth logging.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from opentelemetry import trace
from structlog.types import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from runtime.settings import Settings

_CHATTY_LIBRARIES = ("aiohttp.access", "aiokafka", "asyncio", "grpc", "opentelemetry", "temporalio", "urllib3")
"""Their INFO lines tell what they do all day; we want them only when someone is debugging."""

_COORDINATOR = "aiokafka.consumer.group_coordinator"
_REJOINS = "OffsetCommit failed for group %s due to group error (%s), will rejoin"
"""Its words for an offset that came too late while a group is balanced anew, as in each rolling restart."""


def configure_logging(settings: Settings, process: str) -> None:
    """Send structlog and the standard library's logging through one handler, at LOG_LEVEL, marked with `process`."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    enrich = _enrichment(process)
    _configure_structlog(level, enrich)
    _configure_standard_logging(level, _formatter(enrich))


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger for one module. Safe at import: it takes its configuration at the first line it writes."""
    logger: FilteringBoundLogger = structlog.get_logger(name)
    return logger


def _configure_structlog(level: int, enrich: list[Processor]) -> None:
    structlog.configure(
        processors=[*enrich, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _configure_standard_logging(level: int, formatter: logging.Formatter) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for library in _CHATTY_LIBRARIES:
        logging.getLogger(library).setLevel(level if level <= logging.DEBUG else max(level, logging.WARNING))
    logging.getLogger(_COORDINATOR).addFilter(_warn_only_of_rejoining)
    logging.captureWarnings(True)


def _warn_only_of_rejoining(record: logging.LogRecord) -> bool:
    """No error of anybody's: the events are read once more, and the inbox knows them."""
    if record.msg == _REJOINS:
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
    return True


def _enrichment(process: str) -> list[Processor]:
    def name_the_process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_the_process,
        _add_span,
    ]


def _formatter(enrich: list[Processor]) -> logging.Formatter:
    on_terminal = sys.stderr.isatty()
    ending: list[Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if on_terminal
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=enrich,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
    )


def _add_span(_logger: Any, _method: str, event: EventDict) -> EventDict:
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = trace.format_trace_id(span.trace_id)
        event["span_id"] = trace.format_span_id(span.span_id)
    return event
