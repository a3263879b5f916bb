"""The routes of suppliers and what they sell."""

from __future__ import annotations

from gateway.auth import OPERATIONS_READ, OPERATIONS_WRITE
from gateway.http import suppliers
from gateway.http.route import Route, answers
from gateway.http.schemas.pages import PageQuery
from gateway.http.schemas.suppliers import (
    Supplier,
    SupplierCreate,
    SupplierItem,
    SupplierItemListing,
    SupplierItemPut,
    SupplierListing,
    SupplierQuery,
    SupplierUpdate,
)

WRITE = (OPERATIONS_WRITE,)

SUPPLIER = answers(Supplier)

SUPPLIERS = (
    Route(
        "GET", "/api/v1/suppliers", suppliers.list_all, OPERATIONS_READ, answers(SupplierListing), query=SupplierQuery
    ),
    Route("GET", "/api/v1/suppliers/{supplierId}", suppliers.read, OPERATIONS_READ, SUPPLIER, has_version=True),
    Route(
        "POST",
        "/api/v1/suppliers",
        suppliers.create,
        WRITE,
        answers(Supplier, 201),
        body=SupplierCreate,
        makes="supplierId",
        has_version=True,
        problems={409: ("already_exists",)},
    ),
    Route(
        "PUT",
        "/api/v1/suppliers/{supplierId}",
        suppliers.update,
        WRITE,
        SUPPLIER,
        body=SupplierUpdate,
        has_version=True,
    ),
    Route(
        "GET",
        "/api/v1/suppliers/{supplierId}/items",
        suppliers.list_items,
        OPERATIONS_READ,
        answers(SupplierItemListing),
        query=PageQuery,
    ),
    Route(
        "GET",
        "/api/v1/suppliers/{supplierId}/items/{sku}",
        suppliers.read_item,
        OPERATIONS_READ,
        answers(SupplierItem),
        has_version=True,
    ),
    Route(
        "PUT",
        "/api/v1/suppliers/{supplierId}/items/{sku}",
        suppliers.put_item,
        WRITE,
        answers(SupplierItem) + answers(SupplierItem, 201),
        body=SupplierItemPut,
        has_version=True,
    ),
    Route(
        "DELETE",
        "/api/v1/suppliers/{supplierId}/items/{sku}",
        suppliers.remove_item,
        WRITE,
        answers(None, 204),
        has_version=True,
    ),
)
