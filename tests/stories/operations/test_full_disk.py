"""A disk that becomes full under the database: callers hear that they may try again, and afterwards all goes on."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
from tests.stories.operations.lonely_shop import open_lonely_shop
from tests.support.shop import amount

from tallystick.db.connections import UNAVAILABLE, Pool
from tallystick.db.embedded.server import EmbeddedPostgres
from tallystick.domain.money import parse_amount

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can make a small disk"),
]

PAYMENTS = 120
"""More than what fits into the pages that there are already: 44 payments fit into one."""


@pytest.fixture
def small_disk(data_directory: Path) -> Iterator[Path]:
    """A disk of 400 MB that nothing else is on."""
    made = subprocess.run(  # noqa: S603 - the system's own program
        ("/bin/mount", "-t", "tmpfs", "-o", "size=400m,mode=0700", "tmpfs", str(data_directory)),
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    yield data_directory
    subprocess.run(("/bin/umount", "--lazy", str(data_directory)), check=True)  # noqa: S603 - same


def fill(directory: Path) -> Path:
    """Take all the room that is left, to the last block."""
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 20))
    with filler.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 12))
    return filler


async def use_up(pool: Pool) -> None:
    """Write until the database cannot: what is there of its log already takes something yet."""
    with suppress(*UNAVAILABLE):  # which of them comes first depends on what fits last
        for _ in range(1000):
            await pool.execute(
                "INSERT INTO ballast SELECT repeat(md5(n::text), 10) FROM generate_series(1, 10000) AS n"
            )
        pytest.fail("the disk was never full")


async def test_payments_on_a_full_disk_are_refused_and_go_on_when_there_is_room(small_disk: Path) -> None:
    async with open_lonely_shop(small_disk) as shop:
        buyer = await shop.books.funded_buyer("10.00")

        async def pay(number: int) -> str | None:
            wanted: dict[str, str] = {
                "SenderTokenId": buyer.spending,
                "CallerReference": f"full-{number}",
                **amount("TransactionAmount", "0.05"),
            }
            return (await shop.call("Pay", wanted)).code

        assert await pay(0) is None
        owner = await asyncpg.connect(EmbeddedPostgres(small_disk).admin_dsn)
        await owner.execute("CREATE TABLE ballast (text text); GRANT INSERT ON ballast TO PUBLIC")
        await owner.close()
        filler = fill(small_disk)
        assert shutil.disk_usage(small_disk).free == 0
        ready = await shop.client.get(f"{shop.url}/readyz")
        assert ready.status_code == 503
        assert ready.text.startswith("the disk is full: the disk of ")

        await use_up(shop.books.pool)
        codes = [await pay(number) for number in range(1, PAYMENTS)]
        assert set(codes) <= {None, "ServiceUnavailable"}
        assert "ServiceUnavailable" in codes

        filler.unlink()
        async with asyncio.timeout(90):
            while await pay(PAYMENTS) is not None:  # noqa: ASYNC110 - nobody tells us when
                await asyncio.sleep(0.5)
        for number in range(PAYMENTS):  # what was unknown is asked for again, and happens once
            assert await pay(number) is None
        assert await shop.books.balance(buyer) == parse_amount("10.00") - (PAYMENTS + 1) * parse_amount("0.05")
        assert (await shop.client.get(f"{shop.url}/readyz")).text == "ready\n"
