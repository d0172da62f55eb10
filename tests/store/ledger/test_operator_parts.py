"""The operator's book in parts: each transaction is mirrored in one of them, and together they are as one was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from tests.conftest import MakeDatabase
from tests.store.direct import status, taken, work
from tests.support.balanced import all_balanced
from tests.support.books import Books, Buyer, new_books
from tests.support.clock import TestClock
from tests.support.master_key import VAULT
from tests.support.owner import connection_of_owner

from tallystick.db.connections import Connection, Pool
from tallystick.db.database import open_pool
from tallystick.db.distribution import Node
from tallystick.domain.commands import Marketplace, Method, Pay, RequestPayout, TokenTerms
from tallystick.domain.decide import decide_all
from tallystick.domain.ids import BookId, TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Done
from tallystick.domain.rails.commands import Declined, Paid, RailOperation, ResolveCharge, ResolvePayout
from tallystick.domain.state import owed_account
from tallystick.services.context import Service
from tallystick.services.operations.audit import Actor
from tallystick.services.rails import operator_books
from tallystick.services.rails.operator_books import OlderProcessesError
from tallystick.settings import Settings
from tallystick.store.ledger import create_book, shards
from tallystick.store.ledger.apply import MissingAccountError, apply
from tallystick.store.ledger.create_book import OperatorPart, choose_part, operator_parts, spread_parts
from tallystick.store.ledger.load import load
from tallystick.store.ledger.verify import report_on, verify
from tallystick.store.records import heartbeats
from tallystick.store.records.heartbeats import Pulse

BY_COMMAND = Actor.command("a test")
REAL_MONEY = "real_money_moved_as_transactions_say"

MIRRORS = """
SELECT DISTINCT book.part FROM transfer JOIN book USING (book_id)
 WHERE transaction_id = $1 AND party_id IS NULL
"""
OWED = """
SELECT book.part, -balance_micros AS micros FROM account JOIN book USING (book_id)
 WHERE book.party_id IS NULL AND account.kind = 'owed_to' AND account.subject = $1
