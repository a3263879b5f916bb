from __future__ import annotations

import itertools

from domain.ageing import AgeCounts, AgeGroup, Ageing, age_groups


def test_every_age_has_its_group_and_a_group_without_anything_is_there() -> None:
    groups = age_groups(
        {(Ageing.PURCHASE_ORDER, 3): AgeCounts(operations=2, operations_late=1, quantity_outstanding=9)}
    )
    assert len(groups) == 8
    assert groups[-1] == AgeGroup(
        kind=Ageing.PURCHASE_ORDER,
        age_days_min=31,
        age_days_max=None,
        operations=2,
        operations_late=1,
        quantity_outstanding=9,
    )
    assert sum(group.operations for group in groups) == 2


def test_the_groups_follow_each_other_without_a_gap() -> None:
    for kind in Ageing:
        groups = [group for group in age_groups({}) if group.kind is kind]
        assert groups[0].age_days_min == 0
        for younger, older in itertools.pairwise(groups):
            assert younger.age_days_max is not None
            assert older.age_days_min == younger.age_days_max + 1
        assert groups[-1].age_days_max is None
