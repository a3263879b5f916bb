"""How a parallel run (pytest-xdist) shares out the tests: file by file, those that take long first.

Runs nothing itself.
"""

from __future__ import annotations

import math
import os

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

RUNNERS_PER_CORE = 1.5
"""A test waits for a third of its time: for processes to start, for deadlines, for the broker."""

TOGETHER = (
    ("tests/acceptance/", "tests/stack/"),
    ("tests/holdfast/test_demo_whole.py", "tests/holdfast/test_serve_many.py", "tests/chaos/"),
)
"""What starts the whole service runs one after the other in two lanes: on a crowded machine it would not be ready in
time. The acceptance tests also share one service."""

LONGEST_FIRST = (
    *(prefix for lane in TOGETHER for prefix in lane),
    *("tests/workers/", "tests/holdfast/", "tests/runtime/", "tests/replay/"),
)
"""What takes long comes first: everyone would wait for a long file that is begun last."""


class FileByFile(LoadScopeScheduling):
    """Hands out whole files, or what has to stay together, in the order of the collection."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)


def share_of(nodeid: str) -> str:
    """The name of what a test is handed out with: its file, or a lane of TOGETHER."""
    return next((lane[0] for lane in TOGETHER if nodeid.startswith(lane)), nodeid.partition("::")[0])


def rank(item: pytest.Item) -> int:
    """The place of a test in the collection, by the place of its file or folder in LONGEST_FIRST."""
    places = (place for place, prefix in enumerate(LONGEST_FIRST) if item.nodeid.startswith(prefix))
    return next(places, len(LONGEST_FIRST))


def runners() -> int:
    """How many runners `-n auto` starts."""
    return math.ceil(RUNNERS_PER_CORE * (os.cpu_count() or 1))
