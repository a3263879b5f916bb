from __future__ import annotations

import json

import pytest

from tests.audit import verdict

FINE = {"name": "aiohttp", "version": "3.13.2", "vulns": []}
BAD = {**FINE, "vulns": [{"id": "GHSA-1"}]}
UNKNOWN = {"name": "aiohttp", "skip_reason": "Dependency not found on PyPI and could not be audited"}


@pytest.mark.parametrize(
    ("packages", "code", "words"),
    [
        ([FINE], 0, "no vulnerability is known in any of 1"),
        ([FINE, BAD], 1, "aiohttp 3.13.2: GHSA-1"),
        ([UNKNOWN, BAD], 1, "GHSA-1"),
        ([FINE, UNKNOWN], 2, "NOT AUDITED: the vulnerability service knows nothing of 1 of 2: aiohttp"),
        ([], 2, "NOT AUDITED"),
    ],
)
def test_a_package_that_nobody_knows_is_not_called_safe(packages: list[object], code: int, words: str) -> None:
    found, said = verdict(json.dumps({"dependencies": packages}), "")
    assert (found, words in said) == (code, True)


def test_a_service_that_does_not_answer_is_named_as_the_trouble() -> None:
    code, said = verdict("", "Traceback\nConnectionError: Failed to resolve")
    assert code == 2
    assert said.startswith("NOT AUDITED: the vulnerability service cannot be reached")
    assert "Failed to resolve" in said
