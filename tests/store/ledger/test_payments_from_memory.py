"""Payments that are decided from memory: each of their guards, with a rival at the worst moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from tests.store.ledger.remembering import (
    Remembering,
    cancel,
    end_the_authorization,
    end_the_token,
    refusal,
    shop_that_remembers,
    suspend_buyer,
    until_somebody_waits,
)
from tests.support.books import Books, Buyer
from tests.support.master_key import VAULT

from tallystick.domain.commands import CancelToken, Command, Method, Pay
from tallystick.domain.decide import decide_all
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.domain.rails.commands import Declined
from tallystick.domain.refusals import Refusal
from tallystick.store.charges import charge_rules
from tallystick.store.keys import access_keys
from tallystick.store.keys.access_keys import AccessKey, StaleCachedKeyError
from tallystick.store.ledger.apply import apply
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.load import load
from tallystick.store.ledger.memory.payment_memory import PaymentMemory


@pytest.fixture(params=[False, True], ids=["alone", "in a group"])
async def remembering(shop: Books, request: pytest.FixtureRequest) -> AsyncIterator[Remembering]:
    """A lonely payment has a statement of its own, which guards what that for many does."""
    async with shop_that_remembers(shop, in_groups=request.param) as remembering:
        yield remembering


async def test_a_payment_is_its_own_transfer_as_soon_as_its_book_says_so(remembering: Remembering) -> None:
    """What is remembered of the book is compared: an update is finished while processes serve."""
    shop = remembering.shop
    buyer = await remembering.buyer()
    from_memory = await shop.pay(buyer, "1.00")
    remembering.pool.happening.append(lambda: shop.own_transfers(on=False))
    written_anew = await shop.pay(buyer, "1.00")
    await shop.own_transfers(on=True)
    read_for = await shop.pay(buyer, "1.00")

    forms = []
    for outcome in (from_memory, written_anew, read_for):
        assert isinstance(outcome, Accepted)
        row = await shop.pool.fetchrow(
            "SELECT own_debit_account IS NOT NULL, status_message,"
            "       (SELECT count(*) FROM transfer WHERE transfer.transaction_id = transaction.transaction_id)"
            "  FROM transaction WHERE transaction_id = $1",
            outcome.transaction_id,
        )
        forms.append(tuple(row or ()))
    assert forms == [(True, None, 0), (False, "The transaction succeeded.", 1), (True, None, 0)]


async def test_what_is_remembered_is_not_read_again(remembering: Remembering) -> None:
    buyer = await remembering.buyer()
    assert isinstance(await remembering.shop.pay(buyer, "2.00"), Accepted)
    assert isinstance(await remembering.shop.pay(buyer, "3.00"), Accepted)
    assert await remembering.shop.balance(buyer) == 4_000_000
    memory = remembering.memory
    assert (memory.hits, memory.misses, memory.clashes) == (2, 1, 0)
    assert remembering.pool.written == 2


async def test_one_alone_writes_what_a_group_writes(shop: Books) -> None:
    """Whatever is its own, in each column; what has to be told, or was answered before, is no lonely payment's."""
    buyer, rows = await shop.funded_buyer(), []
    for in_groups in (False, True):
        async with shop_that_remembers(shop, in_groups=in_groups) as remembering:
            paying = remembering.shop
            first = paying.request()
            words = {"caller_description": "a song", "sender_description": "music"}
            for request in (paying.request(), msgspec.structs.replace(first, **words)):
                await paying.perform(Pay(request, buyer.spending, 1_250_000))
            assert (remembering.memory.hits, remembering.pool.alone) == (1, 1)
            rows.append(
                await shop.pool.fetchrow(
                    "SELECT to_jsonb(transaction) - '{transaction_id,caller_reference,xmin}'::text[] AS paid,"
                    "       to_jsonb(answer) - '{transaction_id,reference_digest}'::text[] AS answered,"
                    "       sha256(convert_to(caller_reference, 'UTF8')) AS digest, answer.reference_digest"
                    "  FROM transaction JOIN answered_reference AS answer USING (book_id, transaction_id)"
                    " WHERE transaction_id = $1",
                    first.transaction_id,
                )
            )
            same = msgspec.structs.replace(paying.request(first.caller_reference), fingerprint=first.fingerprint)
            told = msgspec.structs.replace(paying.request(), notification_url="https://shop.example/told")
            for request in (same, told):
                assert isinstance(await paying.perform(Pay(request, buyer.spending, 1_250_000)), Accepted)
            assert remembering.pool.alone == 1 + 1, "the reference was tried; what is told was not"
    alone, in_group = rows
    assert alone is not None
    assert in_group is not None
    assert alone["paid"]["caller_description"] == "a song"
    assert alone["reference_digest"] == alone["digest"][:15]
    assert (alone["paid"], alone["answered"]) == (in_group["paid"], in_group["answered"])


