"""Everything that a run needs: a database that can die, processes that can be killed, proxies between all of them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import httpx

from tallystick.client.fps import Client
from tallystick.db.embedded.server import SOCKET_NAME, EmbeddedPostgres
from tallystick.domain.ids import BookId
from tallystick.notify.webhooks import WebhookSender
from tallystick.services.events.numbering import number_waiting
from tallystick.settings import Settings
from tallystick.store.events import events as event_queue
from tallystick.torture.clocks import SettableClock, find_library
from tallystick.torture.disk import SmallDisk, small_disk
from tallystick.torture.faces.face import Face
from tallystick.torture.faces.json import JsonFace
from tallystick.torture.faces.query import QueryFace
from tallystick.torture.hooks import Hooks
from tallystick.torture.model.operations import FaceName
from tallystick.torture.player import CALL_SECONDS, PATIENCE_SECONDS, Log, Player
from tallystick.torture.processes import Program, TorturedDatabase, free_port, until_it_serves
from tallystick.torture.proxy import HOST, Proxy, to_port, to_socket
from tallystick.torture.stage import Stage, TortureBuyer, TortureSeller, open_stage

_ANSWERS_WITHIN_SECONDS: Final = 30
_SUPERVISED_EVERY_SECONDS: Final = 1.0
_PAUSE_SECONDS: Final = 0.05
_BEFORE_ALL: Final = BookId(-1)

_LATER: Final = timedelta(hours=1)
"""When leases of workers that died are over, and what failed is tried once more."""


@dataclass(slots=True)
class Serving:
    """One `serve` process and the proxy before it."""

    program: Program
    port: int
    door: Proxy

    async def until_ready(self) -> None:
        """Wait until it answers, and start it where it has ended. Raises TortureError."""
        await until_it_serves(self.program, self.port)


@dataclass(slots=True)
class Theatre:
    """What a run plays in. `disk`, `clocks`: None, or no, where this machine has no means for them."""

    directory: Path
    database: TorturedDatabase
    database_door: Proxy
    serving: list[Serving]
    worker: Program
    stage: Stage
    http: httpx.AsyncClient
    disk: SmallDisk | None
    clocks: bool
    hooks: Hooks
    sellers: list[TortureSeller] = field(default_factory=list)

    def query_face(self, seller: TortureSeller) -> QueryFace:
        """The programs of a seller that sign: one for each process, all through its proxy."""
        return QueryFace([Client(serving.door.url, seller.credentials, self.http) for serving in self.serving])

    def json_face(self, seller: TortureSeller) -> JsonFace:
        """The seller's program that speaks JSON, through the same proxies."""
        return JsonFace([serving.door.url for serving in self.serving], seller.bearer, self.http)

    def player(self, buyer: TortureBuyer, log: Log, patience_seconds: float = PATIENCE_SECONDS) -> Player:
        """Who plays for a buyer, in both interfaces."""
        faces: dict[FaceName, Face] = {
            FaceName.QUERY: self.query_face(buyer.seller),
            FaceName.JSON: self.json_face(buyer.seller),
        }
        return Player(faces, len(self.serving), buyer, log, patience_seconds)

    async def heal(self) -> None:
        """Everything runs, nothing is in the way. Raises TortureError."""
        if self.disk is not None:
            self.disk.empty()
        for door in (self.database_door, *(serving.door for serving in self.serving)):
            door.cut_requests = door.cut_answers = 0
            door.delay_seconds = 0.0
        for program in self.programs:
            program.thaw()
            if program.clock is not None:
                program.clock.set_ahead(0)
        self.database.thaw()
        await self.database.bring_back()
        for serving in self.serving:
            await serving.until_ready()
        await self.start_again()

    async def start_again(self) -> None:
        """Start what has ended, without waiting for it: a start is given up where the database is away."""
        for program in self.programs:
            await program.start()

    @asynccontextmanager
    async def supervised(self) -> AsyncIterator[None]:
        """Meanwhile, what has ended is started again, as a machine's service manager does."""
        task = asyncio.create_task(self._supervise())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _supervise(self) -> None:
        while True:
            await asyncio.sleep(_SUPERVISED_EVERY_SECONDS)
            await self.start_again()

    @property
    def programs(self) -> Sequence[Program]:
        """All processes of the program itself."""
        return [*(serving.program for serving in self.serving), self.worker]

    async def close(self) -> None:
        """Stop them. Raises TortureError: one does not end as it should."""
        for program in self.programs:
            await program.stop()

    async def number_events(self) -> None:
        """All that has happened has its number, whoever gives it. Raises SetUpError."""
        await self.stage.patiently(self._number_events)

    async def _number_events(self) -> None:
        service = self.stage.service
        while await event_queue.next_queue(service.pool, _BEFORE_ALL) is not None:
            if not await number_waiting(service):
                await asyncio.sleep(_PAUSE_SECONDS)  # the worker is at it

    async def deliver_rest(self) -> None:
        """What is left of the events arrives, as by a worker that comes after those that died; receivers work."""
        service, self.hooks.fails = self.stage.service, False
        sender = WebhookSender(service.pool, service.vault, service.settings, lambda: service.clock() + _LATER)
        try:
            while await sender.dispatch():
                await sender.idle()
        finally:
            await sender.close()

    def tracebacks(self) -> int:
        """How many tracebacks the processes have written to their logs."""
        return sum(program.log.read_text("utf-8", "replace").count("Traceback") for program in self.programs)


@contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tallystick-torture-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # the database may run as a user of its own
        for room in ("disk", "data", "clocks", "logs"):
            (directory / room).mkdir(mode=0o700)
        yield directory


def _through(door: Proxy, dsn: str) -> str:
    """The address of the database at `dsn`, by way of a proxy."""
    parts = urlsplit(dsn)
    return f"postgresql://{parts.username}@{HOST}:{door.port}{parts.path}"


@asynccontextmanager
async def open_theatre(processes: int, sellers: int, logs: Path | None = None) -> AsyncIterator[Theatre]:
    """A theatre in a temporary directory. `logs`: where its processes write, if not there.

    Raises TortureError, SetUpError, EmbeddedPostgresError.
    """
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(_directory())
        disk = stack.enter_context(small_disk(directory / "disk"))
        server = EmbeddedPostgres(directory / "disk", timeout_seconds=_ANSWERS_WITHIN_SECONDS)
        stack.push_async_callback(asyncio.to_thread, server.stop)
        dsn = await asyncio.to_thread(server.start)
        socket = f"{parse_qs(urlsplit(dsn).query)['host'][0]}/{SOCKET_NAME}"
        door = await stack.enter_async_context(Proxy(to_socket(socket)).listening())
        stage_settings = Settings(
            data_directory=directory / "data",
            database_url=dsn,
            owner_database_url=server.owner_dsn,
            allow_private_notification_targets=True,
        )
        hooks = await stack.enter_async_context(Hooks().listening())
        stage = await stack.enter_async_context(open_stage(stage_settings, hooks))
        settings = {
            "TALLYSTICK_DATABASE_URL": _through(door, dsn),
            "TALLYSTICK_OWNER_DATABASE_URL": _through(door, server.owner_dsn),
            "TALLYSTICK_DATA_DIRECTORY": str(directory / "data"),
            "TALLYSTICK_LOG_LEVEL": "warning",
            "TALLYSTICK_RAIL_DELAY_MS": "20",
            "TALLYSTICK_WORKER_INTERVAL_MS": "50",
            "TALLYSTICK_ALLOW_PRIVATE_NOTIFICATION_TARGETS": "true",  # where events arrive is on this machine
        }
        library = find_library()
        serving = []
        for number in range(processes):
            port = free_port()
            clock = None if library is None else SettableClock(library, directory / "clocks" / f"serve-{number}")
            arguments = ("serve", "--no-worker", "--port", str(port))
            program = Program(
                f"serve {number}", arguments, settings, (logs or directory / "logs") / f"serve-{number}.log", clock
            )
            stack.push_async_callback(program.kill)
            proxy = await stack.enter_async_context(Proxy(to_port(port)).listening())
            serving.append(Serving(program, port, proxy))
        clock = None if library is None else SettableClock(library, directory / "clocks" / "worker")
        worker = Program("worker", ("worker",), settings, (logs or directory / "logs") / "worker.log", clock)
        stack.push_async_callback(worker.kill)
        http = await stack.enter_async_context(
            httpx.AsyncClient(trust_env=False, timeout=CALL_SECONDS, limits=httpx.Limits(max_connections=None))
        )
        theatre = Theatre(
            directory,
            TorturedDatabase(server),
            door,
            serving,
            worker,
            stage,
            http,
            disk,
            clocks=library is not None,
            hooks=hooks,
        )
        await theatre.heal()
        theatre.sellers = [await stage.seller(number) for number in range(sellers)]
        async with theatre.supervised():
            yield theatre
