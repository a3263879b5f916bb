"""`holdfast import` as people call it: a file, an answer for every line that is wrong, and an exit code."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from db.engine import Database
from domain.warehouses import Warehouse
from holdfast.imports import Options, import_stock
from runtime.settings import Settings
from tests.stocking import add_warehouse, assert_invariants, unique

HEADER = "sku,product_id,warehouse,quantity"


@pytest.fixture(scope="module")
async def db(database: Settings) -> AsyncIterator[Database]:
    connected = Database.connect(database, process="tests")
    yield connected
    await connected.close()


@pytest.fixture(scope="module")
async def place(db: Database) -> Warehouse:
    return await add_warehouse(db)


@pytest.fixture
def settings(database: Settings) -> Settings:
    """Of a shop whose Redis is away: an import needs none."""
    return database.model_copy(update={"redis_port": 1})


async def run(settings: Settings, *arguments: str, given: bytes = b"") -> tuple[int | None, str, str]:
    """Run `holdfast import` with something on standard input: exit code, and what it said on both ways out."""
    environment = {
        "DB_HOST": settings.db_host,
        "DB_PORT": str(settings.db_port),
        "DB_NAME": settings.db_name,
        "DB_USER": settings.db_user,
        "DB_PASSWORD": settings.db_password.get_secret_value(),
        "REDIS_PORT": "1",
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "holdfast", "import", *arguments),
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await child.communicate(given)
    return child.returncode, said.decode(), complained.decode()


def csv_of(place: Warehouse, *quantities: Any) -> bytes:
    """A file with a new SKU for each quantity."""
    lines = [f"{unique('SKU')},{uuid.uuid4()},{place.code},{quantity}" for quantity in quantities]
    return "\n".join([HEADER, *lines]).encode()


async def pieces_in(db: Database, place: Warehouse) -> tuple[int, int]:
    """Rows and pieces of a warehouse."""
    statement = text("select count(*), coalesce(sum(quantity_total), 0) from inventory where warehouse_id = :id")
    async with db.read() as session:
        rows, pieces = (await session.execute(statement, {"id": place.warehouse_id})).one()
    return int(rows), int(pieces)


async def test_a_file_is_imported_once_however_often_it_is_given(
    db: Database, settings: Settings, tmp_path: Path
) -> None:
    place = await add_warehouse(db)
    file = tmp_path / "stock.csv"
    file.write_bytes(csv_of(place, 10, 20, 0))
    code, said, _ = await run(settings, str(file), "--as", "mia")
    assert code == 0
    assert "3 created, 0 changed, 0 unchanged, 0 repeated, 0 refused." in said
    code, said, _ = await run(settings, str(file))
    assert code == 0
    assert "0 created, 0 changed, 0 unchanged, 3 repeated, 0 refused." in said
    assert await pieces_in(db, place) == (3, 30)
    async with db.read() as session:
        names = await session.execute(text("select distinct performed_by_name from stock_movements"))
        assert list(names.scalars()) == ["mia"]
    await assert_invariants(db)


async def test_every_bad_line_is_told_and_the_good_ones_are_applied(db: Database, settings: Settings) -> None:
    place = await add_warehouse(db)
    content = csv_of(place, "ten", 10, -1)
    code, said, _ = await run(settings, "-", given=content)
    assert code == 1
    assert "1 created" in said
    assert "2 refused." in said
    assert "  line 2, quantity: must be a whole number, not 'ten' (validation_failed)" in said
    assert "  line 4, quantity: must be from 0 to 2000000000 (validation_failed)" in said
    assert await pieces_in(db, place) == (1, 10)


async def test_a_control_sign_is_told_by_its_line_and_the_other_lines_are_applied(
    db: Database, settings: Settings
) -> None:
    own = await add_warehouse(db)
    wrong = f"T\x00A,{uuid.uuid4()},{own.code},1\nTEA,{uuid.uuid4()},H\x00M,1\n".encode()
    code, said, complained = await run(settings, "-", given=csv_of(own, 5, 7) + b"\n" + wrong)
    assert code == 1
    assert "Traceback" not in complained
    assert said.count("must not hold control characters (validation_failed)") == 2
    assert await pieces_in(db, own) == (2, 12)


async def test_a_dry_run_changes_nothing_and_programs_read_json(db: Database, settings: Settings) -> None:
    place = await add_warehouse(db)
    good = csv_of(place, 10, 20)
    code, said, complained = await run(settings, "-", "--dry-run", "--json", given=good)
    report = json.loads(said)
    assert (code, complained) == (0, "")
    assert report["lines"] == {"created": 2, "changed": 0, "unchanged": 0, "repeated": 0}
    assert (report["dryRun"], report["problems"], report["stopped"]) == (True, [], None)
    assert await pieces_in(db, place) == (0, 0)
    code, said, _ = await run(settings, "-", "--dry-run", "--json", given=good + b"\nTEA,x,NOWHERE,1")
    assert code == 1
    assert json.loads(said)["problems"] == [
        {"line": 4, "column": "product_id", "code": "validation_failed", "detail": "must be a UUID, not 'x'"}
    ]


async def test_a_file_with_wrong_columns_is_refused_as_a_whole(settings: Settings) -> None:
    code, said, _ = await run(settings, "-", given=b"sku,warehause\nTEA,HAM-1")
    assert code == 1
    assert "line 1: the column 'warehause' is not known (is warehouse meant?); the column product_id is missing" in said


async def test_a_file_that_is_not_there_is_said_to_be(settings: Settings) -> None:
    code, said, complained = await run(settings, "nowhere.csv")
    assert (code, said, complained) == (2, "", "nowhere.csv cannot be read: No such file or directory.\n")


async def test_the_warehouse_may_be_named_outside_the_file(db: Database, settings: Settings, place: Warehouse) -> None:
    content = f"sku,product_id,quantity\n{unique('SKU')},{uuid.uuid4()},4\n".encode()
    before = await pieces_in(db, place)
    report = await import_stock(settings, content, Options(warehouse=place.code))
    assert report.is_clean
    assert await pieces_in(db, place) == (before[0] + 1, before[1] + 4)


async def test_a_corrected_file_under_the_same_name_does_the_rest(db: Database, settings: Settings) -> None:
    place = await add_warehouse(db)
    content = csv_of(place, 10, "ten", 30)
    name = unique("COUNT")
    first = await import_stock(settings, content, Options(name=name))
    assert (first.results["created"], [problem.line for problem in first.problems]) == (2, [3])  # type: ignore[index]
    second = await import_stock(settings, content.replace(b",ten", b",20"), Options(name=name))
    assert dict(second.results) == {"created": 1, "repeated": 2}
    assert await pieces_in(db, place) == (3, 60)


async def test_a_large_file_goes_in_batches_and_tells_how_far_it_is(db: Database, settings: Settings) -> None:
    place = await add_warehouse(db)
    steps: list[tuple[int, int]] = []
    content = csv_of(place, *range(450))
    report = await import_stock(settings, content, Options(), told=lambda done, total: steps.append((done, total)))
    assert report.is_clean
    assert steps == [(0, 450), (200, 450), (400, 450), (450, 450)]
    assert await pieces_in(db, place) == (450, sum(range(450)))


async def test_an_import_that_was_stopped_halfway_goes_on_from_there(db: Database, settings: Settings) -> None:
    place = await add_warehouse(db)
    content = csv_of(place, *range(1, 301))

    class Killed(Exception):
        pass

    def stop(done: int, _total: int) -> None:
        if done == 200:
            raise Killed

    with pytest.raises(Killed):
        await import_stock(settings, content, Options(), told=stop)
    assert (await pieces_in(db, place))[0] == 200
    report = await import_stock(settings, content, Options())
    assert dict(report.results) == {"repeated": 200, "created": 100}
    assert await pieces_in(db, place) == (300, sum(range(1, 301)))


async def test_a_database_that_is_away_stops_the_import_with_a_word_on_how_to_go_on(
    settings: Settings, place: Warehouse
) -> None:
    away = settings.model_copy(update={"db_port": 1})
    report = await import_stock(away, csv_of(place, 1), Options())
    assert not report.is_clean
    assert report.stopped is not None
    assert report.stopped.startswith("before line 2: ")
