"""What has been read may be a moment younger than the disk: holds let go of their rows first (hold_early_release.sql).

Postgres keeps the order: whoever writes after such a hold is durable only together with it. Left to care for are
those who pass on what they have read without writing it; they call this. Knows nothing of what was read.
"""

from __future__ import annotations

from sqlalchemy import text

from db.engine import WriteSession

_WAIT = text("select wait_until_durable()")


async def wait_until_durable(session: WriteSession) -> None:
    """Once this transaction has committed, everything that was visible to it survives a crash, whoever wrote it."""
    await session.execute(_WAIT)
