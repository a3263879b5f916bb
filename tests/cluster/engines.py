"""The real engines, had from their makers into a cache that outlives the run: nothing of them is put into the checkout.

Temporal Server and its schema tool are compiled by Go from their modules, Apache Kafka comes as jars by Maven. The
first time takes some minutes, after that nothing is fetched.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

TEMPORAL_VERSION = "1.32.0"
KAFKA_VERSION = "4.1.1"
LOG4J_VERSION = "2.24.3"
"""Of the binding by which the broker's words reach its log; what its own distribution has."""

Say = Callable[[str], None]

_GO_PROGRAMS = {"server": "temporal-server", "tools/sql": "temporal-sql-tool"}
"""Packages under go.temporal.io/server/cmd, and what everybody calls the programs."""

_POM = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>holdfast</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>{LOG4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""


class EngineError(Exception):
    """An engine cannot be had; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Engines:
    """Where the programs lie: `temporal` holds temporal-server and temporal-sql-tool, `kafka` holds jars."""

    temporal: Path
    kafka: Path


@dataclass(frozen=True, slots=True)
class Tool:
    """What an engine is made or run with: `question` has it tell its version, which `pattern` finds."""

    program: str
    question: str
    pattern: str
    least: int
    wanted: str
    where: str

    def problem(self) -> str:
        """What is wrong with it on this machine, empty when nothing is."""
        if shutil.which(self.program) is None:
            return f"{self.wanted} or newer is missing: no `{self.program}` on the PATH ({self.where})"
        finished = subprocess.run((self.program, self.question), capture_output=True, text=True, check=False)
        said = finished.stdout + finished.stderr
        version = re.search(self.pattern, said)
        if version is not None and int(version[1]) >= self.least:
            return ""
        return f"{self.wanted} or newer is needed, `{self.program}` says: {said.strip()[:100]} ({self.where})"


TOOLS = (
    # Since 1.21 Go fetches the newer Go that a module asks for.
    Tool("go", "version", r"go1\.(\d+)", 21, "Go 1.21", "https://go.dev/dl"),
    Tool("java", "-version", r'version "(\d+)', 17, "Java 17", "https://adoptium.net"),
    Tool("mvn", "-version", r"Maven (\d+)", 3, "Apache Maven 3", "https://maven.apache.org"),
)


def missing_tools() -> list[str]:
    """What this machine lacks to have the engines, in words; nothing when all is there."""
    return [problem for tool in TOOLS if (problem := tool.problem())]


def cache_directory() -> Path:
    """Where the engines are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "holdfast" / "engines"


def fetch_engines(say: Say) -> Engines:
    """Have all engines, telling `say` what takes time. Raises EngineError."""
    home = cache_directory()
    temporal, kafka = home / f"temporal-{TEMPORAL_VERSION}", home / f"kafka-{KAFKA_VERSION}"
    if not temporal.exists():
        say(f"compiling Temporal Server {TEMPORAL_VERSION} into {_shown(temporal)}: five minutes on two cores, once")
        _complete_or_not_at_all(temporal, _compile_temporal)
    if not kafka.exists():
        say(f"fetching Apache Kafka {KAFKA_VERSION} into {_shown(kafka)}, once")
        _complete_or_not_at_all(kafka, _fetch_kafka)
    return Engines(temporal, kafka)


def _compile_temporal(directory: Path) -> None:
    packages = [f"go.temporal.io/server/cmd/{name}@v{TEMPORAL_VERSION}" for name in _GO_PROGRAMS]
    _run(("go", "install", *packages), directory, GOBIN=str(directory))
    for package, program in _GO_PROGRAMS.items():
        (directory / Path(package).name).rename(directory / program)


def _fetch_kafka(directory: Path) -> None:
    (directory / "pom.xml").write_text(_POM, "utf-8")
    goal = ("dependency:copy-dependencies", f"-DoutputDirectory={directory}", "-DincludeScope=runtime")
    _run(("mvn", "--quiet", "--batch-mode", *goal), directory)


def _complete_or_not_at_all(directory: Path, make: Callable[[Path], None]) -> None:
    """Work beside the final place: what was broken off is begun anew."""
    unfinished = directory.with_name(f"{directory.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    make(unfinished)
    unfinished.rename(directory)


def _run(command: Sequence[str], directory: Path, **environment: str) -> None:
    finished = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        last_words = "\n".join(finished.stdout.splitlines()[-15:])
        raise EngineError(f"`{' '.join(command)}` ended with code {finished.returncode}:\n{last_words}")


def _shown(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
