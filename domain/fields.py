"""The bounds of single fields, checked the same way whatever protocol carried them; every wrong field is told at once.

Pointers are JSON pointers (RFC 6901) to the camelCase fields of the request.
"""

from __future__ import annotations

import re

from domain.errors import FieldProblem, Unprocessable

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Unicode's categories Cc and Cs, which it has closed: controls, and halves of pairs, which Postgres cannot take."""


def has_control(text: str) -> bool:
    """Whether a text holds what no text of one line may. Any other sign may stand in one, seen or not: no-break spaces,
    soft hyphens, joiners."""
    return _CONTROL.search(text) is not None


class FieldProblems:
    """Collects what is wrong with a request; None stands for a field that was not given and is never wrong."""

    def __init__(self) -> None:
        self._problems: list[FieldProblem] = []

    def add(self, pointer: str, detail: str) -> None:
        """Note a problem that only the caller of this class can see."""
        self._problems.append(FieldProblem(pointer, detail))

    def text(self, pointer: str, value: str | None, *, characters_max: int, required: bool = False) -> None:
        """A text of at most `characters_max`, without control characters; not blank when `required`."""
        if value is None:
            return
        if required and not value.strip():
            self.add(pointer, "must not be empty")
        if len(value) > characters_max:
            self.add(pointer, f"must have at most {characters_max} characters")
        if has_control(value):
            self.add(pointer, "must not hold control characters")

    def name(self, pointer: str, value: str | None, *, characters_max: int) -> None:
        """A text that identifies something: required, and without space at its ends."""
        self.text(pointer, value, characters_max=characters_max, required=True)
        if value is not None and value.strip() != value and value.strip():
            self.add(pointer, "must not begin or end with space")

    def number(self, pointer: str, value: float | None, *, least: float, most: float) -> None:
        """A number from `least` to `most`, both included."""
        if value is not None and not least <= value <= most:
            self.add(pointer, f"must be from {least} to {most}")

    def unchanged(self, pointer: str, value: object | None, current: object) -> None:
        """A field that identifies the resource: it may be repeated, not changed."""
        if value is not None and value != current:
            self.add(pointer, "identifies the resource and cannot be changed")

    def refuse(self) -> None:
        """Raises Unprocessable with all problems found so far, if there are any."""
        if self._problems:
            raise Unprocessable(fields=self._problems)
