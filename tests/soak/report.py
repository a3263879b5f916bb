"""The report of a soak: its figures beside their budgets, for people and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from holdfast.bench.report import commit_of_checkout, machine_facts
from runtime.settings import Settings
from tests.soak.drain import TRICKLE_PER_SECOND, Sale
from tests.soak.figures import moments_of, percentile, rates_by_tenth
from tests.soak.found import Soak

COLD_COMMIT_MS_MAX = 100.0
MEMORY_MIB_MAX = 600.0
OUT_SECONDS_MAX = 30.0
STEADY_SHARE_MIN = 0.5
"""The slowest tenth of the way against the middle one: less is a collapse."""

SLOWER_BESIDE_MAX = 2.0
LATE_BUYER_SECONDS_MAX = 1.0

TOLD_SETTINGS = (
    "serve_processes",
    "worker_max_cached_workflows",
    "worker_sticky_timeout_seconds",
    "sweep_grace_seconds",
    "admission_in_work_max",
    "admission_target_seconds",
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: what, how much, and its budget when it has one. A missed budget is told; it makes nothing wrong."""

    name: str
    value: float
    unit: str
    most: float | None = None
    least: float | None = None

    @property
    def is_missed(self) -> bool:
        """Whether there is a budget, and the value is beyond it."""
        return (self.most is not None and self.value > self.most) or (
            self.least is not None and self.value < self.least
        )

    @property
    def budget(self) -> str:
        """The budget in words."""
        if self.most is not None:
            return f"≤ {self.most:g}"
        return f"≥ {self.least:g}" if self.least is not None else ""


def figures_of(found: Soak) -> list[Figure]:
    """All figures, in the order of the soak."""
    return [*_opening(found), *_commits(found), *_memory(found), *_news(found), *_closing(found), *_beside(found)]


def as_json(found: Soak, settings: Settings) -> dict[str, Any]:
    """Everything for programs."""
    return {
        "measuredAt": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit_of_checkout(),
        "machine": machine_facts(),
        "settings": {name: getattr(settings, name) for name in TOLD_SETTINGS},
        "reservations": found.plan.reservations,
        "seed": found.plan.seed,
        "figures": [
            {"name": it.name, "value": round(it.value, 3), "unit": it.unit, "budget": it.budget, "missed": it.is_missed}
            for it in figures_of(found)
        ],
        "openedPerSecondByTenth": _rounded(_opening_rates(found)),
        "closedPerSecondByTenth": _rounded(_closing_rates(found)),
        "newHoldsAfterDeadline": _holds_after_deadline(found),
        "memoryMiB": _told_memory(found),
        "openWorkflows": [[round(at - found.herd.begun_at), count] for at, count in found.watch.workflows[::5]],
        "answers": dict(sorted(found.answers.items())),
        "wrong": found.wrong,
    }


def as_text(told: dict[str, Any]) -> str:
    """The same for people: what was wrong, the figures, the rates, the memory."""
    machine = ", ".join(f"{name} {value}" for name, value in told["machine"].items())
    lines = [
        f"{told['reservations']} open reservations, seed {told['seed']}, {told['measuredAt']}, commit {told['commit']}",
        machine,
        ", ".join(f"{name.upper()}={value}" for name, value in told["settings"].items()),
        f"{len(told['wrong'])} findings",
        *(f"  {wrong}" for wrong in told["wrong"]),
        "",
        f"{'what':62}{'figure':>12}  {'':8}budget",
    ]
    for it in told["figures"]:
        verdict = f"{it['budget']}{'  MISSED' if it['missed'] else ''}"
        lines.append(f"{it['name']:62}{it['value']:12,.1f}  {it['unit']:8}{verdict}".rstrip())
    lines += ["", "opened a second, by tenth: " + "  ".join(f"{rate:.0f}" for rate in told["openedPerSecondByTenth"])]
    lines += ["closed a second, by tenth: " + "  ".join(f"{rate:.0f}" for rate in told["closedPerSecondByTenth"]), ""]
    lines += [
        f"new holds {it['fromSeconds']:>5} to {it['toSeconds']:>5} s after the deadline, p95 {it['p95Ms']:9,.1f} ms"
        for it in told["newHoldsAfterDeadline"]
    ]
    lines += ["", *_memory_table(told["memoryMiB"])]
    lines += ["", "answers: " + ", ".join(f"{what} × {count}" for what, count in told["answers"].items())]
    return "\n".join(lines) + "\n"


def _opening(found: Soak) -> list[Figure]:
    rates = _opening_rates(found)
    count, seconds = len(found.herd.held), found.herd.answered_at[-1] - found.herd.begun_at
    open_at_once = [open_now for _, open_now in found.watch.workflows]
    held = [it.seconds for it in found.herd.held]
    return [
        Figure("reservations held", count, "", least=found.plan.reservations),
        Figure("workflows open at once", max(open_at_once, default=0), ""),
        Figure("opened in", seconds, "s"),
        Figure("opened a second", count / seconds, "/s"),
        Figure("… in the last tenth, against the first", rates[-1] / rates[0], "×", least=0.8),
        Figure("answer of a hold while opening at full speed, p50", percentile(held, 0.5) * 1000, "ms"),
        Figure("… p95", percentile(held, 0.95) * 1000, "ms"),
    ]


def _commits(found: Soak) -> list[Figure]:
    figures = []
    for name, commits, most in (("cold", found.cold, COLD_COMMIT_MS_MAX), ("warm", found.warm, None)):
        paid = [seconds * 1000 for seconds in commits.seconds]
        figures += [
            Figure(f"{len(paid)} {name} commits at 10/s, p50", percentile(paid, 0.5), "ms"),
            Figure("… p95", percentile(paid, 0.95), "ms", most=most),
            Figure("… max", max(paid, default=0.0), "ms"),
        ]
    return figures


