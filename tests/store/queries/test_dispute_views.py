"""What people see of disputes: the buyer's history and figures, the seller's letters and lists."""

from __future__ import annotations

import pytest
from tests.store.direct import taken, work
from tests.store.ledger.test_disputes import LOST, OPENED, WON, Shop, shop_of
from tests.store.queries.test_authorization_history import by_pages, given_to
from tests.support.books import Books, Buyer
from tests.support.master_key import VAULT

from tallystick.domain.commands import Method
from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.ids import TransactionId
from tallystick.services.disputes.dues import collect_dues
from tallystick.services.disputes.letters import write_letters
from tallystick.store.queries import authorization_history, authorizations, disputes
from tallystick.store.records import mail

UNITS = 1_000_000


@pytest.fixture
async def disputed(shop: Books) -> Shop:
    return shop_of(shop)


async def spent(shop: Shop, buyer: Buyer) -> int:
    (state,) = await authorizations.authorizations_of(shop.books.pool, buyer.party_id, 5)
    return state.spent_micros


async def figures(shop: Shop, buyer: Buyer) -> list[tuple[str, int, int]]:
    """The history, oldest first, which pages and the whole statement must tell alike."""
    given = await given_to(shop.books, buyer)
    whole = [entry async for entry in authorization_history.entries(shop.books.pool, given)]
    assert await by_pages(shop.books, given, 2) == whole
    return [(entry.operation, entry.change_micros, entry.running_micros) for entry in whole]


async def test_a_balance_falls_when_its_dispute_is_lost(disputed: Shop) -> None:
    buyer, charge = await disputed.funded("10.00")
    disputed.books.clock.forward(minutes=1)
    purchase = taken(await disputed.books.pay(buyer, "7.00"))
    disputed.books.clock.forward(minutes=1)
    before = [("FundPrepaid", 10 * UNITS, 10 * UNITS), ("Pay", -7 * UNITS, 3 * UNITS)]
    await disputed.tell(charge, OPENED, "10.00")
    assert await figures(disputed, buyer) == [*before, ("Dispute", 0, 3 * UNITS)]
    disputed.books.clock.forward(minutes=1)
    taken(await disputed.books.refund(purchase, "2.00"))
    assert await spent(disputed, buyer) == 5 * UNITS
    disputed.books.clock.forward(minutes=1)

    await disputed.tell(charge, LOST, "10.00")

    after = [("Refund", 2 * UNITS, 5 * UNITS), ("Dispute", -5 * UNITS, 0)]
    assert await figures(disputed, buyer) == [*before, *after]
    assert await spent(disputed, buyer) == 5 * UNITS, "what was taken back is not spent"


async def test_a_won_dispute_changes_no_figure(disputed: Shop) -> None:
    buyer, charge = await disputed.funded("10.00")
    disputed.books.clock.forward(minutes=1)
    await disputed.tell(charge, OPENED, "10.00")
    disputed.books.clock.forward(minutes=1)
    await disputed.tell(charge, WON, "10.00")

    assert await figures(disputed, buyer) == [("FundPrepaid", 10 * UNITS, 10 * UNITS), ("Dispute", 0, 10 * UNITS)]


async def test_a_tab_rises_again(disputed: Shop) -> None:
    books = disputed.books
    buyer = await books.postpaid_buyer(limit="20.00", method=Method.CC)
    taken(await books.pay(buyer, "20.00"))
    books.clock.forward(minutes=1)
    charge = taken(await books.settle(buyer, "20.00"), "Pending")
    await work(books)
    books.clock.forward(minutes=1)
    await disputed.tell(charge, OPENED, "20.00")
    books.clock.forward(minutes=1)

    await disputed.tell(charge, LOST, "20.00")

    assert (await figures(disputed, buyer))[-1] == ("Dispute", 20 * UNITS, 20 * UNITS)
    assert await spent(disputed, buyer) == 20 * UNITS


async def test_a_card_payment_that_was_taken_back(disputed: Shop) -> None:
    card = await disputed.books.sender_token(Method.CC)
    charge = taken(await disputed.books.pay(card, "10.00"), "Pending")
    await work(disputed.books)
    disputed.books.clock.forward(minutes=1)

    await disputed.tell(charge, LOST, "10.00")

    assert (await figures(disputed, card))[-1] == ("Dispute", -10 * UNITS, 0)


async def letters_to(shop: Shop) -> list[tuple[str, str]]:
    """Subject and text of what the seller was written, oldest first."""
    address = await shop.books.pool.fetchval("SELECT email FROM party WHERE party_id = $1", shop.books.party_id)
    found = [one for one in await mail.latest(shop.books.pool, VAULT, 1000) if one.recipient == address]
    return [(one.subject, one.body or "") for one in reversed(found)]


async def told(shop: Shop, dispute_id: TransactionId) -> None:
    """Have letters written until this dispute has its own; other tests' disputes may have theirs first."""
    while (shop.books.book_id, dispute_id) in await disputes.untold(shop.books.pool, 100_000):
        await write_letters(shop.service)


async def test_the_seller_is_written_what_happened_and_what_to_do(disputed: Shop) -> None:
    buyer, charge = await disputed.funded("10.00")
    taken(await disputed.books.pay(buyer, "7.00"))
    name = await disputed.tell(charge, OPENED, "10.00", fee="15.00")
    await told(disputed, name)
    await told(disputed, name)
    ((subject, text),) = await letters_to(disputed)
    assert subject == "A payment of 10.00 USD is disputed"
    assert f"/console/{disputed.books.party_id}/sandbox/disputes/{name}" in text
    assert "3.00 USD cannot be spent meanwhile. The buyer had spent the rest, 7.00 USD." in text
    assert "with the bank's fee of 15.00 USD" in text
    assert "Answer soon" in text

    await disputed.tell(charge, LOST, "10.00")
    await told(disputed, name)

    _, (subject, text) = await letters_to(disputed)
    assert subject == "You lost the dispute of 10.00 USD"
    assert "3.00 USD came off the buyer's balance. Your loss is 7.00 USD" in text


async def test_lists_begin_with_what_is_open(disputed: Shop) -> None:
    books = disputed.books
    names = []
    for status in (OPENED, WON, OPENED):
        _, charge = await disputed.funded("10.00")
        names.append(await disputed.tell(charge, status, "10.00"))
        books.clock.forward(minutes=1)

    found = await disputes.of_books(books.pool, [books.book_id], books.party_id, "sandbox", 10)
    first = await disputes.of_books(books.pool, [books.book_id], books.party_id, "sandbox", 10, names[2])

    assert [one.transaction_id for one in found] == [names[2], names[0], names[1]]
    assert [one.transaction_id for one in first] == [names[1]]
    assert [one.status for one in found] == [DisputeStatus.OPENED, DisputeStatus.OPENED, DisputeStatus.WON]


async def test_nothing_is_collected_where_there_is_no_cash(disputed: Shop) -> None:
    _, charge = await disputed.funded("10.00")
    await disputed.tell(charge, LOST, "10.00", fee="15.00")
    owed = await disputed.account("dues")
    await collect_dues(disputed.service)
    assert await disputed.account("dues") == owed < 0
