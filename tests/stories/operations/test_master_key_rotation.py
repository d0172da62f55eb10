"""The master key is exchanged by a command, killed on the way and begun again, while a server takes payments."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.conftest import MakeDatabase
from tests.stories.conftest import free_port
from tests.stories.operations.program import running, start, tallystick
from tests.stories.operations.test_several_servers import RealClock
from tests.support.books import Buyer
from tests.support.schemas import CHECKED
from tests.support.shop import Shop, new_shop

from tallystick.settings import Settings, load_master_keys
from tallystick.store.ledger.verify import verify
from tallystick.wiring import make_worker, open_service

pytestmark = pytest.mark.timeout(300)


@asynccontextmanager
async def payments_under_way(shop: Shop, buyer: Buyer) -> AsyncIterator[list[str | None]]:
    """One payment after the other while this is open; the codes of their answers."""
    codes: list[str | None] = []
    ended = asyncio.Event()

    async def pay() -> None:
        while not ended.is_set():
            codes.append((await shop.pay(buyer, "0.01")).code)
            await asyncio.sleep(0.05)

    paying = asyncio.create_task(pay())
    try:
        yield codes
    finally:
        ended.set()
        await paying


async def killed_when(line: str, settings: dict[str, str]) -> None:
    """Begin an exchange, and kill it as soon as it says this."""
    process = await start("master-key", "rotate", settings=settings)
    assert process.stdout is not None
    while line not in (read := (await process.stdout.readline()).decode()):
        assert read, "it ended by itself"
    process.kill()
    await process.wait()


async def test_an_exchange_is_killed_twice_and_ends_while_payments_go_on(
    make_migrated: MakeDatabase, tmp_path: Path
) -> None:
    url, port = await make_migrated(), free_port()
    settings = Settings(data_directory=tmp_path, database_url=url, public_url="")
    environment = {"TALLYSTICK_DATABASE_URL": url, "TALLYSTICK_DATA_DIRECTORY": str(tmp_path)}
    async with (
        open_service(settings, RealClock()) as service,
        httpx.AsyncClient(timeout=60, **CHECKED) as client,
        running("serve", "--no-worker", "--port", str(port), settings=environment, until="Tallystick serves"),
    ):
        shop = await new_shop(service, make_worker(service), client, f"http://127.0.0.1:{port}", RealClock())
        buyer = await shop.books.funded_buyer("20.00")
        old = load_master_keys(settings)
        async with payments_under_way(shop, buyer) as codes:
            await killed_when("is announced", environment)
            assert len(load_master_keys(settings)) == 2
            await killed_when("sealed anew", environment)
            shown = await tallystick("master-key", "status", "--json", settings=environment)
            assert sum(each["needed"] for each in json.loads(shown.out)) == 2, "not yet"

            early = await tallystick("master-key", "forget", settings=environment)
            assert (early.status, "run: tallystick master-key rotate" in early.complaint) == (2, True)

            done = await tallystick("master-key", "rotate", "--json", settings=environment)
            assert (done.status, done.complaint) == (0, "")
            assert len(load_master_keys(settings)) == 2, "no third one was made"
            forgotten = await tallystick("master-key", "forget", "--json", settings=environment)
            assert len(json.loads(forgotten.out)["forgotten"]) == 1

            made = await tallystick("keys", "create", "--account", shop.email, "--json", settings=environment)
            new = json.loads(made.out)
        assert len(codes) > 20
        assert set(codes) == {None}

        key = replace(shop.key, access_key_id=new["access_key_id"], secret=new["secret"])
        assert (await replace(shop, key=key).pay(buyer, "0.01")).code is None, "the server runs as it did before"
        assert (await shop.pay(buyer, "0.01")).code is None
        assert (await verify(service.pool)).problems == []
    assert not set(old) & set(load_master_keys(settings))
    (status,) = json.loads((await tallystick("master-key", "status", "--json", settings=environment)).out)[1:]
    assert (status["state"], status["needed"], status["known"]) == ("seals", True, True)
