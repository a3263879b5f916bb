"""What must always be true, as queries that must find nothing. They only read, and see one instant.

They run after every concurrency and chaos test, in `holdfast doctor`, and on a schedule as a metric. Everything is
derived again from the ledger, the lines and the outbox, so that a wrong rule elsewhere shows here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import TextClause, text

from db.engine import Database, ReadSession

OVERDUE_LAG_SECONDS = 60.0
"""How long after its deadline a hold may still be PENDING, by default: the sweeper needs about two seconds."""

SAMPLES_MAX = 5

OUTBOX_KEPT = timedelta(minutes=30)
"""News younger than this are certainly still in the outbox; see db/housekeeping.py."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold: how many rows contradict it, and some of them as JSON."""

    invariant: str
    count: int
    samples: tuple[str, ...]


INVARIANTS: dict[str, str] = {
    "total_is_sum_of_movements": """
        select i.inventory_id, i.sku, i.quantity_total, coalesce(m.total, 0) as ledger
        from inventory i
        left join (select inventory_id, sum(quantity) as total from stock_movements group by inventory_id) m
            using (inventory_id)
        where i.quantity_total <> coalesce(m.total, 0)
    """,
    "reserved_is_sum_of_pending_lines": """
        select i.inventory_id, i.sku, i.quantity_reserved, coalesce(h.pieces, 0) as held
        from inventory i
        left join (
            select l.inventory_id, sum(l.quantity) as pieces
            from reservations r join reservation_lines l using (reservation_id)
            where r.status = 'PENDING' group by l.inventory_id
        ) h using (inventory_id)
        where i.quantity_reserved <> coalesce(h.pieces, 0)
    """,
    "nothing_is_negative": """
        select inventory_id, sku, quantity_total, quantity_reserved, quantity_available
        from inventory
        where quantity_total < 0 or quantity_reserved < 0 or quantity_available < 0
           or quantity_available <> quantity_total - quantity_reserved
    """,
    "retired_rows_hold_nothing": """
        select inventory_id, sku, quantity_reserved from inventory
        where deleted_at is not null and quantity_reserved <> 0
    """,
    "holds_end_in_time": """
        select reservation_id, expires_at, clock_timestamp() - expires_at as overdue
        from reservations
        where status = 'PENDING' and expires_at < statement_timestamp() - cast(:lag as interval)
    """,
    "one_terminal_state": """
        select reservation_id, status, committed_at, cancelled_at, expired_at, returned_at from reservations
        where num_nonnulls(committed_at, cancelled_at, expired_at)
                  <> (case when status in ('PENDING', 'REJECTED') then 0 else 1 end)
           or (committed_at is not null) <> (status = 'COMMITTED')
           or (cancelled_at is not null) <> (status = 'CANCELLED')
           or (expired_at is not null) <> (status = 'EXPIRED')
           or (returned_at is not null and status <> 'COMMITTED')
           or committed_at >= expires_at
    """,
    "holds_have_lines": """
        select r.reservation_id, r.status from reservations r
        where (r.status = 'REJECTED')
            = exists (select from reservation_lines l where l.reservation_id = r.reservation_id)
    """,
    "lines_name_rows_that_exist": """
        select l.reservation_id, l.inventory_id from reservation_lines l
        where not exists (select from inventory i where i.inventory_id = l.inventory_id)
    """,
    "ledger_adds_up": """
        select * from (
            select m.inventory_id, m.sequence, m.quantity, m.total_after, i.quantity_total, i.sequence as row_sequence,
                   lag(m.total_after, 1, 0) over ledger as total_before,
                   lead(m.sequence) over ledger is null as is_last
            from stock_movements m join inventory i using (inventory_id)
            window ledger as (partition by m.inventory_id order by m.sequence)
        ) line
        where total_before + quantity <> total_after
           or sequence not between 1 and row_sequence
           or (is_last and total_after <> quantity_total)
    """,
    "sales_are_in_the_ledger": """
        select order_id, inventory_id, sold.pieces as committed, ledger.pieces as outbound
        from (
            select r.order_id, l.inventory_id, sum(l.quantity) as pieces
            from reservations r join reservation_lines l using (reservation_id)
            where r.status = 'COMMITTED' group by r.order_id, l.inventory_id
        ) sold
        full join (
            select reference as order_id, inventory_id, -sum(quantity) as pieces
            from stock_movements where type = 'OUTBOUND' group by reference, inventory_id
        ) ledger using (order_id, inventory_id)
        where sold.pieces is distinct from ledger.pieces
    """,
    "returned_pieces_are_in_returns": """
        select reservation_id, inventory_id, l.quantity, l.quantity_returned, back.pieces, r.status, r.returned_at
        from reservation_lines l join reservations r using (reservation_id)
        left join (
            select reservation_id, inventory_id, sum(quantity) as pieces
            from reservation_return_lines group by reservation_id, inventory_id
        ) back using (reservation_id, inventory_id)
        where l.quantity_returned <> coalesce(back.pieces, 0)
           or l.quantity_returned > l.quantity
           or (r.returned_at is not null and l.quantity_returned < l.quantity)
           or (r.status <> 'COMMITTED' and l.quantity_returned > 0)
    """,
    "returns_are_in_the_ledger": """
        select l.reservation_id, l.return_id, l.inventory_id, l.condition, l.quantity,
               back.quantity as returned, damage.quantity as damaged
        from reservation_return_lines l
        join reservations r using (reservation_id)
        left join stock_movements back on back.movement_id = l.movement_id
            and (back.inventory_id, back.type, back.reference) = (l.inventory_id, 'RETURN', r.order_id)
        left join stock_movements damage on damage.movement_id = l.damage_movement_id
            and (damage.inventory_id, damage.type, damage.reference) = (l.inventory_id, 'DAMAGE', r.order_id)
            and damage.sequence = back.sequence + 1
        where back.quantity is distinct from l.quantity
           or damage.quantity is distinct from case when l.condition = 'damaged' then -l.quantity end
    """,
    "every_change_of_stock_is_news": """
        select m.inventory_id, m.sequence, 'no event of this movement' as problem
        from stock_movements m
        where m.created_at > clock_timestamp() - cast(:kept as interval)
          and not exists (select from outbox o where o.stream_id = m.inventory_id and o.sequence = m.sequence
                                                 and o.type = 'inventory.stock_updated')
        union all
        select i.inventory_id, i.sequence, 'events are missing or too many'
        from inventory i
        join (
            select stream_id, min(sequence) as first, max(sequence) as last, count(*) as events
            from outbox
            where type = 'inventory.stock_updated' and created_at > clock_timestamp() - cast(:kept as interval)
            group by stream_id
        ) o on o.stream_id = i.inventory_id
        where o.last <> i.sequence or o.events <> o.last - o.first + 1
    """,
    "every_change_of_a_reservation_is_news": """
        select r.reservation_id, r.status, r.sequence, o.first, o.last, o.events
        from reservations r
        left join (
            select stream_id, min(sequence) as first, max(sequence) as last, count(*) as events
            from outbox
            where created_at > clock_timestamp() - cast(:kept as interval)
            group by stream_id
        ) o on o.stream_id = r.reservation_id
        where r.updated_at > clock_timestamp() - cast(:kept as interval)
          and (o.last is distinct from r.sequence or o.events <> o.last - o.first + 1)
    """,
    "unresolved_alerts_are_true": """
        select a.alert_id, a.kind, a.subject_id, i.quantity_available, i.reorder_point, i.deleted_at
        from alerts a left join inventory i on i.inventory_id = a.subject_id
        where a.resolved_at is null and a.kind in ('low_stock', 'out_of_stock')
          and (i.inventory_id is null or i.deleted_at is not null
               or i.quantity_available > case a.kind when 'low_stock' then i.reorder_point else 0 end)
    """,
    "one_unresolved_alert_for_a_subject": """
        select kind, subject_id, count(*) as alerts from alerts
        where resolved_at is null group by kind, subject_id having count(*) > 1
    """,
    "every_crossing_raised_its_alert": """
        select o.type, o.stream_id as inventory_id, o.sequence from outbox o
        where o.type in ('inventory.low_stock', 'inventory.out_of_stock')
          and o.created_at > clock_timestamp() - cast(:kept as interval)
          and not exists (select from alerts a
                          where a.subject_id = o.stream_id and 'inventory.' || a.kind = o.type
                            and (a.details ->> 'sequence')::bigint = o.sequence)
    """,
    "adjustments_are_in_the_ledger": """
        select a.adjustment_id, a.status, a.delta, m.quantity, m.total_after
        from adjustments a left join stock_movements m on m.movement_id = a.adjustment_id
        where (a.status = 'APPLIED') <> (m.movement_id is not null)
           or m.quantity <> a.delta or m.total_after <> a.total_after or m.inventory_id <> a.inventory_id
    """,
    "every_step_is_in_the_audit": """
        select a.adjustment_id, a.version, count(u.audit_id) as steps
        from adjustments a left join audit u on u.subject_id = a.adjustment_id and u.refusal_code is null
        group by a.adjustment_id, a.version having count(u.audit_id) <> a.version
    """,
}
"""A query for each invariant; every row it finds is a violation."""


