"""Backups while payments run, a moment that is restored from them, and what is refused on the way."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import psutil
import pytest
from tests.stories.operations.lonely_shop import open_lonely_shop
from tests.stories.operations.program import Command, Ended, running, tallystick
from tests.support.books import Buyer
from tests.support.master_key import MASTER_KEY_TEXT
from tests.support.shop import Shop, amount

from tallystick.db.embedded.server import EmbeddedPostgres

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
async def shop(data_directory: Path) -> AsyncIterator[Shop]:
    async with open_lonely_shop(data_directory / "data") as opened:
        yield opened


def environment(directory: Path, **more: str) -> dict[str, str]:
    return {"TALLYSTICK_DATA_DIRECTORY": str(directory), "TALLYSTICK_MASTER_KEY": MASTER_KEY_TEXT, **more}


async def references(directory: Path) -> list[str]:
    """What was paid by the books of a data directory."""
    with EmbeddedPostgres(directory) as server:
        connection = await asyncpg.connect(server.dsn)
        try:
            rows = await connection.fetch(
                "SELECT caller_reference FROM transaction WHERE caller_reference LIKE 'song-%' ORDER BY 1"
            )
        finally:
            await connection.close()
    return [row[0] for row in rows]


async def pay(shop: Shop, buyer: Buyer, number: int) -> None:
    wanted: dict[str, str] = {
        "SenderTokenId": buyer.spending,
        "CallerReference": f"song-{number}",
        **amount("TransactionAmount", "0.05"),
    }
    assert (await shop.call("Pay", wanted)).code is None


async def until_there_is_a_backup(backups: Path) -> None:
    async with asyncio.timeout(120):
        while not list((backups / "base").glob("*.json")):  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.1)


async def until_the_log_is_fetched(shop: Shop) -> None:
    sent = "SELECT count(*) FROM pg_stat_replication WHERE flush_lsn >= pg_current_wal_flush_lsn()"
    admin = await asyncpg.connect(EmbeddedPostgres(shop.service.settings.data_directory).admin_dsn)
    try:
        async with asyncio.timeout(120):
            while not await admin.fetchval(sent):  # noqa: ASYNC110 - another process fetches it
                await asyncio.sleep(0.1)
    finally:
        await admin.close()


async def restore(
    backups: Path, into: Path, *more: str, settings: Mapping[str, str], by: Command = tallystick
) -> Ended:
    return await by("restore", "--from", str(backups), "--into", str(into), *more, settings=settings)


async def test_any_moment_is_restored_from_backups_that_were_made_while_payments_ran(
    shop: Shop, data_directory: Path
) -> None:
    backups, settings = data_directory / "backups", environment(data_directory / "data")
    buyer = await shop.books.funded_buyer("10.00")
    directory = ("--directory", str(backups))
    await pay(shop, buyer, 1)
    async with running("backup", "run", *directory, settings=settings, until="Tallystick backs up into"):
        await until_there_is_a_backup(backups)
        refused = await tallystick("backup", *directory, settings=settings)
        assert (refused.status, refused.complaint) == (2, f"tallystick: another process makes backups in {backups}\n")
        await pay(shop, buyer, 2)
        await asyncio.sleep(1.1)  # moments on the command line have seconds
        moment = datetime.now(UTC)
        await asyncio.sleep(1.1)
        await pay(shop, buyer, 3)
        await until_the_log_is_fetched(shop)
    checked = await tallystick("backup", "check", *directory, "--json", settings=settings)
    assert json.loads(checked.out) == {"ok": True, "problems": []}

    then = await restore(backups, data_directory / "then", "--to", f"{moment:%Y-%m-%dT%H:%M:%S}", settings=settings)
    assert then.status == 0, then.out + then.complaint
    assert "is ready" in then.out
    assert await references(data_directory / "then") == ["song-1", "song-2"]

    everything = await restore(backups, data_directory / "all", "--json", settings=settings)
    assert everything.status == 0, everything.out + everything.complaint
    assert json.loads(everything.out)["problems"] == []
    assert await references(data_directory / "all") == ["song-1", "song-2", "song-3"]
    assert (await tallystick("verify", settings=environment(data_directory / "all"))).status == 0


async def test_what_cannot_be_restored_is_told_and_leaves_nothing(
    shop: Shop, data_directory: Path, command: Command
) -> None:
    backups, settings = data_directory / "backups", environment(data_directory / "data")
    await shop.books.funded_buyer("10.00")
    made = await tallystick("backup", "--directory", str(backups), settings=settings)
    assert made.status == 0, made.complaint

    into = data_directory / "into"
    late = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%S}"
    for more, changed, complaint in (
        (("--to", late), {}, "the log of the backup ends before"),
        (("--to", "2020-01-01T00:00:00"), {}, "nothing before can be restored"),
        ((), {"TALLYSTICK_MASTER_KEY": ""}, "there is no master key in"),
        (("--master-key", "/no/such/file"), {"TALLYSTICK_MASTER_KEY": ""}, "there is no master key in /no/such/file"),
    ):
        refused = await restore(backups, into, *more, settings=settings | changed, by=command)
        assert refused.status == 2, refused.out
        assert complaint in refused.complaint
        assert not into.exists() or not list(into.iterdir())
    refused = await restore(backups, data_directory / "data", settings=settings, by=command)
    assert "is not empty; restore into a new directory" in refused.complaint

    kept = data_directory / "kept.key"  # the right key, in a file of its own, which counts before the setting
    kept.write_text(f"{MASTER_KEY_TEXT}\n")
    kept.chmod(0o600)
    other_key = base64.b64encode(secrets.token_bytes(32)).decode()
    opened = await restore(
        backups, data_directory / "opened", "--master-key", str(kept),
        settings=settings | {"TALLYSTICK_MASTER_KEY": other_key},
    )  # fmt: skip
    assert opened.status == 0, opened.out + opened.complaint
    assert (data_directory / "opened" / "master.key").stat().st_mode & 0o777 == 0o600

    locked = await restore(backups, into, settings=settings | {"TALLYSTICK_MASTER_KEY": other_key})
    assert locked.status == 1
    assert "BAD the secrets in this database are sealed with another master key" in locked.out
    assert "is NOT in order" in locked.out


async def test_a_byte_that_was_changed_and_a_gap_in_the_log_are_found(shop: Shop, data_directory: Path) -> None:
    backups, settings = data_directory / "backups", environment(data_directory / "data")
    directory = ("--directory", str(backups))
    async with running("backup", "run", *directory, settings=settings, until="Tallystick backs up into"):
        await until_there_is_a_backup(backups)
        admin = await asyncpg.connect(EmbeddedPostgres(shop.service.settings.data_directory).admin_dsn)
        for _ in range(4):  # four pieces of the log
            await admin.execute("SELECT pg_logical_emit_message(false, 'backup', 'a line'), pg_switch_wal()")
        await admin.close()
        await until_the_log_is_fetched(shop)
    log = sorted(path for path in (backups / "log").iterdir() if len(path.name) == 24)
    log[-2].unlink()
    page = next(path for path in (backups / "base").rglob("base/*/*") if path.stat().st_size > 8192)
    content = bytearray(page.read_bytes())
    content[5000] ^= 1
    page.write_bytes(content)

    checked = await tallystick("backup", "check", *directory, settings=settings)
    assert checked.status == 1
    damaged, gap, count = checked.out.splitlines()
    assert damaged.endswith(f": the file base/{page.parent.name}/{page.name} was changed")
    assert gap.startswith("BAD the log lacks 1 segments after number ")
    assert count == "2 problems."

    content[5000] ^= 1
    page.write_bytes(content)
    short = await restore(backups, data_directory / "short", settings=settings)
    assert short.status == 1, short.out + short.complaint
    assert "BAD the log was replayed as far as number " in short.out


def processes_in(directory: Path) -> list[int]:
    """Processes that work in a directory, also in one that was deleted."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd().startswith(f"{directory}/"):
                found.append(process.pid)
    return found


