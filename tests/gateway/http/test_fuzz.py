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
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test
from schemathesis.schemas import BaseSchema
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

EXAMPLES = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

DOCUMENT = json.loads(document(ROUTES))
OPERATIONS = [
    f"{method} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods if path.startswith("/api/")
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
    assert ready.wait(60)
    yield faces[0]
    done.set()
    thread.join()


@pytest.fixture(scope="module")
def api() -> BaseSchema:
    return schemathesis.openapi.from_dict(DOCUMENT)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_face_keeps_to_its_document(api: BaseSchema, operation: str, threaded_face: Face) -> None:
    method, path = operation.split()

    def check(case: schemathesis.Case) -> None:
        base_url = f"http://127.0.0.1:{threaded_face.port}"
        case.call_and_validate(base_url=base_url, headers=threaded_face.headers, checks=CHECKS)

    # What `api.parametrize()` does when tests are collected, here for one operation when it is its turn: in a parallel
    # run everybody collects, and would make all cases.
    config = HypothesisTestConfig(project=api.config, modes=list(HypothesisTestMode), settings=EXAMPLES)
    create_test(operation=api[path][method], test_func=check, config=config)()
