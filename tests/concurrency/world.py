"""What a race is about: warehouses, stock and orders of its own, and everything about them that others can see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text

from db.engine import Database
from domain.contracts.reservations import HoldRequest
from domain.reservations import Item, Reservation
from domain.stock import StockItem
from domain.warehouses import Warehouse
from tests.stocking import add_stock, add_warehouse, hold, hold_request, sell

# Everything is told by its name without the world's own part, so that two worlds can be compared.
_STOCK = text("""
    select substr(i.sku, :cut) as sku, substr(w.code, :cut) as place, i.quantity_total, i.quantity_reserved,
           i.reorder_point, i.deleted_at is not null as is_retired,
           array(select format('%s %s', m.type, m.quantity) from stock_movements m
                 where m.inventory_id = i.inventory_id order by m.type, m.quantity) as ledger,
           array(select o.type from outbox o where o.stream_id = i.inventory_id order by o.sequence, o.type) as news,
           array(select format('%s %s', a.kind, a.status) from alerts a where a.subject_id = i.inventory_id
                 order by 1) as alerts
    from inventory i join warehouses w using (warehouse_id)
    where i.sku like :mine order by 1, 2
""")
_RESERVATIONS = text("""
    select substr(r.order_id, :cut) as order_id, r.status, r.extends_count, r.returned_at is not null as is_returned,
           array(select format('%s %s %s', substr(i.sku, :cut), l.quantity, l.quantity_returned)
                 from reservation_lines l join inventory i using (inventory_id)
                 where l.reservation_id = r.reservation_id order by 1) as lines,
           array(select o.type from outbox o where o.stream_id = r.reservation_id order by o.sequence) as news
    from reservations r where r.order_id like :mine order by 1, 2
""")
_WAITLIST = text("""
    select substr(order_id, :cut) as order_id, status,
           array(select o.type from outbox o where o.stream_id = entry_id order by o.sequence) as news
    from waitlist_entries where sku like :mine order by 1
""")
_OPERATIONS = text("""
    select 'adjustment' as kind, a.status, a.version, a.total_after as pieces
    from adjustments a join inventory i using (inventory_id) where i.sku like :mine
    union all
    select 'transfer', t.status, t.version, sum(l.quantity_received)
    from transfers t join transfer_lines l using (transfer_id) where l.sku like :mine group by t.transfer_id
    union all
    select 'order', p.status, p.version, sum(l.quantity_received)
    from purchase_orders p join purchase_order_lines l using (purchase_order_id) where l.sku like :mine
    group by p.purchase_order_id
    order by 1, 2, 3, 4
""")


@dataclass(slots=True)
class World:
    """One of many: all its names begin with `key`. `things` are what a race has prepared, by name.

    Its ids grow in the order in which they are asked for: in each world of a race everything is locked in one order.
    """

    number: int
    database: Database
    ids: dict[str, UUID] = field(default_factory=dict)
    warehouses: dict[str, Warehouse] = field(default_factory=dict)
    stock: dict[str, StockItem] = field(default_factory=dict)
    things: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"R{self.number}-"

    async def warehouse(self, name: str, **fields: Any) -> Warehouse:
        """A warehouse, made when it is named first."""
        if name not in self.warehouses:
            self.warehouses[name] = await add_warehouse(self.database, code=f"{self.key}{name}", **fields)
        return self.warehouses[name]

    async def shelf(self, name: str, pieces: int = 0, *, at: str = "W", **fields: Any) -> StockItem:
        """A row of a SKU with so many pieces, known by its name, and elsewhere than at W by its place, too."""
        place, known_as = await self.warehouse(at), f"{name}@{at}" if at != "W" else name
        fields = {"reorder_point": 0, "inventory_id": self.id(known_as), **fields}
        self.stock[known_as] = await add_stock(self.database, pieces, warehouse=place, sku=self.sku(name), **fields)
        return self.stock[known_as]

    def sku(self, name: str) -> str:
        return f"{self.key}{name}"

    def request(self, who: str, wanted: Sequence[tuple[str, int]], *, hold_seconds: int = 900) -> HoldRequest:
        """What somebody wants to hold: pieces by the name of their SKU, in that order."""
        items = [Item(sku=self.sku(name), quantity=quantity) for name, quantity in wanted]
        made: HoldRequest = hold_request(
            items, order_id=f"{self.key}{who}", reservation_id=self.id(who), hold_seconds=hold_seconds
        )
        return made

    async def held(self, who: str, *wanted: tuple[str, int], hold_seconds: int = 900) -> Reservation:
        """A hold that is there before the race."""
        asked = self.request(who, wanted, hold_seconds=hold_seconds)
        return await hold(self.database, *asked.items, **_identity(asked))

    async def sold(self, who: str, *wanted: tuple[str, int]) -> Reservation:
        """A sale that was before the race."""
        asked = self.request(who, wanted)
        return await sell(self.database, *asked.items, **_identity(asked))

    def id(self, name: str) -> UUID:
        """An id of its own for something that has a name here."""
        return self.ids.setdefault(name, UUID(int=(self.number << 64) + len(self.ids)))

    async def seen(self) -> dict[str, list[dict[str, Any]]]:
        """Everything about it that others can see, by kind."""
        values = {"cut": len(self.key) + 1, "mine": f"{self.key}%"}
        kinds = {"stock": _STOCK, "reservations": _RESERVATIONS, "waitlist": _WAITLIST, "operations": _OPERATIONS}
        async with self.database.read() as session:
            return {
                kind: [dict(row._mapping) for row in await session.execute(query, values)]
                for kind, query in kinds.items()
            }


def _identity(asked: HoldRequest) -> dict[str, Any]:
    return {name: getattr(asked, name) for name in ("order_id", "reservation_id", "hold_seconds")}