async def test_a_balance_that_was_spent_is_not_spent_again(remembering: Remembering) -> None:
    buyer = await remembering.buyer()
    assert isinstance(await remembering.rival.pay(buyer, "8.50"), Accepted)
    assert refusal(await remembering.shop.pay(buyer, "1.00")) is Refusal.InsufficientBalance
    assert await remembering.shop.balance(buyer) == 500_000
    assert remembering.memory.clashes == 1


async def test_a_balance_that_is_spent_right_before_is_not_spent_again(remembering: Remembering) -> None:
    buyer = await remembering.buyer()
    remembering.pool.happening.append(lambda: remembering.rival.pay(buyer, "8.50"))
    assert refusal(await remembering.shop.pay(buyer, "1.00")) is Refusal.InsufficientBalance
    assert await remembering.shop.balance(buyer) == 500_000


async def test_a_balance_that_others_move_makes_nothing_stale(remembering: Remembering) -> None:
    """Two processes on the same balance, both from memory: neither is in the other's way."""
    buyer = await remembering.buyer("25.00")
    memory = PaymentMemory(100)
    other = replace(
        remembering.shop,
        committer=Committer(
            remembering.shop.pool, remembering.shop.committer.rules, remembering.shop.clock, memory=memory
        ),
    )
    assert isinstance(await other.pay(buyer, "1.00"), Accepted)
    for _ in range(5):
        assert isinstance(await remembering.shop.pay(buyer, "1.00"), Accepted)
        assert isinstance(await other.pay(buyer, "1.00"), Accepted)
    outcomes = await asyncio.gather(*(shop.pay(buyer, "1.00") for _ in range(10) for shop in (other, remembering.shop)))
    assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 13, "all that was left"
    assert await remembering.shop.balance(buyer) == 0
    assert memory.hits >= 5
    assert remembering.memory.hits >= 5
    await other.committer.close()


async def test_money_that_came_meanwhile_is_spent(remembering: Remembering) -> None:
    buyer = await remembering.buyer("2.00")
    await remembering.rival.deposit(buyer, "5.00")
    assert isinstance(await remembering.rival.fund(buyer, "5.00"), Accepted)
    assert isinstance(await remembering.shop.pay(buyer, "4.00"), Accepted), "no refusal is given from memory"
    assert await remembering.shop.balance(buyer) == 2_000_000


async def _hold_buyer_back(remembering: Remembering, buyer: Buyer) -> None:
    await remembering.shop.pool.execute("UPDATE party SET denied = true WHERE party_id = $1", buyer.party_id)


async def _suspend_seller(remembering: Remembering, _: Buyer) -> None:
    shop = remembering.shop
    await shop.pool.execute("UPDATE party SET status = 'suspended' WHERE party_id = $1", shop.party_id)


async def _raise_the_smallest_charge(remembering: Remembering, _: Buyer) -> None:
    shop = remembering.shop
    await shop.pool.execute("UPDATE book SET minimum_charge_micros = 5000000 WHERE book_id = $1", shop.book_id)


@pytest.mark.parametrize("moment", ["long before", "right before"])
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (cancel, Refusal.TokenNotActive_Sender),
        (end_the_token, Refusal.InstrumentExpired),
        (suspend_buyer, Refusal.InvalidAccountState_Sender),
        (_hold_buyer_back, Refusal.TransactionDenied),
        (_suspend_seller, Refusal.InvalidAccountState_Caller),
        (_raise_the_smallest_charge, Refusal.AmountOutOfRange),
        (end_the_authorization, Refusal.InstrumentExpired),
    ],
)
async def test_what_has_changed_is_read_again(
    remembering: Remembering,
    change: Callable[[Remembering, Buyer], Awaitable[None]],
    expected: Refusal,
    moment: str,
) -> None:
    """Each by the version of its own row: token, sender, seller, book, instrument."""
    buyer = await remembering.buyer()
    assert isinstance(await remembering.shop.pay(buyer, "1.00"), Accepted)  # by now the book is remembered, too
    if moment == "long before":
        await change(remembering, buyer)
    else:
        remembering.pool.happening.append(lambda: change(remembering, buyer))
    assert refusal(await remembering.shop.pay(buyer, "1.00")) is expected
    assert await remembering.shop.balance(buyer) == 8_000_000
    assert remembering.memory.clashes == 1


