"""The shape of the house: one home for each library, short files and functions, names that say what is inside.

Import contracts (import-linter, in `make check`) keep the layers; this keeps what they cannot see. Each exception
stands here with its reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "runtime", "db", "workflows", "activities", "gateway", "workers", "holdfast")
GENERATED = {"generated", "versions"}

HOMES = {
    "sqlalchemy": ("db/",),
    "alembic": ("db/migrations/",),
    # The yardstick of the benchmark stands on nothing of ours, so that it measures the servers alone.
    "psycopg": ("db/", "holdfast/bench/yardstick_shop.py"),
    "redis": ("db/",),
    "temporalio": (
        "workflows/",
        "activities/",
        "workers/",
        "gateway/commands/",
        "runtime/search_attributes.py",
        "runtime/temporal.py",
        "runtime/temporal_build.py",
        "runtime/temporal_facts.py",
        "runtime/temporal_metrics.py",
        "runtime/tracing.py",
        "runtime/reservation_start.py",
        "runtime/operation_start.py",
        "holdfast/serve.py",
        "holdfast/bench/yardstick_eager.py",
    ),
    # The demo, the benchmarks and the staff console speak to the service from outside.
    "aiohttp": ("gateway/http/", "runtime/health.py", "holdfast/demo/", "holdfast/bench/", "holdfast/rest_client.py"),
    "grpc": ("gateway/rpc/", "holdfast/demo/", "holdfast/bench/"),
    "aiokafka": ("runtime/kafka.py",),
    # holdfast/stack wraps the password it has made in the type that the settings have for it.
    "pydantic": (
        "gateway/http/",
        "runtime/settings.py",
        "runtime/kafka_settings.py",
        "runtime/temporal_settings.py",
        "runtime/temporal.py",
        "holdfast/stack/embedded.py",
    ),
    "pydantic_settings": ("runtime/settings.py", "runtime/kafka_settings.py", "runtime/temporal_settings.py"),
    "prometheus_client": ("runtime/metrics.py", "runtime/temporal_metrics.py"),
    "jwt": ("gateway/auth.py", "gateway/keys.py"),
    "dbos": ("holdfast/bench/yardstick_dbos.py",),
    "pygal": ("holdfast/bench/plots.py",),
    "typer": ("holdfast/",),
    "rich": ("holdfast/",),
}

FILE_LINES_MAX = 250
LONGER_FILES = {
    "domain/errors.py": 520,  # one tree, drawn once
    "db/inbox.py": 285,  # one table with its life; half of it is SQL
}

FUNCTION_LINES_MAX = 70
SHORT_LINES = 30
SHORT_SHARE_MIN = 0.97
MEDIAN_LINES_MAX = 10

EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}


@cache
def _sources() -> dict[str, str]:
    files = (file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))
    return {str(file.relative_to(ROOT)): file.read_text("utf-8") for file in files if not GENERATED & set(file.parts)}


@cache
def _tree(path: str) -> ast.Module:
    return ast.parse(_sources()[path], path)


def _imported(path: str) -> Iterator[str]:
    """Top-level names of what a file imports, at its top or inside a function."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def _functions() -> Iterator[tuple[str, int]]:
    for path in _sources():
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                yield f"{path}:{node.name}", node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("library", HOMES)
def test_each_library_has_one_home(library: str) -> None:
    strays = [path for path in _sources() if library in set(_imported(path)) and not path.startswith(HOMES[library])]
    assert strays == []


def test_every_home_is_lived_in() -> None:
    """An exception that nobody needs any more goes."""
    for library, homes in HOMES.items():
        users = [path for path in _sources() if library in set(_imported(path))]
        empty = [home for home in homes if not any(user.startswith(home) for user in users)]
        assert [home for home in empty if home.endswith(".py")] == [], library


def test_files_are_short() -> None:
    lines = {path: text.count("\n") for path, text in _sources().items()}
    too_long = {path: count for path, count in lines.items() if count > LONGER_FILES.get(path, FILE_LINES_MAX)}
    assert too_long == {}
    assert [path for path in LONGER_FILES if lines.get(path, 0) <= FILE_LINES_MAX] == []


def test_functions_are_short() -> None:
    lengths = dict(_functions())
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES_MAX} == {}
    short = sum(lines < SHORT_LINES for lines in lengths.values())
    assert short / len(lengths) >= SHORT_SHARE_MIN
    assert median(lengths.values()) <= MEDIAN_LINES_MAX


def test_the_environment_is_read_in_one_place() -> None:
    """The stack and the processes it starts pass an environment on: that is holdfast's."""
    readers = []
    for path in _sources():
        for node in ast.walk(_tree(path)):
            reads = isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}
            imports = isinstance(node, ast.ImportFrom) and node.module == "os"
            taken = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) and imports else set()
            if reads or taken & {"environ", "getenv"}:
                readers.append(path)
    assert {path for path in readers if not path.startswith("holdfast/")} == {"runtime/settings.py"}


def test_names_say_what_is_inside() -> None:
    assert [path for path in _sources() if EMPTY_NAMES & set(Path(path).with_suffix("").parts)] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [path for path, text in _sources().items() if text.strip() and not ast.get_docstring(_tree(path))]
    assert silent == []


def test_nothing_is_left_to_do() -> None:
    marks = ("TO" + "DO", "FIX" + "ME", "XX" + "X")
    assert [path for path, text in _sources().items() if any(mark in text for mark in marks)] == []


def test_every_room_of_tests_is_a_package() -> None:
    """Else tests/domain would shadow domain."""
    rooms = {file.parent for file in (ROOT / "tests").rglob("*.py")}
    assert [str(room) for room in rooms if not (room / "__init__.py").exists()] == []
