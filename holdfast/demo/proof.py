"""The end of the story: every event on the topic counted, every row asked, every invariant checked."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict

from db.invariants import INVARIANTS
from holdfast.demo.news import Newsroom
from holdfast.demo.shop import Shop
from holdfast.demo.stage import Stage
from holdfast.doctor import examine
from holdfast.doctor.findings import Finding, Verdict

SETTLE_SECONDS_MAX = 20.0
LOOK_EVERY_SECONDS = 0.25
STOCK_UPDATED = "inventory.stock_updated"


async def count_the_news(shop: Shop, stage: Stage) -> None:
    """Compare what the topic said with what REST says now."""
    stage.chapter("What the rest of the company heard")
    rows = await _rows_once_told(shop)
    counts = shop.news.counts()
    stage.table(
        f"inventory.events: {len(shop.news.seen)} records",
        ("type", "records", "different events"),
        [(event_type, str(records), str(events)) for event_type, records, events in counts],
    )
    stage.say("")
    gaps, doubles, changes = _flaws(shop.news)
    stage.claim(
        "each change of stock is one event with one id, none missing and none too many",
        not gaps and not doubles,
        f"{changes} changes of {len(rows)} rows, sequences without a gap",
    )
    latest = _latest_total(shop.news)
    wrong = [inventory_id for inventory_id, row in rows.items() if latest[inventory_id] != _quantities(row)]
    stage.claim(
        "whoever only listened to Kafka knows every shelf exactly",
        not wrong,
        f"{len(rows) - len(wrong)} of {len(rows)} rows agree with REST",
    )


async def check_the_invariants(shop: Shop, stage: Stage) -> None:
    """Everything `holdfast doctor` checks, after all that happened."""
    stage.chapter("The doctor's look: dependencies, processes, invariants")
    findings = await _examine_patiently(shop)
    bad = [finding for finding in findings if finding.verdict is not Verdict.OK]
    for finding in bad:
        stage.say(f"{finding.verdict.value}: {finding.part}: {finding.detail}")
    invariants_bad = [finding for finding in bad if finding.part.startswith("invariant")]
    stage.claim(
        "total = sum of the ledger, reserved = sum of open holds, nothing negative, one end per hold, …",
        not invariants_bad,
        f"{len(INVARIANTS)} invariants, no row contradicts one" if not invariants_bad else invariants_bad[0].detail,
    )
    others = [finding for finding in bad if finding not in invariants_bad]
    stage.claim(
        "every server and every process is well again",
        not others,
        f"{len(findings) - len(bad)} of {len(findings)} checks are fine",
    )


async def _examine_patiently(shop: Shop) -> list[Finding]:
    """The findings, as soon as all is well (or patience has ended): who was killed may still be on his way back."""
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    while True:
        findings = await examine(shop.service.settings, shop.service.facts())
        if all(it.verdict is Verdict.OK for it in findings) or time.monotonic() > deadline:
            return findings
        await asyncio.sleep(LOOK_EVERY_SECONDS)


async def _rows_once_told(shop: Shop) -> dict[str, dict[str, int]]:
    """All rows, as soon as the news of their last change is here too (or patience has ended)."""
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    while True:
        rows = await shop.rows()
        latest = _latest_total(shop.news)
        told = all(latest[inventory_id] == _quantities(row) for inventory_id, row in rows.items())
        if told or time.monotonic() > deadline:
            return rows
        await asyncio.sleep(LOOK_EVERY_SECONDS)


def _flaws(news: Newsroom) -> tuple[int, int, int]:
    """Sequences that are missing, sequences with two event ids, and changes in all, over every inventory row."""
    ids_by_change: dict[tuple[str, int], set[str]] = defaultdict(set)
    for it in news.seen:
        if it.type == STOCK_UPDATED:
            ids_by_change[it.body["inventoryId"], it.body["sequence"]].add(it.event_id)
    sequences: dict[str, set[int]] = defaultdict(set)
    for inventory_id, sequence in ids_by_change:
        sequences[inventory_id].add(sequence)
    gaps = sum(max(seen) - len(seen) for seen in sequences.values())
    doubles = sum(len(ids) > 1 for ids in ids_by_change.values())
    return gaps, doubles, len(ids_by_change)


def _latest_total(news: Newsroom) -> dict[str, tuple[int, int]]:
    """Total and available of each row by the news with its highest sequence; a row without news has nothing."""
    latest: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    heard: dict[str, int] = defaultdict(int)
    for it in news.seen:
        if it.type == STOCK_UPDATED and it.body["sequence"] > heard[it.body["inventoryId"]]:
            heard[it.body["inventoryId"]] = it.body["sequence"]
            latest[it.body["inventoryId"]] = (it.body["newTotal"], it.body["newStock"])
    return latest


def _quantities(row: dict[str, int]) -> tuple[int, int]:
    return row["quantityTotal"], row["quantityAvailable"]
