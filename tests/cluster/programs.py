"""Programs that prepare a server: run to their end, and their last words when they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from holdfast.stack.errors import StackError

_SECONDS_MAX = 120.0


async def run_to_end(part: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run `command` for `part`. Raises StackError with what it said when it fails or takes longer than two minutes."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), _SECONDS_MAX)
    except (TimeoutError, asyncio.CancelledError):
        process.kill()
        raise
    if process.returncode != 0:
        said = output.decode(errors="replace")
        raise StackError(f"{part}: {' '.join(command[-6:])} ended with code {process.returncode}:\n{said[-3000:]}")
