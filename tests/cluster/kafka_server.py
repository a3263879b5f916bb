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
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
# One broker holds the only copy of everything.
default.replication.factor=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""

_JAVA = ("java", "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-Djava.awt.headless=true")
"""A small heap: the page cache keeps the records."""

_STOP_SECONDS_MAX = 30.0


def kafka_on_disk(jars: Path, plan: Plan, log_path: Path) -> Part:
    """The broker, listening where the plan's book of ports says."""
    directory = plan.directory / "broker"
    directory.mkdir(parents=True, exist_ok=True)
    port, controller_port = plan.ports.port("broker"), plan.ports.port("broker_controller")
    plan.addresses.update(kafka_brokers=(f"{LOOPBACK}:{port}",), kafka_enable_idempotence=True)
    properties, data = directory / "server.properties", directory / "data"
    values = {"host": LOOPBACK, "port": port, "controller_port": controller_port, "data": data}
    properties.write_text(_PROPERTIES.format(**values), "utf-8")
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
        stop_seconds_max=_STOP_SECONDS_MAX,
    )


def _new_cluster_id() -> str:
    """As Kafka makes them: a random UUID in 22 characters, of which the first is no dash."""
    name = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    return _new_cluster_id() if name.startswith("-") else name
