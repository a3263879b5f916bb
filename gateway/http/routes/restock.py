"""The routes of restocking."""

from __future__ import annotations

from gateway.auth import OPERATIONS_READ, OPERATIONS_WRITE
from gateway.http import restock
from gateway.http.route import Route, answers
from gateway.http.schemas.restock import RestockRun, SuggestionListing, SuggestionQuery

RESTOCK = (
    Route(
        "GET",
        "/api/v1/restock/suggestions",
        restock.list_suggestions,
        OPERATIONS_READ,
        answers(SuggestionListing),
        query=SuggestionQuery,
    ),
    Route("POST", "/api/v1/restock/run", restock.run, (OPERATIONS_WRITE,), answers(RestockRun, 202), makes="runId"),
)
