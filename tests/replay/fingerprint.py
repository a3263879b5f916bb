"""What a workflow did, as a list of words: its commands in their order, without ids, times or payloads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from temporalio.client import WorkflowHistory


def fingerprint(history: WorkflowHistory) -> list[str]:
    """The commands of a history in their order. What the outside did (signals, timers that fired) is not among them."""
    return list(_words(history.events))


def _words(events: Iterable[Any]) -> Iterable[str]:
    for event in events:
        kind = event.WhichOneof("attributes")
        if kind in _COMMANDS:
            yield _COMMANDS[kind](getattr(event, kind))


def _marker(attributes: Any) -> str:
    if attributes.marker_name == "core_patch":
        return f"patch {json.loads(attributes.details['patch-data'].payloads[0].data)['id']}"
    data = json.loads(attributes.details["data"].payloads[0].data)
    return f"local activity {data['activity_type']}"


_COMMANDS: dict[str, Callable[[Any], str]] = {
    "marker_recorded_event_attributes": _marker,
    "timer_started_event_attributes": lambda _: "start timer",
    "timer_canceled_event_attributes": lambda _: "cancel timer",
    "activity_task_scheduled_event_attributes": lambda scheduled: f"activity {scheduled.activity_type.name}",
    "start_child_workflow_execution_initiated_event_attributes": lambda child: f"start {child.workflow_type.name}",
    "signal_external_workflow_execution_initiated_event_attributes": lambda told: f"signal {told.signal_name}",
    "workflow_execution_update_accepted_event_attributes": lambda accepted: (
        f"accept {accepted.accepted_request.input.name}"
    ),
    "workflow_execution_update_completed_event_attributes": lambda _: "answer",
    "upsert_workflow_search_attributes_event_attributes": lambda _: "upsert search attributes",
    "workflow_execution_completed_event_attributes": lambda _: "complete",
    "workflow_execution_failed_event_attributes": lambda _: "fail",
    "workflow_execution_continued_as_new_event_attributes": lambda _: "continue as new",
}
