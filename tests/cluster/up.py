"""`python -m tests.cluster.up --directory DIRECTORY`: `holdfast up` on the real engines, with several of each process.

Its output, its stack.json and its stop are those of `holdfast up`, so that whatever knows one knows the other.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from holdfast.processes import COMMANDS
from holdfast.up import main
from runtime.lifecycle import exit_process
from runtime.settings import load_settings
from tests.cluster.engines import Engines, fetch_engines
from tests.cluster.kafka_server import kafka_on_disk
from tests.cluster.temporal_server import temporal_on_postgres

PROCESSES = {**COMMANDS, **{f"{name}-2": COMMANDS[name] for name in ("worker", "bridge", "relay")}}
"""Of `serve` there are two as well, behind one supervisor on the same ports: SERVE_PROCESSES."""

ENVIRONMENT = {"SERVE_PROCESSES": "2", "DB_MAX_OPEN_CONNS": "20"}
"""Eight processes with their pools, and Temporal's, stay below the 300 connections of the embedded Postgres."""


def cluster_options(engines: Engines) -> dict[str, Any]:
    """What running_service is told to run the cluster instead of the embedded stack."""
    declared = {
        "temporal": partial(temporal_on_postgres, engines.temporal),
        "broker": partial(kafka_on_disk, engines.kafka),
    }
    return {"engines": declared, "commands": PROCESSES}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.up", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    os.environ.update(ENVIRONMENT)
    given = parser.parse_args()
    engines = fetch_engines(lambda line: print(line, file=sys.stderr))
    exit_process(main(load_settings(), given.directory, **cluster_options(engines)))
