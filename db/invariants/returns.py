"""What came back of a sale."""

from __future__ import annotations

RETURNS: dict[str, str] = {
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
}
