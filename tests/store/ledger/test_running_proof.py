"""The proof that goes on: what has come since the last run is held against every balance that it touches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from tests.store.direct import taken, work
from tests.support.books import Books, Buyer, OpenBooks

from tallystick.db.connections import Pool
from tallystick.domain.commands import Method
from tallystick.domain.ids import TransactionId
from tallystick.store.ledger.running.pace import Pace
from tallystick.store.ledger.running.proof import PIECE, RunningProof, go_on, last_proof
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

    async def pay(self, amount: str = "1.00") -> TransactionId:
        return taken(await self.shop.pay(self.buyer, amount))

    async def prove(self, *, piece: int = PIECE, pace: Pace | None = None) -> RunningProof:
        self.shop.clock.forward(minutes=5)  # so that what was before is behind the boundary of this run
        proof = await go_on(self.pool, self.now, piece=piece, pace=pace)
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
        (OWN_FORGOTTEN, "own_transfers_are_of_payments", 1_000_000),
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


@dataclass(slots=True)
class Meanwhile(Pace):
    """Something happens whenever a run rests between two pieces."""

    happens: Callable[[], Awaitable[object]] | None = None
    times: int = 0

    async def rest(self) -> None:
        self.times += 1
        if self.happens is not None:
            await self.happens()


async def _minutes_of_everything(proven: Proven) -> None:
    """Payments of both forms, a refund, a card's payment that is not over, in as many slices."""
    shop = proven.shop
    carrier = await shop.sender_token(Method.CC)
    for minute in range(6):
        await shop.own_transfers(on=minute % 2 == 0)
        charge = await proven.pay("0.50")
        await proven.pay("0.25")
        if minute == 3:
            taken(await shop.refund(charge, "0.50"))
            taken(await shop.pay(carrier, "7.00"), "Pending")
        shop.clock.forward(seconds=10)
    await shop.own_transfers(on=True)


async def test_much_is_proven_in_pieces(proven: Proven) -> None:
    await _minutes_of_everything(proven)
    pace = Meanwhile()
    proof = await proven.prove(piece=2, pace=pace)
    assert (proof.transactions, proof.unexplained_micros, proof.problems) == (15, 0, ())  # the open one twice
    assert pace.times >= 4
    assert (await proven.prove(piece=2)).transactions == 1, "the open one"
    await work(proven.shop)
    assert (await proven.prove(piece=2)).problems == ()
    assert (await proven.prove(piece=2)).transactions == 0
    assert await _proven_micros(proven) == await proven.pool.fetchval("SELECT sum(abs(balance_micros)) FROM account")


async def _proven_micros(proven: Proven) -> int:
    found: int = await proven.pool.fetchval("SELECT sum(abs(balance_micros)) FROM proven_balance")
    return found


async def test_the_first_proof_goes_in_pieces_too(own_pool: Pool, open_shop: OpenBooks) -> None:
    shop = await open_shop(own_pool)
    found = Proven(shop, await shop.funded_buyer("10.00"))
    await _minutes_of_everything(found)
    assert (await found.prove(piece=2)).problems == ()
    await work(shop)
    assert (await found.prove(piece=2)).problems == ()
    assert await _proven_micros(found) == await own_pool.fetchval("SELECT sum(abs(balance_micros)) FROM account")


async def test_what_happens_between_pieces_is_no_false_alarm(proven: Proven) -> None:
    """Payments come, what was open ends, refunds are made of what was looked at."""
    shop = proven.shop
    await _minutes_of_everything(proven)
    old = await proven.pay("0.50")

    async def go() -> None:
        await proven.pay("0.01")
        await work(shop)
        taken(await shop.refund(old, "0.01"))

    for piece in (2, 5):
        proof = await proven.prove(piece=piece, pace=Meanwhile(happens=go))
        assert (proof.unexplained_micros, proof.problems) == (0, ())
    assert (await proven.prove()).problems == ()
    assert (await verify(proven.pool)).problems == []


async def test_a_run_that_ends_between_pieces_has_proven_nothing(proven: Proven) -> None:
    await _minutes_of_everything(proven)

    async def die() -> None:
        raise ConnectionError

    before = await last_proof(proven.pool), await _proven_micros(proven)
    with pytest.raises(ConnectionError):
        await proven.prove(piece=2, pace=Meanwhile(happens=die))
    assert (await last_proof(proven.pool), await _proven_micros(proven)) == before
    assert (await proven.prove(piece=2)).transactions == 15, "and the next one has its turn"


