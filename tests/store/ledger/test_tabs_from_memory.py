"""Payments on tabs that are decided from memory: each of their guards, with a rival at the worst moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

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
from tests.support.books import Books, Buyer, OpenBooks

from tallystick.domain.commands import CancelToken, Command, LimitTerms, Method, Pay
from tallystick.domain.decide import decide_all
from tallystick.domain.limits import LimitKind
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted
from tallystick.domain.rails.commands import Declined
from tallystick.domain.refusals import Refusal
from tallystick.store.ledger.apply import apply
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.load import load
from tallystick.store.ledger.memory.payment_memory import PaymentMemory


@pytest.fixture
async def remembering(shop: Books) -> AsyncIterator[Remembering]:
    async with shop_that_remembers(shop) as remembering:
        yield remembering


async def tab_of(remembering: Remembering, limit: str = "10.00", total: str = "10000.00") -> Buyer:
    """A tab that is remembered, with a debt of a dollar."""
    buyer = await remembering.shop.postpaid_buyer(limit, total)
    assert isinstance(await remembering.shop.pay(buyer, "1.00"), Accepted)
    assert remembering.memory.find(buyer.spending) is not None
    return buyer


async def charged(shop: Books, buyer: Buyer) -> int:
    """What was charged in its whole life."""
    found: int = await shop.pool.fetchval(
        "SELECT charged_micros FROM instrument WHERE book_id = $1 AND instrument_id = $2",
        shop.book_id,
        buyer.instrument,
    )
    return found


async def test_what_is_remembered_is_not_read_again(remembering: Remembering) -> None:
    shop, memory = remembering.shop, remembering.memory
    buyer = await tab_of(remembering)
    outcomes = [await shop.pay(buyer, "2.00")]
    outcomes += await asyncio.gather(*(shop.pay(buyer, "0.50") for _ in range(3)))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert (await shop.balance(buyer), await charged(shop, buyer)) == (4_500_000, 4_500_000)
    assert (memory.hits, memory.misses, memory.clashes) == (4, 1, 0)


async def _spend_limit(remembering: Remembering, buyer: Buyer) -> None:
    assert isinstance(await remembering.rival.pay(buyer, "8.50"), Accepted)


async def _spend_total(remembering: Remembering, buyer: Buyer) -> None:
    """What is given back of a debt is not given back of the total."""
    for _ in range(2):
        paid = await remembering.rival.pay(buyer, "5.25")
        assert isinstance(paid, Accepted)
        assert isinstance(await remembering.rival.refund(paid.transaction_id), Accepted)


async def _lower_the_limit(remembering: Remembering, buyer: Buyer) -> None:
    await remembering.shop.pool.execute(
        "UPDATE instrument SET limit_micros = 1500000 WHERE instrument_id = $1", buyer.instrument
    )


async def _lower_the_total(remembering: Remembering, buyer: Buyer) -> None:
    await remembering.shop.pool.execute(
        "UPDATE instrument SET total_limit_micros = 1500000 WHERE instrument_id = $1", buyer.instrument
    )


GUARDS = [
    (_spend_limit, Refusal.InsufficientBalance),
    (_spend_total, Refusal.TokenUsageError),
    (cancel, Refusal.TokenNotActive_Sender),
    (suspend_buyer, Refusal.InvalidAccountState_Sender),
    (end_the_token, Refusal.InstrumentExpired),
    (end_the_authorization, Refusal.InstrumentExpired),
    (_lower_the_limit, Refusal.InsufficientBalance),
    (_lower_the_total, Refusal.TokenUsageError),
]


@pytest.mark.parametrize("moment", ["long before", "right before"])
@pytest.mark.parametrize(("change", "expected"), GUARDS)
async def test_what_has_changed_is_read_again(
    remembering: Remembering,
    change: Callable[[Remembering, Buyer], Awaitable[None]],
    expected: Refusal,
    moment: str,
) -> None:
    shop = remembering.shop
    buyer, then = await tab_of(remembering, total="12.00"), list[tuple[int, int]]()

    async def meanwhile() -> None:
        await change(remembering, buyer)
        then.append(await _state(shop, buyer))

    if moment == "long before":
        await meanwhile()
    else:
        remembering.pool.happening.append(meanwhile)
    assert refusal(await shop.pay(buyer, "1.00")) is expected
    assert [await _state(shop, buyer)] == then
    assert remembering.memory.clashes == 1


async def _state(shop: Books, buyer: Buyer) -> tuple[int, int]:
    return await shop.balance(buyer), await charged(shop, buyer)


@pytest.mark.parametrize(
    ("limit", "total", "amount", "expected"),
    [
        ("10.00", "10000.00", "8.50", Refusal.InsufficientBalance),
        ("10.00", "9.00", "7.50", Refusal.TokenUsageError),
        ("10.00", "10000.00", None, Refusal.TokenNotActive_Sender),
    ],
    ids=["limit", "total", "token"],
)
async def test_who_waits_for_the_account_finds_what_became_of_it(
    remembering: Remembering, limit: str, total: str, amount: str | None, expected: Refusal
) -> None:
    """The statement has begun: its snapshot shows what was before the other one's commit."""
    shop = remembering.shop
    buyer = await tab_of(remembering, limit, total)
    command: Command = (
        CancelToken(buyer.spending, buyer.party_id)
        if amount is None
        else Pay(shop.request(), buyer.spending, parse_amount(amount))
    )
    async with shop.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        loaded = await load(connection, shop.book_id, [command], shop.clock, shop.committer.rules)
        decisions = decide_all(loaded.state, [command], loaded.now)
        await apply(connection, loaded, decisions, real_now=shop.clock())
        paying = asyncio.ensure_future(shop.pay(buyer, "1.00"))
        await until_somebody_waits(shop.pool, connection)
        await transaction.commit()
    assert refusal(await paying) is expected
    assert remembering.pool.written == 1
    assert remembering.memory.clashes == 1


