"""What the demo's people hold in their hands: a REST client and a gRPC client, patient as a good shop's are.

Uses the public interfaces only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from gateway.rpc.generated.inventory.v1.inventory_pb2_grpc import InventoryServiceStub
from holdfast.rest_client import (
    CONNECTIONS_MAX,
    PASSING,
    REQUEST_SECONDS_MAX,
    Answer,
    PatienceEnded,
    Rest,
    open_rest,
)

__all__ = [
    "CONNECTIONS_MAX",
    "PASSING",
    "REQUEST_SECONDS_MAX",
    "Answer",
    "PatienceEnded",
    "Rest",
    "Rpc",
    "open_rest",
    "open_rpc",
]


class Rpc:
    """The gRPC service. `stub` has the methods; each call goes with `metadata`."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        self.stub = InventoryServiceStub(channel)
        self.metadata = (("authorization", f"Bearer {token}"),)
        self.timeout_seconds = REQUEST_SECONDS_MAX


@asynccontextmanager
async def open_rpc(address: str, token: str) -> AsyncIterator[Rpc]:
    """A gRPC client of the service at `address`."""
    async with grpc.aio.insecure_channel(address) as channel:
        yield Rpc(channel, token)