async def check(session: ReadSession, *, overdue_lag_seconds: float = OVERDUE_LAG_SECONDS) -> list[Violation]:
    """The invariants that do not hold. `session` is a snapshot (Database.snapshot): the queries belong together."""
    values = {"lag": timedelta(seconds=overdue_lag_seconds), "kept": OUTBOX_KEPT}
    violations = []
    for name, query in INVARIANTS.items():
        used = {key: value for key, value in values.items() if f":{key}" in query}
        found = (await session.execute(_counted(query), used)).one()
        if found.violations:
            violations.append(Violation(name, found.violations, tuple(found.samples)))
    return violations


async def violations_of(database: Database, *, overdue_lag_seconds: float = OVERDUE_LAG_SECONDS) -> list[Violation]:
    """`check` in a snapshot of its own. Raises Unavailable."""
    async with database.snapshot() as session:
        return await check(session, overdue_lag_seconds=overdue_lag_seconds)


async def count_violations(database: Database) -> dict[str, int]:
    """How many rows contradict each invariant, 0 for those that hold. Raises Unavailable."""
    found = {violation.invariant: violation.count for violation in await violations_of(database)}
    return {name: found.get(name, 0) for name in INVARIANTS}


def _counted(query: str) -> TextClause:
    return text(f"""
        with found as ({query})
        select (select count(*) from found) as violations,
               array(select to_jsonb(found)::text from found limit {SAMPLES_MAX}) as samples
    """)  # noqa: S608 - the queries are the ones above
