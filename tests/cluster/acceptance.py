"""The acceptance tests, put to the cluster instead of `holdfast up`: the very same tests, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
CLUSTER_UP = "tests.cluster.up"
TEST_SECONDS_MAX = 300


def accepted() -> dict[str, Any]:
    """Run them all; answers how many passed, how long it took, and what failed."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="holdfast-cluster-") as directory:
        results = Path(directory) / "results.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/acceptance"]
        options = [f"--junit-xml={results}", "-o", f"timeout={TEST_SECONDS_MAX}"]
        environment = {**os.environ, "HOLDFAST_UP": CLUSTER_UP}
        code = subprocess.run(
            [*command, *options], cwd=ROOT, env=environment, stdout=sys.stderr, check=False
        ).returncode
        cases = list(ElementTree.parse(results).iter("testcase")) if results.exists() else []
    wrong = [_wrong(case) for case in cases if _has_failed(case)]
    if code and not wrong:
        wrong.append(f"pytest ended with code {code}")
    return {
        "passed": sum(not _has_failed(case) for case in cases),
        "seconds": round(time.monotonic() - begin),
        "wrong": wrong,
    }


def _has_failed(case: ElementTree.Element) -> bool:
    """A skipped test is no passed one: none of these has a reason to skip."""
    return any(case.find(name) is not None for name in ("failure", "error", "skipped"))


def _wrong(case: ElementTree.Element) -> str:
    first = next(iter(case), None)
    message = "" if first is None else first.get("message", "")
    return f"{case.get('classname')}::{case.get('name')}: {message}"[:500]
