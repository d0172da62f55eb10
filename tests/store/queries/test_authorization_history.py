"""An authorization's history: in one order, with correct figures, at a cost that does not grow with its length."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.store.long_history import write_history
from tests.support.booked import BOOKED
from tests.support.books import Books, Buyer, OpenBooks

from tallystick.db.connections import Pool
from tallystick.domain.commands import Method
from tallystick.domain.ids import TransactionId
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.domain.rails.commands import Declined, Paid
from tallystick.store.queries import authorization_history, authorizations
from tallystick.store.queries.authorization_history import HistoryEntry
from tallystick.store.queries.authorizations import Authorization

NAIVE = f"""
SELECT coalesce(sum(CASE WHEN debit_account = $2 THEN amount_micros ELSE -amount_micros END), 0)
  FROM {BOOKED} WHERE book_id = $1 AND booked_at < $3 AND $2 IN (debit_account, credit_account)
"""  # noqa: S608 - our own text


def opened(outcome: Outcome) -> TransactionId:
    assert isinstance(outcome, Accepted), outcome
    return outcome.transaction_id


async def answered(shop: Books, transaction_id: TransactionId, answer: Paid | Declined) -> None:
    """Record a rail's answer in the books, and in the simulated rail's own memory."""
    outcome = "paid" if isinstance(answer, Paid) else "declined"
    await shop.pool.execute(
        "INSERT INTO simulated_charge (idempotency_key, rail_token, amount_micros, outcome, opened_at, known_at,"
        "                              operation)"
        " SELECT transaction_id, 'token', amount_micros, $3, received_at, received_at, 'charge'"
        "   FROM transaction WHERE book_id = $1 AND transaction_id = $2",
        shop.book_id,
        transaction_id,
        outcome,
    )
    await shop.resolve(transaction_id, answer)


async def given_to(shop: Books, buyer: Buyer) -> Authorization:
    found = await authorizations.find(shop.pool, buyer.party_id, buyer.instrument or buyer.spending)
    assert found is not None
    return found


async def by_pages(shop: Books, given: Authorization, maximum: int) -> list[HistoryEntry]:
    """The whole history, oldest first, read from the end in pages."""
    found: list[HistoryEntry] = []
    before = None
    while part := await authorization_history.page(shop.pool, given, maximum, before):
        found += part
        before = part[-1].before
    assert before is None or before.running_micros == 0, "it begins with nothing"
    return found[::-1]


async def eventful(shop: Books) -> Buyer:
    """A prepaid balance filled by card, with purchases and a refund while cards have not answered yet."""
    buyer = await shop.prepaid_buyer("25.00", Method.CC)
    first = opened(await shop.fund(buyer, "10.00"))
    shop.clock.forward(seconds=1)
    await answered(shop, first, Paid())
    second, third = opened(await shop.fund(buyer, "5.00")), opened(await shop.fund(buyer, "6.00"))
    for number in range(6):
        shop.clock.forward(minutes=1)
        paid = opened(await shop.pay(buyer, "1.50"))
        if number == 2:
            await answered(shop, second, Paid())
            opened(await shop.refund(paid, "0.50"))
    await answered(shop, third, Declined("TransactionDenied", "no"))
    opened(await shop.fund(buyer, "2.00"))
    return buyer


@pytest.mark.parametrize("maximum", [1, 2, 3, 100])
async def test_pages_of_any_size_tell_the_same_story(shop: Books, maximum: int) -> None:
    buyer = await eventful(shop)
    given = await given_to(shop, buyer)

    told = await by_pages(shop, given, maximum)

    assert told == [entry async for entry in authorization_history.entries(shop.pool, given)]
    assert [entry.place for entry in told] == sorted(entry.place for entry in told)
    assert len({entry.transaction_id for entry in told}) == len(told) == 11
    running = 0
    for entry in told:
        running += entry.change_micros
        assert entry.running_micros == running >= 0, "an entry counts from when it came about"
    assert running == await shop.balance(buyer)
    assert [entry.operation for entry in told if entry.status != "Success"] == ["FundPrepaid", "FundPrepaid"]


async def test_tabs_and_payments_without_an_instrument_have_histories_too(shop: Books) -> None:
    tab = await shop.postpaid_buyer(method=Method.CC)
    charged = opened(await shop.pay(tab, "12.50"))
    shop.clock.forward(minutes=1)
    settling = opened(await shop.settle(tab, "5.00"))
    opened(await shop.refund(charged, "1.00"))
    shop.clock.forward(minutes=1)
    await answered(shop, settling, Paid())
    opened(await shop.write_off(tab, "0.50"))
    token = await shop.sender_token(Method.CC)
    first, second = opened(await shop.pay(token, "3.00")), opened(await shop.pay(token, "4.00"))
    shop.clock.forward(minutes=1)
    await answered(shop, second, Paid())
    shop.clock.forward(minutes=1)
    await answered(shop, first, Paid())

    owed = [entry.running_micros // 10_000 for entry in await by_pages(shop, await given_to(shop, tab), 2)]
    spent = [entry.running_micros // 10_000 for entry in await by_pages(shop, await given_to(shop, token), 1)]

    assert owed == [1250, 1150, 650, 600]
    assert spent == [400, 700]
    assert (await given_to(shop, tab)).spent_micros == 11_500_000
    assert (await given_to(shop, token)).spent_micros == 7_000_000


async def test_figures_agree_with_the_ledger_at_any_moment(shop: Books) -> None:
    buyer = await eventful(shop)
    given = await given_to(shop, buyer)
    account = await shop.pool.fetchval(
        "SELECT account_id FROM account WHERE book_id = $1 AND subject = $2", shop.book_id, buyer.instrument
    )
    begin = shop.clock() - timedelta(minutes=7)
    for seconds in range(0, 480, 20):
        moment = begin + timedelta(seconds=seconds)
        booked = await shop.pool.fetchval(NAIVE, shop.book_id, account, moment)
        assert await authorization_history.figure_at(shop.pool, given, moment) == -booked
        later = [entry async for entry in authorization_history.entries(shop.pool, given, moment)]
        assert sum(entry.change_micros for entry in later) == await shop.balance(buyer) + booked


async def test_the_cost_of_a_page_does_not_grow_with_the_history(own_pool: Pool, open_shop: OpenBooks) -> None:
    """Neither the newest page, nor one far back, nor the list of authorizations reads more than what it shows."""
    shop = await open_shop(own_pool)
    buyer = await shop.prepaid_buyer()
    await write_history(shop, [buyer], 20_000, timedelta(days=300))
    given = await given_to(shop, buyer)
    middle = (await authorization_history.page(own_pool, given, 3))[-1].before
    for statement, arguments in (
        ("newest_of_instrument", (given.book_id, given.instrument_id, "~", shop.clock(), "", 25)),
        ("newest_of_instrument", (given.book_id, given.instrument_id, middle.place, shop.clock(), "", 25)),
    ):
        assert await rows_read(own_pool, authorization_history.STATEMENTS[statement], *arguments) <= 60
    found = authorizations.STATEMENTS["authorizations"]
    assert await rows_read(own_pool, found, buyer.party_id, None, None, None, None, None, 20) <= 60
    standing = authorizations.STATEMENTS["states"]
    assert await rows_read(own_pool, standing, given.book_id, [given.token_id]) <= 60
    await own_pool.execute("DELETE FROM transaction WHERE book_id = $1", shop.book_id)


async def rows_read(pool: Any, statement: str, *arguments: object) -> int:  # noqa: ANN401 - a pool
    """Rows that all scans of the statement's plan came upon, those that a filter dropped included."""
    async with pool.acquire() as connection, connection.transaction():
        plan = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *arguments)
    return scanned(json.loads(plan)[0]["Plan"])


def scanned(node: dict[str, Any]) -> int:
    dropped = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    own = (node["Actual Rows"] + dropped) * node["Actual Loops"] if "Relation Name" in node else 0
    return int(own) + sum(scanned(inner) for inner in node.get("Plans", []))
