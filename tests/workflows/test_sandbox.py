"""What a workflow file pulls in: the rules, the ports and the standard library, directly and indirectly.

Every other test runs the workflows in the full sandbox, which refuses what is not deterministic; here stands what
serving processes, that run without it, rely on.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIST_WHAT_IT_PULLS_IN = """
import sys
import temporalio.common, temporalio.exceptions, temporalio.workflow
before = set(sys.modules)
import {module}
after = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(*sorted(after - sys.stdlib_module_names - {{"temporalio"}}))
"""


MODULES = [f"workflows.{path.stem}" for path in (ROOT / "workflows").glob("*.py") if path.stem != "__init__"]


@pytest.mark.parametrize("module", MODULES)
def test_workflows_import_rules_ports_and_the_standard_library_only(module: str) -> None:
    listing = subprocess.run(
        [sys.executable, "-c", LIST_WHAT_IT_PULLS_IN.format(module=module)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(listing.stdout.split()) <= {"domain", "workflows"}
