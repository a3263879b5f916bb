"""`holdfast capacity`: what so many reservations a second need, from the measured costs that lie beside this file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from holdfast.capacity.model import Assumptions, Costs, costs_from, needs

COSTS = Path(__file__).with_name("costs.json")


def main(rates: Sequence[float], *, as_json: bool) -> int:
    """Print what each rate needs, side by side; answers the exit code."""
    costs, given = measured(), Assumptions()
    print(json.dumps(as_facts(costs, rates, given), indent=1) if as_json else as_table(costs, rates, given))
    return 0


def measured() -> Costs:
    """The costs of the last measurement that was committed."""
    return costs_from(json.loads(COSTS.read_text("utf-8")))


def as_facts(costs: Costs, rates: Sequence[float], given: Assumptions) -> dict[str, Any]:
    """Costs, assumptions and needs, for programs."""
    return {
        "costsOfOneLifecycle": asdict(costs),
        "assumptions": asdict(given),
        "needs": [{"rate": rate, **needs(costs, rate, given)} for rate in rates],
    }


def as_table(costs: Costs, rates: Sequence[float], given: Assumptions) -> str:
    """A table in Markdown, with a column for each rate."""
    columns = [needs(costs, rate, given) for rate in rates]
    lines = [
        f"Measured {costs.measured_at} ({costs.source}) on {costs.machine}.",
        "",
        f"| what | {' | '.join(f'{rate:,.0f} /s' for rate in rates)} |",
        f"|---|{'---:|' * len(rates)}",
    ]
    for part, figures in columns[0].items():
        for name in figures:
            cells = " | ".join(_text(column[part][name]) for column in columns)
            lines.append(f"| {part}: {name} | {cells} |")
    return "\n".join(lines)


def _text(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 10 or figure == int(figure) else f"{figure:.2g}"
