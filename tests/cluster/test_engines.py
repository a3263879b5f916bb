"""What a machine must have for the real engines, and what is said where it is not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import engines
from tests.cluster.engines import TOOLS, EngineError, Tool, fetch_engines, missing_tools

ROOT = Path(__file__).parents[2]


def program(directory: Path, name: str, says: str, code: int = 0) -> None:
    """A program of this name that says this."""
    path = directory / name
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{says}\nEND\nexit {code}\n", "utf-8")
    path.chmod(0o755)


def only_here(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    monkeypatch.setenv("PATH", f"{directory}:/bin")
    monkeypatch.setattr(engines, "TOOLS", [Tool(f"x{it.program}", *_rest(it)) for it in TOOLS])


def _rest(tool: Tool) -> tuple[str, str, int, str, str]:
    return tool.question, tool.pattern, tool.least, tool.wanted, tool.where


def test_new_enough_tools_are_all_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "xgo", "go version go1.26.8 linux/amd64")
    program(tmp_path, "xjava", 'openjdk version "17.0.15" 2025-04-15')
    program(tmp_path, "xmvn", "Apache Maven 3.8.7")
    only_here(monkeypatch, tmp_path)
    assert missing_tools() == []


def test_each_tool_that_is_missing_or_too_old_is_named_with_where_it_is_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "xgo", "go version go1.19.1 linux/amd64")
    program(tmp_path, "xjava", 'java version "1.8.0_402"')
    only_here(monkeypatch, tmp_path)
    go, java, maven = missing_tools()
    assert go == "Go 1.21 or newer is needed, `xgo` says: go version go1.19.1 linux/amd64 (https://go.dev/dl)"
    assert java.startswith('Java 17 or newer is needed, `xjava` says: java version "1.8.0_402"')
    assert maven.startswith("Apache Maven 3 or newer is missing: no `xmvn` on the PATH")


def test_without_the_tools_the_check_says_what_is_missing_and_ends_with_its_own_code(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.cluster"],
        cwd=ROOT,
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert [tool.wanted for tool in TOOLS if f"{tool.wanted} or newer is missing" not in ended.stderr] == []


def test_an_engine_is_had_whole_or_not_at_all_and_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    program(tmp_path, "go", "no route to host", code=1)
    program(tmp_path, "mvn", "done")
    with pytest.raises(EngineError, match="ended with code 1:\nno route to host"):
        fetch_engines(lambda _line: None)
    (tmp_path / "go").write_text('#!/bin/sh\ntouch "$GOBIN/server" "$GOBIN/sql"\n', "utf-8")
    had = fetch_engines(lambda _line: None)
    assert sorted(path.name for path in had.temporal.iterdir()) == ["temporal-server", "temporal-sql-tool"]
    program(tmp_path, "go", "asked again", code=1)
    assert fetch_engines(lambda _line: None) == had
