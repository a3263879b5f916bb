"""What an attack brought to light: every answer counted, and everything that should not have been."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

WRONG_MAX = 100
"""Findings told in words; all are counted."""

LEAK = re.compile(
    r"Traceback|File \"|\.py\b|site-packages|/usr/|/home/|/tmp/|psycopg|sqlalchemy|aiohttp|asyncio|pydantic|temporalio|"
    r"grpc\._|\bselect .+ from\b|insert into|violates|constraint|relation \"|column \"|0x[0-9a-f]{8,}|"
    r"[A-Z]\w+(?:Error|Exception)\b",
    re.IGNORECASE,
)
"""How we are built: stack frames, SQL, names of libraries and of their errors, paths of the machine."""


@dataclass(slots=True)
class Findings:
    """`answers` by operation and status; `wrong` must stay empty. `unjudged`: the service moved by itself."""

    secrets: tuple[str, ...]
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    wrong_count: int = 0
    refused: int = 0
    unjudged: int = 0

    def count(self, operation: str, status: Any) -> None:
        """One more answer."""
        self.answers[operation, str(status)] += 1

    def blame(self, operation: str, what: str) -> None:
        """Something that should not have been."""
        self.wrong_count += 1
        if len(self.wrong) < WRONG_MAX:
            self.wrong.append(f"{operation}: {what}"[:2000])

    def look_for_leaks(self, operation: str, said: str, *, asked: str = "") -> None:
        """Blame an answer that tells how we are built; what merely repeats the question is the attacker's own."""
        leaks = [leak for leak in LEAK.findall(said) if leak not in asked]
        if leaks:
            self.blame(operation, f"leaks {leaks} in {said[:500]!r}")
        for secret in self.secrets:
            if secret in said:
                self.blame(operation, "leaks a secret")

    def summary(self) -> dict[str, Any]:
        """For a report: answers by operation, then by status."""
        operations: dict[str, dict[str, int]] = {}
        for (operation, status), count in sorted(self.answers.items()):
            operations.setdefault(operation, {})[status] = count
        return {
            "answers": sum(self.answers.values()),
            "refusedAndJudged": self.refused,
            "unjudged": self.unjudged,
            "wrongCount": self.wrong_count,
            "wrong": self.wrong,
            "operations": operations,
        }