def _memory(found: Soak) -> list[Figure]:
    highest = found.watch.highest()
    ours = [Figure(f"memory of {name}, most", highest[name], "MiB", most=MEMORY_MIB_MAX) for name in found.watch.ours]
    return ours + [Figure(f"memory of {name}, most", highest[name], "MiB") for name in found.watch.servers]


def _news(found: Soak) -> list[Figure]:
    due_at = found.herd.due_at
    expired = [row.expired_at - due_at for row in found.rows if row.expired_at is not None]
    seen = [at - due_at for at in found.news.seen_at.values()]
    copies = sum(found.news.copies.values()) - len(found.news.copies)
    due_over = max((row.expires_at for row in found.rows), default=due_at) - due_at
    return [
        Figure("the herd that expired", len(expired), ""),
        Figure("… due within", due_over, "s"),
        Figure("… by the sweeper", found.swept, ""),
        Figure("stock of half the herd free, after the deadline", percentile(expired, 0.5), "s"),
        Figure("stock of all the herd free", max(expired, default=0.0), "s", most=OUT_SECONDS_MAX),
        Figure("news of half the herd at a consumer, after the deadline", percentile(seen, 0.5), "s"),
        Figure("news of all the herd at a consumer", max(seen, default=0.0), "s", most=OUT_SECONDS_MAX),
        Figure("… sent more than once", copies, ""),
    ]


def _closing(found: Soak) -> list[Figure]:
    rates = _closing_rates(found)
    middle = percentile(rates, 0.5)
    return [
        Figure("all workflows closed, after the deadline", found.closed_at - found.herd.due_at, "s"),
        Figure(
            "closed a second, slowest tenth against the middle one", min(rates) / middle, "×", least=STEADY_SHARE_MIN
        ),
        Figure("… last tenth against the middle one", rates[-1] / middle, "×", least=STEADY_SHARE_MIN),
    ]


def _beside(found: Soak) -> list[Figure]:
    due_at = found.herd.due_at
    before = [sale for sale in found.sales if sale.asked_at < due_at]
    during = [sale for sale in found.sales if due_at <= sale.asked_at < found.closed_at]
    afterwards = [sale for sale in found.sales if sale.asked_at >= found.closed_at]
    calm = _p95_ms(before)
    return [
        Figure("a new buyer of what has just expired, p50", percentile(found.late_waits, 0.5) * 1000, "ms"),
        Figure("… max", max(found.late_waits, default=0.0) * 1000, "ms", most=LATE_BUYER_SECONDS_MAX * 1000),
        Figure(f"new holds at {TRICKLE_PER_SECOND:g}/s before the deadline, p95", calm, "ms"),
        Figure("… while workflows close, p50", percentile([it.hold_seconds for it in during], 0.5) * 1000, "ms"),
        Figure("… while workflows close, p95", _p95_ms(during), "ms", most=SLOWER_BESIDE_MAX * calm),
        Figure("… afterwards, p95", _p95_ms(afterwards), "ms", most=SLOWER_BESIDE_MAX * calm),
        Figure("their commits while workflows close, p95", _commit_p95_ms(during), "ms"),
    ]


def _p95_ms(sales: Sequence[Sale]) -> float:
    return percentile([sale.hold_seconds for sale in sales], 0.95) * 1000


def _commit_p95_ms(sales: Sequence[Sale]) -> float:
    return percentile([sale.commit_seconds for sale in sales], 0.95) * 1000


def _holds_after_deadline(found: Soak) -> list[dict[str, float]]:
    """In spans that double: what the sweeper's minute costs the others, and what the closing of workflows does."""
    spans, begin, end = [], 0, 10
    while sales := [it for it in found.sales if it.asked_at >= found.herd.due_at + begin]:
        among = [it for it in sales if it.asked_at < found.herd.due_at + end]
        spans.append({"fromSeconds": begin, "toSeconds": end, "p95Ms": round(_p95_ms(among), 1)})
        begin, end = end, 2 * end
    return spans


def _opening_rates(found: Soak) -> list[float]:
    return rates_by_tenth(found.herd.answered_at, begin=found.herd.begun_at)


def _closing_rates(found: Soak) -> list[float]:
    due_at = found.herd.due_at
    counts = [(at, count) for at, count in found.watch.workflows if due_at - 5 <= at <= found.closed_at + 2]
    return rates_by_tenth([moment for moment in moments_of(counts) if moment > due_at], begin=due_at)


def _told_memory(found: Soak) -> dict[str, dict[str, int]]:
    """Each process at the start, when all are open, at the deadline, when all are closed, and at most."""
    moments = {
        "start": found.herd.begun_at,
        "half open": found.herd.answered_at[len(found.herd.answered_at) // 2],
        "all open": found.herd.answered_at[-1],
        "deadline": found.herd.due_at,
        "closed": found.closed_at,
    }
    told = {name: found.watch.at(at) for name, at in moments.items()} | {"most": found.watch.highest()}
    return {name: {process: round(mebibytes) for process, mebibytes in sample.items()} for name, sample in told.items()}


def _memory_table(told: dict[str, dict[str, int]]) -> list[str]:
    lines = [f"{'memory, MiB':14}" + "".join(f"{name:>12}" for name in told)]
    for process in told["most"]:
        lines += [f"{process:14}" + "".join(f"{sample.get(process, 0):12}" for sample in told.values())]
    return lines


def _rounded(rates: Sequence[float]) -> list[float]:
    return [round(rate, 1) for rate in rates]
