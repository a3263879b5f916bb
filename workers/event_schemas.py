"""The JSON Schemas of all events, and the check of a body against its own. Changes no body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

_SCHEMAS = "domain.contracts"


def schema(event_type: str) -> Mapping[str, Any]:
    """The schema of an event type. Raises FileNotFoundError for a type that is not in the contract."""
    text = resources.files(_SCHEMAS).joinpath("schemas", f"{event_type}.json").read_text("utf-8")
    parsed: Mapping[str, Any] = json.loads(text)
    return parsed


def problem_with(event_type: str, body: Any) -> str | None:
    """What is wrong with a body, with its JSON pointer; None when it is as its schema says."""
    error = best_match(_validator(event_type).iter_errors(body))
    if error is None:
        return None
    pointer = "".join(f"/{part}" for part in error.absolute_path)
    return f"{pointer or '/'}: {error.message}"


@cache
def _validator(event_type: str) -> Draft202012Validator:
    return Draft202012Validator(schema(event_type), format_checker=Draft202012Validator.FORMAT_CHECKER)
