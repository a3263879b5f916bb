"""The same wish over REST and over gRPC is the same command to the same service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.json_format import ParseDict

from domain.errors import NotFound
from gateway.commands.reservations import Reserved
from gateway.rpc.generated.inventory.v1 import inventory_pb2 as pb
from runtime.settings import Settings
from tests.gateway.http import face as http
from tests.gateway.rpc import face as rpc

ID = str(UUID(int=7))


@pytest.fixture(scope="module")
async def by_rest() -> AsyncIterator[http.Face]:
    async with http.served(Settings(app_env="test")) as face:
        face.reservations.answers = {"reserve": Reserved(http.HELD, is_new=True)}
        yield face


@pytest.fixture(scope="module")
async def by_rpc() -> AsyncIterator[rpc.Face]:
    async with rpc.served(Settings(app_env="test")) as face:
        face.reservations.answers = {"reserve": Reserved(rpc.HELD, is_new=True)}
        yield face


def in_proto(wish: dict[str, Any]) -> dict[str, Any]:
    """A wish in the JSON form of the proto: a destination's point is a message of its own, an enum has a long name."""
    said = dict(wish)
    if "strategy" in said:
        said["strategy"] = f"ALLOCATION_STRATEGY_{said['strategy'].upper()}"
    if "latitude" in said.get("destination", {}):
        said["destination"] = {"point": said["destination"]}
    return said


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"strategy": "priority"},
        {"strategy": "nearest", "destination": {"latitude": 53.55, "longitude": -9.99}},
        {"strategy": "region", "destination": {"region": "eu-north"}, "allowSplit": False},
        {"strategy": "fewest_shipments", "destination": {"country": "DE"}, "region": "eu-north", "allowSplit": True},
        {"strategy": "balanced", "holdSeconds": 60, "reservationId": ID},
        {"items": [{"sku": "A", "quantity": 1, "warehouseId": ID, "preferredWarehouseId": ID}]},
        {"items": [{"inventoryId": ID, "quantity": 3, "preferredWarehouseId": ID}, {"sku": "B", "quantity": 1}]},
    ],
)
async def test_a_wish_is_the_same_command(by_rest: http.Face, by_rpc: rpc.Face, more: dict[str, Any]) -> None:
    wish = {"orderId": "o", "items": [{"sku": "A", "quantity": 2}], **more}
    assert (await by_rest.post("/api/v1/reservations", wish)).status == 201
    await by_rpc.call("ReserveStock", ParseDict(in_proto(wish), pb.ReserveStockRequest()))
    commands = [face.reservations.last("reserve")[0][0] for face in (by_rest, by_rpc)]
    if "reservationId" not in wish:
        commands = [replace(command, reservation_id=None) for command in commands]
    assert commands[0] == commands[1]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"strategy": "nearest", "destination": {"latitude": 53.55, "longitude": -9.99}, "allowSplit": False},
        {"strategy": "region", "region": "eu-north"},
        {"items": [{"sku": "A", "quantity": 1, "warehouseId": ID}, {"sku": "B", "preferredWarehouseId": ID}]},
        {
            "items": [{"sku": "A", "region": "eu"}, {"inventoryId": ID, "destination": {"country": "DE"}}],
            "region": "us",
        },
    ],
)
async def test_a_check_is_the_same_question(by_rest: http.Face, by_rpc: rpc.Face, more: dict[str, Any]) -> None:
    asked = {"items": [{"sku": "A", "quantity": 2}], **more}
    for face in (by_rest, by_rpc):
        face.views.answers = {"check_availability_bulk": NotFound()}
    await by_rest.post("/api/v1/availability/bulk", asked)
    await by_rpc.refusal("CheckAvailability", ParseDict(in_proto(asked), pb.CheckAvailabilityRequest()))
    queries = [face.views.last("check_availability_bulk")[0][0] for face in (by_rest, by_rpc)]
    assert queries[0] == queries[1]
