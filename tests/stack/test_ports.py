from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.processes import choose_ports, process_parts
from holdfast.stack.errors import NotReadyError, StackError
from holdfast.stack.ports import LOOPBACK, PortBook, free_port, is_free, next_free_port
from runtime.settings import Settings

FIRST_EPHEMERAL_PORT = 32_768
"""Linux's; other systems' are higher."""


def test_a_free_port_is_never_one_that_a_client_may_be_given() -> None:
    assert all(1024 < free_port() < FIRST_EPHEMERAL_PORT for _ in range(50))


def test_a_port_that_someone_listens_on_is_not_free() -> None:
    port = free_port()
    with socket.create_server((LOOPBACK, port)):
        assert not is_free(port)
        assert next_free_port(port - 1) > port
    assert is_free(port)


def test_a_port_that_was_given_is_given_to_no_other_process_though_nobody_listens_yet() -> None:
    port = free_port()
    code = f"from holdfast.stack.ports import next_free_port; print(next_free_port({port - 1}))"
    child = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(child.stdout) > port
    assert next_free_port(port - 1) == port


def test_ports_are_the_same_in_the_next_run_and_differ_from_each_other(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    first = PortBook(path)
    ports = {name: first.port(name) for name in ("postgres", "cache", "broker")}
    second = PortBook(path)

    assert {name: second.port(name) for name in ports} == ports
    assert len(set(ports.values())) == 3


def test_a_remembered_port_that_someone_took_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    port = PortBook(path).port("cache")
    with socket.create_server((LOOPBACK, port)):
        assert PortBook(path).port("cache") != port


@pytest.mark.parametrize("content", ["", "[1]", '{"cache": "x"}', "{"])
def test_a_damaged_port_file_is_forgotten(tmp_path: Path, content: str) -> None:
    path = tmp_path / "ports.json"
    path.write_text(content)
    port = PortBook(path).port("cache")
    assert json.loads(path.read_text())["cache"] == port


def test_zero_chooses_a_free_port_once_for_all_processes(tmp_path: Path) -> None:
    settings = Settings(app_port=0, grpc_port=0, prometheus_port=0)
    ports = choose_ports(settings, PortBook(tmp_path / "ports.json"))
    numbers = [ports.api, ports.grpc, *ports.metrics.values()]

    assert all(numbers)
    assert len(set(numbers)) == 6
    assert choose_ports(settings, PortBook(tmp_path / "ports.json")) == ports


def test_the_metrics_port_is_the_api_processs_and_others_take_the_next_free_ones(tmp_path: Path) -> None:
    first = free_port()
    with socket.create_server((LOOPBACK, next_free_port(first))):
        settings = Settings(app_port=0, grpc_port=0, prometheus_port=first)
        metrics = choose_ports(settings, PortBook(tmp_path / "ports.json")).metrics

    assert metrics["serve"] == first
    assert first + 1 < metrics["worker"] < metrics["bridge"] < metrics["relay"]


def test_every_named_port_that_is_taken_is_reported(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as one, socket.create_server((LOOPBACK, 0)) as other:
        taken = one.getsockname()[1], other.getsockname()[1]
        settings = Settings(app_port=taken[0], grpc_port=taken[1], prometheus_port=0)
        with pytest.raises(StackError, match=rf"APP_PORT={taken[0]}, GRPC_PORT={taken[1]}\. Set other ports"):
            choose_ports(settings, PortBook(tmp_path / "ports.json"))


def test_several_of_one_kind_have_a_metrics_port_each(tmp_path: Path) -> None:
    settings = Settings(app_port=0, grpc_port=0, prometheus_port=0)
    names = ("serve", "worker", "worker-2")
    ports = choose_ports(settings, PortBook(tmp_path / "ports.json"), names)
    parts = process_parts(settings, ports, {}, tmp_path, dict.fromkeys(names, ("true",)))
    assert [part.name for part in parts] == list(names)
    assert [part.environment["PROMETHEUS_PORT"] for part in parts] == [str(ports.metrics[name]) for name in names]
    assert len(set(ports.metrics.values())) == 3


async def test_each_serving_process_is_ready_when_its_api_is(tmp_path: Path) -> None:
    settings = Settings(app_port=0, grpc_port=0, prometheus_port=0)
    ports = choose_ports(settings, PortBook(tmp_path / "ports.json"), ("serve-2", "worker-2"))
    serve, worker = process_parts(settings, ports, {}, tmp_path, {"serve-2": ("true",), "worker-2": ("true",)})
    for part, port in ((serve, ports.api), (worker, ports.metrics["worker-2"])):
        with pytest.raises(NotReadyError, match=f"on port {port}"):
            await part.ready()