async def test_a_smaller_charge_is_taken_from_memory_once_the_seller_allows_it(remembering: Remembering) -> None:
    buyer, shop = await remembering.buyer(), remembering.shop
    assert isinstance(await shop.pay(buyer, "1.00"), Accepted)
    assert refusal(await shop.pay(buyer, "0.000001")) is Refusal.AmountOutOfRange
    async with shop.pool.acquire() as connection:
        await charge_rules.set_smallest_charge(connection, [shop.book_id], 1)
    for _ in range(3):  # read twice until balance and book are remembered
        hits = remembering.memory.hits
        assert isinstance(await shop.pay(buyer, "0.000001"), Accepted)
    assert remembering.memory.hits > hits
    assert await shop.balance(buyer) == 7_999_997


@pytest.mark.parametrize("command", ["cancel", "spend"])
async def test_who_waits_for_the_account_finds_what_became_of_it(remembering: Remembering, command: str) -> None:
    """The statement has begun: its snapshot shows what was before the other one's commit."""
    buyer, shop = await remembering.buyer(), remembering.shop
    other: Command = (
        CancelToken(buyer.spending, buyer.party_id)
        if command == "cancel"
        else Pay(shop.request(), buyer.spending, parse_amount("8.50"))
    )
    async with shop.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        loaded = await load(connection, shop.book_id, [other], shop.clock, shop.committer.rules)
        decisions = decide_all(loaded.state, [other], loaded.now)
        await apply(connection, loaded, decisions, real_now=shop.clock())
        paying = asyncio.ensure_future(shop.pay(buyer, "1.00"))
        await until_somebody_waits(shop.pool, connection)
        await transaction.commit()
    expected = Refusal.TokenNotActive_Sender if command == "cancel" else Refusal.InsufficientBalance
    assert refusal(await paying) is expected
    assert remembering.pool.written == 1
    assert remembering.memory.clashes == 1


async def test_a_reference_that_was_answered_is_answered_alike(remembering: Remembering) -> None:
    buyer, other = await remembering.buyer(), await remembering.buyer()
    first = await remembering.rival.pay(other, "1.00", reference="order-1")
    assert await remembering.shop.pay(buyer, "1.00", reference="order-1") == first
    assert refusal(await remembering.shop.pay(buyer, "2.00", reference="order-1")) is Refusal.DuplicateRequest
    assert await remembering.shop.balance(buyer) == 9_000_000
    assert remembering.memory.find(buyer.spending) is not None, "nothing that is remembered was wrong"


async def test_a_reference_that_is_answered_right_before_is_answered_alike(remembering: Remembering) -> None:
    buyer, other = await remembering.buyer(), await remembering.buyer()
    first: list[Outcome] = []

    async def pay() -> None:
        first.append(await remembering.rival.pay(other, "1.00", reference="order-1"))

    remembering.pool.happening.append(pay)
    assert await remembering.shop.pay(buyer, "1.00", reference="order-1") == first[0]
    assert await remembering.shop.balance(buyer) == 9_000_000


async def test_an_authorization_ends_by_the_clock_of_the_book(remembering: Remembering) -> None:
    shop = remembering.shop
    buyer = await shop.prepaid_buyer(expires_at=shop.clock() + timedelta(hours=1))
    await shop.deposit(buyer, "5.00")
    await shop.fund(buyer, "5.00")
    await shop.pay(buyer, "1.00")
    assert isinstance(await shop.pay(buyer, "1.00"), Accepted)
    shop.clock.forward(hours=2)
    assert refusal(await shop.pay(buyer, "1.00")) is Refusal.InstrumentExpired
    assert remembering.memory.hits == 1