"""
LOCK_PART = "SELECT balance_micros FROM account WHERE book_id = $1 FOR UPDATE"
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))"

ASKED = "SELECT count(*) FROM payout WHERE book_id = $1"

MANY_SECONDS = 60.0


@dataclass
class Fair:
    """Three sellers: the old one is from before there were parts, `far` belongs to the second, `near` to the first."""

    pool: Pool
    old: Books
    far: Books
    near: Books
    parts: tuple[OperatorPart, ...]

    async def mirrors(self, transaction_id: TransactionId) -> set[int]:
        """The parts in which it moved something."""
        return {row["part"] for row in await self.pool.fetch(MIRRORS, transaction_id)}

    async def owed(self, seller: Books) -> dict[int, int]:
        """What each part owes the seller, in micro-units."""
        return {row["part"]: row["micros"] for row in await self.pool.fetch(OWED, str(seller.party_id))}


@pytest.fixture(scope="module")
async def fair(make_migrated: MakeDatabase) -> AsyncIterator[Fair]:
    clock = TestClock()
    async with await open_pool(await make_migrated(), max_size=6) as pool, all_balanced(pool):
        old = await new_books(pool, clock)
        await pool.execute(  # as the release before opened them
            "UPDATE account SET ceiling_micros = 0 WHERE book_id = $1 AND kind IN ('owed_to', 'fee_income')",
            old.operator_book_id,
        )
        parts = await split(pool, clock, 2)
        far, near = await new_books(pool, clock), await new_books(pool, clock)
        yield Fair(pool, old, far, near, parts)
        for seller in (old, far, near):
            await seller.committer.close()


async def split(pool: Pool, clock: TestClock, count: int, environment: str = "sandbox") -> tuple[OperatorPart, ...]:
    async with pool.acquire() as connection:
        return await create_book.split_operator_book(connection, environment, count, clock())


async def part_of(pool: Pool, book_id: BookId) -> int:
    part = await pool.fetchval("SELECT operator_part FROM book WHERE book_id = $1", book_id)
    assert isinstance(part, int)
    return part


async def paid_by_card(seller: Books, amount: str = "10.00") -> TransactionId:
    buyer = await seller.sender_token(Method.CC)
    paid = taken(await seller.pay(buyer, amount), "Pending")
    await work(seller)
    assert await status(seller, paid) == ("Success", "Success")
    return paid


async def with_balance(seller: Books, amount: str = "50.00") -> Buyer:
    buyer = await seller.sender_token()
    await seller.deposit(buyer, amount)
    return buyer


async def test_a_new_book_belongs_to_the_part_with_the_fewest(fair: Fair) -> None:
    assert [part.number for part in fair.parts] == [0, 1]
    assert await operator_parts(fair.pool, "sandbox") == fair.parts
    assert await part_of(fair.pool, fair.old.book_id) == 0
    assert await part_of(fair.pool, fair.far.book_id) == 1
    assert {book.operator_book_id for book in (fair.old, fair.far, fair.near)} == {fair.parts[0].book_id}
    assert set(await fair.owed(fair.far)) == {0, 1}, "the first owes every seller: people's balances are there"


async def test_money_of_a_rail_is_mirrored_in_the_sellers_part(fair: Fair) -> None:
    far = fair.far
    before = await fair.owed(far)
    paid = await paid_by_card(far)
    buyer = await far.prepaid_buyer(method=Method.CC)
    funded = taken(await far.fund(buyer, "20.00"), "Pending")
    await work(far)
    given_back = taken(await far.refund(paid, "4.00"), "Pending")
    await work(far)

    assert [await fair.mirrors(one) for one in (paid, funded, given_back)] == [{1}] * 3
    after = await fair.owed(far)
    assert after[0] == before[0]
    assert after[1] > before[1]
    assert await fair.mirrors(await paid_by_card(fair.old)) == {0}


async def test_a_refund_by_another_rail_than_the_part_has_met_is_mirrored_whole(fair: Fair) -> None:
    """What paid is not known any more, so that it goes to what the token names now."""
    far = fair.far
    paid = await paid_by_card(far)
    forget = "UPDATE rail_operation SET payment_method_id = NULL WHERE book_id = $1 AND transaction_id = $2"
    await far.pool.execute(forget, far.book_id, paid)
    sender = await far.pool.fetchval("SELECT sender_party_id FROM transaction WHERE transaction_id = $1", paid)
    await far.pool.execute("UPDATE payment_method SET rail = 'elsewhere' WHERE party_id = $1", sender)

    given_back = taken(await far.refund(paid, "4.00"), "Pending")

    moved = "SELECT sum(balance_micros) FROM account WHERE book_id = $1"
    assert await far.pool.fetchval(moved, fair.parts[1].book_id) == 0
    answer = ResolveCharge(given_back, "elsewhere", Paid(), RailOperation.REFUND)
    assert await far.perform(answer) == Done()
    assert (await verify(fair.pool)).problems == []


async def test_nothing_moves_where_one_of_the_accounts_is_missing(fair: Fair) -> None:
    far = fair.far
    await paid_by_card(far)
    payout = payout_of(far, parse_amount("1.00"))
    async with connection_of_owner(fair.pool) as connection:
        undone = connection.transaction()
        await undone.start()
        lose = "UPDATE account SET account_id = account_id + 1 WHERE book_id = $1 AND account_id = $2"
        await connection.execute(lose, fair.parts[1].book_id, owed_account(far.party_id))
        loaded = await load(connection, far.book_id, [payout], far.clock, far.committer.rules)
        decisions = decide_all(loaded.state, [payout], loaded.now)
        with pytest.raises(MissingAccountError):
            await apply(connection, loaded, decisions, real_now=far.clock())
        await undone.rollback()


async def test_what_people_pay_from_their_balances_is_mirrored_where_these_are(fair: Fair) -> None:
    far = fair.far
    before = await fair.owed(far)
    buyer = await with_balance(far)
    paid = taken(await far.pay(buyer, "10.00"))
    given_back = taken(await far.refund(paid, "4.00"))

    assert await fair.mirrors(paid) == await fair.mirrors(given_back) == {0}
    after = await fair.owed(far)
    assert (after[0] > before[0], after[1]) == (True, before[1])


async def test_a_bank_accounts_payment_comes_back_to_the_balance_in_the_first_part(fair: Fair) -> None:
    far = fair.far
    paid = taken(await far.pay(await far.sender_token(Method.ACH), "10.00"), "Pending")
    await work(far)
    given_back = taken(await far.refund(paid, "4.00"))

    assert await fair.mirrors(paid) == {1}
    assert await fair.mirrors(given_back) == {0}, "all of it, the fee too: each part sums to zero"
    assert (await verify(fair.pool)).problems == []


async def test_a_payment_to_a_seller_of_another_part_is_mirrored_in_the_callers(fair: Fair) -> None:
    """Its recipient is paid out of its own part later, which then owes it less than nothing."""
    far, old = fair.far, fair.old
    terms = TokenTerms(recipient_pays_fee=True, max_fixed_fee_micros=parse_amount("1.00"))
    marketplace = Marketplace(await far.recipient_token(old, terms), fixed_fee_micros=parse_amount("1.00"))
    buyer = await far.sender_token(Method.CC)
    shared = taken(await far.perform(Pay(far.request(), buyer.spending, parse_amount("40.00"), marketplace)), "Pending")
    await work(far)
    assert await status(far, shared) == ("Success", "Success")
    assert await fair.mirrors(shared) == {1}

    cash = await old.total("cash")
    assert (await fair.owed(old))[0] < cash
    payout = taken(await old.perform(payout_of(old, cash)), "Pending")
    assert (await fair.owed(old))[0] < 0 < (await fair.owed(old))[1]
    assert sum((await fair.owed(old)).values()) == 0
    assert (await verify(fair.pool)).problems == []

    assert await old.perform(ResolvePayout(payout, Declined("Failure", "The account is closed."))) == Done()
    assert sum((await fair.owed(old)).values()) == cash


def payout_of(seller: Books, amount_micros: int) -> RequestPayout:
    return RequestPayout(seller.request(None, payout=amount_micros), amount_micros, "manual", destination_id=1)


async def split_seller(seller: Books, count: int) -> tuple[BookId, ...]:
    async with seller.pool.acquire() as connection:
        return await shards.split(connection, seller.party_id, "sandbox", count, seller.clock())


async def test_books_of_a_large_seller_belong_to_several_parts(fair: Fair) -> None:
    large = await new_books(fair.pool, fair.old.clock)
    (first,) = await split_seller(large, 1)
    at_once = await asyncio.gather(*(split_seller(large, 4) for _ in range(2)))
    books = at_once[0]
    assert at_once[1] == books
    assert books[0] == first
    assert {await part_of(fair.pool, book_id) for book_id in books} == {0, 1}

    before = await fair.owed(large)
    for book_id in books:
        await paid_by_card(replace(large, book_id=book_id))
    assert all(micros > before[part] for part, micros in (await fair.owed(large)).items())
    await large.committer.close()


async def test_who_has_all_of_one_part_does_not_stop_another_ones_sellers(fair: Fair) -> None:
    near, far = fair.near, fair.far
    assert (await part_of(fair.pool, near.book_id), await part_of(fair.pool, far.book_id)) == (0, 1)
    await paid_by_card(far, "20.00")
    payer = await with_balance(near)
    five = parse_amount("5.00")
    async with fair.pool.acquire() as rival, rival.transaction():
        await rival.execute(LOCK_PART, fair.parts[1].book_id)
        waiting = asyncio.create_task(far.perform(payout_of(far, five)))
        await until_somebody_waits_for(fair.pool, rival)

        await paid_by_card(near)
        taken(await near.pay(payer, "3.00"))
        payout = taken(await near.perform(payout_of(near, five)), "Pending")
        assert await fair.mirrors(payout) == {0}
        assert await fair.pool.fetchval(ASKED, far.book_id) == 0, "its part is taken"
    await asyncio.gather(waiting, return_exceptions=True)  # it may have waited for longer than anybody does
    there = taken(await far.perform(payout_of(far, five)), "Pending")
    assert await fair.mirrors(there) == {1}


async def until_somebody_waits_for(pool: Pool, rival: Connection) -> None:
    process = await rival.fetchval("SELECT pg_backend_pid()")
    async with asyncio.timeout(MANY_SECONDS):
        while await pool.fetchval(BLOCKED, process) == 0:  # noqa: ASYNC110 - only the server knows
            await asyncio.sleep(0.01)


async def test_a_mirror_in_a_wrong_part_is_found_although_every_sum_is_right(fair: Fair) -> None:
    by_card = await paid_by_card(fair.far)
    by_balance = taken(await fair.far.pay(await with_balance(fair.far), "10.00"))
    first, second = (part.book_id for part in fair.parts)
    for transaction_id, right, wrong in ((by_card, second, first), (by_balance, first, second)):
        moved = "UPDATE transfer SET book_id = $3 WHERE book_id = $2 AND transaction_id = $1"
        found = await problems_after(fair, moved, transaction_id, right, wrong)
        assert found[REAL_MONEY].count(transaction_id) > 1
        assert "cash_is_owed" not in found


async def test_a_book_whose_part_is_another_one_or_missing_is_found(fair: Fair) -> None:
    by_card = await paid_by_card(fair.far)
    to_part = "UPDATE book SET operator_part = $2 WHERE book_id = $1"
    found = await problems_after(fair, to_part, fair.far.book_id, 0)
    assert by_card in found[REAL_MONEY]
    assert "books_have_their_mirror" not in found
    found = await problems_after(fair, to_part, fair.far.book_id, 7)
    assert found["books_have_their_mirror"].startswith(f"book {fair.far.book_id}: there is no part 7")


async def test_fees_that_were_given_back_and_never_taken_are_found(fair: Fair) -> None:
    """One part alone may have given back what another one took: there is no bound of its own any more."""
    await paid_by_card(fair.far)
    first, second = (part.book_id for part in fair.parts)
    check = "fee_income_is_not_negative"
    income = "SELECT -balance_micros FROM account WHERE book_id = $1 AND kind = 'fee_income'"
    taken_in = [await fair.pool.fetchval(income, book_id) for book_id in (first, second)]
    gone = "UPDATE account SET balance_micros = balance_micros + $2 WHERE book_id = $1 AND kind = 'fee_income'"
    assert check not in await problems_after(fair, gone, second, sum(taken_in))
    found = await problems_after(fair, gone, second, sum(taken_in) + 1)
    assert found[check] == "the operator's books of sandbox: their fee income is -1"


async def problems_after(fair: Fair, damage: str, *arguments: object) -> dict[str, str]:
    """What `verify` finds, by check; the damage is undone."""
    async with connection_of_owner(fair.pool) as connection:
        undone = connection.transaction()
        await undone.start()
        assert not (await connection.execute(damage, *arguments)).endswith(" 0"), "the damage is real"
        report = await report_on(connection)
        await undone.rollback()
    return {check.name: "\n".join(check.problems) for check in report.checks if check.problems}


async def test_parts_are_added_and_never_joined(fair: Fair) -> None:
    clock = fair.old.clock
    before = await operator_parts(fair.pool, "live")
    three = await split(fair.pool, clock, 3, "live")
    assert [part.number for part in three] == [0, 1, 2]
    assert three[: len(before)] == before
    assert await split(fair.pool, clock, 3, "live") == three
    with pytest.raises(ValueError, match="there are 3 parts already"):
        await split(fair.pool, clock, 2, "live")
    at_once = await asyncio.gather(*(split(fair.pool, clock, 5, "live") for _ in range(2)))
    assert at_once[0] == at_once[1]
    assert [part.number for part in at_once[0]] == [0, 1, 2, 3, 4]


async def test_an_earlier_release_must_be_gone_before_there_are_parts(fair: Fair) -> None:
    service = Service(Settings(), fair.pool, fair.old.committer, VAULT, fair.old.clock)
    before = len(await operator_parts(fair.pool, "live"))
    pulse = Pulse("old one", service.clock(), "worker", service.clock(), 1.0, 0, 0, {}, None, "0055")
    await heartbeats.write(fair.pool, pulse)
    with pytest.raises(OlderProcessesError, match="worker"):
        await operator_books.split(service, BY_COMMAND, "live", max(2, before + 1))
    assert await operator_books.split(service, BY_COMMAND, "live", max(1, before)) == max(1, before)

    fair.old.clock.forward(minutes=5)
    now = service.clock()
    await heartbeats.write(fair.pool, replace(pulse, process_id="new one", at=now, newest_migration="0056"))
    assert await operator_books.split(service, BY_COMMAND, "live", max(2, before + 1)) == max(2, before + 1)
    audited = "SELECT details FROM audit_entry WHERE action = 'operator.split' AND at = $1"
    (entry,) = await fair.pool.fetch(audited, now)
    assert (entry["details"]["before"], entry["details"]["now"]) == (max(1, before), max(2, before + 1))


HERE, THERE, ELSEWHERE = Node("db1", 5432), Node("db2", 5432), Node("db3", 5432)


def test_a_book_is_mirrored_on_its_own_machine_where_that_has_a_part() -> None:
    parts = [OperatorPart(number, BookId(10 + number)) for number in range(4)]
    nodes = {10: HERE, 11: THERE, 12: HERE, 13: THERE, 1: THERE, 2: ELSEWHERE}
    books = {0: 1, 1: 9, 2: 0, 3: 8}
    assert choose_part(parts, books, nodes, BookId(1)) == parts[3]
    assert choose_part(parts, books, nodes, BookId(2)) == parts[2], "its machine has none"
    assert choose_part(parts, books, {}, BookId(1)) == parts[2], "nothing is known of machines"
    assert choose_part(parts, {}, {}, BookId(1)) == parts[0]


def test_new_parts_are_on_machines_that_have_the_fewest() -> None:
    candidates = [BookId(number) for number in range(1, 7)]
    nodes = {10: HERE, 1: HERE, 2: HERE, 3: THERE, 4: THERE, 5: ELSEWHERE, 6: ELSEWHERE}
    first = [OperatorPart(0, BookId(10))]
    assert spread_parts(nodes, first, candidates, 4) == [3, 5, 1, 4]
    assert spread_parts({}, first, candidates, 3) == [1, 2, 3]
