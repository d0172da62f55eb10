"""Payments of several sellers from memory share a commit, and one seller's trouble is not the others'."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from tests.support.books import Books, Buyer, OpenBooks

from tallystick.db.clock_watch import WrongClockError
from tallystick.db.connections import Pool
from tallystick.domain.commands import CancelToken, Method, Pay
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.domain.refusals import Refusal, Refused
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.memory.payment_memory import PaymentMemory

SELLERS: Final = 4


@dataclass
class Street:
    """Shops that share a committer which remembers a balance of each, and the committer of another process."""

    shops: Sequence[Books]
    buyers: Sequence[Buyer]
    memory: PaymentMemory
    rival: Committer

    @property
    def committer(self) -> Committer:
        return self.shops[0].committer

    @property
    def pool(self) -> Pool:
        return self.shops[0].pool

    async def pay_all(self, *references: str) -> list[Outcome]:
        """A dollar from each balance at the same time."""
        names = references or [""] * len(self.shops)
        return await asyncio.gather(
            *(
                shop.pay(buyer, "1.00", **({"reference": name} if name else {}))
                for shop, buyer, name in zip(self.shops, self.buyers, names, strict=True)
            )
        )

    async def balances(self) -> list[int]:
        return [await shop.balance(buyer) for shop, buyer in zip(self.shops, self.buyers, strict=True)]

    async def other_process(self, place: int, amount: str) -> Outcome:
        """The other process charges the balance at one shop."""
        shop, buyer = self.shops[place], self.buyers[place]
        return await self.rival.perform(shop.book_id, Pay(shop.request(), buyer.spending, parse_amount(amount)))

    async def commits(self, outcomes: Sequence[Outcome]) -> int:
        ids = [outcome.transaction_id for outcome in outcomes if isinstance(outcome, Accepted)]
        found: int = await self.pool.fetchval(
            "SELECT count(DISTINCT xmin::text) FROM transaction WHERE transaction_id = ANY($1)", ids
        )
        return found


@pytest.fixture
async def street(open_shop: OpenBooks, request: pytest.FixtureRequest) -> AsyncIterator[Street]:
    """By its parameter the last shop's clock is so many seconds ahead: then not all of a group have the same time."""
    shops = [await open_shop() for _ in range(SELLERS)]
    await _set_ahead(shops[-1], getattr(request, "param", 0))
    rules, clock, pool = shops[0].committer.rules, shops[0].clock, shops[0].pool
    committer = Committer(pool, rules, clock, keeps=2, memory=PaymentMemory(100), patience_milliseconds=60_000)
    rival = Committer(pool, rules, clock)
    own = [replace(shop, committer=committer) for shop in shops]
    buyers = [await shop.funded_buyer("10.00") for shop in own]
    street = Street(own, buyers, committer.memory, rival)
    for _ in range(2):  # read for; then books are remembered, too
        for shop, buyer in zip(own, buyers, strict=True):
            assert isinstance(await shop.pay(buyer, "1.00"), Accepted)
    assert street.memory.hits == SELLERS
    yield street
    await committer.close()
    await rival.close()


async def _set_ahead(shop: Books, seconds: int) -> None:
    await shop.pool.execute("UPDATE book SET clock_offset_seconds = $2 WHERE book_id = $1", shop.book_id, seconds)


def refused(outcomes: Sequence[Outcome]) -> list[Refusal | None]:
    return [outcome.refusal if isinstance(outcome, Refused) else None for outcome in outcomes]


async def test_they_share_a_commit(street: Street) -> None:
    first = asyncio.ensure_future(street.shops[0].pay(street.buyers[0], "1.00"))
    await asyncio.sleep(0)  # it is on its way: the others wait together
    outcomes = await street.pay_all()
    assert refused([await first, *outcomes]) == [None] * (SELLERS + 1)
    assert await street.commits(outcomes[1:]) == 1
    assert street.memory.hits == 2 * SELLERS + 1
    assert await street.balances() == [6_000_000, *[7_000_000] * (SELLERS - 1)]


