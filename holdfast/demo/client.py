"""The gRPC client that the demo's people hold in their hands, beside the REST client of holdfast/rest_client.py.

Uses the public interface only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from gateway.rpc.generated.inventory.v1.inventory_pb2_grpc import InventoryServiceStub
from holdfast.rest_client import REQUEST_SECONDS_MAX


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
