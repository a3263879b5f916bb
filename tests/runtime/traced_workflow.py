"""A workflow for the tracing tests, alone in its file so that the sandbox may import it again."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow


@workflow.defn
class Traced:
    """Holds through a local activity named `hold`, as a reservation does."""

    @workflow.run
    async def run(self) -> str:
        answer: str = await workflow.execute_local_activity("hold", start_to_close_timeout=timedelta(seconds=5))
        return answer
