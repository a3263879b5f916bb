"""What can go wrong, as one tree. Each error has a stable code and a category; the outer layers map the
category once each: HTTP status, gRPC status, Temporal retry.

    HoldfastError
    ├── Malformed                  the request cannot be read
    │   └── InvalidPageToken
    ├── Unprocessable              readable, but wrong
    │   ├── UnknownItem
    │   ├── ApprovalRequired
    │   └── IdempotencyKeyReused
    ├── Unauthenticated
    ├── Forbidden
    │   └── SelfApproval
    ├── NotFound
    ├── Conflict                   the state does not allow it
    │   ├── InsufficientStock
    │   ├── ReservationSettled
    │   ├── ReservationMismatch
    │   ├── ExtensionLimit
    │   ├── AlreadyExists
    │   ├── StockInUse
    │   ├── AlertResolved
    │   ├── WaitlistSettled
    │   ├── BatchRefused
    │   ├── ReservationNotSold
    │   ├── ReturnExceedsSale
    │   ├── ReturnMismatch
    │   ├── OperationClosed
    │   ├── StepNotAllowed
    │   ├── SupplierInactive
    │   ├── WarehouseInactive
    │   ├── TooManyPieces
    │   │   ├── ShipmentExceedsRequest
    │   │   ├── ReceiptExceedsShipment
    │   │   └── ReceiptExceedsOrder
    │   ├── ReceiptMismatch
    │   └── RequestInProgress
    ├── StaleVersion               If-Match does not hold
    ├── TooLarge
    └── Unavailable                retry later
        ├── Saturated
        └── OutcomeUnknown
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar


class Category(StrEnum):
    """How a caller has to react; each protocol maps it in one table."""

    MALFORMED = "malformed"
    UNPROCESSABLE = "unprocessable"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    STALE = "stale"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One wrong field. `pointer` is a JSON pointer (RFC 6901) into the request body."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Shortage:
    """One demand that stock does not cover. Quantities are pieces."""

    sku: str
    requested: int
    available: int


class HoldfastError(Exception):
    """The root. `code` is stable and public, `detail` is for people, `extra` travels in the answer."""

    code: ClassVar[str] = "internal_error"
    category: ClassVar[Category] = Category.INTERNAL
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(
        self, detail: str = "", *, retry_after_seconds: float | None = None, extra: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.retry_after_seconds = retry_after_seconds
        self.extra: dict[str, Any] = dict(extra or {})


class Malformed(HoldfastError):
    """The request cannot be read: broken JSON, a wrong type, an unknown field."""

    code = "malformed_request"
    category = Category.MALFORMED
    title = "The request cannot be read"

    def __init__(self, detail: str = "", *, fields: Sequence[FieldProblem] = ()) -> None:
        super().__init__(detail, extra={"errors": [asdict(field) for field in fields]} if fields else None)


class InvalidPageToken(Malformed):
    """The page token is not one of ours, or belongs to another list or other filters."""

    code = "invalid_page_token"
    title = "The page token is not valid for this list"


class Unprocessable(HoldfastError):
    """The request is readable, but what it says cannot be done."""

    code = "validation_failed"
    category = Category.UNPROCESSABLE
    title = "The request is well-formed but wrong"

    def __init__(
        self, detail: str = "", *, fields: Sequence[FieldProblem] = (), extra: Mapping[str, Any] | None = None
    ) -> None:
        errors = {"errors": [asdict(field) for field in fields]} if fields else {}
        super().__init__(detail, extra={**errors, **(extra or {})})


class UnknownItem(Unprocessable):
    """A line names a SKU, inventory row, product or warehouse that we do not have."""

    code = "unknown_item"
    title = "An item is not known here"


class ApprovalRequired(Unprocessable):
    """The change is large enough to need somebody else's approval."""

    code = "approval_required"
    title = "This change needs an approval"


class IdempotencyKeyReused(Unprocessable):
    """The same Idempotency-Key came with another body."""

    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used for a different request"


class Unauthenticated(HoldfastError):
    """No token, or one we do not accept."""

    code = "unauthenticated"
    category = Category.UNAUTHENTICATED
    title = "A valid bearer token is needed"


class Forbidden(HoldfastError):
    """The token is good, its scopes do not reach."""

    code = "forbidden"
    category = Category.FORBIDDEN
    title = "The token does not allow this"


