"""Housekeeping on a real Postgres and a real Temporal: violations are counted, orphans adopted, old rows trimmed."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from temporalio.client import Client

from activities.maintenance import MaintenanceActivities
from activities.reservations import ReservationActivities
from db import waitlist
from db.engine import Database
from domain.contracts.names import COMMIT, RESERVATION_WORKFLOW, reservation_workflow_id
from domain.contracts.reservations import DecisionRequest, SettleOutcome
from domain.reservations import Reservation, ReservationStatus
from holdfast.stack.embedded import Stack
from runtime.reservation_start import start_options
from runtime.settings import Settings
from runtime.temporal import DATA_CONVERTER
from tests.conftest import NAMESPACES
from tests.lines import join, look
from tests.stocking import TESTER, add_stock, forget_reservations, hold, hold_request, reservation_now, settle, want
from workers.temporal_workers import reservation_worker

PENDING, COMMITTED = ReservationStatus.PENDING, ReservationStatus.COMMITTED


@pytest.fixture(scope="module")
async def temporal(temporal_server: Stack) -> Client:
    return await Client.connect(
        temporal_server.settings.temporal_address, namespace=NAMESPACES[-1], data_converter=DATA_CONVERTER
    )


@pytest.fixture
def maintenance(db: Database, temporal: Client, database: Settings) -> MaintenanceActivities:
    return MaintenanceActivities(db, temporal, database)


@pytest.fixture
async def _no_holds(db: Database) -> AsyncIterator[None]:
    """Each test sees its own holds only."""
    yield
    async with db.write() as session:
        await forget_reservations(session, "inbox", "idempotency_keys", "alerts")
        await session.execute(text("update inventory set quantity_reserved = 0"))


async def _age(db: Database, table: str, column: str, days: int) -> None:
    async with db.write() as session:
        await session.execute(text(f"update {table} set {column} = {column} - interval '{days} days'"))


async def _aged_hold(db: Database) -> Reservation:
    """A hold without a workflow, old enough to be called an orphan."""
    held = await hold(db, want(await add_stock(db, 5), 2))
    async with db.write() as session:
        await session.execute(
            text("update reservations set created_at = created_at - interval '1 minute' where reservation_id = :id"),
            {"id": held.reservation_id},
        )
    return held


@pytest.mark.usefixtures("_no_holds")
async def test_violations_are_counted_and_shown_as_a_metric(db: Database, maintenance: MaintenanceActivities) -> None:
    item = await add_stock(db, 5)
    assert set((await maintenance.check_invariants()).values()) == {0}
    async with db.write() as session:
        await session.execute(
            text("update inventory set quantity_reserved = 1 where inventory_id = :id"), {"id": item.inventory_id}
        )
    counts = await maintenance.check_invariants()
    assert counts["reserved_is_sum_of_pending_lines"] == 1
    shown = REGISTRY.get_sample_value(
        "inventory_invariant_violations", {"invariant": "reserved_is_sum_of_pending_lines"}
    )
    assert shown == 1


@pytest.mark.usefixtures("_no_holds")
async def test_alerts_that_nobody_resolved_are_shown_as_a_metric_by_kind(
    db: Database, maintenance: MaintenanceActivities
) -> None:
    def shown(kind: str) -> float | None:
        return REGISTRY.get_sample_value("inventory_unresolved_alerts", {"kind": kind})

    await maintenance.check_invariants()
    before = shown("low_stock"), shown("out_of_stock")
    held = await hold(db, want(await add_stock(db, 20), 15))
    await maintenance.check_invariants()
    assert (shown("low_stock"), shown("out_of_stock")) == ((before[0] or 0) + 1, before[1])
    await settle(db, held, ReservationStatus.CANCELLED)
    await maintenance.check_invariants()
    assert (shown("low_stock"), shown("out_of_stock")) == before


@pytest.mark.usefixtures("_no_holds")
class TestOrphans:
    """PENDING rows that lost their workflow get another, which goes on where the row is."""

    async def test_an_orphan_is_adopted_and_can_be_decided_again(
        self, db: Database, maintenance: MaintenanceActivities, temporal: Client, database: Settings
    ) -> None:
        orphan = await _aged_hold(db)
        assert await maintenance.adopt_orphans() == 1
        handle = temporal.get_workflow_handle(reservation_workflow_id(orphan.reservation_id))
        asked = DecisionRequest(decision_id="d1", actor_id=TESTER.actor_id, actor_name=TESTER.name)
        async with reservation_worker(temporal, ReservationActivities(db, database), database):
            outcome = await handle.execute_update(COMMIT, asked, result_type=SettleOutcome)
            await handle.result()
        assert outcome.status is COMMITTED
        after = await reservation_now(db, orphan)
        assert (after.status, after.expires_at, after.fingerprint) == (
            COMMITTED,
            orphan.expires_at,
            orphan.fingerprint,
        )

    async def test_one_that_has_its_workflow_is_left_alone(
        self, db: Database, maintenance: MaintenanceActivities, temporal: Client
    ) -> None:
        held = await _aged_hold(db)
        options = start_options(hold_request([], reservation_id=held.reservation_id))
        await temporal.start_workflow(**options)
        assert await maintenance.adopt_orphans() == 0
        await temporal.get_workflow_handle(reservation_workflow_id(held.reservation_id)).terminate()

    async def test_one_whose_workflow_was_terminated_is_adopted(
        self, db: Database, maintenance: MaintenanceActivities, temporal: Client
    ) -> None:
        held = await _aged_hold(db)
        handle = await temporal.start_workflow(
            RESERVATION_WORKFLOW, id=reservation_workflow_id(held.reservation_id), task_queue=str(uuid.uuid4())
        )
        await handle.terminate()
        assert await maintenance.adopt_orphans() == 1
        await temporal.get_workflow_handle(reservation_workflow_id(held.reservation_id)).terminate()

    async def test_a_young_row_and_a_settled_one_are_nobodys_orphans(
        self, db: Database, maintenance: MaintenanceActivities
    ) -> None:
        await hold(db, want(await add_stock(db, 5), 2))
        await settle(db, await _aged_hold(db), COMMITTED)
        assert await maintenance.adopt_orphans() == 0


@pytest.mark.usefixtures("_no_holds")
class TestTrim:
    """What is past its keeping goes; what somebody may still ask for stays."""

    async def test_refusals_go_after_a_day_and_reservations_never(
        self, db: Database, maintenance: MaintenanceActivities
    ) -> None:
        item = await add_stock(db, 5)
        held, refused = await hold(db, want(item, 2)), await hold(db, want(item, 9))
        sold = await hold(db, want(item, 1))
        await settle(db, sold, COMMITTED)
        assert (await maintenance.trim())["reservations"] == 0
        await _age(db, "reservations", "created_at", 30)
        assert (await maintenance.trim())["reservations"] == 1
        assert (await reservation_now(db, held)).status is PENDING
        assert (await reservation_now(db, sold)).status is COMMITTED
        assert refused.status is ReservationStatus.REJECTED

    async def test_entries_that_wait_no_more_go_after_a_quarter_of_a_year(
        self, db: Database, maintenance: MaintenanceActivities
    ) -> None:
        item = await add_stock(db)
        gone, waiting = await join(db, item.sku), await join(db, item.sku)
        await db.calling(lambda session: waitlist.withdraw(session, [gone], None))
        assert (await maintenance.trim())["waitlist_entries"] == 0
        await _age(db, "waitlist_entries", "settled_at", 91)
        assert (await maintenance.trim())["waitlist_entries"] == 1
        assert (await look(db, waiting)).position == 1
        await maintenance.check_invariants()
        assert REGISTRY.get_sample_value("inventory_waitlist_waiting") == 1

    async def test_alerts_that_are_over_go_after_a_quarter_of_a_year(
        self, db: Database, maintenance: MaintenanceActivities
    ) -> None:
        item = await add_stock(db, 20)
        await settle(db, await hold(db, want(item, 15)), ReservationStatus.CANCELLED)
        await hold(db, want(item, 15))
        await _age(db, "alerts", "raised_at", 200)
        assert (await maintenance.trim())["alerts"] == 0
        await _age(db, "alerts", "resolved_at", 89)
        assert (await maintenance.trim())["alerts"] == 0
        await _age(db, "alerts", "resolved_at", 2)
        assert (await maintenance.trim())["alerts"] == 1
        async with db.read() as session:
            left = await session.execute(
                text("select status from alerts where subject_id = :id"), {"id": item.inventory_id}
            )
        assert list(left.scalars()) == ["open"]

    async def test_idempotency_keys_go_after_a_day(self, db: Database, maintenance: MaintenanceActivities) -> None:
        async with db.write() as session:
            await session.execute(
                text("""
                    insert into idempotency_keys (subject, method, path, key, fingerprint, resource_id, leased_until)
                    select 's', 'POST', '/', n::text, 'f', uuidv7(), clock_timestamp() from generate_series(1, 1500) n
                """)
            )
        assert (await maintenance.trim())["idempotency_keys"] == 0
        await _age(db, "idempotency_keys", "created_at", 1)
        assert (await maintenance.trim())["idempotency_keys"] == 1500

    async def test_delivered_events_are_remembered_for_longer_than_the_topic_keeps_them(
        self, db: Database, maintenance: MaintenanceActivities
    ) -> None:
        async with db.write() as session:
            await session.execute(
                text("""
                    insert into inbox (source, event_id, type, topic, partition, "offset", status, body, delivered_at)
                    values ('s', 'done', 't', 'topic', 0, 1, 'DELIVERED', '{}', clock_timestamp()),
                           ('s', 'open', 't', 'topic', 0, 2, 'RECEIVED', '{}', null)
                """)
            )
        await _age(db, "inbox", "delivered_at", 7)
        assert (await maintenance.trim())["inbox"] == 0
        await _age(db, "inbox", "delivered_at", 2)
        assert (await maintenance.trim())["inbox"] == 1
