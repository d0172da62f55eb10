"""Refunds that are written with payments from memory: one commit, and each of their guards with a rival."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import pytest
from tests.store.ledger.remembering import (
    Remembering,
    cancel,
    refusal,
    shop_that_remembers,
    until_somebody_waits,
)
from tests.support.books import Books, Buyer, OpenBooks
from tests.support.master_key import VAULT

from tallystick.domain.commands import CancelToken, Refund
from tallystick.domain.decide import decide_all
from tallystick.domain.ids import TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.domain.refusals import Refusal
from tallystick.store.keys import access_keys
from tallystick.store.keys.access_keys import AccessKey, StaleCachedKeyError
from tallystick.store.ledger.apply import apply
from tallystick.store.ledger.load import load

CENT: Final = 10_000


@pytest.fixture
async def remembering(shop: Books) -> AsyncIterator[Remembering]:
    async with shop_that_remembers(shop) as remembering:
        yield remembering


@pytest.fixture
async def opener(remembering: Remembering) -> Buyer:
    """Somebody else, whose payments are on their way when the calls of a test come."""
    buyer = await remembering.buyer()
    assert isinstance(await remembering.shop.pay(buyer, "1.00"), Accepted)  # by now the book is remembered, too
    return buyer


async def remember_again(shop: Books, opener: Buyer) -> None:
    """After a change of the book."""
    for _ in range(3):
        assert isinstance(await shop.pay(opener, "0.01"), Accepted)


async def paid(shop: Books, buyer: Buyer, amount: str = "4.00") -> TransactionId:
    outcome = await shop.pay(buyer, amount)
    assert isinstance(outcome, Accepted), outcome
    return outcome.transaction_id


async def tab_of(remembering: Remembering) -> Buyer:
    """A tab that is remembered, with a debt of a dollar."""
    tab = await remembering.shop.postpaid_buyer("10.00")
    assert isinstance(await remembering.shop.pay(tab, "1.00"), Accepted)
    return tab


async def commits(shop: Books, outcomes: list[Outcome]) -> int:
    """How many commits these outcomes shared: all of them were accepted."""
    ids = [outcome.transaction_id for outcome in outcomes if isinstance(outcome, Accepted)]
    assert len(ids) == len(outcomes), outcomes
    found: int = await shop.pool.fetchval(
        "SELECT count(DISTINCT xmin::text) FROM transaction WHERE book_id = $1 AND transaction_id = ANY($2)",
        shop.book_id,
        ids,
    )
    return found


async def row_of(shop: Books, outcome: Outcome) -> dict[str, Any]:
    """All that was written of a refund, without what is its own."""
    assert isinstance(outcome, Accepted)
    row = await shop.pool.fetchrow(
        "SELECT to_jsonb(done) - 'transaction_id' - 'caller_reference' AS done,"
        "       to_jsonb(moved) - 'transaction_id' AS moved,"
        "       to_jsonb(answer) - 'transaction_id' - 'reference_digest' - 'fingerprint' AS answer,"
        "       length(answer.fingerprint) AS digest, to_jsonb(event) - 'subject_id' - 'queued_at' AS event,"
        "       to_jsonb(letter) - 'subject_id' - 'event_id' - 'announced_at' - 'due_at' AS letter"
        "  FROM transaction AS done JOIN transfer AS moved USING (book_id, transaction_id)"
        "  JOIN answered_reference AS answer USING (book_id, transaction_id)"
        "  JOIN event_queue AS event ON event.book_id = done.book_id AND event.subject_id = done.transaction_id"
        "  JOIN outbox AS letter ON letter.book_id = done.book_id AND letter.subject_id = done.transaction_id"
        " WHERE done.book_id = $1 AND transaction_id = $2",
        shop.book_id,
        outcome.transaction_id,
    )
    assert row is not None
    return dict(row)


@pytest.mark.parametrize("own_transfers", [False, True])
async def test_they_share_a_commit(own_transfers: bool, remembering: Remembering, opener: Buyer) -> None:
    """From a balance and on a tab, several of one payment; a balance is charged and raised at once."""
    shop, memory = remembering.shop, remembering.memory
    await shop.own_transfers(on=own_transfers)
    await remember_again(shop, opener)
    buyer, other, tab = await remembering.buyer(), await remembering.buyer(), await tab_of(remembering)
    spent, owed = await paid(shop, buyer), await paid(shop, tab)
    sales, hits, groups = await shop.total("sales"), memory.hits, shop.committer.statistics.groups
    outcomes = await remembering.together(
        opener,
        shop.refund(spent, "1.00"),
        shop.pay(buyer, "0.50"),
        shop.refund(owed, "3.00"),
        shop.refund(spent, "2.00"),
        shop.pay(other, "1.00"),
    )
    assert await commits(shop, outcomes) == 1
    assert memory.hits - hits == 3
    assert shop.committer.statistics.groups - groups == 2
    assert [await shop.balance(one) for one in (buyer, other, tab)] == [7_500_000, 8_000_000, 2_000_000]
    assert await shop.total("sales") == sales + CENT + 1_500_000 - 6_000_000
    left = await shop.refund(spent)
    assert isinstance(left, Accepted)
    assert await shop.balance(buyer) == 8_500_000, "a dollar was left to be refunded"


async def test_what_is_written_is_what_refunds_write_by_themselves(remembering: Remembering, opener: Buyer) -> None:
    shop = remembering.shop
    url = "UPDATE book SET notification_url = 'https://shop.example/ipn' WHERE book_id = $1"
    await shop.pool.execute(url, shop.book_id)
    await remember_again(shop, opener)
    buyer = await remembering.buyer()
    payment = await paid(shop, buyer)
    alone = await shop.refund(payment, "1.00")
    beside, payment_beside = await remembering.together(opener, shop.refund(payment, "1.00"), shop.pay(opener, "0.01"))
    assert await commits(shop, [beside, payment_beside]) == 1
    assert await row_of(shop, beside) == await row_of(shop, alone)


async def _refunds(remembering: Remembering, _: Buyer, payment: TransactionId) -> None:
    assert isinstance(await remembering.rival.refund(payment, "2.00"), Accepted)


async def _answers(remembering: Remembering, _: Buyer, payment: TransactionId) -> None:
    rival = remembering.rival
    answered = await rival.perform(Refund(rival.request("back", refund=payment), payment, parse_amount("1.00")))
    assert isinstance(answered, Accepted)


async def _cancels(remembering: Remembering, buyer: Buyer, _: TransactionId) -> None:
    await cancel(remembering, buyer)


async def _disputes(remembering: Remembering, buyer: Buyer, _: TransactionId) -> None:
    """As a dispute does that found the money spent: the instrument's row is another one."""
    shop = remembering.shop
    await shop.pool.execute(
        "UPDATE instrument SET uncovered_micros = 0 WHERE book_id = $1 AND instrument_id = $2",
        shop.book_id,
        buyer.instrument,
    )


