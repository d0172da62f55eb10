"""A server of an administrator's own, with months in the archive: backed up over its port, restored and proven."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest
from tests.stories.conftest import free_port
from tests.stories.operations.program import Command, running
from tests.support.clock import TestClock
from tests.support.master_key import MASTER_KEY, MASTER_KEY_TEXT
from tests.support.schemas import CHECKED
from tests.support.shop import Shop, new_shop
from tests.support.tcp_server import (
    PASSWORD,
    SUPERUSER,
    TcpServer,
    any_server_binaries,
    new_server,
)
from tests.support.tcp_server import running as running_server

from tallystick.db.migrate import migrate
from tallystick.settings import Settings
from tallystick.web.api.query_api import QueryApi
from tallystick.wiring import make_worker, open_service

pytest.importorskip("pyarrow")
pytestmark = pytest.mark.timeout(600)

PATIENCE_SECONDS = 120
FETCHED = "SELECT count(*) FROM pg_stat_replication WHERE flush_lsn >= pg_current_wal_flush_lsn()"
PAID = "SELECT caller_reference FROM transaction WHERE caller_reference LIKE 'song-%' ORDER BY 1"


async def set_up(server: TcpServer) -> None:
    """As docs/operating.md tells an administrator to: an owner of the database, and a role that may replicate."""
    admin = await asyncpg.connect(server.address(SUPERUSER, "postgres"))
    try:
        for role, right in (("tallystick", ""), ("copier", "REPLICATION")):
            password = await admin.fetchval("SELECT quote_literal($1)", PASSWORD)
            await admin.execute(f"CREATE ROLE {role} LOGIN {right} PASSWORD {password}")
        await admin.execute("CREATE DATABASE tallystick OWNER tallystick ENCODING 'UTF8' TEMPLATE template0")
    finally:
        await admin.close()


@asynccontextmanager
async def open_shop(address: str, data_directory: Path) -> AsyncIterator[Shop]:
    """A seller, two months ago."""
    clock = TestClock(datetime.now(UTC) - timedelta(days=60))
    settings = Settings(data_directory=data_directory, database_url=address, public_url="", master_key=MASTER_KEY)
    async with open_service(settings, clock) as service:
        transport = httpx.ASGITransport(QueryApi(service))
        async with httpx.AsyncClient(transport=transport, **CHECKED) as client:
            yield await new_shop(service, make_worker(service), client, "http://pay.example", clock)


async def until(server: TcpServer, statement: str) -> None:
    """Wait until a question to the server has a good answer."""
    admin = await asyncpg.connect(server.address(SUPERUSER, "postgres"))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await admin.fetchval(statement):  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(0.1)
    finally:
        await admin.close()


async def paid(server: TcpServer) -> list[str]:
    connection = await asyncpg.connect(server.address("tallystick", "tallystick"))
    try:
        return [row[0] for row in await connection.fetch(PAID)]
    finally:
        await connection.close()


async def test_a_server_and_its_archive_are_backed_up_over_its_port_and_restored(
    data_directory: Path, command: Command
) -> None:
    data, backups, again = data_directory / "data", data_directory / "backups", data_directory / "again"
    data.mkdir(mode=0o700)
    with new_server(data_directory / "cluster", any_server_binaries(), free_port()) as server:
        await set_up(server)
        address = server.address("tallystick", "tallystick")
        await migrate(address)
        settings = {
            "TALLYSTICK_DATABASE_URL": address,
            "TALLYSTICK_DATA_DIRECTORY": str(data),
            "TALLYSTICK_MASTER_KEY": MASTER_KEY_TEXT,
            "COPIER": server.address("copier", "tallystick"),
        }
        async with open_shop(address, data) as shop:
            buyer = await shop.books.funded_buyer("10.00")
            assert (await shop.pay(buyer, "1.00", "song-1")).code is None
            shop.clock.forward(days=55)
            assert (await shop.pay(buyer, "2.00", "song-2")).code is None
            before = f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%d}"
            moved = await command("archive", "--before", before, "--json", settings=settings)
            assert json.loads(moved.out)["transactions"] == 3, moved.out + moved.complaint

            refused = await command("backup", "--directory", str(backups), settings=settings)
            assert "the role tallystick may not make backups" in refused.complaint
            going_on = ("backup", "run", "--directory", str(backups), "--database-env", "COPIER")
            async with running(*going_on, settings=settings, until="Tallystick backs up into"):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while not list((backups / "base").glob("*.json")):  # noqa: ASYNC110 - another process makes it
                        await asyncio.sleep(0.1)
                assert (await shop.pay(buyer, "3.00", "song-3")).code is None
                await until(server, FETCHED)
        checked = await command("backup", "check", "--directory", str(backups), settings=settings)
        assert checked.status == 0, checked.out
    archived = {path.relative_to(data): path.read_bytes() for path in (data / "archive").rglob("*") if path.is_file()}
    assert len(archived) >= 6

    away = {name: value for name, value in settings.items() if name != "TALLYSTICK_DATABASE_URL"}
    restored = await command(
        "restore", "--from", str(backups), "--into", str(again), "--json", settings=away
    )  # the server that was backed up is gone
    assert restored.status == 0, restored.out + restored.complaint
    assert json.loads(restored.out)["problems"] == []
    assert {path: (again / path).read_bytes() for path in archived} == archived
    with running_server(TcpServer(server.binaries, server.user, again / "postgres", free_port())) as anew:
        assert await paid(anew) == ["song-2", "song-3"]
        there = settings | {
            "TALLYSTICK_DATABASE_URL": anew.address("tallystick", "tallystick"),
            "TALLYSTICK_DATA_DIRECTORY": str(again),
        }
        verified = await command("verify", settings=there)
        assert verified.status == 0, verified.out
        proven = await command("archive", "check", settings=there)
        assert proven.out.endswith("The archive is whole.\n"), proven.out + proven.complaint

    next((backups / "files" / "archive").glob("book-*/000001/transfer.parquet")).unlink()
    short = await command("restore", "--from", str(backups), "--into", str(data_directory / "short"), settings=away)
    assert short.status == 1, short.out + short.complaint
    assert "is NOT in order" in short.out
    assert "transfer.parquet" in short.out
