"""`tallystick pay`, `fund`, `settle`, `refund` and `balance`, typed by who tries out a sandbox."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import MakeDatabase
from tests.store.direct import work
from tests.stories.operations.program import Command, Ended
from tests.support.books import Books, new_seller
from tests.support.clock import TestClock
from tests.support.master_key import MASTER_KEY, MASTER_KEY_TEXT

from tallystick.domain.commands import Method
from tallystick.services.buyer.months import Month
from tallystick.settings import Settings
from tallystick.store.ledger import create_book
from tallystick.wiring import open_service

pytestmark = pytest.mark.timeout(300)

SHOP = "shop@music.example"


@dataclass
class Till:
    """A seller's sandbox, and commands about it."""

    books: Books
    other: Books
    settings: dict[str, str]
    command: Command

    async def run(self, *arguments: str) -> Ended:
        return await self.command(*arguments, settings=self.settings)

    async def json(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        ended = await self.run(*arguments, "--json")
        assert ended.status == status, ended
        told = json.loads(ended.out)
        assert isinstance(told, dict)
        return told

    async def refused(self, code: str, *arguments: str) -> str:
        """A move that the books refuse: status 1, the code first, nothing in the answer."""
        ended = await self.run(*arguments)
        assert (ended.status, ended.out) == (1, ""), ended
        assert ended.complaint.startswith(f"tallystick: {code}: "), ended
        return ended.complaint

    async def rows(self, action: str) -> list[dict[str, Any]]:
        found = await self.books.pool.fetch(
            "SELECT subject, environment, details FROM audit_entry WHERE action = $1 AND business_id = $2",
            action,
            self.books.party_id,
        )
        return [dict(row) for row in found]


@pytest.fixture
async def till(make_migrated: MakeDatabase, tmp_path: Path, command: Command) -> AsyncIterator[Till]:
    url = await make_migrated()
    settings = Settings(data_directory=tmp_path, database_url=url, public_url="", master_key=MASTER_KEY)
    async with open_service(settings, TestClock(datetime.now(UTC))) as service:
        _, _, books = await new_seller(service, service.clock, SHOP)  # type: ignore[arg-type] # a test clock
        _, _, other = await new_seller(service, service.clock, "other@music.example")  # type: ignore[arg-type]
        environment = {
            "TALLYSTICK_DATABASE_URL": url,
            "TALLYSTICK_DATA_DIRECTORY": str(tmp_path),
            "TALLYSTICK_MASTER_KEY": MASTER_KEY_TEXT,
        }
        till = Till(books, other, environment, command)
        yield till
        assert (await till.json("verify"))["ok"] is True


async def test_from_a_balance_to_a_refund(till: Till) -> None:
    buyer = await till.books.prepaid_buyer()
    await till.books.deposit(buyer, "20.00")
    at = ("--account", SHOP)

    funded = await till.json("fund", *at, buyer.instrument, "10.00")
    assert (funded["status"], funded["amount"], funded["balance"]) == ("Success", "10.000000", "10.000000")
    paid = await till.json("pay", *at, buyer.instrument, "0.05", "--reference", "song-1", "--description", "A song")
    assert (paid["status"], paid["balance"], paid["reference"]) == ("Success", "9.950000", "song-1")
    by_token = await till.json("pay", *at, buyer.spending, "0.05")
    assert by_token["balance"] == "9.900000"
    part = await till.json("refund", *at, paid["transaction_id"], "--amount", "0.02")
    assert (part["amount"], part["balance"]) == ("0.020000", "9.920000")
    rest = await till.json("refund", *at, paid["transaction_id"])
    assert (rest["amount"], rest["balance"]) == ("0.030000", "9.950000")

    spoken = await till.run("pay", *at, buyer.instrument, "0.125", "--reference", "song-2")
    assert spoken.out.startswith("Pay of 0.125: Success\ntransaction ")
    assert spoken.out.endswith(", reference song-2\n9.825 left on the balance\n")
    description = await till.books.pool.fetchval(
        "SELECT sender_description FROM transaction WHERE book_id = $1 AND transaction_id = $2",
        till.books.book_id,
        paid["transaction_id"],
    )
    assert description == "A song"
    (row, *_) = await till.rows("money.pay")
    assert (row["subject"], row["environment"]) == (paid["transaction_id"], "sandbox")
    assert row["details"]["of"] == buyer.instrument
    assert (row["details"]["amount"], row["details"]["reference"]) == ("0.05", "song-1")


async def test_a_tab_is_charged_settled_in_part_and_in_whole_cents(till: Till) -> None:
    buyer = await till.books.postpaid_buyer()
    await till.books.deposit(buyer, "20.00")
    at = ("--account", SHOP)

    assert (await till.json("pay", *at, buyer.instrument, "2.125"))["balance"] == "2.125000"
    assert (await till.json("settle", *at, buyer.instrument, "--amount", "1.00"))["balance"] == "1.125000"
    settled = await till.json("settle", *at, buyer.instrument, "--reference", "all-of-it")
    assert (settled["amount"], settled["balance"]) == ("1.120000", "0.005000")
    again = await till.json("settle", *at, buyer.instrument, "--reference", "all-of-it")
    assert again["transaction_id"] == settled["transaction_id"]
    await till.refused("SettleAmountGreaterThanDebt", "settle", *at, buyer.instrument)
    assert len(await till.rows("money.settle")) == 2
    shown = await till.run("balance", *at, "--of", buyer.instrument)
    assert "0.005 owed on the tab" in shown.out

    month = Month.of(datetime.now(UTC)).text
    close = await till.json("month-close", *at, "--month", month)
    assert (close["month"], close["over"], close["adds_up"]) == (month, False, True)
    (owed,) = (one for one in close["balances"] if one["balance"] == "receivable")
    assert owed["end"] == "0.005000"
    spoken = await till.run("month-close", *at, "--month", month)
    assert "Each start and what moved come to the end." in spoken.out
    assert (await till.run("month-close", *at, "--month", "2027-13")).status == 2
    assert "has not begun" in (await till.run("month-close", *at, "--month", "2999-12")).complaint


async def test_a_reference_moves_money_once_and_leaves_one_row(till: Till) -> None:
    buyer = await till.books.funded_buyer("1.00")
    pay = ("pay", "--account", SHOP, buyer.instrument, "0.25", "--reference", "job-1")

    first = await till.json(*pay)
    second = await till.json(*pay)

    assert (second["transaction_id"], second["balance"]) == (first["transaction_id"], "0.750000")
    assert len(await till.rows("money.pay")) == 1
    other = ("pay", "--account", SHOP, buyer.instrument, "0.30", "--reference", "job-1")
    await till.refused("DuplicateRequest", *other)
    await till.refused("DuplicateRequest", "fund", "--account", SHOP, buyer.instrument, "0.25", "--reference", "job-1")


async def test_what_the_books_refuse_is_told_by_its_code_and_leaves_nothing(till: Till) -> None:
    buyer = await till.books.funded_buyer("1.00")
    at = ("--account", SHOP)

    await till.refused("InsufficientBalance", "pay", *at, buyer.instrument, "1.01")
    await till.refused("PrepaidFundingLimitExceeded", "fund", *at, buyer.instrument, "1000.00")
    await till.refused("AmountOutOfRange", "pay", *at, buyer.instrument, "0")
    await till.refused("InvalidParams", "pay", *at, buyer.instrument, "0.10", "--reference", "r" * 129)
    await till.refused("InvalidParams", "pay", *at, buyer.instrument, "0.10", "--description", "\x1b[2J")
    assert await till.books.balance(buyer) == 1_000_000
    for action in ("money.pay", "money.fund"):
        assert await till.rows(action) == []


async def test_what_is_not_of_this_sandbox_is_not_touched(till: Till) -> None:
    mine, theirs = await till.books.funded_buyer("1.00"), await till.other.funded_buyer("1.00")
    tab = await till.books.postpaid_buyer()
    at = ("--account", SHOP)
    told = {
        ("pay", *at, theirs.instrument, "0.10"): "belongs to somebody else",
        ("pay", *at, theirs.spending, "0.10"): "belongs to somebody else",
        ("balance", *at, "--of", theirs.instrument): "belongs to somebody else",
        ("pay", *at, "I-nothing", "0.10"): "is no id of an instrument",
        ("pay", *at, mine.instrument[:-1] + "?", "0.10"): "is no id of an instrument",
        ("fund", *at, tab.instrument, "1.00"): "is not a prepaid balance",
        ("settle", *at, mine.instrument): "is not a tab",
        ("fund", *at, mine.spending, "1.00"): "there is no balance or tab",
        ("pay", *at, mine.instrument, "-1"): "not an amount",
        ("pay", *at, mine.instrument, "1e3"): "not an amount",
        ("pay", "--account", "nobody@music.example", mine.instrument, "1.00"): "there is no account",
        ("balance", "--of", mine.instrument): "--account",
    }
    for arguments, complaint in told.items():
        if "-1" in arguments:
            arguments = (*arguments[:-2], "--", *arguments[-2:])  # noqa: PLW2901 - else it would be an option
        ended = await till.run(*arguments)
        assert (ended.status, ended.out) == (2, ""), (arguments, ended)
        assert complaint in ended.complaint, (arguments, ended)
    assert await till.other.balance(theirs) == 1_000_000


async def test_live_books_are_left_alone(till: Till) -> None:
    async with till.books.pool.acquire() as connection:
        live = await create_book.create_seller_book(connection, till.books.party_id, "live", till.books.clock())
    till.books.book_id = live
    buyer = await till.books.prepaid_buyer()

    for arguments in (("pay", buyer.instrument, "0.10"), ("fund", buyer.instrument, "1.00")):
        ended = await till.run(*arguments, "--account", SHOP)
        assert (ended.status, ended.out) == (2, "")
        assert "where money is real" in ended.complaint


async def test_a_card_is_waited_for_until_the_worker_has_asked(till: Till) -> None:
    buyer = await till.books.prepaid_buyer(method=Method.CC)
    at = ("--account", SHOP)
    pending = await till.json("fund", *at, buyer.instrument, "5.00", "--wait", "0")
    assert (pending["status"], pending["balance"]) == ("Pending", "0.000000")
    spoken = await till.run("balance", *at)
    assert "0.00 left on the balance, 5.00 more is on its way" in spoken.out

    till.books.clock.forward(hours=1)  # the command's clock is the real one: whatever it orders is due by now
    paid = json.loads((await while_working(till, "fund", *at, buyer.instrument, "2.00", "--json")).out)
    assert (paid["status"], paid["balance"]) == ("Success", "7.000000")
    declined = await while_working(till, "fund", *at, buyer.instrument, "2.71")
    assert declined.status == 1
    assert declined.out.startswith("FundPrepaid of 2.71: Failure, TransactionDenied\n")


async def while_working(till: Till, *arguments: str) -> Ended:
    """Run a command that waits, beside a worker."""
    waiting = asyncio.create_task(till.run(*arguments, "--wait", "120"))
    while not waiting.done():
        await work(till.books)
        await asyncio.sleep(0.05)
    return await waiting


async def test_the_sandbox_is_shown_with_all_that_is_in_it(till: Till) -> None:
    at = ("--account", SHOP)
    assert "0.00 cash\nno balances or tabs" in (await till.run("balance", *at)).out
    balance, tab = await till.books.funded_buyer("3.00"), await till.books.postpaid_buyer()

    told = await till.json("balance", *at)

    assert told["complete"] is True
    assert {one["instrument"]: (one["kind"], one["balance"]) for one in told["balances"]} == {
        balance.instrument: ("prepaid", "3.000000"),
        tab.instrument: ("postpaid", "0.000000"),
    }
    assert await till.rows("money.pay") == []