@pytest.mark.parametrize("happens", [_refunds, _answers, _cancels, _disputes])
async def test_what_changed_meanwhile_is_not_refunded_over(
    happens: Callable[[Remembering, Buyer, TransactionId], Awaitable[None]], remembering: Remembering, opener: Buyer
) -> None:
    """The refund is decided again, under locks. The payments are written without it, and are not suspected."""
    shop, memory = remembering.shop, remembering.memory
    buyer = await remembering.buyer()
    payment, other = await paid(shop, buyer), await remembering.buyer()
    command = Refund(shop.request("back", refund=payment), payment, parse_amount("1.00"))
    remembering.pool.before_refunds.append(lambda: happens(remembering, buyer, payment))
    conflicts, hits = shop.committer.statistics.version_conflicts, memory.hits
    refunded, charged = await remembering.together(opener, shop.perform(command), shop.pay(other, "1.00"))
    assert isinstance(refunded, Accepted)
    assert isinstance(charged, Accepted)
    assert (memory.hits - hits, memory.clashes) == (2, 0)
    assert shop.committer.statistics.version_conflicts == conflicts + 1
    assert await shop.balance(buyer) == (8_000_000 if happens is _refunds else 6_000_000)
    assert refusal(await shop.refund(payment, "3.01")) is Refusal.RefundAmountExceeded, "that would be too much"


