"""stack.json: where everything is, for scripts and tests that were not told. Exists only while the service runs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STACK_FILE = "stack.json"
"""Its name, in the directory of the stack."""

Facts = Callable[[], Mapping[str, Any]]


class StackFile:
    """Keeps the file at `path` equal to what `facts` answers; readable by us only, since it holds a token."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._facts: Facts | None = None

    @contextmanager
    def following(self, facts: Facts) -> Iterator[None]:
        """The file exists inside and is gone after."""
        self._facts = facts
        self.refresh()
        try:
            yield
        finally:
            self._facts = None
            self._path.unlink(missing_ok=True)

    def refresh(self) -> None:
        """Write it anew, whole or not at all; nothing to do while nobody is followed."""
        if self._facts is None:
            return
        unfinished = self._path.with_suffix(".unfinished")
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(self._facts(), indent=2) + "\n", "utf-8")
        os.replace(unfinished, self._path)
