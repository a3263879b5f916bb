"""What may be done to suppliers and to what they sell, through any protocol."""

from __future__ import annotations

from uuid import UUID

from db import supplier_items, suppliers
from db.engine import Database, WriteSession
from domain.errors import AlreadyExists, NotFound, StaleVersion
from domain.suppliers import (
    NOT_SOLD,
    NewSupplier,
    Supplier,
    SupplierChanges,
    SupplierItem,
    Terms,
    check_new_supplier,
    check_supplier_changes,
    check_terms,
)
from gateway.auth import Caller
from runtime.logs import get_logger

_log = get_logger(__name__)


class SupplierCommands:
    """Commands on suppliers. They raise domain errors only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, new: NewSupplier, caller: Caller, *, supplier_id: UUID) -> Supplier:
        """Make a supplier; a repeat with the same id answers it. Raises Unprocessable, AlreadyExists (code)."""
        check_new_supplier(new)
        supplier, is_new = await self._database.writing(
            lambda session: _create(session, new, supplier_id), idempotent=True
        )
        if is_new:
            _log.info(
                "supplier_created", supplier_id=str(supplier_id), code=supplier.code, performed_by=caller.actor.name
            )
        return supplier

    async def update(
        self, supplier_id: UUID, changes: SupplierChanges, caller: Caller, *, expected_version: int | None
    ) -> Supplier:
        """Change a supplier; one that is not active gets no new orders, those that are open go on.

        Raises NotFound, StaleVersion, Unprocessable.
        """
        changed = await self._database.writing(lambda session: _update(session, supplier_id, changes, expected_version))
        _log.info(
            "supplier_changed",
            supplier_id=str(supplier_id),
            version=changed.version,
            is_active=changed.is_active,
            performed_by=caller.actor.name,
        )
        return changed

    async def put_item(
        self,
        supplier_id: UUID,
        sku: str,
        terms: Terms,
        caller: Caller,
        *,
        expected_version: int | None,
        must_exist: bool = False,
    ) -> tuple[SupplierItem, bool]:
        """Say on which terms a supplier sells a SKU; also whether that is new.

        It never is with a version, nor if terms `must_exist`. Raises NotFound, StaleVersion, Unprocessable.
        """
        check_terms(sku, terms)
        item, is_new = await self._database.writing(
            lambda session: _put_item(
                session, supplier_id, sku, terms, expected_version=expected_version, must_exist=must_exist
            ),
            # With a version the repeat of a commit that has arrived would find it gone.
            idempotent=expected_version is None,
        )
        _log.info(
            "supplier_item_set",
            supplier_id=str(supplier_id),
            sku=sku,
            version=item.version,
            performed_by=caller.actor.name,
        )
        return item, is_new

    async def remove_item(self, supplier_id: UUID, sku: str, caller: Caller, *, expected_version: int | None) -> None:
        """Forget that a supplier sells a SKU; open orders keep their lines. Raises NotFound, StaleVersion."""
        await self._database.writing(lambda session: _remove_item(session, supplier_id, sku, expected_version))
        _log.info("supplier_item_removed", supplier_id=str(supplier_id), sku=sku, performed_by=caller.actor.name)


async def _create(session: WriteSession, new: NewSupplier, supplier_id: UUID) -> tuple[Supplier, bool]:
    made = await suppliers.add(session, new, supplier_id)
    supplier = await suppliers.get(session, supplier_id)
    if supplier is not None and (made or supplier.code == new.code):
        return supplier, made
    theirs = await suppliers.by_code(session, new.code)
    raise AlreadyExists(
        f"a supplier with the code {new.code} exists",
        extra={"supplierId": str(theirs.supplier_id)} if theirs else {},
    )


async def _update(
    session: WriteSession, supplier_id: UUID, changes: SupplierChanges, expected_version: int | None
) -> Supplier:
    current = await suppliers.get(session, supplier_id)
    if current is None:
        raise NotFound("no supplier has this id")
    check_supplier_changes(changes, current)
    changed = await suppliers.change(session, supplier_id, changes, expected_version=expected_version)
    if changed is None:
        raise StaleVersion(f"the supplier is at version {current.version}", extra={"version": current.version})
    return changed


async def _put_item(
    session: WriteSession,
    supplier_id: UUID,
    sku: str,
    terms: Terms,
    *,
    expected_version: int | None,
    must_exist: bool,
) -> tuple[SupplierItem, bool]:
    if await suppliers.get(session, supplier_id) is None:
        raise NotFound("no supplier has this id")
    written = await supplier_items.put(
        session, supplier_id, sku, terms, expected_version=expected_version, must_exist=must_exist
    )
    if written is None:
        current = await supplier_items.get(session, supplier_id, sku)
        raise _stale(current) if current else StaleVersion(NOT_SOLD)
    return written


async def _remove_item(session: WriteSession, supplier_id: UUID, sku: str, expected_version: int | None) -> None:
    if not await supplier_items.remove(session, supplier_id, sku, expected_version=expected_version):
        current = await supplier_items.get(session, supplier_id, sku)
        raise _stale(current) if current else NotFound(NOT_SOLD)


def _stale(item: SupplierItem) -> StaleVersion:
    return StaleVersion(f"the terms are at version {item.version}", extra={"version": item.version})
