"""Several `serve` processes on one database, which is all that they share: any of them can serve any call."""

from __future__ import annotations

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import httpx
import pytest
from tests.conftest import MakeDatabase
from tests.stories.conftest import free_port
from tests.stories.operations.program import STOP_SECONDS, start
from tests.support.books import Buyer
from tests.support.clock import TestClock
from tests.support.master_key import MASTER_KEY, MASTER_KEY_TEXT
from tests.support.schemas import CHECKED
from tests.support.shop import Answer, Shop, new_shop, usd

from tallystick.settings import Settings
from tallystick.store.ledger.verify import verify
from tallystick.wiring import make_worker, open_service

pytestmark = pytest.mark.timeout(300)

SERVERS = 4

_WAITERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@dataclass
class Branch:
    """One server process and a seller's program that calls it."""

    process: Process
    shop: Shop

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


class RealClock(TestClock):
    """The servers have the real time, so the programs that call them sign with it."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Chain:
    """Four processes on one database, one seller with a program at each."""

    settings: Settings
    shop: Shop
    branches: list[Branch]
    stack: AsyncExitStack

    async def open_branch(self) -> Branch:
        port = free_port()
        process = await start("serve", "--no-worker", "--port", str(port), settings=_environment(self.settings))
        self.stack.push_async_callback(_stopped, process)
        await _until_it_serves(process)
        return Branch(process, replace(self.shop, url=f"http://127.0.0.1:{port}"))


@pytest.fixture(scope="module")
async def chain(make_migrated: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chain]:
    """The processes stay for all tests of this file, since they take their time to start."""
    clock = RealClock()
    settings = Settings(
        data_directory=tmp_path_factory.mktemp("data"),
        database_url=await make_migrated(),
        public_url="",
        master_key=MASTER_KEY,
    )
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(open_service(settings, clock))
        client = await stack.enter_async_context(
            httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=200), **CHECKED)
        )
        shop = await new_shop(service, make_worker(service), client, "", clock)
        chain = Chain(settings, shop, [], stack)
        chain.branches += await asyncio.gather(*(chain.open_branch() for _ in range(SERVERS)))
        yield chain


@pytest.fixture
async def branches(chain: Chain) -> AsyncIterator[list[Branch]]:
    """All four; after each test the books must balance, and who died in it is replaced."""
    yield chain.branches
    assert (await verify(chain.shop.service.pool)).problems == []
    for place, branch in enumerate(chain.branches):
        if branch.process.returncode is not None:
            chain.branches[place] = await chain.open_branch()


def _environment(settings: Settings) -> dict[str, str]:
    assert settings.database_url is not None
    return {
        "TALLYSTICK_DATABASE_URL": settings.database_url,
        "TALLYSTICK_DATA_DIRECTORY": str(settings.data_directory),
        "TALLYSTICK_MASTER_KEY": MASTER_KEY_TEXT,
        "TALLYSTICK_LOG_LEVEL": "error",
    }


async def _until_it_serves(process: Process) -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    while line := await process.stdout.readline():
        if b"Tallystick serves" in line:
            return
    raise AssertionError((await process.stderr.read()).decode())


async def _stopped(process: Process) -> None:
    if process.returncode is not None:  # killed, or never up: who waited for it has told so
        return
    process.send_signal(signal.SIGTERM)
    out, complaint = await asyncio.wait_for(process.communicate(), STOP_SECONDS)
    assert await process.wait() == 0, (out + complaint).decode()
    assert b"Traceback" not in complaint, complaint.decode()


async def everywhere(
    branches: Sequence[Branch], call: Callable[[Shop, int], Awaitable[Answer]], times: int
) -> list[Answer]:
    """The same kind of call, `times` from each branch, all at once."""
    return await asyncio.gather(*(call(branch.shop, number) for branch in branches for number in range(times)))


async def funded(branch: Branch, amount: str, limit: str = "25.00") -> Buyer:
    buyer = await branch.shop.books.prepaid_buyer(limit)
    await branch.shop.books.deposit(buyer, amount)
    assert (await branch.shop.fund(buyer, amount)).code is None
    return buyer


async def test_four_processes_spend_one_balance_to_the_last_cent_and_not_further(branches: list[Branch]) -> None:
    buyer = await funded(branches[0], "5.00")

    answers = await everywhere(branches, lambda shop, _: shop.pay(buyer, "0.05"), 40)

    assert sorted({answer.code for answer in answers}, key=str) == ["InsufficientBalance", None]
    assert len([answer for answer in answers if answer.code is None]) == 100
    assert await branches[3].shop.balance(buyer) == 0


async def test_four_processes_never_lend_beyond_the_limit(branches: list[Branch]) -> None:
    buyer = await branches[0].shop.books.postpaid_buyer("3.00")

    answers = await everywhere(branches, lambda shop, _: shop.pay(buyer, "0.07"), 20)

    assert len([answer for answer in answers if answer.code is None]) == 42  # 42 x 0.07 = 2.94
    assert await branches[1].shop.debt(buyer) == usd("2.94")


async def test_the_same_requests_at_four_processes_are_carried_out_once(branches: list[Branch]) -> None:
    buyer = await funded(branches[0], "10.00")
    requests = [f"order-{number}" for number in range(25)]

    answers = await everywhere(branches, lambda shop, number: shop.pay(buyer, "0.10", requests[number]), 25)

    assert {answer.code for answer in answers} == {None}
    assert len({answer.value("TransactionId") for answer in answers}) == 25
    assert await branches[2].shop.balance(buyer) == usd("7.50")


async def test_two_sellers_instruments_cross_without_a_deadlock(branches: list[Branch]) -> None:
    """Groups that hold several instruments each, in every order: refunds and payments of the same eight buyers."""
    buyers = [await funded(branches[0], "2.00") for _ in range(8)]
    paid = [(await branches[0].shop.pay(buyer, "1.00")).value("TransactionId") for buyer in buyers]

    async def mixed(shop: Shop, number: int) -> Answer:
        if number % 2:
            return await shop.refund(paid[number % 8], "0.05")
        return await shop.pay(buyers[7 * number % 8], "0.05")

    answers = await everywhere(branches, mixed, 24)

    assert {answer.code for answer in answers} == {None}
    balances = [await branches[0].shop.balance(buyer) for buyer in buyers]
    assert sum(balances) == usd("8.00")  # as many refunds as payments


async def test_one_of_four_dies_in_the_middle_and_nothing_is_lost_or_doubled(branches: list[Branch]) -> None:
    """A client without an answer asks another process with the same reference, and one that is put off asks again."""
    buyer = await funded(branches[0], "10.00")
    heard = 0
    enough = asyncio.Event()

    async def pay(turn: int) -> str:
        nonlocal heard
        shop, reference = branches[turn % SERVERS].shop, f"in-the-middle-{turn}"
        try:
            answer = await shop.pay(buyer, "0.03", reference)
        except httpx.TransportError:
            shop = branches[(turn + 1) % (SERVERS - 1)].shop
            answer = await shop.pay(buyer, "0.03", reference)
        async with asyncio.timeout(120):  # what the killed process held may be held for a moment longer
            while answer.code == "ServiceUnavailable":
                answer = await shop.pay(buyer, "0.03", reference)
        heard += 1
        if heard == 40:
            enough.set()
        assert answer.code is None, answer.text
        return answer.value("TransactionId")

    async def kill_the_last() -> None:
        await enough.wait()
        branches[SERVERS - 1].kill()
        assert await branches[SERVERS - 1].process.wait() == -signal.SIGKILL

    async def shift(first: int) -> list[str]:
        return [await pay(turn) for turn in range(first, 320, 16)]

    killing = asyncio.create_task(kill_the_last())
    shifts = await asyncio.gather(*(shift(first) for first in range(16)))
    await killing

    transactions = [transaction for made in shifts for transaction in made]
    assert len(set(transactions)) == 320
    assert await branches[0].shop.balance(buyer) == usd("10.00") - 320 * usd("0.03")
    counted = await branches[0].shop.service.pool.fetchval(
        "SELECT count(*) FROM transaction"
        " WHERE operation = 'Pay' AND (instrument_id = $1 OR own_debit_account = "
        "       (SELECT account_id FROM instrument WHERE instrument_id = $1))",
        buyer.instrument,
    )
    assert counted == 320


async def test_one_of_four_freezes_while_it_holds_an_account_and_the_others_go_on(branches: list[Branch]) -> None:
    """As if its machine had lost the network: the database server does not notice, and its locks stay held."""
    buyer = await funded(branches[0], "5.00")
    paid = (await branches[0].shop.pay(buyer, "1.00")).value("TransactionId")
    frozen, pool = branches[SERVERS - 1], branches[0].shop.service.pool

    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM account WHERE subject = $1 FOR UPDATE", buyer.instrument)
        refunding = asyncio.create_task(frozen.shop.refund(paid, "0.25"))
        while not await pool.fetchval(_WAITERS):  # noqa: ASYNC110 - nothing tells of them
            await asyncio.sleep(0.01)
        frozen.freeze()
    try:
        paid_meanwhile = await branches[0].shop.pay(buyer, "0.50")
    finally:
        frozen.thaw()

    assert paid_meanwhile.code is None, paid_meanwhile.text
    assert (await refunding).code is None, "what the server took away from it was done again"
    assert await branches[1].shop.balance(buyer) == usd("3.75")
