"""Figures of a bench that nobody ran."""

from __future__ import annotations

from typing import Any

from holdfast.bench.figures import Compared, Measured, Outcome


def outcome(rate: float = 15, *, done: float | None = None, held: float = 0.01, settled: float = 0.02) -> Outcome:
    """Ten seconds of a load: of `rate` a second that were asked for `done` were done, the rest was shed."""
    lifecycles = round(10 * (rate if done is None else done))
    asked = round(10 * rate)
    return Outcome(
        rate,
        elapsed_seconds=10.0,
        asked=asked,
        lifecycles=lifecycles,
        shed=asked - lifecycles,
        held_seconds=[held] * lifecycles,
        settled_seconds=[settled] * lifecycles,
    )


def measured(**fields: Any) -> Measured:
    """Everything within its budget, but for what is given."""
    overload = outcome(80, done=40, held=0.2, settled=0.3)
    return Measured(
        **{
            "latency": Compared(ours=[outcome()], eager_path=[outcome()]),
            "capacity": Compared(ours=[overload], eager_path=[overload]),
            "one_statement": [1_000.0],
            "holds": [1_000.0],
            "bare": [[0.001]],
            "availability": [[0.002]],
            "reserved": [[0.05]],
            "expiry": [[0.1]],
            "plans": [[0.005]],
            "reasons": [[0.002]],
            "curve": {multiple: [overload] for multiple in (0.5, 1.0, 2.0)},
            **fields,
        }
    )
