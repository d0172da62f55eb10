"""The code of the last release works on the schema of this one: an update migrates while old processes still answer.

The last release is the last tag `v…` before this commit; TALLYSTICK_TEST_RELEASE names another commit.
"""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import tarfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.conftest import MakeDatabase
from tests.store.direct import taken
from tests.stories.conftest import free_port
from tests.stories.operations.program import STOP_SECONDS
from tests.stories.operations.test_several_servers import RealClock
from tests.support.master_key import MASTER_KEY, MASTER_KEY_TEXT
from tests.support.paths import ROOT
from tests.support.shop import new_shop, usd

from tallystick.db.migrate import finish
from tallystick.domain.money import parse_amount
from tallystick.settings import Settings
from tallystick.store.ledger.verify import verify
from tallystick.wiring import make_worker, open_service

OWN_TRANSFERS = "SELECT transaction_id FROM transaction WHERE own_debit_account IS NOT NULL"

pytestmark = pytest.mark.timeout(300)


def git(*arguments: str) -> bytes:
    """What git says; nothing where there is no git, no repository, or no such thing in it."""
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout  # noqa: S603, S607
    except (OSError, subprocess.CalledProcessError):
        return b""


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """The code of the last release, unpacked."""
    found = git("describe", "--tags", "--abbrev=0", "--match", "v[0-9]*").decode().strip()
    release = os.environ.get("TALLYSTICK_TEST_RELEASE") or found
    if not release:
        pytest.skip("there is no release yet: no tag v… before this commit")
    packed = git("archive", "--format=tar", release, "src")
    assert packed, f"git has no {release}"
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(tmp_path / "released", filter="data")
    return tmp_path / "released" / "src"


def of_others() -> dict[str, str]:
    """The environment without settings: those of today may be unknown to the release."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}


@pytest.fixture
async def serving(
    released: Path, make_database: MakeDatabase, tmp_path: Path
) -> AsyncIterator[tuple[Process, Settings]]:
    """The release, serving on a database that it has made."""
    settings = Settings(
        data_directory=tmp_path / "data",
        database_url=await make_database(),
        port=free_port(),
        master_key=MASTER_KEY,
    )
    assert settings.database_url is not None
    given = {
        "TALLYSTICK_DATABASE_URL": settings.database_url,
        "TALLYSTICK_DATA_DIRECTORY": str(settings.data_directory),
        "TALLYSTICK_MASTER_KEY": MASTER_KEY_TEXT,
        "TALLYSTICK_LOG_LEVEL": "error",
    }
    own_home = {name: str(tmp_path) for name in ("HOME", "XDG_CONFIG_HOME")}  # without anybody's configuration file
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tallystick", "serve", "--port", str(settings.port)),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        cwd=tmp_path,
        env=of_others() | given | own_home | {"PYTHONPATH": str(released)},
    )
    assert process.stdout is not None
    try:
        while b"Tallystick serves" not in (line := await process.stdout.readline()):
            assert line, (await process.communicate())[1].decode()
        yield process, settings
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_the_last_release_serves_on_the_schema_of_this_one(serving: tuple[Process, Settings]) -> None:
    process, settings = serving
    clock, url = RealClock(), f"http://127.0.0.1:{settings.port}"
    async with httpx.AsyncClient(timeout=120) as client:
        assert (await client.get(f"{url}/readyz")).status_code == 200
        async with open_service(settings, clock) as service:  # migrates, while the release runs
            shop = replace(await new_shop(service, make_worker(service), client, url, clock), url=url)
            prepaid, postpaid = await shop.books.funded_buyer("10.00"), await shop.books.postpaid_buyer("5.00")

            answers = [
                paid := await shop.pay(prepaid, "1.00"),
                await shop.pay(postpaid, "2.00"),
                await shop.refund(paid.value("TransactionId"), "0.25"),
                await shop.write_off(postpaid, "0.50"),
                await shop.call("GetAccountActivity", {"StartDate": "2020-01-01T00:00:00Z"}),
                await shop.call("GetTokens"),
            ]

            assert {answer.code for answer in answers} == {None}, [answer.text for answer in answers]
            assert (await shop.balance(prepaid), await shop.debt(postpaid)) == (usd("9.25"), usd("1.50"))
            for page in ("/readyz", "/account/sign-in", "/console/sign-in"):
                assert (await client.get(f"{url}{page}")).status_code == 200
            beside = taken(await shop.books.pay(prepaid, "0.50"))
            assert await service.pool.fetch(OWN_TRANSFERS) == [], "the release knows nothing of them"
            assert (await verify(service.pool)).problems == []

            process.send_signal(signal.SIGTERM)
            out, complaint = await asyncio.wait_for(process.communicate(), STOP_SECONDS)
            assert process.returncode == 0, (out + complaint).decode()
            assert b"Traceback" not in complaint, complaint.decode()
            await service.pool.execute("DELETE FROM pulse")  # as if a minute had gone by since the last process ended
            assert settings.database_url is not None
            await finish(settings.database_url)
            alone = taken(await shop.books.pay(prepaid, "0.50"))
            assert [row[0] for row in await service.pool.fetch(OWN_TRANSFERS)] == [alone]
            for payment in (beside, alone):
                taken(await shop.books.refund(payment, "0.25"))
            assert await shop.books.balance(prepaid) == parse_amount("8.75")
            assert (await verify(service.pool)).problems == []