async def test_a_balance_that_others_move_is_no_conflict(remembering: Remembering, opener: Buyer) -> None:
    shop = remembering.shop
    buyer = await remembering.buyer()
    payment = await paid(shop, buyer)
    remembering.pool.before_refunds.append(lambda: remembering.rival.pay(buyer, "5.00"))
    outcomes = await remembering.together(opener, shop.refund(payment, "1.00"), shop.pay(opener, "0.01"))
    assert await commits(shop, outcomes) == 1
    assert await shop.balance(buyer) == 1_000_000


async def test_a_debt_that_others_move_is_one(remembering: Remembering, opener: Buyer) -> None:
    """What is owed decides how much can be taken off it."""
    shop, tab = remembering.shop, await tab_of(remembering)
    payment = await paid(shop, tab, "2.00")

    async def write_off() -> None:
        assert isinstance(await remembering.rival.write_off(tab, "1.50"), Accepted)

    remembering.pool.before_refunds.append(write_off)
    refunded, _ = await remembering.together(opener, shop.refund(payment), shop.pay(opener, "0.01"))
    assert refusal(refunded) is Refusal.RefundAmountExceeded
    assert await shop.balance(tab) == 1_500_000


async def test_a_debt_that_is_charged_in_the_same_group_is_taken_less_of_by_itself(
    remembering: Remembering, opener: Buyer
) -> None:
    shop, tab = remembering.shop, await tab_of(remembering)
    payment = await paid(shop, tab, "2.00")
    refunded, charged = await remembering.together(opener, shop.refund(payment, "1.00"), shop.pay(tab, "0.50"))
    assert await commits(shop, [refunded, charged]) == 2
    assert await shop.balance(tab) == 2_500_000


async def test_who_waits_for_the_account_finds_what_became_of_it(remembering: Remembering, opener: Buyer) -> None:
    """The statement has begun: its snapshot shows what was before the other one's commit."""
    shop = remembering.shop
    buyer = await remembering.buyer()
    payment, other = await paid(shop, buyer), await remembering.buyer()
    command = CancelToken(buyer.spending, buyer.party_id)
    async with shop.pool.acquire() as connection:
        transaction = connection.transaction()

        async def begin() -> None:
            await transaction.start()
            loaded = await load(connection, shop.book_id, [command], shop.clock, shop.committer.rules)
            decisions = decide_all(loaded.state, [command], loaded.now)
            await apply(connection, loaded, decisions, real_now=shop.clock())

        remembering.pool.before_refunds.append(begin)
        conflicts = shop.committer.statistics.version_conflicts
        asking = asyncio.ensure_future(
            remembering.together(opener, shop.refund(payment, "1.00"), shop.pay(other, "1.00"))
        )
        await until_somebody_waits(shop.pool, connection)
        await transaction.commit()
    outcomes = await asking
    assert await commits(shop, outcomes) == 2
    assert shop.committer.statistics.version_conflicts == conflicts + 1
    assert await shop.balance(buyer) == 6_000_000


async def test_an_answer_that_was_lost_is_found(remembering: Remembering, opener: Buyer) -> None:
    """The connection breaks after the commit: refunds and payments ask again, and hear what they came to, once."""
    shop = remembering.shop
    buyer = await remembering.buyer()
    payment, other = await paid(shop, buyer), await remembering.buyer()

    remembering.pool.loses_refunds = True
    outcomes = await remembering.together(opener, shop.refund(payment, "1.00"), shop.pay(other, "1.00"))
    assert await commits(shop, outcomes) == 1
    assert not remembering.pool.loses_refunds
    assert [await shop.balance(one) for one in (buyer, other)] == [6_000_000, 8_000_000]


