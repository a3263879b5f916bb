"""Figures of a soak: percentiles, and rates by each tenth of the way, which tell whether anything wears out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

TENTHS = 10


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def rates_by_tenth(moments: Sequence[float], *, begin: float) -> list[float]:
    """How many a second happened in each tenth of them. `moments` and `begin` in seconds of one clock."""
    ordered = sorted(moments)
    rates, before, done = [], begin, 0
    for tenth in range(1, TENTHS + 1):
        count = len(ordered) * tenth // TENTHS
        if count > done:
            rates.append((count - done) / max(1e-6, ordered[count - 1] - before))
            before, done = ordered[count - 1], count
    return rates


def moments_of(falling: Sequence[tuple[float, int]]) -> list[float]:
    """When each single one went, of a number that was looked at from time to time: evenly between two looks."""
    moments: list[float] = []
    for (before, more), (after, fewer) in itertools.pairwise(falling):
        gone = max(0, more - fewer)
        moments += [before + (after - before) * (number + 1) / gone for number in range(gone)]
    return moments
