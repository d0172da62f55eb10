"""The proof that goes on: what has come since the last run is held against every balance that it touches."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.store.direct import taken, work
from tests.support.books import Books, Buyer, OpenBooks

from tallystick.db.connections import Pool
from tallystick.domain.commands import Method
from tallystick.store.ledger.running_proof import RunningProof, go_on, last_proof
from tallystick.store.ledger.verify import unexplained_micros, verify


class Proven:
    """A shop with a database of its own, and proofs of it that go on with its clock."""

    def __init__(self, shop: Books, buyer: Buyer) -> None:
        self.shop, self.buyer = shop, buyer

    @property
    def pool(self) -> Pool:
        return self.shop.pool

    @property
    def now(self) -> datetime:
        return self.shop.clock()

    async def pay(self, amount: str = "1.00") -> str:
        return taken(await self.shop.pay(self.buyer, amount))

    async def prove(self) -> RunningProof:
        self.shop.clock.forward(minutes=5)  # so that what was before is behind the boundary of this run
        proof = await go_on(self.pool, self.now)
        assert proof is not None
        assert await last_proof(self.pool) == proof
        return proof

    async def damage(self, statement: str, *values: object) -> None:
        done = await self.pool.execute(statement, *values)
        assert not done.endswith(" 0"), "the damage is real"


@pytest.fixture
async def proven(own_pool: Pool, open_shop: OpenBooks) -> Proven:
    """Everything that was before is proven: a payment that is its own transfer; later ones have rows of them."""
    shop = await open_shop(own_pool)
    found = Proven(shop, await shop.funded_buyer("10.00"))
    await found.pay()
    await shop.own_transfers(on=False)
    assert (await found.prove()).problems == ()
    return found


async def test_the_first_run_reads_everything(own_pool: Pool, open_shop: OpenBooks) -> None:
    shop = await open_shop(own_pool)
    found = Proven(shop, await shop.funded_buyer("10.00"))
    await found.pay()
    assert await last_proof(own_pool) is None
    proof = await found.prove()
    assert (proof.transactions, proof.unexplained_micros, proof.problems) == (3, 0, ())


async def test_a_run_looks_at_what_is_new(proven: Proven) -> None:
    await proven.pay()
    await proven.shop.own_transfers(on=True)
    for _ in range(2):
        await proven.pay()
    assert (await proven.prove()).transactions == 3
    assert (await proven.prove()).transactions == 0
    await proven.pay()
    proof = await proven.prove()
    assert (proof.transactions, proof.unexplained_micros, proof.problems) == (1, 0, ())


async def test_what_was_not_over_is_looked_at_until_it_is(proven: Proven) -> None:
    shop = proven.shop
    carrier = await shop.sender_token(Method.CC)
    taken(await shop.pay(carrier, "7.00"), "Pending")
    assert (await proven.prove()).transactions == 1
    assert (await proven.prove()).transactions == 1
    await work(shop)
    proof = await proven.prove()
    assert (proof.transactions, proof.problems) == (1, ())
    assert (await proven.prove()).transactions == 0
    assert (await verify(proven.pool)).problems == []


async def test_a_year_of_refunds_settlements_and_cards_is_proven_as_it_comes(proven: Proven) -> None:
    shop = proven.shop
    tab = await shop.postpaid_buyer()
    await shop.deposit(tab, "30.00")
    charge = taken(await shop.pay(tab, "9.00"))
    assert (await proven.prove()).problems == ()
    taken(await shop.settle(tab, "3.00"))
    taken(await shop.refund(charge, "1.00"))
    taken(await shop.write_off(tab, "1.00"))
    taken(await shop.fund(await shop.prepaid_buyer(method=Method.CC), "10.00"), "Pending")
    assert (await proven.prove()).problems == ()
    await work(shop)
    for _ in range(3):
        assert (await proven.prove()).problems == ()
    assert await unexplained_micros(proven.pool) == 0


NEW_TRANSFER_GROWS = "UPDATE transfer SET amount_micros = amount_micros + 5 WHERE transaction_id = $1"
BALANCE_GROWS = "UPDATE account SET balance_micros = balance_micros - 7 WHERE subject = $1"
TRANSFER_GONE = "DELETE FROM transfer WHERE transaction_id = $1"
SAYS_MORE = "UPDATE transaction SET amount_micros = amount_micros + 1 WHERE transaction_id = $1"
STRAY = (
    "INSERT INTO transfer (book_id, transaction_id, number, debit_account, credit_account, amount_micros, booked_at)"
    " SELECT book_id, $1 || 'X', 1, debit_account, credit_account, 10, booked_at"
    "   FROM transfer WHERE transaction_id = $1"
)
OWN_FORGOTTEN = "UPDATE transaction SET own_debit_account = NULL WHERE transaction_id = $1"
OWN_TWICE = (
    "INSERT INTO transfer (book_id, transaction_id, number, debit_account, credit_account, amount_micros, booked_at)"
    " SELECT book_id, transaction_id, 1, own_debit_account, 2, amount_micros, received_at"
    "   FROM transaction WHERE transaction_id = $1"
)
EARLY = (
    "UPDATE transaction SET completed_at = (completed_at AT TIME ZONE 'UTC' - interval '1 day') AT TIME ZONE 'UTC'"
    " WHERE transaction_id = $1"
)
REFERENCE_GONE = "DELETE FROM answered_reference WHERE transaction_id = $1"


@pytest.mark.parametrize(
    ("damage", "check", "unexplained"),
    [
        (NEW_TRANSFER_GROWS, "balances_follow_from_transfers", 10),
        (TRANSFER_GONE, "balances_follow_from_transfers", 2_000_000),
        (STRAY, "transfers_have_transactions", 20),
        (SAYS_MORE, "transactions_moved_what_they_say", 0),
        (EARLY, "time_goes_on", 0),
        (REFERENCE_GONE, "references_are_spent_once", 0),
    ],
)
async def test_a_hand_in_what_is_new_is_found(proven: Proven, damage: str, check: str, unexplained: int) -> None:
    transaction_id = await proven.pay()
    await proven.damage(damage, transaction_id)
    proof = await proven.prove()
    assert check in {problem.partition(":")[0] for problem in proof.problems}
    assert proof.unexplained_micros == unexplained


@pytest.mark.parametrize(
    ("damage", "check", "unexplained"),
    [
        (SAYS_MORE, "balances_follow_from_transfers", 2),
        (OWN_FORGOTTEN, "transactions_moved_what_they_say", 2_000_000),
        (OWN_TWICE, "own_transfers_are_of_payments", 2_000_000),
    ],
)
async def test_a_hand_in_a_new_payment_that_is_its_own_transfer_is_found(
    proven: Proven, damage: str, check: str, unexplained: int
) -> None:
    await proven.shop.own_transfers(on=True)
    await proven.damage(damage, await proven.pay())
    proof = await proven.prove()
    assert check in {problem.partition(":")[0] for problem in proof.problems}
    assert proof.unexplained_micros == unexplained


async def test_a_hand_on_a_balance_is_found_when_the_account_moves(proven: Proven) -> None:
    await proven.pay()
    await proven.damage(BALANCE_GROWS, proven.buyer.instrument)
    proof = await proven.prove()
    assert proof.unexplained_micros == 7
    assert proof.problems


async def test_what_is_wrong_is_told_until_it_is_right(proven: Proven) -> None:
    transaction_id = await proven.pay()
    await proven.damage(NEW_TRANSFER_GROWS, transaction_id)
    first = await proven.prove()
    await proven.pay()
    second = await proven.prove()
    assert first.problems
    assert second.unexplained_micros == 10
    await proven.damage(NEW_TRANSFER_GROWS.replace("+ 5", "- 5"), transaction_id)
    assert (await proven.prove()).problems == ()
    assert (await proven.prove()).transactions == 0


async def test_a_hand_in_what_was_proven_is_found_by_the_next_whole_proof(proven: Proven) -> None:
    old = await proven.pay()
    assert (await proven.prove()).problems == ()
    await proven.damage(NEW_TRANSFER_GROWS, old)
    await proven.pay()
    assert (await proven.prove()).problems == ()
    assert any("balances_follow_from_transfers" in problem for problem in (await verify(proven.pool)).problems)
    proven.shop.clock.forward(days=2)  # a proof that has not gone on for a day begins anew
    assert (await proven.prove()).unexplained_micros == 10


async def test_one_worker_at_a_time(proven: Proven) -> None:
    async with proven.pool.acquire() as connection, connection.transaction():
        await connection.fetchval("SELECT pg_advisory_xact_lock($1)", 0x7A11_0002)
        assert await go_on(proven.pool, proven.now + timedelta(minutes=1)) is None


async def test_problems_from_elsewhere_are_kept_and_spoil_nothing(proven: Proven) -> None:
    proof = await go_on(proven.pool, proven.now + timedelta(minutes=1), ["the anchor: something is missing"])
    assert proof is not None
    assert proof.problems == ("the anchor: something is missing",)
    assert (await proven.prove()).transactions == 0
