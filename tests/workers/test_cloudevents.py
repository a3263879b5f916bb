from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from domain.events import InventoryEvent, Produced
from gateway.http.routes import ROUTES
from tests.stocking import id_field
from workers.cloudevents import to_record

READS = {route.path for route in ROUTES if route.method == "GET"}


@pytest.mark.parametrize("type_", Produced)
def test_the_subject_is_a_path_that_the_api_answers_under_the_id_that_the_body_tells(type_: Produced) -> None:
    event = InventoryEvent(
        outbox_id=1,
        event_id=uuid4(),
        type=type_,
        key="k",
        stream_id=uuid4(),
        sequence=1,
        data={},
        traceparent=None,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    subject = dict(to_record(event).headers)["ce_subject"].decode()
    collection, _, resource_id = subject.partition("/")
    assert resource_id == str(event.stream_id)
    assert f"/api/v1/{collection}/{{{id_field(type_)}}}" in READS
