"""What travels between the Restock workflow and its activities. Stored in histories: only grows, with defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from domain.restock import RestockMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A warehouse that is short of something that this supplier is to deliver."""

    warehouse_id: UUID
    supplier_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequest:
    """Which page of low rows to look at; the first without a `token`."""

    token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPage:
    """What a page showed: low rows, those that nobody sells, and who is to deliver the others to whom, each once."""

    low_rows: int
    unsupplied_rows: int
    needs: list[Need]
    next_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRequest:
    """Draft what one supplier is to deliver to one warehouse, on behalf of a run. The same run drafts it once."""

    run: str
    need: Need


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftedOrder:
    """An order that a run has drafted, with what its workflow is started with."""

    purchase_order_id: UUID
    number: str
    title: str
    skus: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestockReport:
    """What a run found and did. `failed` names the needs for which nothing could be drafted; the next run tries."""

    low_rows: int = 0
    unsupplied_rows: int = 0
    orders: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestockRequest:
    """One run. The rest is where a run goes on that has continued as new."""

    mode: RestockMode = RestockMode.REVIEW
    scanned: bool = False
    token: str | None = None
    needs: list[Need] = field(default_factory=list)
    report: RestockReport = field(default_factory=RestockReport)
