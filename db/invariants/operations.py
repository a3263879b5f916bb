"""Work that waits for people."""

from __future__ import annotations

OPERATIONS: dict[str, str] = {
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
