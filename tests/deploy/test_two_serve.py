"""Two `serve` behind the sample for nginx under load: one after the other ends and starts again, no request fails."""

from __future__ import annotations

import asyncio
import shutil
import signal
import ssl
import sys
from asyncio.subprocess import Process
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import MakeDatabase
from tests.deploy.test_proxies import Place, authority, nginx, running
from tests.stories.conftest import free_port
from tests.stories.operations.load import CLIENTS, Load, ended_after, log_of, paid
from tests.stories.operations.program import start
from tests.stories.operations.test_several_servers import RealClock
from tests.support.master_key import MASTER_KEY, MASTER_KEY_TEXT
from tests.support.schemas import CHECKED
from tests.support.shop import new_shop, usd

from tallystick.settings import Settings
from tallystick.store.ledger.verify import verify
from tallystick.wiring import make_worker, open_service

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="its connections are read from /proc"),
]

WITHIN_SECONDS = 120


class Serving:
    """A `serve` whose log is read as it comes: it would wait for a reader otherwise."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._said = asyncio.create_task(process.communicate())

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def log(self) -> list[dict[str, Any]]:
        return await log_of(self.process, self._said)


async def serve(settings: Settings, port: int, stack: AsyncExitStack) -> Serving:
    """One that goes on answering after it was told to end, until it is told once more."""
    assert settings.database_url is not None
    process = await start(
        "serve",
        "--port",
        str(port),
        settings={
            "TALLYSTICK_DATABASE_URL": settings.database_url,
            "TALLYSTICK_DATA_DIRECTORY": str(settings.data_directory),
            "TALLYSTICK_MASTER_KEY": MASTER_KEY_TEXT,
            "TALLYSTICK_PUBLIC_URL": settings.public_url,
            "TALLYSTICK_REVERSE_PROXIES": "1",
            "TALLYSTICK_LOG_FORMAT": "json",
            "TALLYSTICK_DRAIN_SECONDS": "300",
        },
    )
    serving = Serving(await stack.enter_async_context(ended_after(process)))
    await until_it_says(port, 200, serving)
    return serving


async def until_it_says(port: int, status: int, serving: Serving) -> None:
    """Until `/readyz` of one answers so, at its own address."""
    async with httpx.AsyncClient(timeout=30, **CHECKED) as client, asyncio.timeout(WITHIN_SECONDS):
        while True:
            assert serving.process.returncode is None
            try:
                if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == status:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)


def connections_to(port: int) -> set[str]:
    """The other ends of connections to a port of this machine that are open."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    return {row[2] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "01"}


async def until_proxy_keeps_none(port: int) -> None:
    """Until the proxy has closed all connections that it kept from before: every answer since says that it closes."""
    kept = connections_to(port)
    async with asyncio.timeout(WITHIN_SECONDS):
        while kept:
            await asyncio.sleep(0.1)
            kept &= connections_to(port)


async def until_proxy_asks(port: int) -> None:
    """Until the proxy has noticed that somebody is there again."""
    async with asyncio.timeout(WITHIN_SECONDS):
        asking = connections_to(port)
        while not asking:
            await asyncio.sleep(0.05)
            asking = connections_to(port)


async def test_one_after_the_other_ends_and_starts_again_and_no_request_fails(
    make_migrated: MakeDatabase, tmp_path: Path
) -> None:
    place = Place(tmp_path, free_port(), (free_port(), free_port()))
    pair = authority()
    place.certificate.write_bytes(pair.certificate_pem)
    place.key.write_bytes(pair.private_pem)
    trust, url = ssl.create_default_context(cafile=str(place.certificate)), f"https://localhost:{place.port}"
    settings = Settings(
        data_directory=tmp_path / "data", database_url=await make_migrated(), public_url=url, master_key=MASTER_KEY
    )
    logs: list[list[dict[str, Any]]] = []
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(open_service(settings, RealClock()))
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=120, **{**CHECKED, "verify": trust}))
        serving = [await serve(settings, port, stack) for port in place.behind]
        await stack.enter_async_context(running(nginx(place), place, client))
        shop = await new_shop(service, make_worker(service), client, url, RealClock())
        buyer = await shop.books.funded_buyer("1000.00", limit="1000.00")
        load = Load(shop, buyer, trust, pause_seconds=0.05)
        async with asyncio.TaskGroup() as clients:
            for number in range(CLIENTS):
                clients.create_task(load.client(number))
            await load.until_more_are_paid()
            for number, port in enumerate(place.behind):
                serving[number].end()
                await until_it_says(port, 503, serving[number])
                await until_proxy_keeps_none(port)
                serving[number].end()
                logs.append(await serving[number].log())
                await load.until_more_are_paid()
                serving[number] = await serve(settings, port, stack)
                await until_proxy_asks(port)
            load.over = True
        for number, port in enumerate(place.behind):
            serving[number].end()
            await until_it_says(port, 503, serving[number])
            serving[number].end()
            logs.append(await serving[number].log())

        assert load.failed == []
        done = [name for log in logs for name in paid(log)]
        assert len(done) == len(set(done)) == load.paid, "each was carried out by one of them, once"
        assert all(paid(log) for log in logs), "and each of them had its part"
        taken = (
            "SELECT count(*), sum(amount_micros) FROM transaction"
            " WHERE operation = 'Pay' AND (instrument_id = $1 OR own_debit_account = "
            "       (SELECT account_id FROM instrument WHERE instrument_id = $1))"
        )
        (row,) = await service.pool.fetch(taken, buyer.instrument)
        assert tuple(row) == (load.paid, load.paid * usd("0.01"))
        assert (await verify(service.pool)).problems == []
