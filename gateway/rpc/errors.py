"""What an error looks like over gRPC: one table from category to status code, and its google.rpc details.

An error travels in the trailing metadata, of which clients take 8 KiB by default and drop the whole answer beyond it.
So messages are cut and long lists end early, saying how many entries are missing. Must not let out anything that
domain/errors.py did not mean for callers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Never, Protocol

import grpc
from google.protobuf.any_pb2 import Any as AnyProto
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status.rpc_status import to_status

from domain.errors import Category, HoldfastError
from gateway.rpc.allocation import rejected_in_error
from gateway.rpc.generated.inventory.v1.inventory_pb2 import Shortage, StockShortage

DOMAIN = "holdfast.dev"
MESSAGE_BYTES_MAX = 240
"""A message travels twice, once with three bytes for each that is not ASCII."""

LIST_BYTES_MAX = 4_300
"""For the entries of one list, before base64 adds a third."""

RETRY_AFTER_SECONDS_DEFAULT = 1.0

CODES: Mapping[Category, grpc.StatusCode] = {
    Category.MALFORMED: grpc.StatusCode.INVALID_ARGUMENT,
    Category.UNPROCESSABLE: grpc.StatusCode.INVALID_ARGUMENT,
    Category.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Category.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    Category.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Category.CONFLICT: grpc.StatusCode.FAILED_PRECONDITION,
    Category.STALE: grpc.StatusCode.ABORTED,
    Category.TOO_LARGE: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Category.UNSUPPORTED_MEDIA_TYPE: grpc.StatusCode.INVALID_ARGUMENT,
    Category.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Category.INTERNAL: grpc.StatusCode.INTERNAL,
}

_PASSING = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL)
_LISTS = frozenset({"errors", "shortages", "rejected"})


class Refused(Exception):
    """A call that ends with a status which is known already, such as one that was kept with an idempotency key."""

    def __init__(self, status: Status, *metadata: tuple[str, str]) -> None:
        super().__init__(status.message)
        self.status = status
        self.metadata = metadata


class Aborting(Protocol):
    """The part of a servicer's context that ends a call with an error."""

    async def abort(self, code: grpc.StatusCode, details: str, trailing_metadata: Any) -> Never:
        """End the call; raises AbortError."""


def status_of(error: HoldfastError) -> Status:
    """An error as a google.rpc.Status: ErrorInfo first, then what else applies."""
    info = ErrorInfo(reason=error.code, domain=DOMAIN, metadata=_metadata(error.extra))
    message = error.detail
    details: list[Message] = [info]
    if violations := error.extra.get("errors"):
        kept, left_out = _fitting(_violation(problem) for problem in violations)
        details.append(BadRequest(field_violations=kept))
        message = f"{message}: {kept[0].field} {kept[0].description}"
        info.metadata.update({"violationsLeftOut": str(left_out)} if left_out else {})
    if shortages := error.extra.get("shortages"):
        kept, left_out = _fitting(Shortage(**shortage) for shortage in shortages)
        rejected, _ = _fitting(map(rejected_in_error, error.extra.get("rejected", ())), kept)
        details.append(StockShortage(shortages=kept, rejected=rejected))
        info.metadata.update({"shortagesLeftOut": str(left_out)} if left_out else {})
    if (seconds := _retry_after_seconds(error)) is not None:
        retry = RetryInfo()
        retry.retry_delay.FromNanoseconds(round(seconds * 1_000_000_000))
        details.append(retry)
    code: int = CODES[error.category].value[0]
    return Status(code=code, message=_cut(message), details=[_packed(detail) for detail in details])


def is_final(code: int) -> bool:
    """Whether the same request would be answered alike again: what an idempotency key may keep."""
    return code not in {status.value[0] for status in _PASSING}


async def abort(
    context: Aborting, status: Status, *, request_id: str, metadata: Iterable[tuple[str, str]] = ()
) -> Never:
    """End the call with `status`, told apart by its request id. Always raises grpc.aio.AbortError."""
    told = Status()
    told.CopyFrom(status)
    told.details.append(_packed(RequestInfo(request_id=request_id)))
    ending = to_status(told)
    trailing = (*ending.trailing_metadata, ("x-request-id", request_id), *metadata)
    await context.abort(ending.code, ending.details, trailing)


def field_path(pointer: str) -> str:
    """A JSON pointer in camelCase as a path of proto fields: `/items/0/warehouseId` is `items[0].warehouse_id`."""
    path = ""
    for part in pointer.strip("/").split("/"):
        path += f"[{part}]" if part.isdecimal() else "." + re.sub("([A-Z])", r"_\1", part).lower()
    return path.removeprefix(".")


def _retry_after_seconds(error: HoldfastError) -> float | None:
    if error.retry_after_seconds is None and error.category is Category.UNAVAILABLE:
        return RETRY_AFTER_SECONDS_DEFAULT
    return error.retry_after_seconds


def _metadata(extra: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else json.dumps(value, default=str)
        for name, value in extra.items()
        if name not in _LISTS
    }


def _violation(problem: Mapping[str, str]) -> BadRequest.FieldViolation:
    return BadRequest.FieldViolation(field=field_path(problem["pointer"]), description=_cut(problem["detail"]))


def _fitting(entries: Iterable[Any], before: Iterable[Any] = ()) -> tuple[list[Any], int]:
    """The first entries that fit behind those `before` them, and how many were left out."""
    kept, left_out = [], 0
    bytes_used = sum(entry.ByteSize() + 2 for entry in before)
    for entry in entries:
        bytes_used += entry.ByteSize() + 2
        if bytes_used <= LIST_BYTES_MAX:
            kept.append(entry)
        else:
            left_out += 1
    return kept, left_out


def _cut(text: str) -> str:
    encoded = text.encode()
    if len(encoded) <= MESSAGE_BYTES_MAX:
        return text
    return encoded[: MESSAGE_BYTES_MAX - 3].decode(errors="ignore") + "…"


def _packed(detail: Message) -> AnyProto:
    packed = AnyProto()
    packed.Pack(detail)
    return packed
