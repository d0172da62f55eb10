"""The service that the tests of the pages share, and its state at the beginning of each of them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from granian.constants import Interfaces
from granian.server.embed import Server
from tests.stories.pages.world import World
from tests.support.balanced import balanced
from tests.support.clock import MOMENT, WorldClock
from tests.support.master_key import MASTER_KEY, VAULT

from tallystick.db.connections import Pool
from tallystick.domain.commands import Method
from tallystick.domain.fees import Bracket, FeeSchedule, FeeSchedules
from tallystick.processors.rails import Rails
from tallystick.processors.simulated import SimulatedRail
from tallystick.services.context import Service
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.settings import Settings
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.rules import Rules
from tallystick.wiring import asgi_app

CHARITY: FeeSchedules = dict.fromkeys(Method, FeeSchedule(0, (Bracket(None, 10_000),)))
"""One per cent of everything."""


@asynccontextmanager
async def running(pool: Pool, host: str = "127.0.0.1", begin: datetime = MOMENT) -> AsyncIterator[World]:
    """Serve the pages on a port that the system chooses. `host`: what browsers call this machine."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    clock = WorldClock(begin)
    settings = Settings(
        port=port,
        public_url=f"http://{host}:{port}",
        security_contact=("mailto:security@example.com",),
        payout_sender_name="Example Payments",
        payout_sender_iban="DE75512108001245126199",
        master_key=MASTER_KEY,
        mailed_codes="guests",
    )
    rules = Rules(read_fee_schedules(None), simulate_faults=True, own_fees={"charity": CHARITY})
    committer = Committer(pool, rules, clock)
    rail = SimulatedRail(pool, clock, timedelta(0), faults=True, pages_at=settings.public_url, events_key=b"of a test")
    service = Service(settings, pool, committer, VAULT, clock, rails=Rails((rail,), settings.rails))
    world = World(service, clock, settings.public_url)
    server = Server(
        asgi_app(service),
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        log_enabled=False,
    )
    serving = asyncio.create_task(server.serve())
    try:
        await _answers(port, serving)
        yield world
    finally:
        await world.close_clients()
        server.stop()  # type: ignore[no-untyped-call]
        await asyncio.wait_for(serving, 30)


async def _answers(port: int, serving: asyncio.Task[None]) -> None:
    for _ in range(200):
        assert not serving.done()
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            await writer.wait_closed()
            return
        await asyncio.sleep(0.05)
    raise TimeoutError("the pages do not answer")


@asynccontextmanager
async def for_one_test(pages: World) -> AsyncIterator[World]:
    """By the clock as it began; what the test made must balance when it is over. Its browsers are closed then.

    Those that were there before are shared: several tests sign in with one.
    """
    pages.clock.ahead = timedelta(0)
    shared = len(pages.clients)
    try:
        async with balanced(pages.pool):
            yield pages
            pages.clock.ahead = timedelta(0)
    finally:
        await pages.close_clients(shared)
