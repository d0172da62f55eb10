"""Payments from instruments are decided on an optimistic read: what happens when another process writes first."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.conftest import MakeDatabase
from tests.support.books import Books, Buyer, OpenBooks
from tests.support.clock import START
from tests.support.owner import connection_of_owner

from tallystick.db.connections import Connection, Pool
from tallystick.db.database import open_pool
from tallystick.domain.commands import CancelToken, Method, Pay
from tallystick.domain.ids import IdKind, InstrumentId, TokenId
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.domain.rails.commands import Declined
from tallystick.domain.refusals import Refusal, Refused
from tallystick.store.ledger.load import load
from tallystick.store.ledger.memory.together import STATEMENTS as TOGETHER
from tallystick.store.ledger.optimistic.payments import Snapshot, optimistic_read
from tallystick.store.ledger.statements import MONEY

Meanwhile = Callable[[], Awaitable[object]]


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Meanwhile]]:
    """Run something once, after the next group's optimistic read and before its write."""
    happening: list[Meanwhile] = []

    async def look_and_dawdle(*arguments: Any) -> Snapshot | None:  # noqa: ANN401 - passed on as they come
        seen = await optimistic_read(*arguments)
        while happening:
            await happening.pop()()
        return seen

    monkeypatch.setattr("tallystick.store.ledger.group_commits.optimistic_read", look_and_dawdle)
    yield happening
    assert not happening, "nobody looked"


def refusal(outcome: Outcome) -> Refusal:
    assert isinstance(outcome, Refused), outcome
    return outcome.refusal


async def rival_of(shop: Books, open_shop: OpenBooks) -> Books:
    """The same shop, in another process's committer."""
    committer = (await open_shop()).committer
    return Books(shop.pool, committer, shop.clock, shop.party_id, shop.book_id, shop.operator_book_id)


async def test_a_payment_needs_no_lock(shop: Books) -> None:
    buyer = await shop.funded_buyer("10.00")
    before = shop.committer.statistics.groups
    assert isinstance(await shop.pay(buyer, "1.00"), Accepted)
    assert shop.committer.statistics.groups == before + 1
    assert shop.committer.statistics.version_conflicts == 0


async def test_a_balance_that_was_spent_meanwhile_is_not_spent_again(
    shop: Books, open_shop: OpenBooks, between: list[Meanwhile]
) -> None:
    buyer, rival = await shop.funded_buyer("10.00"), await rival_of(shop, open_shop)
    between.append(lambda: rival.pay(buyer, "9.00"))

    assert refusal(await shop.pay(buyer, "2.00")) is Refusal.InsufficientBalance
    assert await shop.balance(buyer) == 1_000_000
    assert shop.committer.statistics.version_conflicts == 1


async def test_a_debt_that_was_raised_meanwhile_stays_within_its_limit(
    shop: Books, open_shop: OpenBooks, between: list[Meanwhile]
) -> None:
    buyer, rival = await shop.postpaid_buyer("10.00"), await rival_of(shop, open_shop)
    between.append(lambda: rival.pay(buyer, "9.00"))

    assert refusal(await shop.pay(buyer, "2.00")) is Refusal.InsufficientBalance
    assert await shop.balance(buyer) == 9_000_000


async def test_a_token_that_was_cancelled_meanwhile_pays_nothing(
    shop: Books, open_shop: OpenBooks, between: list[Meanwhile]
) -> None:
    """Cancelling moves no money, but increments the version of the account."""
    buyer, rival = await shop.funded_buyer("10.00"), await rival_of(shop, open_shop)
    between.append(lambda: rival.perform(CancelToken(buyer.spending, buyer.party_id)))

    assert refusal(await shop.pay(buyer, "2.00")) is Refusal.TokenNotActive_Sender
    assert await shop.balance(buyer) == 10_000_000
    assert shop.committer.statistics.version_conflicts == 1


async def test_a_settlement_that_began_meanwhile_is_seen(
    shop: Books, open_shop: OpenBooks, between: list[Meanwhile]
) -> None:
    """A pending settlement by card changes what is pending, and no balance."""
    buyer, rival = await shop.postpaid_buyer("10.00", method=Method.CC), await rival_of(shop, open_shop)
    await shop.pay(buyer, "5.00")
    settling: list[Outcome] = []

    async def settle() -> None:
        settling.append(await rival.settle(buyer, "3.00"))

    between.append(settle)
    assert isinstance(await shop.pay(buyer, "2.00"), Accepted)
    assert shop.committer.statistics.version_conflicts == 1
    pending = await shop.pool.fetchval(
        "SELECT pending_micros FROM instrument WHERE instrument_id = $1", buyer.instrument
    )
    assert pending == 3_000_000, "the payment has not written over what it had not seen"
    assert isinstance(settling[0], Accepted)
    await shop.resolve(settling[0].transaction_id, Declined("InsufficientFunds", "No."))
    assert await shop.balance(buyer) == 7_000_000


