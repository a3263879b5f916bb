"""Alerts and what they are about."""

from __future__ import annotations

ALERTS: dict[str, str] = {
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
          and o.created_at > statement_timestamp() - cast(:kept as interval)
          and not exists (select from alerts a
                          where a.subject_id = o.stream_id and 'inventory.' || a.kind = o.type
                            and (a.details ->> 'sequence')::bigint = o.sequence)
    """,
}