async def test_what_is_plain_is_written_as_all_else_is(street: Street) -> None:
    """Payments that have nothing of their own but what each has, have a statement of their own."""
    written = []
    for ahead in (0, 3600):
        if ahead:
            await _set_ahead(street.shops[3], ahead)
            for _ in range(4):  # read for: the book has changed; and it does not share its next groups
                await street.pay_all()
        first = asyncio.ensure_future(street.shops[0].pay(street.buyers[0], "1.00"))
        await asyncio.sleep(0)  # it is on its way: the others wait together
        outcomes = await street.pay_all()
        assert refused([await first, *outcomes]) == [None] * (SELLERS + 1)
        assert await street.commits(outcomes[1:]) == 1
        written.append([await _written(street, outcome) for outcome in outcomes[1:3]])
    plain, other = written
    assert plain == other


async def _written(street: Street, outcome: Outcome) -> Mapping[str, Any]:
    """Each column of a payment and its answer, but for its names."""
    assert isinstance(outcome, Accepted)
    row = await street.pool.fetchrow(
        "SELECT to_jsonb(transaction) - '{transaction_id,caller_reference}'::text[] AS paid,"
        "       to_jsonb(answer) - '{transaction_id,reference_digest}'::text[] AS answered,"
        "       reference_digest = substring(sha256(convert_to(caller_reference, 'UTF8')), 1, 15) AS is_known_by_it"
        "  FROM transaction JOIN answered_reference AS answer USING (book_id, transaction_id)"
        " WHERE transaction_id = $1",
        outcome.transaction_id,
    )
    assert row is not None
    assert row["is_known_by_it"]
    return dict(row)


async def test_several_commands_of_one_book_wait_together_from_the_beginning(street: Street) -> None:
    shop, buyer = street.shops[0], street.buyers[0]
    unknown = await replace(shop, committer=street.rival).funded_buyer("10.00")
    tab, statistics = await shop.postpaid_buyer(), street.committer.statistics
    groups, hits = statistics.groups, street.memory.hits
    commands = [Pay(shop.request(), buyer.spending, 10_000) for _ in range(600)]
    commands[300:300] = [Pay(shop.request(), token, 20_000) for token in (unknown.spending, tab.spending)]

    outcomes = await street.committer.perform_all(shop.book_id, commands)

    assert [outcome.transaction_id for outcome in outcomes if isinstance(outcome, Accepted)] == [
        command.request.transaction_id for command in commands
    ]
    assert street.memory.hits - hits == 600
    assert statistics.groups - groups <= 4  # those of the balance are two, for one charges it at a time
    assert await shop.balance(buyer) == 2_000_000
    assert await shop.balance(unknown) == 9_980_000


async def test_several_commands_are_refused_while_the_clock_is_in_doubt(street: Street) -> None:
    shop, buyer = street.shops[0], street.buyers[0]
    commands = [Pay(shop.request(), token, 10_000) for token in (buyer.spending, street.buyers[1].spending)]

    def doubt() -> datetime:
        raise WrongClockError

    right, street.committer.clock = street.committer.clock, doubt
    outcomes = await street.committer.perform_all(shop.book_id, commands)
    street.committer.clock = right

    assert [outcome.refusal for outcome in outcomes if isinstance(outcome, Refused)] == [Refusal.ServiceUnavailable] * 2
    assert await shop.balance(buyer) == 8_000_000


async def _cancel(street: Street) -> None:
    command = CancelToken(street.buyers[2].spending, street.buyers[2].party_id)
    await street.rival.perform(street.shops[2].book_id, command)


async def _suspend_buyer(street: Street) -> None:
    await street.pool.execute("UPDATE party SET status = 'suspended' WHERE party_id = $1", street.buyers[2].party_id)


async def _suspend_seller(street: Street) -> None:
    await street.pool.execute("UPDATE party SET status = 'suspended' WHERE party_id = $1", street.shops[2].party_id)


async def _raise_the_smallest_charge(street: Street) -> None:
    await street.pool.execute(
        "UPDATE book SET minimum_charge_micros = 5000000 WHERE book_id = $1", street.shops[2].book_id
    )


async def _end_the_token(street: Street) -> None:
    ended = street.shops[2].clock()
    await street.pool.execute("UPDATE token SET expires_at = $2 WHERE token_id = $1", street.buyers[2].spending, ended)


async def _end_the_authorization(street: Street) -> None:
    ended, name = street.shops[2].clock(), street.buyers[2].instrument
    await street.pool.execute("UPDATE instrument SET expires_at = $2 WHERE instrument_id = $1", name, ended)


