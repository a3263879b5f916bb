"""REST by its own document: whatever it allows, or forbids, is answered as it says, and a refusal changes nothing.

Schemathesis makes the questions. Ids and names that earlier answers told are put into the good ones, so that they reach
rows, workflows and each other.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.http.openapi import document
from gateway.http.routes import ROUTES
from tests.attack.findings import Findings
from tests.attack.state import State
from tests.attack.target import Known, Target

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    negative_data_rejection,
]
SECONDS_MAX = 15.0
PREFIX = "/api/"


class Documented:
    """The operations of the document, each to be asked as often as one likes."""

    def __init__(self, target: Target, findings: Findings, state: State, *, seed: int) -> None:
        self._target = target
        self._findings = findings
        self._state = state
        self.known = Known(random.Random(seed))
        self._session = requests.Session()
        self._headers = {"Authorization": target.bearer()}
        self._api = schemathesis.openapi.from_dict(self._document)

    @cached_property
    def _document(self) -> dict[str, Any]:
        return dict(json.loads(document(ROUTES)))

    @property
    def operations(self) -> list[str]:
        """Method and path template of everything that needs a token."""
        paths = self._document["paths"].items()
        return [f"{verb.upper()} {path}" for path, verbs in paths for verb in verbs if path.startswith(PREFIX)]

    def ask(self, operation: str, *, times: int, seed: int, modes: Sequence[HypothesisTestMode]) -> None:
        """Ask one operation so many times. What is wrong is found, not raised."""
        method, path = operation.split()
        chosen = settings(
            max_examples=times,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        config = HypothesisTestConfig(project=self._api.config, modes=list(modes), settings=chosen, seed=seed)
        check: Callable[[schemathesis.Case], None] = lambda case: self._ask(operation, case)  # noqa: E731 - see below
        # Schemathesis wraps a plain function of one case.
        create_test(operation=self._api[path][method], test_func=check, config=config)()

    def _ask(self, operation: str, case: schemathesis.Case) -> None:
        if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
            case.path_parameters = self.known.put_into(case.path_parameters)
            case.query = self.known.put_into(case.query)
            if isinstance(case.body, dict | list):  # a body that is not there would count as a wrong one once set
                case.body = self.known.put_into(case.body)
        response = case.call(
            base_url=self._target.api, session=self._session, headers=self._headers, timeout=SECONDS_MAX
        )
        self._findings.count(operation, response.status_code)
        question = f"{response.request.method} {response.request.url} {response.request.body!r}"
        asked = question[:1000]
        self._state.judge(operation, refused=400 <= response.status_code < 500, asked=asked)
        try:
            case.validate_response(response, checks=CHECKS)
        except (Failure, FailureGroup) as failure:
            self._findings.blame(operation, f"{_in_words(failure)}; asked {asked}")
        self._read(operation, response, question)

    def _read(self, operation: str, response: Any, question: str) -> None:
        if response.status_code >= 400:
            self._findings.look_for_leaks(operation, response.text, asked=question)
        elif response.headers.get("Content-Type", "").startswith("application/json"):
            self.known.learn(response.json())


def _in_words(failure: BaseException) -> str:
    if isinstance(failure, FailureGroup):
        return " | ".join(_in_words(one) for one in failure.exceptions)
    return " ".join(str(failure).split())
