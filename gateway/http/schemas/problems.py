"""Errors as RFC 9457 problem details."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from gateway.http.schemas.model import Shape


class FieldError(Shape):
    """One wrong field."""

    pointer: Annotated[
        str,
        Field(
            description="JSON pointer (RFC 6901) into the body; /query/NAME and /path/NAME for parameters, "
            "/headers/NAME for headers."
        ),
    ]
    detail: str
    requested: Annotated[int | None, Field(description="Pieces, in `return_exceeds_sale`.")] = None
    returnable: Annotated[int | None, Field(description="Pieces that could come back, in `return_exceeds_sale`.")] = (
        None
    )


class Problem(Shape):
    """What went wrong. `code` is stable; some codes carry more, e.g. `shortages`, `rejected`, `reservationId`."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "https://holdfast.dev/problems/insufficient_stock",
                    "title": "Not enough stock",
                    "status": 409,
                    "detail": "TEA-GREEN-250: 3 wanted, 1 available",
                    "instance": "/api/v1/reservations",
                    "code": "insufficient_stock",
                    "shortages": [{"sku": "TEA-GREEN-250", "requested": 3, "available": 1}],
                    "rejected": [
                        {
                            "warehouseId": "019ab3c0-7f1e-7d3a-9c55-0a4d2f6b8e12",
                            "distanceKm": None,
                            "reasons": ["too_little"],
                        }
                    ],
                }
            ]
        },
    )

    type: Annotated[str, Field(description="A URI that names the kind of problem.")]
    title: str
    status: int
    detail: str
    instance: Annotated[str, Field(description="The path that was asked for.")]
    code: Annotated[str, Field(description="The last part of `type`: stable, for programs.")]
    errors: Annotated[
        list[FieldError], Field(description="Every wrong field, when fields are wrong.", default_factory=list)
    ]

    @classmethod
    def of(cls, **members: Any) -> Problem:
        """A problem with whatever further members its code has."""
        return cls.model_validate(members)