async def _spend(street: Street) -> None:
    assert isinstance(await street.other_process(2, "7.50"), Accepted)


@pytest.mark.parametrize("street", [0, 3600], ids=["at one time", "at two times"], indirect=True)
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_cancel, Refusal.TokenNotActive_Sender),
        (_end_the_token, Refusal.InstrumentExpired),
        (_suspend_buyer, Refusal.InvalidAccountState_Sender),
        (_suspend_seller, Refusal.InvalidAccountState_Caller),
        (_raise_the_smallest_charge, Refusal.AmountOutOfRange),
        (_end_the_authorization, Refusal.InstrumentExpired),
        (_spend, Refusal.InsufficientBalance),
    ],
)
async def test_what_has_changed_at_one_seller_is_read_again_and_the_others_are_paid(
    street: Street, change: Callable[[Street], Awaitable[None]], expected: Refusal
) -> None:
    await change(street)
    before = (await street.balances())[2]
    assert refused(await street.pay_all()) == [None, None, expected, None]
    assert await street.balances() == [7_000_000, 7_000_000, before, 7_000_000]


async def test_a_reference_of_one_seller_that_comes_again_pays_the_others(street: Street) -> None:
    first = await street.pay_all("a", "b", "c", "d")
    again = await street.pay_all("a2", "b", "c2", "d2")
    assert again[1] == first[1]
    assert refused(again) == [None] * SELLERS
    assert await street.balances() == [6_000_000, 7_000_000, 6_000_000, 6_000_000]


async def test_who_repeats_references_is_left_alone_for_a_while(street: Street) -> None:
    await street.pay_all("a", "b", "c", "d")
    held = asyncio.ensure_future(street.shops[0].pay(street.buyers[0], "1.00"))
    await asyncio.sleep(0)
    await street.pay_all("a2", "b", "c2", "d2")
    await held
    first = asyncio.ensure_future(street.shops[0].pay(street.buyers[0], "1.00"))
    await asyncio.sleep(0)
    outcomes = await street.pay_all("a3", "b", "c3", "d3")
    assert refused([await first, *outcomes]) == [None] * (SELLERS + 1)
    assert await street.commits(outcomes[2:]) == 1, "the others still share theirs"


async def test_a_balance_that_somebody_has_locked_holds_up_its_own_seller_alone(street: Street) -> None:
    street.committer.patience_milliseconds = 100
    blocked = street.buyers[2]
    async with street.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(
            "SELECT 1 FROM account WHERE book_id = $1 AND subject = $2 FOR UPDATE",
            street.shops[2].book_id,
            blocked.instrument,
        )
        pays = [
            asyncio.ensure_future(shop.pay(buyer, "1.00"))
            for shop, buyer in zip(street.shops, street.buyers, strict=True)
        ]
        others = [paid for place, paid in enumerate(pays) if place != 2]
        async with asyncio.timeout(60):
            assert refused(await asyncio.gather(*others)) == [None] * (SELLERS - 1)
            assert isinstance(await street.shops[0].pay(street.buyers[0], "1.00"), Accepted)
        assert not pays[2].done()
        await transaction.commit()
    assert isinstance(await pays[2], Accepted)
    assert await street.balances() == [6_000_000, 7_000_000, 7_000_000, 7_000_000]


async def test_the_patience_of_one_group_is_not_that_of_the_connection(street: Street) -> None:
    street.committer.patience_milliseconds = 123
    await street.pay_all()
    connections = [await street.pool.acquire() for _ in range(street.pool.get_max_size() - 2)]
    try:
        assert {await one.fetchval("SHOW lock_timeout") for one in connections} == {"5s"}
    finally:
        for one in connections:
            await street.pool.release(one)


async def test_each_has_the_time_of_its_own_book(street: Street) -> None:
    await _set_ahead(street.shops[3], 86400)
    await street.pay_all()  # the book has changed: read for
    await street.pay_all()
    hits = street.memory.hits
    outcomes = await street.pay_all()
    assert street.memory.hits == hits + SELLERS
    received = [
        await street.pool.fetchval(
            "SELECT received_at FROM transaction WHERE transaction_id = $1", outcome.transaction_id
        )
        for outcome in outcomes
        if isinstance(outcome, Accepted)
    ]
    now = street.shops[0].clock()
    assert received == [now, now, now, now + timedelta(days=1)]


