"""One line of the route table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field

from gateway.http.call import Handler
from gateway.http.schemas.model import Body, Query, Shape

_PARAMETER = re.compile(r"{(\w+)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """A status that is no problem, and what comes with it; no `shape` for another content type or no body at all.

    `line` is what one line of a CSV tells of.
    """

    status: int
    shape: type[Shape] | None
    content_type: str = "application/json"
    line: type[Shape] | None = None


def answers(
    shape: type[Shape] | None, status: int = 200, content_type: str = "application/json"
) -> tuple[Success, ...]:
    """One way in which a route succeeds; ways are added with +."""
    return (Success(status=status, shape=shape, content_type=content_type),)


def csv_of(line: type[Shape]) -> tuple[Success, ...]:
    """The same list as CSV, a line for each item, for whoever asks for it; the handler answers a page and knows nothing
    of it."""
    return (Success(status=200, shape=None, content_type="text/csv", line=line),)


@dataclass(frozen=True, slots=True)
class Route:
    """Method, path, handler, and who may: a caller with one of `scopes`, anybody when there are none.

    The handler's docstring is the operation's description. `makes` names the id of what a POST makes. `problems` are
    the codes that only this operation answers, by status. `only_asks` marks a POST that changes nothing.
    `tells_more` marks a GET whose body also changes without its version: it is always sent whole, never 304.
    """

    method: str
    path: str
    handler: Handler
    scopes: tuple[str, ...]
    successes: tuple[Success, ...]
    _: KW_ONLY
    body: type[Body] | None = None
    body_required: bool = True
    query: type[Query] | None = None
    has_version: bool = False
    tells_more: bool = False
    only_asks: bool = False
    makes: str | None = None
    problems: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def noun(self) -> str:
        """What the route is about: the handler's module."""
        return self.handler.__module__.rpartition(".")[2]

    @property
    def name(self) -> str:
        """Unique: the noun and the verb, e.g. `reservations.commit`."""
        return f"{self.noun}.{self.handler.__name__}"

    @property
    def parameters(self) -> list[str]:
        """The names in the path template, in order."""
        return _PARAMETER.findall(self.path)

    @property
    def csv_line(self) -> type[Shape] | None:
        """What one line of the CSV tells of; None where there is no CSV."""
        return next((success.line for success in self.successes if success.line is not None), None)

    @property
    def changes_state(self) -> bool:
        """Whether the work must run to its end once it has begun."""
        return self.method != "GET" and not self.only_asks

    @property
    def heeds_none_match(self) -> bool:
        """Whether whoever knows the version knows the whole answer."""
        return self.method == "GET" and self.has_version and not self.tells_more

    @property
    def takes_key(self) -> bool:
        """Whether an Idempotency-Key means something here."""
        return self.method == "POST"
