from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from domain.adjustments import Adjusted
from gateway.commands.holding import Reserved
from gateway.commands.returns import TakenBack
from gateway.rpc import in_flight, interceptor
from runtime.settings import Settings
from tests.gateway.rpc.face import HELD, ITEM, SETTLED, TAKEN_BACK, Face, Lines, served


@pytest.fixture(scope="module")
async def served_face() -> AsyncIterator[Face]:
    async with served(Settings(app_env="test")) as face:
        yield face


@pytest.fixture
def face(served_face: Face) -> Face:
    """The face of the module with its usual answers."""
    served_face.views.answers = {"inventory_item": ITEM, "reservation": HELD}
    served_face.stock.answers = {"set_stock": Adjusted(item=ITEM)}
    served_face.reservations.answers = {
        "reserve": Reserved(HELD, is_new=True),
        "commit": SETTLED,
        "cancel": SETTLED,
        "extend": HELD,
    }
    served_face.returns.answers = {"take_back": TakenBack(TAKEN_BACK, is_new=True)}
    for part in (served_face.views, served_face.stock, served_face.reservations, served_face.returns):
        part.asked.clear()
    return served_face


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    lines = Lines()
    for module in (interceptor, in_flight):
        monkeypatch.setattr(module, "_log", lines)
    return lines
