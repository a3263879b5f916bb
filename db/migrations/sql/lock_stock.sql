-- Inventory rows are locked in the order of their ids, here and nowhere else (db/locks.py names the whole order:
-- reservations by id, then inventory rows by id). NO KEY UPDATE lets foreign-key checks pass.

create function lock_stock(p_inventory_ids uuid[]) returns void
language plpgsql as $$
begin
    perform 1 from inventory i where i.inventory_id = any (p_inventory_ids) order by i.inventory_id for no key update;
end $$;
