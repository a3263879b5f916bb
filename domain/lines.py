"""Lines as people write them, pieces of a SKU each: bounds, and lines of the same SKU made one."""

from __future__ import annotations

from collections.abc import Iterable

from domain.fields import FieldProblems
from domain.limits import LINES_MAX, QUANTITY_MAX, SKU_CHARACTERS_MAX


def pieces_by_sku(lines: Iterable[tuple[str, int]], *, pointer: str = "/lines") -> dict[str, int]:
    """Pieces by SKU, in the order in which each SKU came first; a SKU that stands twice is summed.

    Raises Unprocessable that names every wrong field: texts, quantities, more than 200 lines.
    """
    known = list(lines)
    problems = FieldProblems()
    problems.number(pointer, len(known), least=0, most=LINES_MAX)
    pieces: dict[str, int] = {}
    for position, (sku, quantity) in enumerate(known):
        problems.name(f"{pointer}/{position}/sku", sku, characters_max=SKU_CHARACTERS_MAX)
        problems.number(f"{pointer}/{position}/quantity", quantity, least=1, most=QUANTITY_MAX)
        pieces[sku] = pieces.get(sku, 0) + quantity
    problems.refuse()
    return pieces
