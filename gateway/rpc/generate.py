"""Makes the Python stubs and their types from the proto file: `python -m gateway.rpc.generate [--check]`.

For developers: needs grpcio-tools and mypy-protobuf, which a deployed service does not have. The stubs are committed;
`--check` writes nothing and fails when they differ from what the proto says now.
"""

from __future__ import annotations

import argparse
import re
import sys
import sysconfig
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

_HERE = Path(__file__).parent
PROTO = _HERE / "proto"
GENERATED = _HERE / "generated"
_PACKAGE = "gateway.rpc.generated"


def generate(target: Path) -> None:
    """Write the package of stubs into `target`. Raises RuntimeError when protoc refuses a proto file."""
    sources = sorted(path.relative_to(PROTO) for path in PROTO.rglob("*.proto"))
    _protoc(target, sources)
    stubs = _below(target)
    for path in (path for path in stubs if path.is_file()):
        path.write_text(_absolute_imports(path.read_text("utf-8"), sources), "utf-8")
    for folder in [target, *(path for path in stubs if path.is_dir())]:
        (folder / "__init__.py").touch()


def differences(fresh: Path, committed: Path) -> list[str]:
    """The files that are missing, left over or different, by their path below `committed`."""
    wanted, present = _contents(fresh), _contents(committed)
    return sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))


def main() -> int:
    """Generate, or check; the answer is the exit code."""
    arguments = argparse.ArgumentParser(prog="python -m gateway.rpc.generate", description=__doc__)
    arguments.add_argument("--check", action="store_true", help="change nothing, fail when the stubs are out of date")
    if not arguments.parse_args().check:
        generate(GENERATED)
        return 0
    with TemporaryDirectory() as folder:
        generate(Path(folder))
        stale = differences(Path(folder), GENERATED)
    for name in stale:
        print(f"{name} is not what the proto says: run `make proto`", file=sys.stderr)
    return 1 if stale else 0


def _protoc(target: Path, sources: list[Path]) -> None:
    protoc = import_module("grpc_tools.protoc")  # imported here: a development tool, absent where the service runs

    scripts = Path(sysconfig.get_path("scripts"))
    code = protoc.main(
        [
            "protoc",
            f"--proto_path={PROTO}",
            f"--proto_path={Path(str(protoc.__file__)).parent / '_proto'}",
            *(f"--plugin={name}={scripts / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")),
            f"--python_out={target}",
            f"--grpc_python_out={target}",
            f"--mypy_out=quiet:{target}",
            f"--mypy_grpc_out=quiet,only_async:{target}",
            *(str(source) for source in sources),
        ]
    )
    if code:
        raise RuntimeError(f"protoc ended with {code}")


def _absolute_imports(stub: str, sources: list[Path]) -> str:
    """protoc imports by the proto's own path, ours lie inside a package (protocolbuffers/protobuf#1491)."""
    for folder in {".".join(source.parent.parts) for source in sources}:
        stub = re.sub(rf"(?m)^from {re.escape(folder)} import", f"from {_PACKAGE}.{folder} import", stub)
    return stub


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in _below(folder) if path.is_file()}


def _below(folder: Path) -> list[Path]:
    """What is generated: files and folders, without the interpreter's own."""
    return sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts)


if __name__ == "__main__":
    sys.exit(main())
