"""Services that the settings name: used instead of a part of our own, once they are seen to listen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from holdfast.stack.errors import NotReadyError, StackError
from holdfast.stack.probes import accepts_connections
from runtime.settings import Settings

_NAMED_BY = {"postgres": "db_host", "temporal": "temporal_address", "broker": "kafka_brokers", "cache": "redis_host"}


@dataclass(frozen=True, slots=True)
class External:
    """A service that stands in for `part`; `variable` is the setting that named it."""

    part: str
    variable: str
    addresses: tuple[str, ...]


def named_in(settings: Settings, parts: Collection[str]) -> list[External]:
    """Those of `parts` whose address was set rather than left to its default."""
    addresses = {
        "postgres": (f"{settings.db_host}:{settings.db_port}",),
        "temporal": (settings.temporal_address,),
        "broker": settings.kafka_brokers,
        "cache": (f"{settings.redis_host}:{settings.redis_port}",),
    }
    return [
        External(part, variable.upper(), addresses[part])
        for part, variable in _NAMED_BY.items()
        if part in parts and variable in settings.model_fields_set
    ]


async def check_external(services: Sequence[External]) -> None:
    """Raises StackError naming every service of which no address accepts a connection."""
    problems = [problem for service in services if (problem := await _problem(service))]
    if problems:
        raise StackError("\n".join(problems))


async def _problem(service: External) -> str:
    reasons = []
    for address in service.addresses:
        host, _, port = address.rpartition(":")
        try:
            await accepts_connections(host, int(port))
        except (NotReadyError, ValueError) as error:
            reasons.append(str(error))
        else:
            return ""
    return f"{service.part}: {service.variable} names a service that does not answer: {'; '.join(reasons)}"
