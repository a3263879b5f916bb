"""The committed stubs are what the proto says, and a difference is noticed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from gateway.rpc import generate
from gateway.rpc.generated.inventory.v1.inventory_pb2 import DESCRIPTOR

DECLARATION = re.compile(r"\s*(message|enum|rpc|service|oneof) |.* = \d+;$")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["generate", *arguments])
    return generate.main()


def test_the_committed_stubs_are_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "--check") == 0


def test_a_stub_that_was_edited_left_over_or_lost_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "GENERATED", tmp_path)
    run(monkeypatch)
    stubs = tmp_path / "inventory" / "v1"
    (stubs / "inventory_pb2.py").write_text("# edited")
    (stubs / "inventory_pb2.pyi").unlink()
    (stubs / "older_pb2.py").touch()
    assert run(monkeypatch, "--check") == 1
    named = capsys.readouterr().err
    assert all(f"inventory/v1/{name}" in named for name in ("inventory_pb2.py ", "inventory_pb2.pyi", "older_pb2.py"))


def test_generating_writes_stubs_that_the_check_accepts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(generate, "GENERATED", tmp_path)
    assert run(monkeypatch) == 0
    assert run(monkeypatch, "--check") == 0


def test_bytecode_beside_the_stubs_is_no_stub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(generate, "GENERATED", tmp_path)
    bytecode = tmp_path / "inventory" / "v1" / "__pycache__"
    bytecode.mkdir(parents=True)
    (bytecode / "inventory_pb2.cpython-311.pyc").write_bytes(b"\xa7\r\r\n")
    assert run(monkeypatch) == 0
    assert [path.name for path in bytecode.iterdir()] == ["inventory_pb2.cpython-311.pyc"]
    assert run(monkeypatch, "--check") == 0


def test_a_proto_that_is_wrong_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    proto = tmp_path / "proto"
    proto.mkdir()
    (proto / "wrong.proto").write_text('syntax = "proto3"; message {')
    monkeypatch.setattr(generate, "PROTO", proto)
    with pytest.raises(RuntimeError, match="protoc"):
        generate.generate(tmp_path / "nowhere")


def test_everything_in_the_proto_is_explained() -> None:
    lines = (generate.PROTO / DESCRIPTOR.name).read_text("utf-8").splitlines()
    declared = [number for number, line in enumerate(lines) if DECLARATION.match(line)]
    assert len(declared) > 100
    assert [lines[number] for number in declared if not lines[number - 1].lstrip().startswith("//")] == []
