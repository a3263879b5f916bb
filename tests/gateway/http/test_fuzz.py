"""Whatever the OpenAPI document allows, or forbids, is answered as the document says, and never with a 500."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from db.engine import Database
from gateway.http.openapi import document
from gateway.http.routes import ROUTES
from runtime.settings import Settings
from tests.gateway.http.conftest import with_usual_answers
from tests.gateway.http.face import Face, served

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    response_schema_conformance,
    response_headers_conformance,
    negative_data_rejection,
]


@pytest.fixture(scope="module")
def threaded_face(database: Settings) -> Iterator[Face]:
    """A face in a thread of its own, since Schemathesis asks without asyncio."""
    ready, done = threading.Event(), threading.Event()
    faces: list[Face] = []

    async def serve() -> None:
        opened = Database.connect(database)
        async with served(database, database=opened) as face:
            faces.append(with_usual_answers(face))
            ready.set()
            await asyncio.to_thread(done.wait)
        await opened.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield faces[0]
    done.set()
    thread.join()


schema = schemathesis.openapi.from_dict(json.loads(document(ROUTES)))


@schema.include(path_regex="^/api/").parametrize()
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_face_keeps_to_its_document(case: schemathesis.Case, threaded_face: Face) -> None:
    base_url = f"http://127.0.0.1:{threaded_face.port}"
    case.call_and_validate(base_url=base_url, headers=threaded_face.headers, checks=CHECKS)
