"""Explanations are read back from their column as they were written."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.explanations import as_json, from_json
from domain.allocation_terms import Strategy
from domain.destinations import Destination, locate
from domain.distance import Coordinates
from domain.explanations import Allocated, Explanation, Reason, Rejected

POINT = Coordinates(53.55, 9.99)
PLACES = [
    None,
    locate(Destination(point=POINT), ()),
    locate(Destination(country="DE"), [POINT]),
    locate(Destination(region="north"), [POINT, Coordinates(-1.5, 0.25)]),
    locate(Destination(region="nowhere"), []),
]
_reasons = st.lists(st.sampled_from(Reason), min_size=1, max_size=3, unique=True).map(tuple)
_distances = st.none() | st.floats(0, 20_015).map(lambda km: round(km, 1))
_explanations = st.builds(
    Explanation,
    strategy=st.sampled_from(Strategy),
    place=st.sampled_from(PLACES),
    allocated=st.lists(
        st.builds(
            Allocated,
            inventory_id=st.uuids(),
            warehouse_id=st.uuids(),
            sku=st.text(max_size=5),
            quantity=st.integers(1, 9),
            distance_km=_distances,
            reasons=_reasons,
        ),
        max_size=3,
    ).map(tuple),
    rejected=st.lists(
        st.builds(Rejected, warehouse_id=st.uuids(), distance_km=_distances, reasons=_reasons), max_size=3
    ).map(tuple),
)


@given(_explanations)
def test_what_was_written_is_read_back(told: Explanation) -> None:
    assert from_json(json.loads(json.dumps(as_json(told)))) == told


def test_nothing_stays_nothing() -> None:
    assert as_json(None) is None
    assert from_json(None) is None


@pytest.mark.parametrize("reason", list(Reason))
def test_reasons_are_kept_by_their_public_code(reason: Reason) -> None:
    told = Explanation(allocated=(), rejected=(Rejected(warehouse_id=uuid4(), distance_km=1.0, reasons=(reason,)),))
    kept = as_json(told)
    assert kept is not None
    assert kept["rejected"][0]["reasons"] == [reason.value]
