"""The lock: complete, hashed, without the name of any index, and the same versions for the image."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.txt", "requirements-service.txt", "requirements-bench.txt")

Locked = dict[str, Requirement]


def _locked(name: str) -> Locked:
    """Requirements by canonical name, without their hashes."""
    lines = re.findall(r"^([a-z0-9][^\s\\]*==[^\\\n]+)", (ROOT / name).read_text("utf-8"), flags=re.MULTILINE)
    requirements = map(Requirement, lines)
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def _declared(*extras: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    groups = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    return [Requirement(line) for group in groups for line in group]


@pytest.mark.parametrize(("lock", "extras"), [(LOCKS[0], ("stack", "dev")), (LOCKS[1], ()), (LOCKS[2], ("bench",))])
def test_everything_declared_is_locked_at_a_version_that_was_asked_for(lock: str, extras: tuple[str, ...]) -> None:
    locked = _locked(lock)
    for requirement in _declared(*extras):
        (pin,) = locked[canonicalize_name(requirement.name)].specifier
        assert requirement.specifier.contains(pin.version, prereleases=True), f"make lock: {requirement} but {pin}"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_one_version_and_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(_locked(lock)) > 50
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_names_no_index_and_no_path(lock: str) -> None:
    assert re.findall(r"https?:|index-url|find-links|^-|file:", (ROOT / lock).read_text("utf-8"), re.MULTILINE) == []


def test_the_image_runs_the_versions_that_are_tested() -> None:
    everything, service = (_locked(name) for name in LOCKS[:2])
    assert {name: str(pin.specifier) for name, pin in service.items()} == {
        name: str(everything[name].specifier) for name in service
    }
    assert set(service) < set(everything)


def test_the_bench_adds_to_what_is_locked_and_changes_nothing() -> None:
    everything, bench = _locked(LOCKS[0]), _locked(LOCKS[2])
    both = everything.keys() & bench.keys()
    assert {name: str(bench[name].specifier) for name in both} == {
        name: str(everything[name].specifier) for name in both
    }