async def test_who_waits_for_another_payment_is_charged_besides(remembering: Remembering) -> None:
    """Neither is lost: of the total, too, the newest is counted on."""
    shop, buyer = remembering.shop, await tab_of(remembering)
    command = Pay(shop.request(), buyer.spending, parse_amount("2.00"))
    async with shop.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        loaded = await load(connection, shop.book_id, [command], shop.clock, shop.committer.rules)
        decisions = decide_all(loaded.state, [command], loaded.now)
        await apply(connection, loaded, decisions, real_now=shop.clock())
        paying = asyncio.ensure_future(shop.pay(buyer, "1.00"))
        await until_somebody_waits(shop.pool, connection)
        await transaction.commit()
    assert isinstance(await paying, Accepted)
    assert await _state(shop, buyer) == (4_000_000, 4_000_000)
    assert (remembering.memory.hits, remembering.memory.clashes) == (1, 0)


async def test_what_others_settle_write_off_and_give_back_makes_nothing_stale(remembering: Remembering) -> None:
    shop, rival, memory = remembering.shop, remembering.rival, remembering.memory
    buyer = await shop.postpaid_buyer("10.00")
    paid = await shop.pay(buyer, "9.00")
    assert isinstance(paid, Accepted)
    await rival.deposit(buyer, "4.00")
    assert isinstance(await rival.settle(buyer, "4.00"), Accepted)
    assert isinstance(await shop.pay(buyer, "0.50"), Accepted)
    assert isinstance(await rival.write_off(buyer, "1.00"), Accepted)
    assert isinstance(await rival.refund(paid.transaction_id, "2.00"), Accepted)
    assert isinstance(await shop.pay(buyer, "0.25"), Accepted)
    assert (memory.hits, memory.clashes) == (2, 0)
    assert isinstance(await shop.pay(buyer, "7.25"), Accepted), "no refusal is given from memory"
    assert await _state(shop, buyer) == (10_000_000, 17_000_000)


async def test_what_others_settle_by_card_makes_nothing_stale(remembering: Remembering) -> None:
    """What is being settled is still owed."""
    shop, rival, memory = remembering.shop, remembering.rival, remembering.memory
    buyer = await shop.postpaid_buyer("10.00", method=Method.CC)
    assert isinstance(await shop.pay(buyer, "9.00"), Accepted)
    settling = await rival.settle(buyer, "4.00")
    assert isinstance(settling, Accepted)
    assert isinstance(await shop.pay(buyer, "0.50"), Accepted)
    assert refusal(await shop.pay(buyer, "0.75")) is Refusal.InsufficientBalance
    await rival.resolve(settling.transaction_id, Declined("InsufficientFunds", "No."))
    assert isinstance(await shop.pay(buyer, "0.25"), Accepted)
    assert (memory.hits, memory.clashes) == (2, 0)
    assert await _state(shop, buyer) == (9_750_000, 9_750_000)


async def test_two_processes_on_the_same_tab_charge_up_to_its_limit(remembering: Remembering) -> None:
    shop, memory = remembering.shop, PaymentMemory(100)
    buyer = await tab_of(remembering)
    other = replace(shop, committer=Committer(shop.pool, shop.committer.rules, shop.clock, memory=memory))
    assert isinstance(await other.pay(buyer, "1.00"), Accepted)
    for _ in range(2):
        assert isinstance(await shop.pay(buyer, "1.00"), Accepted)
        assert isinstance(await other.pay(buyer, "1.00"), Accepted)
    assert (memory.clashes, remembering.memory.clashes) == (0, 0)
    outcomes = await asyncio.gather(*(one.pay(buyer, "1.00") for _ in range(5) for one in (other, shop)))
    assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 4, "all that was left"
    assert await _state(shop, buyer) == (10_000_000, 10_000_000)
    assert memory.hits >= 2
    await other.committer.close()