class SelfApproval(Forbidden):
    """Four eyes: whoever asked for something cannot approve it."""

    code = "self_approval"
    title = "Somebody else has to approve this"


class NotFound(HoldfastError):
    """No such resource."""

    code = "not_found"
    category = Category.NOT_FOUND
    title = "There is no such resource"


class Conflict(HoldfastError):
    """The state of a resource does not allow it."""

    code = "conflict"
    category = Category.CONFLICT
    title = "The state of the resource does not allow this"


class InsufficientStock(Conflict):
    """Stock does not cover the demand; every short SKU is listed, and `rejected` says what each warehouse lacks."""

    code = "insufficient_stock"
    title = "Not enough stock"

    def __init__(
        self,
        shortages: Sequence[Shortage],
        *,
        reservation_id: str | None = None,
        rejected: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        named = ", ".join(f"{short.sku}: {short.requested} wanted, {short.available} available" for short in shortages)
        extra: dict[str, Any] = {"shortages": [asdict(short) for short in shortages]}
        if rejected:
            extra["rejected"] = list(rejected)
        if reservation_id is not None:
            extra["reservationId"] = reservation_id
        super().__init__(named, extra=extra)
        self.shortages = tuple(shortages)


class ReservationSettled(Conflict):
    """The reservation is no longer pending; `reservationStatus` in the answer names the winner."""

    code = "reservation_settled"
    title = "The reservation is already settled"

    def __init__(self, status: str, *, reservation_id: str) -> None:
        super().__init__(
            f"the reservation is {status.lower()}", extra={"reservationStatus": status, "reservationId": reservation_id}
        )
        self.status = status


class ReservationMismatch(Conflict):
    """The given reservationId already belongs to a reservation with other contents."""

    code = "reservation_mismatch"
    title = "This reservation id is taken by a different reservation"


class ExtensionLimit(Conflict):
    """No further extension: too many, or too long in total."""

    code = "extension_limit"
    title = "The reservation cannot be extended further"


class AlreadyExists(Conflict):
    """Something with the same natural key exists."""

    code = "already_exists"
    title = "It exists already"


class StockInUse(Conflict):
    """The row still holds reservations or stock."""

    code = "stock_in_use"
    title = "The stock is in use"


class AlertResolved(Conflict):
    """The alert is over: there is nothing to acknowledge any more."""

    code = "alert_resolved"
    title = "The alert is resolved already"


class WaitlistSettled(Conflict):
    """The entry waits no more; `entryStatus` says how its waiting ended, `reservationId` what it was offered."""

    code = "waitlist_settled"
    title = "The waiting is over already"


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """One item of a batch that could not be applied: where it stands (JSON pointer) and what refused it."""

    pointer: str
    code: str
    detail: str


class BatchRefused(Conflict):
    """An all-or-nothing batch holds items that cannot be applied; nothing was changed, every such item is listed."""

    code = "batch_refused"
    title = "The batch was not applied"

    def __init__(self, refused: Sequence[RefusedItem]) -> None:
        super().__init__(f"{len(refused)} items were refused", extra={"errors": [asdict(item) for item in refused]})
        self.refused = tuple(refused)


class ReservationNotSold(Conflict):
    """Only what was sold can come back; `reservationStatus` in the answer says what the reservation is instead."""

    code = "reservation_not_sold"
    title = "The reservation was not sold"

    def __init__(self, status: str, *, reservation_id: str) -> None:
        super().__init__(
            f"the reservation is {status.lower()}", extra={"reservationStatus": status, "reservationId": reservation_id}
        )


@dataclass(frozen=True, slots=True)
class ExcessReturn:
    """One line of a return that asks for more than is still out. Quantities are pieces."""

    pointer: str
    name: str
    requested: int
    returnable: int


class ReturnExceedsSale(Conflict):
    """More is to come back than was sold and is not back yet; every line that is too much is listed."""

    code = "return_exceeds_sale"
    title = "More is to come back than was sold"

    def __init__(self, excess: Sequence[ExcessReturn]) -> None:
        errors = [
            {
                "pointer": line.pointer,
                "detail": f"{line.requested} pieces of {line.name}: {line.returnable} can still come back",
                "requested": line.requested,
                "returnable": line.returnable,
            }
            for line in excess
        ]
        super().__init__(
            self.title if excess else "everything that was sold has come back already",
            extra={"errors": errors} if errors else None,
        )


class ReturnMismatch(Conflict):
    """The given returnId already belongs to a return of other lines."""

    code = "return_mismatch"
    title = "This return id is taken by a different return"


class OperationClosed(Conflict):
    """The adjustment, transfer or purchase order has ended; `currentStatus` in the answer says how."""

    code = "operation_closed"
    title = "It has ended already"


class StepNotAllowed(Conflict):
    """This step does not follow from the state it is in, named by `currentStatus` in the answer."""

    code = "step_not_allowed"
    title = "This step is not possible now"


class SupplierInactive(Conflict):
    """The supplier is not in use; `supplierId` in the answer names it."""

    code = "supplier_inactive"
    title = "The supplier is not in use"


class WarehouseInactive(Conflict):
    """The warehouse is not in use; `warehouseId` in the answer names it."""

    code = "warehouse_inactive"
    title = "The warehouse is not in use"


@dataclass(frozen=True, slots=True)
class ExceededLine:
    """A line that names more pieces than there can be."""

    sku: str
    quantity: int
    most: int


class TooManyPieces(Conflict):
    """A line names more pieces than there can be; every such line is listed."""

    code = "too_many_pieces"
    title = "More pieces than there can be"
    limit: ClassVar[str] = "possible"

    def __init__(self, exceeded: Sequence[ExceededLine]) -> None:
        named = ", ".join(f"{line.sku}: {line.quantity} named, {line.most} {self.limit}" for line in exceeded)
        super().__init__(named, extra={"lines": [asdict(line) for line in exceeded]})


class ShipmentExceedsRequest(TooManyPieces):
    """More would be shipped than was asked for."""

    code = "shipment_exceeds_request"
    title = "More than was asked for"
    limit = "asked for"


class ReceiptExceedsShipment(TooManyPieces):
    """More would arrive, or be decided about, than is still in transit."""

    code = "receipt_exceeds_shipment"
    title = "More than is in transit"
    limit = "in transit"


class ReceiptExceedsOrder(TooManyPieces):
    """More has arrived than was ordered, and more than is tolerated."""

    code = "receipt_exceeds_order"
    title = "More than was ordered"
    limit = "can be taken"


class ReceiptMismatch(Conflict):
    """A receipt with this id was counted already, with other contents."""

    code = "receipt_mismatch"
    title = "This receipt was counted with other contents"


class RequestInProgress(Conflict):
    """The first request with this Idempotency-Key is still running."""

    code = "request_in_progress"
    title = "The first request with this key is still running"


class StaleVersion(HoldfastError):
    """The If-Match version is not the current one."""

    code = "stale_version"
    category = Category.STALE
    title = "The resource has changed meanwhile"


class TooLarge(HoldfastError):
    """The body exceeds the limit."""

    code = "body_too_large"
    category = Category.TOO_LARGE
    title = "The body is too large"


class UnsupportedMediaType(HoldfastError):
    """The body is not JSON."""

    code = "unsupported_media_type"
    category = Category.UNSUPPORTED_MEDIA_TYPE
    title = "Bodies are application/json"


class Unavailable(HoldfastError):
    """A part we need does not answer; nothing was changed, the same request may be repeated."""

    code = "unavailable"
    category = Category.UNAVAILABLE
    title = "The service cannot answer right now"

    def __init__(
        self, detail: str = "", *, retry_after_seconds: float = 1.0, extra: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(detail, retry_after_seconds=retry_after_seconds, extra=extra)


class Saturated(Unavailable):
    """More new holds than can be settled in time; sales already held come first."""

    code = "saturated"
    title = "Too many reservations are being made at this moment"


class OutcomeUnknown(Unavailable):
    """The deadline passed before the outcome was known; the same key or id finds it out."""

    code = "outcome_unknown"
    title = "The outcome is not known yet"


def restored(code: str, detail: str, extra: Mapping[str, Any]) -> HoldfastError:
    """The error that was told before, from what was kept of it. Raises KeyError for a code of no error of ours."""
    kind = _kinds_by_code(HoldfastError)[code]
    error = kind.__new__(kind)
    HoldfastError.__init__(error, detail, extra=extra)
    return error


def _kinds_by_code(root: type[HoldfastError]) -> dict[str, type[HoldfastError]]:
    """Every error by its code; a subclass that shares its parent's code stands behind it."""
    found = {root.code: root}
    for kind in root.__subclasses__():
        found = {**_kinds_by_code(kind), **found}
    return found