async def test_what_is_refused_goes_its_own_way(remembering: Remembering, opener: Buyer) -> None:
    shop = remembering.shop
    buyer = await remembering.buyer()
    payment = await paid(shop, buyer)
    command = Refund(shop.request("back", refund=payment), payment, parse_amount("1.00"))
    too_much, once, again, charged = await remembering.together(
        opener, shop.refund(payment, "4.01"), shop.perform(command), shop.perform(command), shop.pay(opener, "0.01")
    )
    assert refusal(too_much) is Refusal.RefundAmountExceeded
    assert isinstance(once, Accepted)
    assert again == once
    assert isinstance(charged, Accepted)
    assert await shop.balance(buyer) == 6_000_000


async def test_refunds_without_payments_after_them_do_not_wait(remembering: Remembering, opener: Buyer) -> None:
    shop = remembering.shop
    payment = await paid(shop, await remembering.buyer())
    (refunded,) = await remembering.together(opener, shop.refund(payment))
    assert isinstance(refunded, Accepted)


async def test_refunds_do_not_wait_for_other_books(
    remembering: Remembering, opener: Buyer, open_shop: OpenBooks
) -> None:
    """Payments of several books are written without refunds, and those of another book as well."""
    shop = remembering.shop
    elsewhere = replace(await open_shop(), committer=shop.committer)
    stranger = await elsewhere.funded_buyer()
    for _ in range(2):
        assert isinstance(await elsewhere.pay(stranger, "1.00"), Accepted)
    buyer = await remembering.buyer()
    payment = await paid(shop, buyer)
    outcomes = await remembering.together(
        opener, shop.refund(payment, "1.00"), shop.pay(opener, "0.01"), elsewhere.pay(stranger, "1.00")
    )
    outcomes += await remembering.together(opener, shop.refund(payment, "1.00"), elsewhere.pay(stranger, "1.00"))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert await shop.balance(buyer) == 7_000_000
    assert await elsewhere.balance(stranger) == 6_000_000


async def _key(shop: Books) -> AccessKey:
    key = await access_keys.create(shop.pool, VAULT, shop.party_id, "sandbox", shop.clock())
    return replace(key, cached=True)


async def test_the_key_that_signed_is_read_with_what_is_refunded(remembering: Remembering, opener: Buyer) -> None:
    """Whoever is refused has it read again, and nothing is done."""
    shop = remembering.shop
    buyer, key = await remembering.buyer(), await _key(shop)
    payment = await paid(shop, buyer)

    async def refund() -> Outcome:
        command = Refund(shop.request(), payment, parse_amount("1.00"))
        return await shop.committer.perform(shop.book_id, command, key)

    assert isinstance(await refund(), Accepted)
    (beside,) = await remembering.together(opener, refund())
    assert isinstance(beside, Accepted)
    await access_keys.revoke(shop.pool, key.access_key_id, shop.clock())
    with pytest.raises(StaleCachedKeyError):
        await refund()
    assert await shop.balance(buyer) == 7_000_000


async def test_who_locks_does_not_look_at_keys(remembering: Remembering) -> None:
    """After refunds that need locks the next ones of the book lock as well: cached keys are no use there."""
    shop = remembering.shop
    key = await _key(shop)
    payment = await paid(shop, await remembering.buyer())
    for original, expected in ((TransactionId("0" * 35), StaleCachedKeyError), (payment, StaleCachedKeyError)):
        with pytest.raises(expected):
            await shop.committer.perform(shop.book_id, Refund(shop.request(), original, None), key)
    assert refusal(await shop.refund(TransactionId("0" * 35))) is Refusal.InvalidTransactionId
    assert isinstance(await shop.refund(payment, "1.00"), Accepted)