async def test_events_are_written_to_the_book_that_wants_them(street: Street) -> None:
    address = "https://shop.example/ipn"
    await street.pool.execute(
        "UPDATE book SET notification_url = $2 WHERE book_id = $1", street.shops[1].book_id, address
    )
    await street.pool.execute("UPDATE book SET charge_events = true WHERE book_id = $1", street.shops[2].book_id)
    await street.pay_all()
    await street.pay_all()
    hits = street.memory.hits
    outcomes = await street.pay_all()
    assert street.memory.hits == hits + SELLERS
    ids = [outcome.transaction_id for outcome in outcomes if isinstance(outcome, Accepted)]
    rows = await street.pool.fetch("SELECT book_id, destination FROM outbox WHERE subject_id = ANY($1)", ids)
    assert [tuple(row) for row in rows] == [(street.shops[1].book_id, address)]
    rows = await street.pool.fetch("SELECT book_id, type FROM event_queue WHERE subject_id = ANY($1)", ids)
    assert [tuple(row) for row in rows] == [(street.shops[2].book_id, "charge.succeeded")]


async def test_who_has_rows_of_transfers_shares_commits_with_who_has_none(street: Street) -> None:
    """All of a group have rows then, which is always right; by itself a book whose payments are their own has none."""
    await street.shops[1].own_transfers(on=False)
    for _ in range(4):  # read for: the book has changed; and it does not share its next groups
        await street.pay_all()
    hits = street.memory.hits
    first = asyncio.ensure_future(street.shops[0].pay(street.buyers[0], "1.00"))
    await asyncio.sleep(0)  # it is on its way: the others wait together
    outcomes = await street.pay_all()
    assert refused([await first, *outcomes]) == [None] * (SELLERS + 1)
    assert street.memory.hits == hits + SELLERS + 1
    assert await street.commits(outcomes[1:]) == 1
    assert await own_transfers(street, outcomes[1:]) == [False] * (SELLERS - 1)
    assert await own_transfers(street, [first.result()]) == [True]


async def own_transfers(street: Street, outcomes: Sequence[Outcome]) -> list[bool]:
    """Whether payments are their own transfers; each has one in either form."""
    found = []
    for outcome in outcomes:
        assert isinstance(outcome, Accepted)
        row = await street.pool.fetchrow(
            "SELECT own_debit_account IS NOT NULL,"
            "       (SELECT count(*) FROM transfer WHERE transfer.transaction_id = transaction.transaction_id)"
            "  FROM transaction WHERE transaction_id = $1",
            outcome.transaction_id,
        )
        assert row is not None
        assert row[1] == (0 if row[0] else 1)
        found.append(row[0])
    return found


async def test_two_processes_on_the_same_balances_spend_what_is_there(street: Street) -> None:
    rival = Committer(street.pool, street.committer.rules, street.committer.clock, memory=PaymentMemory(100))
    pairs = list(zip(street.shops, street.buyers, strict=True))

    async def spend(committer: Committer) -> int:
        taken = 0
        for _ in range(12):
            pays: list[Any] = [
                committer.perform(shop.book_id, Pay(shop.request(), buyer.spending, parse_amount("1.00")))
                for shop, buyer in pairs
            ]
            taken += sum(isinstance(outcome, Accepted) for outcome in await asyncio.gather(*pays))
        return taken

    assert sum(await asyncio.gather(spend(street.committer), spend(rival))) == 8 * SELLERS
    assert await street.balances() == [0] * SELLERS
    await rival.close()


async def test_first_payments_and_other_money_do_not_share(street: Street) -> None:
    """What is not remembered has groups of its own book, as before."""
    shop = street.shops[0]
    tab, direct = await shop.postpaid_buyer(), await shop.sender_token(Method.ABT)
    await shop.deposit(direct, "5.00")
    hits = street.memory.hits
    outcomes = await asyncio.gather(shop.pay(tab, "1.00"), shop.pay(direct, "1.00"), street.pay_all())
    assert [isinstance(outcome, Accepted) for outcome in outcomes[:2]] == [True, True]
    assert refused(outcomes[2]) == [None] * SELLERS
    assert street.memory.hits == hits + SELLERS
