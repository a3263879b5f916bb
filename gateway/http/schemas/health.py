"""Health as REST sees it: what is up, and nothing of why something is not."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.http.schemas.model import Shape


class Dependency(Shape):
    """One part we depend on; without a `required` one we cannot serve."""

    status: Literal["up", "down"]
    required: bool
    seconds: Annotated[float, Field(description="How long it took to answer.")]


class Health(Shape):
    """`degraded` when only a part is down that we can do without for a while."""

    status: Literal["up", "degraded", "down"]
    dependencies: dict[str, Dependency]


class Liveness(Shape):
    """Up or down; whoever answers is alive."""

    status: Literal["up", "down"]
