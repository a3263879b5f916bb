"""What a handler is given and what it gives back. Handlers see neither sockets nor headers."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

from gateway.auth import Caller
from gateway.http.schemas.model import Shape
from gateway.services import Services

B = TypeVar("B")
Q = TypeVar("Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[B, Q]):
    """One request, read and checked. `deadline` is on the clock of time.monotonic(), in seconds.

    `resource_id` is the id for whatever the call makes: new, or the one recorded with the idempotency key.
    `expected_version` comes from If-Match, None when any version will do; `must_exist` says that there must be one.
    """

    services: Services
    caller: Caller | None
    path: str
    texts: Mapping[str, str]
    ids: Mapping[str, UUID]
    query: Q
    body: B
    resource_id: UUID
    deadline: float
    expected_version: int | None = None
    must_exist: bool = False

    @property
    def actor(self) -> Caller:
        """The caller of a route that needs one."""
        assert self.caller is not None, "the route table says who may call"
        return self.caller

    def seconds_left(self) -> float:
        """How long the caller is still waiting, in seconds."""
        return max(0.0, self.deadline - time.monotonic())


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a handler answers: a shape as JSON, or bytes of another content type. `version` becomes the ETag."""

    status: int = 200
    body: Shape | bytes | None = None
    content_type: str = "application/json"
    version: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call[Any, Any]], Awaitable[Reply]]
