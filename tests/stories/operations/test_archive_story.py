"""An operator archives, and the seller's program meets what is gone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from tests.conftest import MakeDatabase
from tests.stories.operations.program import Command
from tests.support.clock import TestClock
from tests.support.master_key import MASTER_KEY, MASTER_KEY_TEXT
from tests.support.schemas import CHECKED
from tests.support.shop import Shop, new_shop

from tallystick.settings import Settings
from tallystick.web.api.query_api import QueryApi
from tallystick.wiring import make_worker, open_service

pytest.importorskip("pyarrow")


@dataclass
class Stand:
    shop: Shop
    environment: dict[str, str]


@pytest.fixture
async def stand(make_migrated: MakeDatabase, tmp_path: Path) -> AsyncIterator[Stand]:
    """A seller on a database of the story's own, two months ago."""
    clock = TestClock(datetime.now(UTC) - timedelta(days=60))
    url = await make_migrated()
    settings = Settings(data_directory=tmp_path, database_url=url, public_url="", master_key=MASTER_KEY)
    async with open_service(settings, clock) as service:
        transport = httpx.ASGITransport(QueryApi(service))
        async with httpx.AsyncClient(transport=transport, **CHECKED) as client:
            shop = await new_shop(service, make_worker(service), client, "http://pay.example", clock)
            environment = {
                "TALLYSTICK_DATABASE_URL": url,
                "TALLYSTICK_DATA_DIRECTORY": str(tmp_path),
                "TALLYSTICK_MASTER_KEY": MASTER_KEY_TEXT,
            }
            yield Stand(shop, environment)


async def test_an_operator_archives_and_programs_are_told(stand: Stand, tmp_path: Path, command: Command) -> None:
    shop, settings = stand.shop, stand.environment
    buyer = await shop.books.funded_buyer("10.00")
    old = (await shop.pay(buyer, "1.00")).value("TransactionId")
    shop.clock.forward(days=55)
    new = (await shop.pay(buyer, "2.00")).value("TransactionId")
    day = f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%d}"

    moved = await command("archive", "--before", day, "--json", settings=settings)
    assert moved.status == 0, moved.complaint
    told = json.loads(moved.out)
    assert (told["batches"], told["transactions"], told["held_back"]) == (2, 3, [])
    assert told["directory"] == str(tmp_path / "archive")

    for action in ("GetTransaction", "GetTransactionStatus", "Refund"):
        extra = {"CallerReference": shop.reference()} if action == "Refund" else {}
        answer = await shop.call(action, {"TransactionId": old, **extra})
        assert answer.code in {"InvalidParams", "InvalidTransactionId"}
        assert f"from before {day}. History of that age was moved to an archive" in answer.message
        extra = {"CallerReference": shop.reference()} if action == "Refund" else {}
        assert (await shop.call(action, {"TransactionId": new, **extra})).code is None
    verified, checked = (
        await command("verify", settings=settings),
        await command("archive", "check", settings=settings),
    )
    assert verified.status == 0, verified.out
    assert checked.out.endswith("The archive is whole.\n")

    next((tmp_path / "archive").glob("book-*/000001/transfer.parquet")).write_bytes(b"")
    spoilt = await command("archive", "check", "--json", settings=settings)
    assert spoilt.status == 1
    assert "was changed" in json.loads(spoilt.out)["problems"][0]


async def test_what_cannot_be_archived(stand: Stand, command: Command) -> None:
    without = await command("archive", settings=stand.environment)
    recent = await command("archive", "--before", f"{datetime.now(UTC):%Y-%m-%d}", settings=stand.environment)

    assert (without.status, recent.status) == (2, 2)
    assert "--before" in without.complaint
    assert recent.complaint == "tallystick: only what is older than 7 days can be archived\n"


async def test_whoever_archives_recent_purchases_is_told_what_it_means_for_debts(
    stand: Stand, command: Command
) -> None:
    await stand.shop.books.funded_buyer("10.00")
    younger, older = [f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d}" for days in (30, 100)]

    for day, told in ((older, False), (younger, True)):
        moved = await command("archive", "--before", day, settings=stand.environment)
        assert moved.status == 0, moved.complaint
        assert ("counts as older than 90 days" in moved.out) is told
        assert ("1 transaction: " in moved.out) is told
