"""A short campaign on the whole embedded stack; `make chaos` makes long ones."""

from __future__ import annotations

from tests.chaos.campaign import campaign
from tests.chaos.embedded_scene import embedded_scene
from tests.chaos.outcome import Plan
from tests.chaos.report import as_facts


async def test_processes_die_and_connections_break_under_mixed_load_and_everything_stays_true() -> None:
    plan = Plan(
        seconds=1.0,
        seed=20261128,
        customers=6,
        kinds=("kill", "cut"),
        parts=("serve", "bridge", "→ postgres", "→ temporal"),
        double_share=1.0,
    )
    async with embedded_scene() as scene:
        outcome = await campaign(scene, plan)
    assert outcome.wrong == []
    assert set(outcome.left.values()) == {0}
    assert [len(incident.faults) for incident in outcome.incidents] == [2]
    assert as_facts(outcome)["lookedAt"]["reservations"] > 0
