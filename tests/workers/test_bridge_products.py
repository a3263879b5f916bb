"""What news of products does to the shelves, through a bridge that runs."""

from __future__ import annotations

from uuid import UUID, uuid4

from sqlalchemy import text

from tests.workers.waiting import rows, scalar, until
from tests.workers.world import World


async def test_a_product_gets_rows_without_stock_where_it_is_sold(world: World) -> None:
    async with world.database.write() as session:
        await session.execute(
            text("""
                insert into warehouses (code, name, is_active)
                values ('W2', 'Two', true), ('W3', 'Three', true), ('OFF', 'Closed', false) on conflict do nothing
            """)
        )
    topic, product = world.settings.kafka_topic_product_events, str(uuid4())
    named = {
        "eventId": world.name("p-1"),
        "type": "product.created",
        "productId": product,
        "sku": "NEW-1",
        "warehouses": ["W2", "OFF"],
    }
    everywhere = {
        "eventId": world.name("p-2"),
        "type": "product.created",
        "productId": product,
        "sku": "NEW-2",
        "reorderPoint": 3,
    }
    for body in (named, everywhere, {**named, "eventId": world.name("p-3")}):
        await world.publish(topic, body, key=product)
    await world.delivered("p-1", "p-2", "p-3")
    found = await rows(
        world.database,
        """select sku, code, quantity_total, reorder_point from inventory join warehouses using (warehouse_id)
           where product_id = cast(:product as uuid) order by sku, code""",
        product=product,
    )
    assert [tuple(row) for row in found] == [
        ("NEW-1", "W2", 0, 10),
        ("NEW-2", "W1", 0, 3),
        ("NEW-2", "W2", 0, 3),
        ("NEW-2", "W3", 0, 3),
    ]


async def test_a_product_for_warehouses_that_nobody_knows_is_dead(world: World) -> None:
    body = {"eventId": world.name("p-1"), "productId": str(uuid4()), "sku": "NEW-9", "warehouses": ["NOWHERE"]}
    await world.publish(world.settings.kafka_topic_product_events, body, headers={"ce_type": "product.created"})
    await world.settled("DEAD", "p-1")


async def test_a_deleted_product_leaves_once_nothing_of_it_is_reserved(world: World) -> None:
    product = await scalar(world.database, "select product_id from inventory where sku = :sku", sku=world.sku)
    await world.held_by_checkout("o-1")
    body = {"eventId": world.name("p-1"), "productId": str(product)}
    await world.publish(world.settings.kafka_topic_product_events, body, headers={"ce_type": "product.deleted"})
    await world.settled("WAITING", "p-1")
    await world.order("o-1", "payment.failed", "failed")
    await world.delivered("failed", "p-1")
    assert await scalar(world.database, "select deleted_at is not null from inventory where sku = :sku", sku=world.sku)


async def test_of_a_deleted_product_the_free_rows_leave_at_once_and_are_told_of_once(world: World) -> None:
    product = await scalar(world.database, "select product_id from inventory where sku = :sku", sku=world.sku)
    await world.held_by_checkout("o-1")
    await put_empty_rows(world, product)
    body = {"eventId": world.name("p-1"), "productId": str(product)}
    await world.publish(world.settings.kafka_topic_product_events, body, headers={"ce_type": "product.deleted"})
    await world.settled("WAITING", "p-1")
    assert await places_of(world) == ["W1"]

    async def is_tried_again() -> bool:
        query = "select attempts > 2 from inbox where event_id = :id"
        return bool(await scalar(world.database, query, id=world.name("p-1")))

    await until(is_tried_again)
    await world.order("o-1", "payment.failed", "failed")
    await world.delivered("failed", "p-1")
    assert await places_of(world) == []
    told = """select count(*), count(distinct alert_id) from outbox join alerts on alert_id = stream_id
              where sku = :sku and type = 'inventory.alert_resolved'"""
    assert [tuple(row) for row in await rows(world.database, told, sku=world.sku)] == [(4, 4)]


async def test_what_is_left_of_a_deleted_product_is_written_off_and_told_of(world: World) -> None:
    product = await scalar(world.database, "select product_id from inventory where sku = :sku", sku=world.sku)
    left = await scalar(world.database, "select quantity_total from inventory where sku = :sku", sku=world.sku)
    body = {"eventId": world.name("p-1"), "productId": str(product)}
    await world.publish(world.settings.kafka_topic_product_events, body, headers={"ce_type": "product.deleted"})
    await world.delivered("p-1")
    query = """select m.type, m.quantity, m.total_after, m.reason, m.reference, m.performed_by_name,
                      (select count(*) from outbox o where o.stream_id = m.inventory_id and o.sequence = m.sequence
                                                       and o.type = 'inventory.stock_updated') as told
               from stock_movements m join inventory using (inventory_id) where sku = :sku
               order by m.sequence desc limit 1"""
    [line] = await rows(world.database, query, sku=world.sku)
    assert tuple(line) == ("ADJUSTMENT", -left, 0, "product deleted", f"product {product}", "system:bridge", 1)


async def put_empty_rows(world: World, product: UUID) -> None:
    """Rows without stock in two more warehouses, with an alert each."""
    async with world.database.write() as session:
        await session.execute(
            text("insert into warehouses (code, name) values ('W2', 'Two'), ('W3', 'Three') on conflict do nothing")
        )
        await session.execute(
            text("""
                with made as (
                    insert into inventory (product_id, warehouse_id, sku)
                    select :product, warehouse_id, :sku from warehouses where code in ('W2', 'W3')
                    returning inventory_id, sku, warehouse_id)
                select raise_alert('low_stock', inventory_id, sku, warehouse_id, '{}') from made
            """),
            {"product": product, "sku": world.sku},
        )


async def places_of(world: World) -> list[str]:
    """The warehouses where the SKU is in use."""
    query = """select code from inventory join warehouses using (warehouse_id)
               where sku = :sku and deleted_at is null order by code"""
    return [row.code for row in await rows(world.database, query, sku=world.sku)]