async def test_each_of_a_group_has_its_own_answer(remembering: Remembering) -> None:
    """Remembered, unknown, without enough, and one reference twice."""
    shop = remembering.shop
    known = [await remembering.buyer() for _ in range(4)]
    unknown, poor = await shop.funded_buyer(), await remembering.buyer("1.50")
    tab = await shop.postpaid_buyer()
    outcomes = await asyncio.gather(
        *(shop.pay(buyer, "1.00") for buyer in known),
        shop.pay(unknown, "1.00"),
        shop.pay(poor, "1.00"),
        shop.pay(tab, "1.00"),
        *(shop.pay(known[0], "2.00", reference="order-2") for _ in range(2)),
    )
    assert [isinstance(outcome, Accepted) for outcome in outcomes] == [True] * 5 + [False] + [True] * 3
    assert outcomes[7] == outcomes[8]
    assert refusal(outcomes[5]) is Refusal.InsufficientBalance
    assert [await shop.balance(buyer) for buyer in (*known, unknown, poor, tab)] == [
        *(6_000_000, 8_000_000, 8_000_000, 8_000_000),
        *(9_000_000, 500_000, 1_000_000),
    ]
    assert remembering.memory.hits >= 4


async def test_where_many_are_refused_all_are_read_for_in_one_commit(remembering: Remembering) -> None:
    """Of the book's next group, then its next two; and from memory again, once that is over."""
    shop, memory = remembering.shop, remembering.memory
    buyers, poor = [await remembering.buyer() for _ in range(7)], await remembering.buyer("1.50")
    told = []
    for last in (poor, poor, poor, buyers[0], buyers[0], buyers[0]):
        before = memory.hits
        outcomes = await asyncio.gather(*(shop.pay(buyer, "1.00") for buyer in (*buyers, last)))
        assert [isinstance(outcome, Accepted) for outcome in outcomes] == [True] * 7 + [last is not poor]
        told.append(memory.hits - before)
    assert told == [7, 0, 7, 0, 0, 8]
    assert memory.clashes == 0


async def test_what_this_process_changes_itself_is_no_surprise(remembering: Remembering) -> None:
    """Funding, refunds and cancelled tokens: no clash."""
    shop, memory = remembering.shop, remembering.memory
    buyer = await remembering.buyer()
    paid = await shop.pay(buyer, "2.00")
    assert isinstance(paid, Accepted)
    assert isinstance(await shop.refund(paid.transaction_id), Accepted)
    known = memory.find(buyer.spending)
    assert known is not None
    assert known.instrument.balance_micros == 9_000_000
    await shop.deposit(buyer, "5.00")
    assert isinstance(await shop.fund(buyer, "5.00"), Accepted)
    assert isinstance(await shop.pay(buyer, "12.00"), Accepted)
    await shop.perform(CancelToken(buyer.spending, buyer.party_id))
    assert refusal(await shop.pay(buyer, "1.00")) is Refusal.TokenNotActive_Sender
    assert memory.clashes == 0


async def test_money_on_its_way_in_by_card_is_no_surprise(remembering: Remembering) -> None:
    shop, memory = remembering.shop, remembering.memory
    buyer = await shop.prepaid_buyer(method=Method.CC)
    await shop.pay(buyer, "1.00")
    funding = await shop.fund(buyer, "5.00")
    assert isinstance(funding, Accepted)
    assert refusal(await shop.pay(buyer, "1.00")) is Refusal.InsufficientBalance
    await shop.resolve(funding.transaction_id, Declined("InsufficientFunds", "No."))
    assert refusal(await shop.pay(buyer, "1.00")) is Refusal.InsufficientBalance
    assert memory.clashes == 0


async def _key(shop: Books) -> AccessKey:
    key = await access_keys.create(shop.pool, VAULT, shop.party_id, "sandbox", shop.clock())
    return replace(key, cached=True)


@pytest.mark.parametrize("moment", ["long before", "right before"])
async def test_a_key_that_was_revoked_signs_nothing(remembering: Remembering, moment: str) -> None:
    shop = remembering.shop
    buyer, key = await remembering.buyer(), await _key(shop)

    async def pay() -> Outcome:
        command = Pay(shop.request(), buyer.spending, parse_amount("1.00"))
        return await shop.committer.perform(shop.book_id, command, key)

    async def revoke() -> None:
        await access_keys.revoke(shop.pool, key.access_key_id, shop.clock())

    assert isinstance(await pay(), Accepted)
    assert isinstance(await pay(), Accepted)
    assert remembering.memory.hits == 2
    if moment == "long before":
        await revoke()
    else:
        remembering.pool.happening.append(revoke)
    with pytest.raises(StaleCachedKeyError):
        await pay()
    assert await shop.balance(buyer) == 7_000_000