async def test_tabs_and_balances_of_a_group_share_a_statement(remembering: Remembering) -> None:
    """Somebody wants to hear of them; one of the tabs is full, and one is charged twice."""
    shop = remembering.shop
    await shop.pool.execute(
        "UPDATE book SET notification_url = 'https://shop.example/ipn' WHERE book_id = $1", shop.book_id
    )
    tabs = [await tab_of(remembering) for _ in range(3)]
    balance, full = await remembering.buyer(), await tab_of(remembering, "1.50")
    written, hits = remembering.pool.written, remembering.memory.hits
    outcomes = await asyncio.gather(*(shop.pay(buyer, "1.00") for buyer in (*tabs, balance, tabs[0], full)))
    assert [isinstance(outcome, Accepted) for outcome in outcomes] == [True] * 5 + [False]
    assert refusal(outcomes[5]) is Refusal.InsufficientBalance
    assert [await shop.balance(buyer) for buyer in (*tabs, balance, full)] == [
        *(3_000_000, 2_000_000, 2_000_000),
        *(8_000_000, 1_000_000),
    ]
    assert await charged(shop, tabs[0]) == 3_000_000
    assert remembering.memory.hits == hits + 5
    assert remembering.pool.written <= written + 2
    ids = [outcome.transaction_id for outcome in outcomes if isinstance(outcome, Accepted)]
    assert await shop.pool.fetchval("SELECT count(*) FROM outbox WHERE subject_id = ANY($1)", ids) == 5


async def test_a_token_that_counts_its_uses_is_read_for(remembering: Remembering) -> None:
    shop = remembering.shop
    buyer = await shop.postpaid_buyer(limits=(LimitTerms(LimitKind.COUNT, 2, None),))
    for _ in range(2):
        assert isinstance(await shop.pay(buyer, "1.00"), Accepted)
        assert remembering.memory.find(buyer.spending) is None
    assert refusal(await shop.pay(buyer, "1.00")) is Refusal.TokenUsageError
    assert remembering.memory.hits == 0


async def test_a_tab_ends_by_the_clock_of_the_book(remembering: Remembering) -> None:
    shop = remembering.shop
    buyer = await shop.postpaid_buyer(expires_at=shop.clock() + timedelta(hours=1))
    for _ in range(2):
        assert isinstance(await shop.pay(buyer, "1.00"), Accepted)
    shop.clock.forward(hours=2)
    assert refusal(await shop.pay(buyer, "1.00")) is Refusal.InstrumentExpired
    assert remembering.memory.hits == 1


async def test_an_answer_that_was_lost_is_found(remembering: Remembering) -> None:
    """The connection is cut when the payment is committed, before anybody hears of it."""
    shop, buyer = remembering.shop, await tab_of(remembering)

    remembering.lose_the_next_answer()
    assert isinstance(await shop.pay(buyer, "1.00", reference="order-3"), Accepted)
    assert await _state(shop, buyer) == (2_000_000, 2_000_000)


async def test_tabs_of_several_sellers_share_a_commit(open_shop: OpenBooks) -> None:
    """At one of them a rival has used up what was agreed: the others are charged."""
    shops = [await open_shop() for _ in range(3)]
    rules, clock, pool = shops[0].committer.rules, shops[0].clock, shops[0].pool
    memory = PaymentMemory(100)
    committer = Committer(pool, rules, clock, keeps=2, memory=memory, patience_milliseconds=60_000)
    own = [replace(shop, committer=committer) for shop in shops]
    buyers = [await shop.postpaid_buyer("10.00", "6.00") for shop in own]
    pairs = list(zip(own, buyers, strict=True))
    for _ in range(2):  # read for; then books are remembered, too
        for shop, buyer in pairs:
            assert isinstance(await shop.pay(buyer, "1.00"), Accepted)
    first = asyncio.ensure_future(own[0].pay(buyers[0], "1.00"))
    await asyncio.sleep(0)  # it is on its way: the others wait together
    outcomes = await asyncio.gather(*(shop.pay(buyer, "1.00") for shop, buyer in pairs))
    assert isinstance(await first, Accepted)
    ids = [outcome.transaction_id for outcome in outcomes if isinstance(outcome, Accepted)]
    commits = "SELECT count(DISTINCT xmin::text) FROM transaction WHERE transaction_id = ANY($1)"
    assert await pool.fetchval(commits, ids[1:]) == 1
    assert (memory.hits, memory.clashes) == (7, 0)
    assert isinstance(await shops[1].pay(buyers[1], "2.50"), Accepted)
    outcomes = await asyncio.gather(*(shop.pay(buyer, "1.00") for shop, buyer in pairs))
    assert refusal(outcomes[1]) is Refusal.TokenUsageError
    assert [isinstance(outcome, Accepted) for outcome in outcomes] == [True, False, True]
    assert [await _state(shop, buyer) for shop, buyer in pairs] == [
        *((5_000_000, 5_000_000), (5_500_000, 5_500_000), (4_000_000, 4_000_000)),
    ]
    await committer.close()
