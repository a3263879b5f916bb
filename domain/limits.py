"""Every bound of the contract, in one place. Units stand last in each name."""

from __future__ import annotations

QUANTITY_MAX = 1_000_000
"""Pieces in one line, one adjustment or one receipt; whole numbers from 1."""

STOCK_TOTAL_MAX = 2_000_000_000
"""Pieces on one shelf: what fits a Postgres integer, with room to add one line."""

LINES_MAX = 200
"""Lines of one reservation, items of one batch or bulk check."""

REJECTED_TOLD_MAX = 50
"""Warehouses that an answer says were not chosen, and why."""

HOLD_SECONDS_DEFAULT = 15 * 60
HOLD_SECONDS_MIN = 1
HOLD_SECONDS_MAX = 7 * 24 * 60 * 60
"""The longest a reservation may live in all, extensions included."""

WAIT_SECONDS_DEFAULT = 7 * 24 * 60 * 60
WAIT_SECONDS_MAX = 30 * 24 * 60 * 60
"""How long an order may wait for stock to come back."""

EXTENDS_MAX = 10
"""How often one reservation may be extended."""

TRANSIT_SECONDS_MAX = 366 * 24 * 60 * 60
"""The longest that stock may be expected to be on the road."""

ORDER_ID_CHARACTERS_MAX = 100
SKU_CHARACTERS_MAX = 50
REGION_CHARACTERS_MAX = 50
REASON_CHARACTERS_MAX = 255
REFERENCE_CHARACTERS_MAX = 100
RECEIPT_ID_CHARACTERS_MAX = 100
DECISION_ID_CHARACTERS_MAX = 255
ACTOR_NAME_CHARACTERS_MAX = 255
IDEMPOTENCY_KEY_CHARACTERS_MAX = 255

PAGE_ROWS_DEFAULT = 50
PAGE_ROWS_MAX = 200

REPORT_ROWS_MAX = 1_000
"""Rows of a report that we read at a time when we write the whole of it as CSV."""
