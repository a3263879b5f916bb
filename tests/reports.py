"""Where every harness puts what it has found: JSON for programs, and beside it the text for people. Judges nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def keep_report(path: Path, found: Mapping[str, Any], text: str) -> None:
    """Write the JSON at `path`, and the text under the same name with `.txt`; missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    path.with_suffix(".txt").write_text(text, "utf-8")
