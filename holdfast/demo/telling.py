"""The whole telling: a stack of its own, the chapters in order, and nothing left behind.

Whatever runs already is not touched: free ports, a temporary directory, no server that the environment names.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import grpc
import psutil

from domain.errors import HoldfastError
from holdfast.demo import checkout, kill, proof, race, warehouse
from holdfast.demo.claims import Claims
from holdfast.demo.shop import Shop, open_shop
from holdfast.demo.stage import Stage
from holdfast.rest_client import PatienceEnded
from holdfast.seed import seed
from holdfast.service import Service, running_service
from holdfast.stack.errors import StackError
from runtime.kafka import KafkaError
from runtime.settings import Settings

CHAPTERS = (
    checkout.reserve_and_pay,
    checkout.cancel_by_grpc,
    checkout.let_a_hold_expire,
    checkout.orders_by_kafka,
    race.race,
    warehouse.move_stock,
    warehouse.write_off_a_loss,
    kill.kill_and_retry,
    proof.count_the_news,
    proof.check_the_invariants,
)
ADDRESSES = (
    "db_host",
    "db_port",
    "temporal_address",
    "temporal_namespace",
    "kafka_brokers",
    "redis_host",
    "redis_port",
)
INTERRUPTED = 130


@dataclass(slots=True)
class Telling:
    """One run of the demo in `directory`."""

    stage: Stage
    claims: Claims
    directory: Path
    is_interrupted: bool = False

    async def run(self, settings: Settings) -> int:
        """Tell it; answers the exit code. Ctrl-C and SIGTERM stop everything in order first."""
        work = asyncio.ensure_future(self._tell(own_settings(settings)))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._interrupt, work)
        finished = False
        with suppress(asyncio.CancelledError):
            finished = await work
        shutil.rmtree(self.directory, ignore_errors=True)
        if self.is_interrupted:
            return INTERRUPTED
        self._claim_the_end(finished)
        self.stage.finale()
        return 0 if self.claims.all_held else 1

    def _interrupt(self, work: asyncio.Future[bool]) -> None:
        if not self.is_interrupted:
            self.is_interrupted = True
            self.stage.trouble("Interrupted: stopping everything …")
            work.cancel()

    async def _tell(self, settings: Settings) -> bool:
        """Whether the story came to its end. Logs are kept when it did not, or when a claim broke."""
        self.stage.chapter("A stack from packages: Postgres, Temporal, Kafka protocol, Redis protocol")
        finished = False
        try:
            async with running_service(self.directory, settings, report=self.stage.part, temporary=True) as service:
                try:
                    await self._tell_of(service)
                    finished = True
                finally:
                    if not self.is_interrupted and not (finished and self.claims.all_held):
                        self._keep_logs()
        except StackError as error:
            self.stage.trouble(str(error))
            self._keep_logs()
        except (HoldfastError, PatienceEnded, TimeoutError, OSError, aiohttp.ClientError, KafkaError) as error:
            self.stage.trouble(f"The story broke off: {type(error).__name__} {error}")
        except grpc.RpcError as error:
            self.stage.trouble(f"The story broke off: gRPC answered {error}")
        return finished

    async def _tell_of(self, service: Service) -> None:
        async with open_shop(service) as shop:
            await self._seed(shop)
            for chapter in CHAPTERS:
                await chapter(shop, self.stage)

    async def _seed(self, shop: Shop) -> None:
        begin = time.perf_counter()
        seeded = await seed(shop.service.settings)
        rows = await shop.rows()
        self.stage.claim(
            "the whole service starts from packages and gets a catalogue",
            len(rows) == seeded.stock_rows,
            f"up in {self.stage.elapsed_seconds:.0f} s; {seeded.warehouses} warehouses, {seeded.skus} SKUs, "
            f"{len(rows)} rows in {time.perf_counter() - begin:.1f} s",
        )
        facts = shop.service.facts()
        self.stage.aside(f"while it lasts: API docs {facts['api']}/docs   Temporal UI {facts['temporal_ui']}")

    def _keep_logs(self) -> None:
        """Save the logs from the directory that is about to go, and say where they are."""
        logs = self.directory / "logs"
        if logs.exists():
            kept = Path(tempfile.mkdtemp(prefix="holdfast-demo-logs-"))
            shutil.copytree(logs, kept, dirs_exist_ok=True)
            self.stage.trouble(f"The logs are kept in {kept}")

    def _claim_the_end(self, finished: bool) -> None:
        self.stage.chapter("The end")
        self.stage.claim("the story was told to its end", finished, f"{self.stage.elapsed_seconds:.0f} s in all")
        left = [process.name() for process in psutil.Process().children(recursive=True)]
        self.stage.claim(
            "everything is stopped: no process and no directory is left",
            not left and not self.directory.exists(),
            "nothing left" if not left else f"left: {', '.join(left)}",
        )


def own_settings(settings: Settings) -> Settings:
    """The same settings without any server they name, and with free ports: the demo never touches what is yours."""
    values = dict(settings) | {name: Settings.model_fields[name].default for name in ADDRESSES}
    values |= {"app_host": "127.0.0.1", "app_port": 0, "grpc_port": 0, "prometheus_port": 0}
    return Settings.model_construct(settings.model_fields_set - set(ADDRESSES), **values)
