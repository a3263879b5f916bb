"""Lists, a page at a time."""

from __future__ import annotations

from typing import Annotated, Generic, Self, TypeVar

from pydantic import Field

from db.paging import PageRequest
from domain.limits import PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX
from gateway.http.schemas.model import FROM_DIGITS, Query, Shape

T = TypeVar("T", bound=Shape)


class PageQuery(Query):
    """Which page of a list."""

    page_size: Annotated[
        int, Field(ge=1, le=PAGE_ROWS_MAX, description="How many items at most on the page."), FROM_DIGITS
    ] = PAGE_ROWS_DEFAULT
    page_token: Annotated[
        str | None,
        Field(min_length=1, description="`nextPageToken` of the page before, with the same filters and order."),
    ] = None
    order_by: Annotated[
        str | None, Field(min_length=1, max_length=100, description="A field name, with ` desc` for descending.")
    ] = None

    def page_request(self) -> PageRequest:
        """The page as views take it."""
        return PageRequest(size=self.page_size, token=self.page_token, order_by=self.order_by)


class Listing(Shape, Generic[T]):
    """One page; `nextPageToken` is null on the last."""

    items: list[T]
    next_page_token: str | None

    @classmethod
    def of(cls, items: list[T], next_token: str | None = None) -> Self:
        """A page of shapes."""
        return cls(items=items, next_page_token=next_token)
