"""`python -m tests.rolling.record`: store the history of tomorrow's reservation, whose path is behind a patch."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path

from temporalio.worker import Worker

from domain.contracts.names import COMMIT
from domain.contracts.reservations import SettleOutcome
from runtime.lifecycle import exit_process
from tests.replay.histories_so_far import until
from tests.replay.record import without_traces
from tests.replay.scenarios import IDENTITY, recording_server
from tests.rolling.tomorrow import TomorrowsReservation
from tests.workflows.fakes import FakeStock, decision, hold_request

PATCHED = Path(__file__).parent / "committed_on_a_patched_path.json"


async def record() -> None:
    """Play and store."""

    async def now() -> datetime:
        return datetime.now(UTC)

    stock, queue = FakeStock(now), str(uuid.uuid4())
    async with recording_server() as client:
        worker = Worker(
            client,
            task_queue=queue,
            workflows=[TomorrowsReservation],
            activities=[stock.hold, stock.settle],
            identity=IDENTITY,
        )
        async with worker:
            run = TomorrowsReservation.run
            handle = await client.start_workflow(run, hold_request(hold_seconds=86_400), id="patched", task_queue=queue)
            await until(handle, "timer_started_event_attributes")
            await handle.execute_update(COMMIT, decision(), result_type=SettleOutcome)
            await handle.result()
        history = without_traces((await handle.fetch_history()).to_json_dict())
    PATCHED.write_text(json.dumps(history, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    asyncio.run(record())
    exit_process(0)
