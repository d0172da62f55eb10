"""A running service on a real port, and shops that call it. After each story its books must balance."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from tests.conftest import MakeDatabase
from tests.support.balanced import all_balanced, balanced
from tests.support.clock import TestClock
from tests.support.master_key import MASTER_KEY
from tests.support.schemas import CHECKED
from tests.support.shop import Shop, new_shop

from tallystick.cli.serving.http_server import listening
from tallystick.processors.rails import Rails
from tallystick.processors.simulated import SimulatedRail
from tallystick.services.context import Service
from tallystick.settings import Settings
from tallystick.store.keys.master_key_watch import BELIEVED_SECONDS
from tallystick.wiring import asgi_app, open_service
from tallystick.worker import Worker

OpenShop = Callable[[], Awaitable[Shop]]


@dataclass(frozen=True)
class Running:
    """The service with its clock, its worker and the address at which it answers."""

    service: Service
    worker: Worker
    clock: TestClock
    url: str
    client: httpx.AsyncClient


def free_port() -> int:
    """A port that nobody has, and that nobody is given: of those that the system chooses from it may give this one to
    a connection of somebody else's before a server that takes a second to start listens on it.
    """
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


async def until_it_answers(url: str, client: httpx.AsyncClient) -> None:
    for _ in range(200):
        try:
            await client.get(f"{url}/")
        except httpx.TransportError:
            await asyncio.sleep(0.05)
        else:
            return
    raise TimeoutError(url)


@pytest.fixture(scope="session")
async def running(make_migrated: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """One service for all stories of a worker, on a database of its own, so that its worker finds only its work."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    clock = TestClock()
    settings = Settings(
        data_directory=tmp_path_factory.mktemp("data"),
        database_url=await make_migrated(),
        port=port,
        public_url=url,
        master_key=MASTER_KEY,
        allow_private_notification_targets=True,  # receivers are on this machine
    )
    async with open_service(settings, clock) as service, httpx.AsyncClient(timeout=30, **CHECKED) as client:
        rail = SimulatedRail(service.pool, clock, timedelta(milliseconds=settings.rail_delay_ms), faults=True)
        async with all_balanced(service.pool), listening(asgi_app(service), "127.0.0.1", port):
            yield Running(service, Worker(service, Rails((rail,))), clock, url, client)


@pytest.fixture
async def open_shop(running: Running) -> AsyncIterator[OpenShop]:
    """Opens sellers with a sandbox key each."""
    service, clock = running.service, running.clock

    async def opened() -> Shop:
        return await new_shop(service, running.worker, running.client, running.url, clock)

    service.vault.confirm(BELIEVED_SECONDS)  # which nobody looked after while tests ran that have no event loop
    async with balanced(service.pool):
        yield opened


@pytest.fixture
async def shop(open_shop: OpenShop) -> Shop:
    return await open_shop()