async def test_a_key_that_was_cached_before_it_changed_is_not_taken_for_the_one_that_is_remembered(
    remembering: Remembering,
) -> None:
    shop = remembering.shop
    buyer, key = await remembering.buyer(), await _key(shop)
    terms = access_keys.KeyTerms(name="other", calls_per_second=7)
    await access_keys.change(shop.pool, key.access_key_id, terms, shop.clock())
    newer = replace(key, calls_per_second=7)

    async def pay(with_key: AccessKey) -> Outcome:
        command = Pay(shop.request(), buyer.spending, parse_amount("1.00"))
        return await shop.committer.perform(shop.book_id, command, with_key)

    new, old = await asyncio.gather(pay(newer), pay(key), return_exceptions=True)
    assert isinstance(new, Accepted)
    assert isinstance(old, StaleCachedKeyError)
    assert await shop.balance(buyer) == 8_000_000


async def test_events_are_written_with_the_payment(remembering: Remembering) -> None:
    shop = remembering.shop
    await shop.pool.execute(
        "UPDATE book SET notification_url = 'https://shop.example/ipn' WHERE book_id = $1", shop.book_id
    )
    buyer = await remembering.buyer()
    paid = await shop.pay(buyer, "1.00")
    assert isinstance(paid, Accepted)
    assert remembering.memory.hits == 1
    destination = await shop.pool.fetchval("SELECT destination FROM outbox WHERE subject_id = $1", paid.transaction_id)
    assert destination == "https://shop.example/ipn"


async def test_an_answer_that_was_lost_is_found(remembering: Remembering) -> None:
    """The connection is cut when the payment is committed, before anybody hears of it."""
    shop = remembering.shop
    buyer = await remembering.buyer()

    remembering.lose_the_next_answer()
    paid = await shop.pay(buyer, "1.00", reference="order-3")
    assert isinstance(paid, Accepted)
    assert await shop.pay(buyer, "1.00", reference="order-3") == paid
    assert await shop.balance(buyer) == 8_000_000


async def test_a_seller_who_has_several_books_by_now_is_read_for(remembering: Remembering) -> None:
    """References are in all of them."""
    shop = remembering.shop
    buyer = await remembering.buyer()
    await shop.pool.execute("UPDATE book SET parts = ARRAY[book_id] WHERE book_id = $1", shop.book_id)
    assert isinstance(await shop.pay(buyer, "1.00"), Accepted)
    assert remembering.memory.find(buyer.spending) is None
    assert remembering.memory.hits == 0


@pytest.mark.parametrize("moment", ["long before", "right before"])
async def test_what_another_server_told_is_read_again(remembering: Remembering, moment: str) -> None:
    """After a failover, or from a backup: numbers of transactions come again, and equal versions say nothing."""
    shop, memory = remembering.shop, remembering.memory
    buyer, other = await remembering.buyer(), await remembering.buyer()
    assert isinstance(await shop.pay(buyer, "1.00"), Accepted)
    assert memory.hits == 1

    async def fail_over() -> None:
        remembering.pool.started = "'2026-01-01 00:00+00'::timestamptz"

    if moment == "long before":
        await fail_over()
    else:
        remembering.pool.happening.append(fail_over)
    assert isinstance(await shop.pay(buyer, "1.00"), Accepted)
    assert (memory.hits, memory.clashes) == (1, 1)
    assert memory.find(other.spending) is None, "all that the other server told is forgotten"
    assert isinstance(await shop.pay(other, "1.00"), Accepted)
    assert isinstance(await shop.pay(buyer, "1.00"), Accepted)
    assert isinstance(await shop.pay(other, "1.00"), Accepted)
    assert memory.clashes == 1
    assert memory.hits >= 2, "what this one tells is remembered"
    assert [await shop.balance(one) for one in (buyer, other)] == [6_000_000, 7_000_000]