async def test_no_other_worker_comes_between_pieces(proven: Proven) -> None:
    await _minutes_of_everything(proven)
    others = []

    async def other() -> None:
        others.append(await go_on(proven.pool, proven.now))

    assert (await proven.prove(piece=2, pace=Meanwhile(happens=other))).problems == ()
    assert set(others) == {None}
    assert len(others) > 3


async def test_what_is_archived_between_pieces_is_not_counted_twice(proven: Proven) -> None:
    """A run that reads everything finds nothing out then, and the next one does. What is new is never archived."""
    await _minutes_of_everything(proven)

    async def archive() -> None:
        await proven.damage(
            "INSERT INTO archive_batch (book_id, number, completed_before, first_id, last_id, transactions, digest,"
            " archived_at) SELECT $1, coalesce(max(number), 0) + 1, now(), '0', '0', 1, sha256('x'), now()"
            " FROM archive_batch",
            proven.shop.book_id,
        )

    await proven.damage("DELETE FROM running_proof")
    proven.shop.clock.forward(minutes=5)
    assert await go_on(proven.pool, proven.now, piece=2, pace=Meanwhile(happens=archive)) is None
    assert await last_proof(proven.pool) is None
    assert (await proven.prove(piece=2)).problems == ()
    await _minutes_of_everything(proven)
    assert (await proven.prove(piece=2, pace=Meanwhile(happens=archive))).problems == ()


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (SAYS_MORE, "balances_follow_from_transfers"),
        (OWN_FORGOTTEN, "own_transfers_are_of_payments"),
        (OWN_TWICE, "own_transfers_are_of_payments"),
        (EARLY, "time_goes_on"),
        (REFERENCE_GONE, "references_are_spent_once"),
    ],
)
@pytest.mark.parametrize("at", [0, 3, 8])
async def test_a_hand_in_any_piece_is_found(proven: Proven, damage: str, check: str, at: int) -> None:
    await proven.shop.own_transfers(on=True)
    paid = []
    for _ in range(9):
        paid.append(await proven.pay("0.50"))
        proven.shop.clock.forward(seconds=5)
    await proven.damage(damage, paid[at])
    proof = await proven.prove(piece=2)
    assert check in {problem.partition(":")[0] for problem in proof.problems}
    assert {*(await proven.prove()).problems} == {*proof.problems}, "and all of it is read again"


async def test_what_is_too_new_and_too_much_is_added_up_and_looked_at_later(proven: Proven) -> None:
    await proven.shop.own_transfers(on=True)
    paid = [await proven.pay("0.50") for _ in range(5)]
    await proven.damage(REFERENCE_GONE, paid[2])
    proof = await go_on(proven.pool, proven.now, piece=2)
    assert proof is not None
    assert (proof.transactions, proof.unexplained_micros, proof.problems) == (0, 0, ())
    await proven.damage(BALANCE_GROWS, proven.buyer.instrument)
    proof = await go_on(proven.pool, proven.now, piece=2)
    assert proof is not None
    assert proof.unexplained_micros == 7, "balances are held against all that there is"
    await proven.damage(BALANCE_GROWS.replace("- 7", "+ 7"), proven.buyer.instrument)
    assert "references_are_spent_once" in (await proven.prove(piece=2)).problems[0]


async def test_an_instrument_that_says_another_account_is_its_own(proven: Proven) -> None:
    """The other account is looked at, too."""
    other = await proven.shop.funded_buyer("10.00")
    await proven.prove()
    await proven.shop.own_transfers(on=True)
    await proven.pay()
    await proven.damage(BALANCE_GROWS, other.instrument)
    assert (await proven.prove()).unexplained_micros == 0, "it did not move"
    await proven.pay()
    await proven.damage(
        "UPDATE instrument SET account_id = (SELECT account_id FROM account WHERE subject = $2)"
        " WHERE instrument_id = $1",
        proven.buyer.instrument,
        other.instrument,
    )
    assert (await proven.prove()).unexplained_micros == 7


async def test_a_pace_rests_in_proportion() -> None:
    pace = Pace(share=0.25)
    for _ in range(2):
        before = pace.worked_seconds
        with pace.work():
            await asyncio.sleep(0.001)
        assert pace.rest_seconds == pytest.approx(3 * (pace.worked_seconds - before))
        await pace.rest()
        assert pace.rest_seconds == 0
    with pytest.raises(ValueError, match="off"), pace.work():
        raise ValueError("off")
    assert pace.rest_seconds > 0, "work that fails is work"
    hurried = Pace()
    with hurried.work():
        await asyncio.sleep(0.001)
    assert (hurried.worked_seconds > 0, hurried.rest_seconds) == (True, 0)
