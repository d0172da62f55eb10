"""An update without a refused request: one process ends and the next one starts, on a socket that stays open."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.conftest import MakeDatabase
from tests.stories.operations.load import CLIENTS, Load, ended_after, log_of, paid
from tests.stories.operations.program import environment
from tests.stories.operations.test_several_servers import RealClock
from tests.support.master_key import MASTER_KEY, MASTER_KEY_TEXT
from tests.support.schemas import CHECKED
from tests.support.shop import Shop, new_shop, usd

from tallystick.settings import Settings
from tallystick.store.ledger.verify import verify
from tallystick.wiring import make_worker, open_service

pytestmark = pytest.mark.timeout(300)

AS_SYSTEMD_DOES = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.executable, [sys.executable, "-m", "tallystick", *sys.argv[2:]])
"""


@dataclass
class Socket:
    """A socket that listens, as a service manager has it, and what is told to the manager."""

    listener: socket.socket
    manager: socket.socket
    address: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    async def start(self, *arguments: str, settings: Mapping[str, str]) -> Process:
        number = str(self.listener.fileno())
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", AS_SYSTEMD_DOES, number, "serve", *arguments),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            pass_fds=(self.listener.fileno(),),
            env=environment({**settings, "NOTIFY_SOCKET": self.address}),
        )

    async def told(self, state: str) -> None:
        while await asyncio.get_running_loop().sock_recv(self.manager, 1_000) != state.encode():
            pass


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Socket]:
    address = str(tmp_path / "manager")
    with socket.socket() as listener, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1_000)
        manager.bind(address)
        manager.setblocking(False)
        yield Socket(listener, manager, address)


@pytest.fixture
async def shop(make_migrated: MakeDatabase, tmp_path: Path, held: Socket) -> AsyncIterator[Shop]:
    """A seller whose program calls the socket; the books balance at the end."""
    settings = Settings(
        data_directory=tmp_path, database_url=await make_migrated(), public_url=held.url, master_key=MASTER_KEY
    )
    async with open_service(settings, RealClock()) as service, httpx.AsyncClient(timeout=120, **CHECKED) as client:
        yield await new_shop(service, make_worker(service), client, held.url, RealClock())
        assert (await verify(service.pool)).problems == []


def settings_of(shop: Shop) -> dict[str, str]:
    settings = shop.service.settings
    assert settings.database_url is not None
    return {
        "TALLYSTICK_DATABASE_URL": settings.database_url,
        "TALLYSTICK_DATA_DIRECTORY": str(settings.data_directory),
        "TALLYSTICK_MASTER_KEY": MASTER_KEY_TEXT,
        "TALLYSTICK_LOG_FORMAT": "json",
        "TALLYSTICK_DRAIN_SECONDS": "300",  # it ends when it is told so a second time
    }


async def test_no_request_is_refused_while_one_process_ends_and_the_next_one_starts(shop: Shop, held: Socket) -> None:
    buyer = await shop.books.funded_buyer("1000.00", limit="1000.00")
    load = Load(shop, buyer)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(ended_after(await held.start(settings=settings_of(shop))))
        async with asyncio.TaskGroup() as clients:
            for number in range(CLIENTS):
                clients.create_task(load.client(number))  # the first answers come when the process is up
            await load.until_more_are_paid()

            first.send_signal(signal.SIGTERM)
            await load.until_all_connections_close()
            first.send_signal(signal.SIGTERM)
            before = await log_of(first)

            at_once = settings_of(shop) | {"TALLYSTICK_DRAIN_SECONDS": "0"}
            second = await stack.enter_async_context(ended_after(await held.start(settings=at_once)))
            await load.until_more_are_paid()
            load.over = True
        second.send_signal(signal.SIGTERM)
        after = await log_of(second)

    assert load.failed == []
    assert len({*paid(before), *paid(after)}) == load.paid
    assert [line["event"] for line in before if line["event"].startswith("service_")] == [
        "service_started",
        "service_stopping",
        "service_stopped",
    ]
    assert await shop.service.pool.fetchval(
        "SELECT sum(amount_micros) FROM transaction"
        " WHERE operation = 'Pay' AND (instrument_id = $1 OR own_debit_account = "
        "       (SELECT account_id FROM instrument WHERE instrument_id = $1))",
        buyer.instrument,
    ) == load.paid * usd("0.01")


async def test_who_is_told_to_end_says_so_and_answers_meanwhile(shop: Shop, held: Socket) -> None:
    async with ended_after(await held.start("--workers", "2", settings=settings_of(shop))) as process:
        await held.told("READY=1")
        assert (await shop.client.get(f"{held.url}/readyz")).status_code == 200

        process.send_signal(signal.SIGTERM)
        await held.told("STOPPING=1")
        for _ in range(8):  # of either process
            async with httpx.AsyncClient(timeout=120, **CHECKED) as client:
                ready = await client.get(f"{held.url}/readyz")
                alive = await client.get(f"{held.url}/healthz")
            assert (ready.status_code, alive.status_code) == (503, 200)
            assert {ready.headers["connection"], alive.headers["connection"]} == {"close"}

        process.send_signal(signal.SIGTERM)
        assert "service_stopped" in [line["event"] for line in await log_of(process)]
