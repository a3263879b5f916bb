"""Apache Kafka, one node that is broker and controller (KRaft), as a part of the stack. It keeps everything on disk."""

from __future__ import annotations

import base64
import uuid
from functools import partial
from pathlib import Path

from holdfast.stack.embedded import Plan
from holdfast.stack.environment import server_environment
from holdfast.stack.part import Part
from holdfast.stack.ports import LOOPBACK
from holdfast.stack.probes import kafka_answers
from tests.cluster.programs import run_to_end

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{advertised_port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
# One broker holds the only copy of everything.
default.replication.factor=1
offsets.topic.replication.factor=1
# By default 50, each to be recovered after a kill.
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""

_JAVA = ("java", "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
"""A small heap, since the page cache keeps the records, and a quick start rather than the last bit of speed."""

_START_SECONDS_MAX = 120.0
_STOP_SECONDS_MAX = 30.0


def kafka_on_disk(jars: Path, plan: Plan, log_path: Path, *, advertised_as: str = "broker") -> Part:
    """The broker, on the port that the plan's book has for it; it sends clients to the one called `advertised_as`."""
    directory = plan.directory / "broker"
    directory.mkdir(parents=True, exist_ok=True)
    port, controller_port = plan.ports.port("broker"), plan.ports.port("broker_controller")
    advertised_port = plan.ports.port(advertised_as)
    brokers = (f"{LOOPBACK}:{advertised_port}",)
    plan.addresses.update(kafka_brokers=brokers, kafka_enable_idempotence=True, kafka_fetch_max_wait_ms=500)
    properties, data = directory / "server.properties", directory / "data"
    numbers = {"port": port, "advertised_port": advertised_port, "controller_port": controller_port}
    properties.write_text(_PROPERTIES.format(host=LOOPBACK, data=data, **numbers), "utf-8")
    java = (*_JAVA, "-cp", f"{jars}/*")

    async def format_once() -> None:
        if not (data / "meta.properties").exists():
            words = ("format", "--cluster-id", _new_cluster_id(), "--config", str(properties), "--ignore-formatted")
            await run_to_end("broker", (*java, "kafka.tools.StorageTool", *words), server_environment(directory))

    return Part(
        name="broker",
        command=(*java, "kafka.Kafka", str(properties)),
        environment=server_environment(directory),
        directory=directory,
        log_path=log_path,
        prepare=format_once,
        ready=partial(kafka_answers, LOOPBACK, port),
        ready_seconds_max=_START_SECONDS_MAX,
        stop_seconds_max=_STOP_SECONDS_MAX,
    )


def _new_cluster_id() -> str:
    """As Kafka makes them: a random UUID in 22 characters, of which the first is no dash."""
    name = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    return _new_cluster_id() if name.startswith("-") else name
