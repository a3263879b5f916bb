"""Commands on suppliers and on what they sell."""

from __future__ import annotations

import asyncio
import uuid
from decimal import Decimal

import pytest

from db import supplier_items
from db.engine import Database
from db.paging import PageRequest
from db.suppliers import SupplierFilter
from domain.errors import AlreadyExists, NotFound, StaleVersion, Unprocessable
from domain.suppliers import NewSupplier, Supplier, SupplierChanges, SupplierItem, Terms
from gateway.auth import Caller
from gateway.commands.suppliers import SupplierCommands
from gateway.purchasing import PurchasingViews
from tests.stocking import unique, wait_until_blocked


@pytest.fixture(scope="module")
def commands(db: Database) -> SupplierCommands:
    return SupplierCommands(db)


@pytest.fixture(scope="module")
def views(db: Database) -> PurchasingViews:
    return PurchasingViews(db)


@pytest.fixture
async def supplier(commands: SupplierCommands, caller: Caller) -> Supplier:
    new = NewSupplier(code=unique("S"), name="Teahouse", currency="EUR")
    return await commands.create(new, caller, supplier_id=uuid.uuid4())


async def test_a_supplier_is_made_once_however_often_it_is_asked_for(
    commands: SupplierCommands, views: PurchasingViews, caller: Caller
) -> None:
    new, supplier_id = NewSupplier(code=unique("S"), name="Teahouse", currency="EUR"), uuid.uuid4()
    made = await asyncio.gather(*(commands.create(new, caller, supplier_id=supplier_id) for _ in range(4)))
    assert all(each == made[0] for each in made)
    assert await views.supplier(supplier_id) == made[0]
    assert (made[0].lead_time_days, made[0].version, made[0].is_active) == (7, 1, True)


async def test_a_code_belongs_to_one_supplier(commands: SupplierCommands, supplier: Supplier, caller: Caller) -> None:
    again = NewSupplier(code=supplier.code, name="Another", currency="USD")
    with pytest.raises(AlreadyExists) as refused:
        await commands.create(again, caller, supplier_id=uuid.uuid4())
    assert refused.value.extra == {"supplierId": str(supplier.supplier_id)}


async def test_what_is_given_changes_and_the_rest_stays(
    commands: SupplierCommands, supplier: Supplier, caller: Caller
) -> None:
    changes = SupplierChanges(name="New name", lead_time_days=0, is_active=False)
    after = await commands.update(supplier.supplier_id, changes, caller, expected_version=1)
    assert (after.name, after.lead_time_days, after.is_active, after.version) == ("New name", 0, False, 2)
    assert (after.code, after.currency) == (supplier.code, "EUR")


async def test_a_stale_version_wrong_changes_and_unknown_suppliers_are_refused(
    commands: SupplierCommands, views: PurchasingViews, supplier: Supplier, caller: Caller
) -> None:
    with pytest.raises(StaleVersion):
        await commands.update(supplier.supplier_id, SupplierChanges(name="x"), caller, expected_version=7)
    with pytest.raises(Unprocessable):
        await commands.update(supplier.supplier_id, SupplierChanges(currency="USD"), caller, expected_version=None)
    with pytest.raises(Unprocessable):
        await commands.create(NewSupplier(code="", name="", currency="EUR"), caller, supplier_id=uuid.uuid4())
    with pytest.raises(NotFound):
        await commands.update(uuid.uuid4(), SupplierChanges(), caller, expected_version=None)
    with pytest.raises(NotFound):
        await views.supplier(uuid.uuid4())
    with pytest.raises(NotFound):
        await views.supplier_items(uuid.uuid4(), PageRequest())


async def test_terms_are_new_once_and_then_replaced_whole(
    commands: SupplierCommands, views: PurchasingViews, supplier: Supplier, caller: Caller
) -> None:
    first = Terms(unit_cost=Decimal("4.2"), pack_size=12, lead_time_days=3, is_preferred=True)
    made, is_new = await commands.put_item(supplier.supplier_id, "SKU-1", first, caller, expected_version=None)
    assert (made.pack_size, made.lead_time_days, made.is_preferred, is_new) == (12, 3, True, True)
    changed, is_new = await commands.put_item(
        supplier.supplier_id, "SKU-1", Terms(unit_cost=Decimal(5)), caller, expected_version=None
    )
    assert (changed.pack_size, changed.lead_time_days, changed.is_preferred, is_new) == (1, None, False, False)
    assert (changed.created_at, changed.unit_cost) == (made.created_at, Decimal(5))
    assert (made.version, changed.version) == (1, 2)
    assert await views.supplier_item(supplier.supplier_id, "SKU-1") == changed
    assert (await views.supplier_items(supplier.supplier_id, PageRequest())).items == (changed,)


async def test_what_is_sold_no_more_is_gone_once(
    commands: SupplierCommands, views: PurchasingViews, supplier: Supplier, caller: Caller
) -> None:
    for sku in ("B", "A", "C"):
        await commands.put_item(supplier.supplier_id, sku, Terms(unit_cost=Decimal(1)), caller, expected_version=None)
    await commands.remove_item(supplier.supplier_id, "B", caller, expected_version=None)
    with pytest.raises(NotFound):
        await commands.remove_item(supplier.supplier_id, "B", caller, expected_version=None)
    page = await views.supplier_items(supplier.supplier_id, PageRequest(size=1))
    rest = await views.supplier_items(supplier.supplier_id, PageRequest(size=1, token=page.next_token))
    assert [item.sku for item in (*page.items, *rest.items)] == ["A", "C"]


