"""What the doctor finds: one line each, with what to do about it. Knows no dependency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Fine; works, but somebody should look; does not work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice` says what to do, and is empty when nothing is."""

    part: str
    verdict: Verdict
    detail: str
    advice: str = ""


def ok(part: str, detail: str) -> Finding:
    """All is well."""
    return Finding(part, Verdict.OK, detail)


def warn(part: str, detail: str, advice: str) -> Finding:
    """It works, but somebody should look."""
    return Finding(part, Verdict.WARN, detail, advice)


def fail(part: str, detail: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(part, Verdict.FAIL, detail, advice)


def is_healthy(findings: Sequence[Finding]) -> bool:
    """Whether nothing fails."""
    return all(finding.verdict is not Verdict.FAIL for finding in findings)
