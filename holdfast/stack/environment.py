"""What a server of the stack sees of our environment: almost nothing, so that no PGHOST or TEMPORAL_* leaks in."""

from __future__ import annotations

import os
from pathlib import Path


def server_environment(home: Path, **more: str) -> dict[str, str]:
    """A small environment whose HOME is the part's own directory."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        **more,
    }