async def test_of_writers_who_read_the_same_terms_one_wins(
    commands: SupplierCommands, views: PurchasingViews, supplier: Supplier, caller: Caller
) -> None:
    async def put(cost: int, expected_version: int | None) -> SupplierItem:
        terms = Terms(unit_cost=Decimal(cost))
        item, _ = await commands.put_item(
            supplier.supplier_id, "SKU-1", terms, caller, expected_version=expected_version
        )
        return item

    read = await put(9, None)
    answers = await asyncio.gather(*(put(cost, read.version) for cost in range(4)), return_exceptions=True)
    stale = [answer for answer in answers if isinstance(answer, StaleVersion)]
    [winner] = [answer for answer in answers if isinstance(answer, SupplierItem)]
    assert (len(stale), winner.version) == (3, 2)
    assert {refused.extra["version"] for refused in stale} == {2}
    assert await views.supplier_item(supplier.supplier_id, "SKU-1") == winner
    free = await asyncio.gather(*(put(cost, None) for cost in range(4)))
    assert sorted(item.version for item in free) == [3, 4, 5, 6]


async def test_a_second_writer_waits_for_the_first_and_finds_its_version_gone(
    db: Database, commands: SupplierCommands, supplier: Supplier, caller: Caller
) -> None:
    first, second = Terms(unit_cost=Decimal(1)), Terms(unit_cost=Decimal(2))
    supplier_id = supplier.supplier_id
    await commands.put_item(supplier_id, "SKU-1", first, caller, expected_version=None)
    async with db.write() as session:
        assert await supplier_items.put(session, supplier_id, "SKU-1", first, expected_version=1) is not None
        late = asyncio.create_task(commands.put_item(supplier_id, "SKU-1", second, caller, expected_version=1))
        gone = asyncio.create_task(commands.remove_item(supplier_id, "SKU-1", caller, expected_version=1))
        await wait_until_blocked(db, 2)
    for refused in await asyncio.gather(late, gone, return_exceptions=True):
        assert isinstance(refused, StaleVersion)
        assert refused.extra == {"version": 2}


async def test_terms_that_are_not_there_have_no_version(
    commands: SupplierCommands, views: PurchasingViews, supplier: Supplier, caller: Caller
) -> None:
    terms = Terms(unit_cost=Decimal(1))
    with pytest.raises(StaleVersion):
        await commands.put_item(supplier.supplier_id, "SKU-1", terms, caller, expected_version=1)
    with pytest.raises(NotFound):
        await commands.remove_item(supplier.supplier_id, "SKU-1", caller, expected_version=1)
    with pytest.raises(NotFound, match="SKU"):
        await views.supplier_item(supplier.supplier_id, "SKU-1")
    with pytest.raises(NotFound, match="supplier has this id"):
        await views.supplier_item(uuid.uuid4(), "SKU-1")


async def test_terms_of_another_version_are_not_removed(
    commands: SupplierCommands, views: PurchasingViews, supplier: Supplier, caller: Caller
) -> None:
    terms = Terms(unit_cost=Decimal(1))
    item, _ = await commands.put_item(supplier.supplier_id, "SKU-1", terms, caller, expected_version=None)
    with pytest.raises(StaleVersion):
        await commands.remove_item(supplier.supplier_id, "SKU-1", caller, expected_version=2)
    assert await views.supplier_item(supplier.supplier_id, "SKU-1") == item
    await commands.remove_item(supplier.supplier_id, "SKU-1", caller, expected_version=1)
    with pytest.raises(NotFound):
        await views.supplier_item(supplier.supplier_id, "SKU-1")


async def test_wrong_terms_and_terms_of_nobody_are_refused(
    commands: SupplierCommands, supplier: Supplier, caller: Caller
) -> None:
    with pytest.raises(Unprocessable):
        await commands.put_item(
            supplier.supplier_id, "SKU-1", Terms(unit_cost=Decimal(-1)), caller, expected_version=None
        )
    with pytest.raises(NotFound):
        await commands.put_item(uuid.uuid4(), "SKU-1", Terms(unit_cost=Decimal(1)), caller, expected_version=None)


async def test_suppliers_are_listed_by_activity_and_by_what_they_sell(
    commands: SupplierCommands, views: PurchasingViews, supplier: Supplier, caller: Caller
) -> None:
    sku = unique("SKU")
    await commands.put_item(supplier.supplier_id, sku, Terms(unit_cost=Decimal(1)), caller, expected_version=None)
    assert (await views.supplier_list(SupplierFilter(sku=sku, is_active=True), PageRequest())).items == (supplier,)
    assert (await views.supplier_list(SupplierFilter(sku=sku, is_active=False), PageRequest())).items == ()
    assert (await views.supplier_list(SupplierFilter(sku="nobody sells it"), PageRequest())).items == ()