async def test_a_reference_that_was_answered_meanwhile_is_answered_alike(
    shop: Books, open_shop: OpenBooks, between: list[Meanwhile]
) -> None:
    """Under another instrument, so that no account's version reveals it."""
    buyer, other, rival = await shop.funded_buyer(), await shop.funded_buyer(), await rival_of(shop, open_shop)
    first: list[Outcome] = []

    async def pay() -> None:
        first.append(await rival.pay(other, "1.00", reference="order-1"))

    between.append(pay)
    assert await shop.pay(buyer, "1.00", reference="order-1") == first[0]
    assert await shop.balance(buyer) == 10_000_000
    assert await shop.balance(other) == 9_000_000


async def test_a_reference_that_is_free_again_pays_though_its_old_refusal_is_still_there(shop: Books) -> None:
    buyers = [await shop.funded_buyer() for _ in range(3)]
    old = await shop.pay(buyers[0], "100.00", reference="order-1")
    shop.clock.forward(days=7, seconds=1)

    outcomes = await asyncio.gather(
        *(shop.pay(buyer, "1.00", reference=f"order-{number}") for number, buyer in enumerate(buyers))
    )

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert old not in outcomes
    assert [await shop.balance(buyer) for buyer in buyers] == [9_000_000, 9_000_000, 9_000_000]
    assert await shop.pay(buyers[1], "1.00", reference="order-1") == outcomes[1]


async def test_others_of_the_group_are_paid_when_one_met_a_version_conflict(
    shop: Books, open_shop: OpenBooks, between: list[Meanwhile]
) -> None:
    buyers, rival = [await shop.funded_buyer() for _ in range(5)], await rival_of(shop, open_shop)
    between.append(lambda: rival.pay(buyers[2], "9.50"))

    outcomes = await asyncio.gather(*(shop.pay(buyer, "1.00") for buyer in buyers))

    assert [isinstance(outcome, Accepted) for outcome in outcomes] == [True, True, False, True, True]
    assert [await shop.balance(buyer) for buyer in buyers] == [9_000_000, 9_000_000, 500_000, 9_000_000, 9_000_000]


@pytest.mark.parametrize("first", [0, 1])
async def test_a_token_that_does_not_exist_spoils_nothing(first: int, shop: Books) -> None:
    buyer = await shop.funded_buyer()
    kinds = (IdKind.PREPAID_INSTRUMENT, IdKind.PREPAID_SENDER, IdKind.FUNDING)
    instrument, spending, money = map(shop.token, kinds)
    stranger = Buyer(buyer.party_id, InstrumentId(instrument), TokenId(spending), TokenId(money))
    calls = [shop.pay(buyer, "1.00"), shop.pay(stranger, "1.00")]
    outcomes = await asyncio.gather(*(calls if first else reversed(calls)))
    known, unknown = outcomes if first else reversed(outcomes)
    assert isinstance(known, Accepted)
    assert refusal(unknown) is Refusal.InvalidParams
    assert shop.committer.statistics.version_conflicts == 0


@pytest.mark.parametrize(
    "statement",
    [
        "apply",
        "apply_refunds",
        "apply_payments",
        "apply_payments_and_more",
        "apply_from_memory",
        "apply_from_memory_and_tell",
        "apply_from_memory_and_refund",
        "apply_tabs_from_memory",
        "apply_tabs_from_memory_and_tell",
        "apply_plain_together",
        "apply_together",
    ],
)
async def test_accounts_are_changed_in_one_order_however_many_there_are(
    statement: str, make_migrated: MakeDatabase
) -> None:
    """Where tables are empty or small, or nothing is known of them, a plan of another shape seems better."""
    url = await make_migrated()
    async with (
        await open_pool(url, max_size=2, plan_once=True) as pool,
        pool.acquire() as connection,
        connection_of_owner(pool) as owner,
    ):
        text = {**MONEY, **TOGETHER}[statement]
        parameters = len((await connection.prepare(text)).get_parameters())
        await connection.execute(f"PREPARE planned_once AS {text}")
        explain = f"EXPLAIN (FORMAT JSON) EXECUTE planned_once ({', '.join(['NULL'] * parameters)})"
        for books, instruments in ((0, 0), (1, 1), (1, 30), (50, 1), (30, 30), (2, 1000)):
            await owner.execute("TRUNCATE account CASCADE")
            await _insert_accounts(owner, books, instruments)
            for make_known in ("SELECT 1", "VACUUM account", "VACUUM ANALYZE account"):
                await owner.execute(make_known)
                plan = json.loads(await connection.fetchval(explain))[0]["Plan"]
                first, totals = (_update(plan, f"CTE moved_{part}") for part in ("first", "totals"))
                assert totals["Node Type"] == "Result"
                assert "One-Time Filter" in totals, "the totals wait"
                if "One-Time Filter" in first:  # first of all, how long it waits for locks
                    (first,) = [part for part in first["Plans"] if part["Parent Relationship"] == "Outer"]
                assert first["Node Type"] == "Nested Loop"
                order = first["Plans"][0]
                assert order["Node Type"] == "Function Scan" or (order["Index Name"], order["Scan Direction"]) == (
                    "account_pkey",
                    "Forward",
                )
        moves = [part for part in plan["Plans"] if part.get("Subplan Name", "").startswith("CTE moved_")]
        assert len(moves) == 2
        assert '"Materialize"' not in json.dumps(moves), "each account is found by its number"


