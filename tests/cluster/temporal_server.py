"""Temporal Server on Postgres with 8 history shards, all four of its services in one process, as a part of the stack.

Schema and namespace are made by the scripts of the compose file, with its dynamic configuration: what is checked here
is what is deployed there.
"""

from __future__ import annotations

import json
import sysconfig
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from holdfast.stack.embedded import Plan
from holdfast.stack.environment import server_environment
from holdfast.stack.part import Part
from holdfast.stack.ports import LOOPBACK, PortBook
from holdfast.stack.probes import http_answers
from tests.cluster.programs import run_to_end

HISTORY_SHARDS = 8

_DEPLOY = Path(__file__).parents[2] / "deploy" / "temporal"
_SERVICES = ("frontend", "history", "matching", "worker")

_CONNECTIONS_MAX = {"temporal": 16, "temporal_visibility": 4}
"""By database and by service: 80 of the 300 that the embedded Postgres takes."""

_START_SECONDS_MAX = 120.0
"""A server that was killed waits for its shards, and for Postgres when that was killed, too."""


def temporal_on_postgres(programs: Path, plan: Plan, log_path: Path) -> Part:
    """The server, its data in two databases of the plan's Postgres, which has to be declared before it."""
    directory = plan.directory / "temporal"
    directory.mkdir(parents=True, exist_ok=True)
    address = f"{LOOPBACK}:{plan.ports.port('temporal')}"
    namespace = plan.settings.temporal_namespace
    login = {name: plan.addresses[name] for name in ("db_host", "db_port", "db_user")}
    login["db_password"] = plan.addresses["db_password"].get_secret_value()
    configuration = _write_configuration(directory, plan.ports, login)
    plan.addresses.update(temporal_address=address, temporal_namespace=namespace)

    async def make_schema() -> None:
        await _until_postgres_lets_us_in(login, plan.addresses["db_name"])
        environment = server_environment(
            directory,
            PATH=f"{programs}:{server_environment(directory)['PATH']}",
            SQL_PLUGIN="postgres12",
            SQL_HOST=login["db_host"],
            SQL_PORT=str(login["db_port"]),
            SQL_USER=login["db_user"],
            SQL_PASSWORD=login["db_password"],
        )
        await run_to_end("temporal", ("sh", str(_DEPLOY / "create-schema.sh")), environment)

    async def make_namespace() -> None:
        environment = server_environment(
            directory,
            PATH=f"{sysconfig.get_path('scripts')}:{server_environment(directory)['PATH']}",
            TEMPORAL_ADDRESS=address,
            TEMPORAL_NAMESPACE=namespace,
        )
        await run_to_end("temporal", ("sh", str(_DEPLOY / "create-namespace.sh")), environment)

    return Part(
        name="temporal",
        command=(str(programs / "temporal-server"), "--config-file", str(configuration), "--allow-no-auth", "start"),
        environment=server_environment(directory),
        directory=directory,
        log_path=log_path,
        prepare=make_schema,
        ready=partial(http_answers, LOOPBACK, plan.ports.port("temporal_http"), "/api/v1/cluster-info"),
        provision=make_namespace,
        ready_seconds_max=_START_SECONDS_MAX,
    )


def _write_configuration(directory: Path, ports: PortBook, login: dict[str, Any]) -> Path:
    """As JSON, which is YAML too, readable by us only: it holds the password."""
    path = directory / "server.yaml"
    path.touch(mode=0o600)
    path.write_text(json.dumps(_configuration(ports, login), indent=2), "utf-8")
    return path


def _configuration(ports: PortBook, login: dict[str, Any]) -> dict[str, Any]:
    frontend = f"{LOOPBACK}:{ports.port('temporal')}"
    return {
        "log": {"stdout": True, "level": "warn"},
        "persistence": {
            "defaultStore": "temporal",
            "visibilityStore": "temporal_visibility",
            "numHistoryShards": HISTORY_SHARDS,
            "datastores": {name: _datastore(name, login) for name in _CONNECTIONS_MAX},
        },
        "global": {
            "membership": {"maxJoinDuration": "30s", "broadcastAddress": LOOPBACK},
            "metrics": {"prometheus": {"listenAddress": f"{LOOPBACK}:{ports.port('temporal_metrics')}"}},
        },
        "services": {name: {"rpc": _listening(name, ports)} for name in _SERVICES},
        "clusterMetadata": {
            "enableGlobalNamespace": False,
            "failoverVersionIncrement": 10,
            "masterClusterName": "active",
            "currentClusterName": "active",
            "clusterInformation": {
                "active": {
                    "enabled": True,
                    "initialFailoverVersion": 1,
                    "rpcName": "frontend",
                    "rpcAddress": frontend,
                }
            },
        },
        "dcRedirectionPolicy": {"policy": "noop"},
        "dynamicConfigClient": {"filepath": str(_DEPLOY / "dynamicconfig.yaml"), "pollInterval": "60s"},
    }


def _datastore(name: str, login: dict[str, Any]) -> dict[str, Any]:
    connections = _CONNECTIONS_MAX[name]
    return {
        "sql": {
            "pluginName": "postgres12",
            "databaseName": name,
            "connectAddr": f"{login['db_host']}:{login['db_port']}",
            "connectProtocol": "tcp",
            "user": login["db_user"],
            "password": login["db_password"],
            "maxConns": connections,
            "maxIdleConns": connections,
            "maxConnLifetime": "1h",
        }
    }


def _listening(service: str, ports: PortBook) -> dict[str, Any]:
    name = "temporal" if service == "frontend" else f"temporal_{service}"
    rpc: dict[str, Any] = {
        "grpcPort": ports.port(name),
        "membershipPort": ports.port(f"{name}_membership"),
        "bindOnLocalHost": True,
    }
    return rpc | ({"httpPort": ports.port("temporal_http")} if service == "frontend" else {})


@retry(retry=retry_if_exception_type(psycopg.OperationalError), wait=wait_fixed(0.2), stop=stop_after_delay(60.0))
async def _until_postgres_lets_us_in(login: dict[str, Any], database: str) -> None:
    """All parts start side by side; Postgres makes our role when it first serves."""
    connection = await psycopg.AsyncConnection.connect(
        host=login["db_host"],
        port=login["db_port"],
        user=login["db_user"],
        password=login["db_password"],
        dbname=database,
        connect_timeout=2,
    )
    await connection.close()
