"""How a test run ends, the runners of a parallel one included: with the true code, whatever the interpreter does last.

Temporalio may abort the interpreter's own shutdown (sdk-python#300), so nothing of ours gets that far.
"""

from __future__ import annotations

import pytest

from runtime.lifecycle import exit_process

_session_key = pytest.StashKey[pytest.Session]()


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[_session_key] = session


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """The last hook of all: everything is torn down and told, by a runner also to the process that started it."""
    session = config.stash.get(_session_key, None)
    if session is not None:
        exit_process(int(session.exitstatus))
