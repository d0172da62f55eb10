"""One process of the service: the real committer, worker and notifications over the model of the store."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, cast

import asyncpg
from tests.simulation import money, work
from tests.simulation.connections import Handler, Network, ProcessKilledError, SimulatedPool
from tests.simulation.postgres import Server
from tests.simulation.rails import Bank, ModelRail, Post, Receiver
from tests.support.master_key import VAULT

from tallystick.db.clock_watch import ClockWatch
from tallystick.db.connections import Pool
from tallystick.domain.commands import Command
from tallystick.domain.ids import BookId
from tallystick.domain.outcomes import Outcome
from tallystick.notify.delivery import NotificationSender
from tallystick.processors.rails import Rails
from tallystick.services.context import Service
from tallystick.settings import Settings
from tallystick.store.ledger.command_queue import MAX_IN_FLIGHT
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.memory.payment_memory import PaymentMemory
from tallystick.store.ledger.rules import Rules
from tallystick.worker import Worker

SETTINGS: Final = Settings(public_url="https://pay.example", allow_private_notification_targets=True)
TOLERANCE: Final = timedelta(seconds=SETTINGS.clock_tolerance_seconds)
PAUSE_SECONDS: Final = 0.5
"""Between two passes of a worker."""


@dataclass(frozen=True, slots=True)
class Programs:
    """What is put to the proof: the program as it is, unless a mutation takes the place of a part."""

    statements: Mapping[str, Handler] = field(default_factory=lambda: {**money.of_money(), **work.of_work()})
    committer: Callable[..., Committer] = Committer
    memory: Callable[..., PaymentMemory] = PaymentMemory
    worker: Callable[..., Worker] = Worker
    sender: Callable[..., NotificationSender] = NotificationSender
    pool: Callable[..., SimulatedPool] = SimulatedPool


@dataclass(frozen=True, slots=True)
class Outside:
    """What all processes share: the store, the rail, the seller who is notified, and the programs that they run."""

    server: Server
    bank: Bank
    receiver: Receiver
    rules: Rules
    programs: Programs
    trouble: float = 0.0
    """How likely rails and receivers fail to answer."""
    remembers: int = 0


@dataclass(slots=True, eq=False)
class Process:
    """`skew`: how far its clock is wrong. After `kill` it does nothing any more, and nobody hears of it."""

    outside: Outside
    network: Network
    skew: timedelta = timedelta(0)
    service: Service = field(init=False)
    worker: Worker = field(init=False)
    watch: ClockWatch = field(init=False)
    _asked: set[asyncio.Future[Outcome]] = field(default_factory=set)
    _loops: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        outside, network = self.outside, self.network
        programs = outside.programs
        pool = cast("Pool", programs.pool(outside.server, network, programs.statements))
        loop = asyncio.get_running_loop()
        self.watch = ClockWatch(self.clock, TOLERANCE, elapsed=loop.time)
        memory = programs.memory(outside.remembers, dice=random.Random(outside.remembers))  # noqa: S311 - chance that can be repeated
        committer = programs.committer(pool, outside.rules, self.watch.now, keeps=MAX_IN_FLIGHT, memory=memory)
        self.service = Service(SETTINGS, pool, committer, VAULT, self.clock, clock_watch=self.watch)
        self.worker = programs.worker(self.service, Rails((ModelRail(outside.bank, network, outside.trouble),)))
        post = Post(outside.receiver, network, outside.trouble)
        self.worker.notification_sender = programs.sender(
            pool, VAULT, SETTINGS, self.service.trusted_now, transport=post
        )

    def clock(self) -> datetime:
        return self.outside.server.now() + self.skew

    async def start(self, *, works: bool = True) -> None:
        """As `serve` does: first the clocks are compared. `works`: its worker does, too."""
        while True:
            try:
                await self.watch.compare(self.service.pool)
                break
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                await asyncio.sleep(0.1)
        if works:
            self._repeat(self.worker.ask_rails, PAUSE_SECONDS)
            self._repeat(self._notify, PAUSE_SECONDS)
            self._repeat(self.worker.forget, PAUSE_SECONDS)
            self._repeat(self._compare, 3.0)

    async def _notify(self) -> int:
        return await self.worker.notification_sender.dispatch()

    async def _compare(self) -> int:
        await self.watch.compare(self.service.pool)
        return 0

    def _repeat(self, work: Callable[[], Awaitable[int]], pause: float) -> None:
        async def run() -> None:
            while not self.network.dead:
                try:
                    await work()
                except Exception:  # noqa: BLE001, S110 - as the worker does: the next pass tries again
                    pass
                except ProcessKilledError:
                    return
                await asyncio.sleep(pause)

        self._loops.append(asyncio.get_running_loop().create_task(run()))

    async def perform(self, book_id: BookId, command: Command) -> Outcome:
        """Raises what the committer raises, and ConnectionResetError when the process dies meanwhile."""
        if self.network.dead:
            raise ConnectionRefusedError
        answer = self.service.committer.perform(book_id, command)
        self._asked.add(answer)
        try:
            return await answer
        finally:
            self._asked.discard(answer)

    def kill(self) -> None:
        """Signal 9. Who waits for an answer hears that the connection is gone."""
        self.network.dead = True
        for answer in list(self._asked):
            if not answer.done():
                answer.set_exception(ConnectionResetError("the process is gone"))
        for loop in self._loops:
            loop.cancel()

    def jump(self, by: timedelta) -> asyncio.Task[Any]:
        """The clock jumps, and housekeeping looks at it before anybody sets it right."""
        self.skew = by

        async def look() -> None:
            try:
                await self.worker.forget()
                await self.worker.ask_rails()
            except Exception:  # noqa: BLE001, S110 - as the worker does
                pass
            except ProcessKilledError:
                return

        return asyncio.get_running_loop().create_task(look())