@pytest.mark.usefixtures("shop")
async def test_no_server_goes_on_after_a_restore_that_failed(data_directory: Path) -> None:
    """Here the restored server knows no role as which it could be asked."""
    backups, into = data_directory / "backups", data_directory / "into"
    made = await tallystick("backup", "--directory", str(backups), settings=environment(data_directory / "data"))
    assert made.status == 0, made.complaint
    label = backups / "backups.json"
    label.write_text(label.read_text().replace('"superuser":"tallystick"', '"superuser":"stranger"'))

    failed = await restore(backups, into, settings=environment(data_directory / "data"))
    assert failed.status != 0
    assert "stranger" in failed.complaint
    assert processes_in(into) == []
    assert list(into.iterdir()) == []


async def test_the_server_keeps_its_log_for_backups_until_they_end(
    shop: Shop, data_directory: Path, command: Command
) -> None:
    settings, backups = environment(data_directory / "data"), data_directory / "backups"
    slots = "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'tallystick_backup'"
    async with running("backup", "run", "--directory", str(backups), settings=settings, until="backs up into"):
        pass
    assert await shop.books.pool.fetchval(slots) == 1
    assert await shop.books.pool.fetchval("SHOW max_slot_wal_keep_size") == "4GB"

    ended = await command("backup", "end", settings=settings)
    assert ended.out == "The server keeps no more log for backups.\n"
    assert await shop.books.pool.fetchval(slots) == 0
    ended = await command("backup", "end", settings=settings)
    assert ended.out == "It kept none.\n"


@pytest.mark.usefixtures("shop")
async def test_one_backup_is_made_of_a_server_and_listed(data_directory: Path, command: Command) -> None:
    """Of a server that is configured, as a role that may replicate and no more; here it is the embedded one."""
    backups = data_directory / "backups"
    address = EmbeddedPostgres(data_directory / "data").admin_dsn
    admin = await asyncpg.connect(address)
    await admin.execute("CREATE ROLE copier LOGIN REPLICATION; GRANT CONNECT ON DATABASE tallystick TO copier")
    await admin.close()
    settings = environment(data_directory / "elsewhere", ADDRESS=address.replace("//tallystick@", "//copier@"))
    made = await tallystick(
        "backup", "--directory", str(backups), "--database-env", "ADDRESS", "--json", settings=settings
    )
    assert made.status == 0, made.complaint
    listed = await tallystick("backup", "list", "--directory", str(backups), "--json", settings=settings)
    assert json.loads(listed.out) == [json.loads(made.out)]
    assert not (data_directory / "elsewhere").exists()

    ended = await tallystick(
        "restore", "--from", str(backups), "--into", str(data_directory / "again"), settings=settings
    )
    assert ended.status == 0, ended.out + ended.complaint

    for arguments, complaint in (
        (("backup",), "say where the backups are"),
        (("backup", "--directory", str(data_directory / "data")), "holds something else"),
        (("backup", "list", "--directory", str(data_directory)), "there are no backups in"),
        (("backup", "end", "--database-env", "NOT_SET"), "NOT_SET is not set"),
    ):
        refused = await command(*arguments, settings=environment(data_directory / "data"))
        assert refused.status == 2
        assert complaint in refused.complaint
