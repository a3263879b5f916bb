"""Work that waits for people."""

from __future__ import annotations

_ALL = """
    (select adjustment_id as operation_id, version, updated_at from adjustments
     union all
     select transfer_id, version, updated_at from transfers
     union all
     select purchase_order_id, version, updated_at from purchase_orders)
"""
"""Every operation, whatever its noun."""

OPERATIONS: dict[str, str] = {
    "adjustments_are_in_the_ledger": """
        select a.adjustment_id, a.status, a.delta, m.quantity, m.total_after
        from adjustments a left join stock_movements m on m.movement_id = a.adjustment_id
        where (a.status = 'APPLIED') <> (m.movement_id is not null)
           or m.quantity <> a.delta or m.total_after <> a.total_after or m.inventory_id <> a.inventory_id
    """,
    "every_step_is_in_the_audit": f"""
        select o.operation_id, o.version, count(u.audit_id) as steps
        from {_ALL} o left join audit u on u.subject_id = o.operation_id and u.refusal_code is null
        group by o.operation_id, o.version having count(u.audit_id) <> o.version
    """,  # noqa: S608 - the text above
    "every_step_is_news": f"""
        select o.operation_id, o.version, n.first, n.last, n.steps
        from {_ALL} o
        left join (
            select stream_id, min(sequence) as first, max(sequence) as last, count(distinct sequence) as steps
            from outbox
            where created_at > clock_timestamp() - cast(:kept as interval)
            group by stream_id
        ) n on n.stream_id = o.operation_id
        where o.updated_at > clock_timestamp() - cast(:kept as interval)
          and (n.last is distinct from o.version or n.steps <> n.last - n.first + 1)
    """,  # noqa: S608 - the text above
}