async def test_a_lonely_payment_locks_the_total_last(make_migrated: MakeDatabase) -> None:
    """As all groups do; each of its two accounts is found by its number."""
    async with (
        await open_pool(await make_migrated(), max_size=1, plan_once=True) as pool,
        pool.acquire() as connection,
    ):
        text = MONEY["apply_one_from_memory"]
        parameters = len((await connection.prepare(text)).get_parameters())
        await connection.execute(f"PREPARE planned_once AS {text}")
        explain = f"EXPLAIN (FORMAT JSON) EXECUTE planned_once ({', '.join(['NULL'] * parameters)})"
        plan = json.loads(await connection.fetchval(explain))[0]["Plan"]
        for part in ("first", "totals"):
            waits = _update(plan, f"CTE moved_{part}")
            assert (waits["Node Type"], "One-Time Filter" in waits) == ("Result", True)
            (found,) = [below for below in waits["Plans"] if below["Parent Relationship"] == "Outer"]
            assert found["Index Name"] == "account_pkey"
            assert "account_id =" in found["Index Cond"]


def _update(plan: dict[str, Any], name: str) -> dict[str, Any]:
    """What tells an update in a plan its rows."""
    (update,) = [part for part in plan["Plans"] if part.get("Subplan Name") == name]
    return next(part for part in update["Plans"] if part["Parent Relationship"] == "Outer")


async def _insert_accounts(connection: Connection, books: int, instruments: int) -> None:
    """So many books, each with its totals and so many instruments."""
    await connection.execute(
        "INSERT INTO account (book_id, account_id, kind, subject)"
        " SELECT book, number, 'sales', number FROM generate_series(1, $1) AS book, generate_series(1, 4) AS number"
        " UNION ALL SELECT book, 1::bigint << 62 | abs(hashint8extended(number, book) >> 2), 'prepaid', number"
        " FROM generate_series(1, $1) AS book, generate_series(1, $2) AS number",
        books,
        instruments,
    )


async def test_payments_of_a_group_land_in_the_order_of_their_ids(
    shop: Books, own_pool: Pool, open_shop: OpenBooks
) -> None:
    """So that the indexes that their ids lead grow at their ends, in full pages."""
    shop = await open_shop(own_pool)
    buyer = await shop.funded_buyer()
    requests = sorted((shop.request() for _ in range(40)), key=lambda request: request.transaction_id, reverse=True)
    await asyncio.gather(*(shop.perform(Pay(request, buyer.spending, 10_000)) for request in requests))
    payments = "SELECT transaction_id FROM transaction WHERE operation = 'Pay' ORDER BY ctid"
    landed = [row["transaction_id"] for row in await own_pool.fetch(payments)]
    assert landed == [request.transaction_id for request in reversed(requests)]


async def test_looking_sees_what_locking_loads(shop: Books) -> None:
    """The optimistic read takes columns by position, the locking load by name."""
    ends = START + timedelta(days=90)
    buyers = [await shop.funded_buyer("10.00"), await shop.postpaid_buyer("10.00", expires_at=ends)]
    payments = [Pay(shop.request(), buyer.spending, 1_000_000) for buyer in buyers]
    async with shop.pool.acquire() as connection:
        for buyer in buyers:
            await connection.execute(
                "UPDATE token SET token_type = 'Unrestricted', friendly_name = 'friendly', old_token_id = 'old',"
                " payment_reason = 'reason', terms = jsonb_build_object('for_reserve', true),"
                " instruction = 'instruction', used_by = 'transaction',"
                " valid_from = (valid_from AT TIME ZONE 'UTC' - interval '1 hour') AT TIME ZONE 'UTC',"
                " cancelled_at = (valid_from AT TIME ZONE 'UTC' + interval '1 day') AT TIME ZONE 'UTC'"
                " WHERE token_id = $1",
                buyer.spending,
            )
            await connection.execute(
                "UPDATE party SET email_verified_at = $2, marketplace = false WHERE party_id = $1",
                buyer.party_id,
                START,
            )
        async with connection.transaction():
            seen = await optimistic_read(connection, shop.book_id, payments, (), shop.clock, shop.committer.rules)
            loaded = await load(connection, shop.book_id, payments, shop.clock, shop.committer.rules)
    assert seen is not None
    assert seen.loaded.state == loaded.state
    assert seen.loaded.versions.keys() == {item.account_id for item in loaded.state.instruments.values()}
