"""What was not spent of a prepaid balance goes back to where it came from: in books, histories and archive."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.store.direct import on_account, said, status, taken, work
from tests.store.past import Past, accepted
from tests.support.books import Books, Buyer

from tallystick.domain.commands import Method, RefundFunding
from tallystick.domain.ids import TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Done, Outcome
from tallystick.domain.rails.commands import Declined, RailOperation, ResolveCharge
from tallystick.store.ledger.verify import report_on, verify
from tallystick.store.queries import authorization_history, authorizations


async def give_back(shop: Books, funding: TransactionId, amount: str | None = None) -> Outcome:
    request = shop.request(None, give_back=funding)
    return await shop.perform(RefundFunding(request, funding, None if amount is None else parse_amount(amount)))


async def filled_by_card(shop: Books, amount: str) -> tuple[Buyer, TransactionId]:
    buyer = await shop.prepaid_buyer(method=Method.CC)
    funding = taken(await shop.fund(buyer, amount), "Pending")
    await work(shop)
    return buyer, funding


async def filled_by_balance(shop: Books, amount: str) -> tuple[Buyer, TransactionId]:
    buyer = await shop.prepaid_buyer()
    await shop.deposit(buyer, amount)
    return buyer, taken(await shop.fund(buyer, amount))


async def pending(shop: Books, buyer: Buyer) -> int:
    statement = "SELECT pending_micros FROM instrument WHERE book_id = $1 AND instrument_id = $2"
    return int(await shop.pool.fetchval(statement, shop.book_id, buyer.instrument))


async def test_the_card_gets_back_what_was_not_spent(shop: Books) -> None:
    buyer, funding = await filled_by_card(shop, "10.00")
    taken(await shop.pay(buyer, "4.00"))
    cash = await shop.total("cash")

    refund = taken(await give_back(shop, funding), "Pending")

    assert await shop.balance(buyer) == 0
    assert await pending(shop, buyer) == parse_amount("6.00")
    assert said(await shop.pay(buyer, "0.01")) == "InsufficientBalance"
    await work(shop)
    assert await status(shop, refund) == ("Success", "Success")
    assert await pending(shop, buyer) == 0
    given_back = int(
        await shop.pool.fetchval(
            "SELECT -fee_micros FROM transaction WHERE book_id = $1 AND transaction_id = $2", shop.book_id, refund
        )
    )
    assert given_back > 0
    assert await shop.total("cash") == cash - parse_amount("6.00") + given_back
    assert said(await give_back(shop, funding)) == "AmountOutOfRange", "what is left of it was spent"
    assert (await verify(shop.pool)).problems == []


async def test_what_the_network_declines_is_on_the_balance_again_and_can_go_back_later(shop: Books) -> None:
    buyer, funding = await filled_by_card(shop, "25.00")
    cash = await shop.total("cash")
    refund = taken(await give_back(shop, funding), "Pending")
    assert said(await shop.fund(buyer, "1.00")) == "PrepaidFundingLimitExceeded", "its place is kept"
    assert (await verify(shop.pool)).problems == [], "while it waits, too"

    declined = ResolveCharge(refund, "simulated", Declined("TransactionDenied", "no"), RailOperation.REFUND)
    assert await shop.perform(declined) == Done()

    assert await status(shop, refund) == ("Failure", "TransactionDenied")
    assert await shop.balance(buyer) == parse_amount("25.00")
    assert await shop.total("cash") == cash
    assert (await verify(shop.pool)).problems == []
    again = taken(await give_back(shop, funding, "5.00"), "Pending")
    await work(shop)
    assert await status(shop, again) == ("Success", "Success")
    assert await shop.balance(buyer) == parse_amount("20.00")


async def test_an_account_balance_gets_it_at_once_and_never_more_than_came_from_it(shop: Books) -> None:
    buyer, funding = await filled_by_balance(shop, "10.00")
    await shop.deposit(buyer, "5.00")
    second = taken(await shop.fund(buyer, "5.00"))

    assert said(await give_back(shop, second, "5.01")) == "RefundAmountExceeded"
    taken(await give_back(shop, second, "2.00"))
    assert said(await give_back(shop, second, "3.01")) == "RefundAmountExceeded"
    taken(await give_back(shop, second))
    assert said(await give_back(shop, second)) == "TransactionFullyRefundedAlready"
    taken(await give_back(shop, funding, "0.999999"))

    assert await shop.balance(buyer) == parse_amount("9.01")
    assert await on_account(shop, buyer) == parse_amount("5.99")
    assert (await verify(shop.pool)).problems == []


async def test_the_seller_has_to_have_it(shop: Books) -> None:
    buyer, funding = await filled_by_card(shop, "10.00")
    sold = await shop.sender_token(Method.CC)
    paid = taken(await shop.pay(sold, "3.00"), "Pending")
    await work(shop)
    taken(await shop.refund(paid), "Pending")
    await work(shop)

    cash = await shop.total("cash")
    fee = parse_amount("10.00") - cash
    assert fee > 0
    refund = taken(await give_back(shop, funding), "Pending")
    assert await shop.total("cash") == 0, "what the funding brought in and its fee, which comes back"
    await work(shop)
    assert await status(shop, refund) == ("Success", "Success")
    assert await shop.balance(buyer) == 0


async def test_only_fundings_of_a_balance_give_back(shop: Books) -> None:
    buyer, funding = await filled_by_balance(shop, "10.00")
    paid = taken(await shop.pay(buyer, "4.00"))

    assert said(await give_back(shop, paid)) == "TransactionTypeNotRefundable"
    assert said(await shop.refund(funding)) == "TransactionTypeNotRefundable", "the query API has no such action"
    waiting = await shop.prepaid_buyer(method=Method.CC)
    opened = taken(await shop.fund(waiting, "10.00"), "Pending")
    assert said(await give_back(shop, opened)) == "OriginalTransactionIncomplete"
    await work(shop)


async def test_the_buyer_sees_it_when_it_leaves_the_balance(shop: Books) -> None:
    buyer, funding = await filled_by_card(shop, "10.00")
    taken(await shop.pay(buyer, "1.00"))
    refund = taken(await give_back(shop, funding, "4.00"), "Pending")
    (given,) = await authorizations.authorizations_of(shop.pool, buyer.party_id, 5)

    def shown(entries: list[authorization_history.HistoryEntry]) -> list[tuple[str, str, int, int]]:
        return [(entry.operation, entry.status, entry.change_micros, entry.running_micros) for entry in entries]

    waiting = shown(await authorization_history.page(shop.pool, given, 10))
    assert waiting[0] == ("RefundFunding", "Pending", -4_000_000, 5_000_000)
    assert given.spent_micros == 1_000_000
    taken(await shop.pay(buyer, "2.00"))
    await work(shop)
    assert await status(shop, refund) == ("Success", "Success")

    found = shown(await authorization_history.page(shop.pool, given, 10))
    assert [entry[2:] for entry in found] == [
        (-2_000_000, 3_000_000),
        (-4_000_000, 5_000_000),
        (-1_000_000, 9_000_000),
        (10_000_000, 10_000_000),
    ]
    assert [entry async for entry in authorization_history.entries(shop.pool, given)][-1].running_micros == 3_000_000
    assert await authorization_history.figure_at(shop.pool, given, shop.clock() - timedelta(days=1)) == 0
    (after,) = await authorizations.authorizations_of(shop.pool, buyer.party_id, 5)
    assert after.spent_micros == 3_000_000


@pytest.mark.parametrize("days", [20, 8], ids=["the funding", "funding and refund"])
async def test_the_archive_takes_it_and_every_figure_stays(past: Past, days: int) -> None:
    pytest.importorskip("pyarrow")
    shop = past.shop
    buyer, funding = await filled_by_balance(shop, "10.00")
    accepted(await shop.pay(buyer, "1.00"))
    shop.clock.forward(days=15)
    taken(await give_back(shop, funding, "4.00"))
    shop.clock.forward(days=10)
    (before,) = await authorizations.authorizations_of(shop.pool, buyer.party_id, 5)
    assert before.spent_micros == 1_000_000

    await past.archive(days=days)

    (after,) = await authorizations.authorizations_of(shop.pool, buyer.party_id, 5)
    assert after.spent_micros == before.spent_micros
    await past.assert_proven()
    assert said(await give_back(shop, funding)) == "InvalidTransactionId"


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE transaction SET amount_micros = amount_micros - 10000 WHERE book_id = $1 AND transaction_id = $2",
        "UPDATE transaction SET refunded_micros = 0 WHERE book_id = $1 AND original_id IS NULL AND $2::text <> ''",
        "UPDATE transfer SET credit_account = 2 WHERE book_id = $1 AND transaction_id = $2 AND credit_account = 1",
        "DELETE FROM transfer WHERE book_id = $1 AND transaction_id = $2 AND debit_account > 100",
    ],
)
async def test_verify_notices(past: Past, damage: str) -> None:
    """In a database of its own, which no other test looks at."""
    _, funding = await filled_by_balance(past.shop, "10.00")
    refund = taken(await give_back(past.shop, funding, "4.00"))
    assert (await verify(past.pool)).problems == []
    connection = await past.pool.acquire()
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(damage, past.shop.book_id, refund)
        assert (await report_on(connection)).problems != []
    finally:
        await transaction.rollback()
        await past.pool.release(connection)
