"""`holdfast up` with stubs in place of the four processes: `python -m tests.stack.up_with_stubs DIRECTORY [FAULTY]`.

The stubs serve health where the real processes would; FAULTY names one that dies at once.
"""

from __future__ import annotations

import sys
from pathlib import Path

from holdfast.processes import NAMES
from holdfast.up import main
from runtime.lifecycle import exit_process
from runtime.settings import Settings, load_settings

_STUB = str(Path(__file__).with_name("stub.py"))


def _command(name: str, faulty: str) -> tuple[str, ...]:
    variable = "APP_PORT" if name == "serve" else "PROMETHEUS_PORT"
    mode = "dies" if name == faulty else ""
    return (sys.executable, _STUB, variable, mode)


def _no_schema(_settings: Settings) -> str:
    return "none"


if __name__ == "__main__":
    directory, faulty = (*sys.argv[1:], "")[:2]
    commands = {name: _command(name, faulty) for name in NAMES}
    exit_process(main(load_settings(), Path(directory), commands=commands, migrate=_no_schema))
