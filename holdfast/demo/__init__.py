"""`holdfast demo`: a checkout story on a whole stack of its own, each claim checked, nothing left behind.

The story uses the public interfaces only: REST, gRPC, Kafka. Exit code 0 when every claim held.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys

from holdfast.demo.claims import Claims
from holdfast.demo.stage import Stage
from holdfast.demo.telling import INTERRUPTED, Telling
from holdfast.stack.embedded import stack_directory
from runtime.logs import configure_logging
from runtime.settings import Settings

__all__ = ["main"]

TITLE = "Holdfast, the inventory service that cannot oversell"
SUMMARY = (
    "Each reservation a durable Temporal workflow, each stock change one Postgres transaction, each fact one event."
)
HOW_TO_GO_ON = [
    ("make up", "keep the stack running: it prints the URLs of API docs and Temporal UI, and a token"),
    (".venv/bin/holdfast seed", "fill it with this catalogue"),
    (".venv/bin/holdfast doctor", "examine it: every dependency and every invariant"),
    ("make test", "everything above, and much more, as tests"),
]


def main(settings: Settings, *, as_json: bool = False) -> int:
    """Tell the story; answers the exit code. With `as_json` the claims go to standard output, the story to stderr."""
    configure_logging(settings, "demo")
    logging.disable(logging.ERROR)  # processes are killed on purpose: what clients complain about is part of the story
    claims = Claims()
    stage = Stage(claims, sys.stderr if as_json else sys.stdout)
    stage.open(TITLE, SUMMARY)
    code = asyncio.run(Telling(stage, claims, stack_directory("demo")).run(settings))
    if as_json:
        print(json.dumps(claims.as_json(), indent=2))
    if code != INTERRUPTED:
        stage.closing(HOW_TO_GO_ON)
    return code
