from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta

import pytest
from tests.services.rails.at_rails import (
    EVENTS_KEY,
    OtherRail,
    funding,
    paid_at,
    rail_balance,
    rows,
    simulated,
    worker_of,
)
from tests.store.direct import status
from tests.support.books import Books

from tallystick.domain.commands import Method
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Done
from tallystick.domain.rails.commands import Declined, Paid, RailOperation, ReturnCharge
from tallystick.processors.rail import (
    HintKind,
    RailAnswer,
    RailHint,
    RailOrder,
    StillPending,
    Unknown,
)
from tallystick.processors.simulated import signed_event
from tallystick.processors.simulated_numbers import Behaviour, rail_token
from tallystick.services.rails import events
from tallystick.services.rails.orders import KEY_MARGIN, LOOK_ONCE_MORE
from tallystick.store.ledger.committer import Committer
from tallystick.store.queries import stuck_work
from tallystick.store.rails import rail_operations


async def test_what_the_rail_calls_an_order_and_keeps_of_it_stays_known(shop: Books) -> None:
    opened = await funding(shop)
    worker = worker_of(shop)
    await worker.step()
    pending = (await rows(shop, opened))["charge"]
    assert pending.reference is not None, "known as soon as the rail has said it"
    assert pending.fee_micros is None
    shop.clock.forward(seconds=5)
    await worker.step()

    assert await status(shop, opened) == ("Success", "Success")
    paid = (await rows(shop, opened))["charge"]
    assert (paid.rail, paid.reference) == ("simulated", pending.reference)
    assert paid.fee_micros == 590_000
    found = await rail_operations.by_reference(shop.pool, "simulated", str(pending.reference), "sandbox")
    assert found == paid
    assert await rail_operations.by_reference(shop.pool, "simulated", str(pending.reference), "live") is None


async def test_each_rail_has_its_own_account(shop: Books) -> None:
    """It is made with the first money that comes in there."""
    other = OtherRail(answers=[Paid("other_1", 20_000)])
    opened = await funding(shop, "7.00", rail="other")
    before = await rail_balance(shop, "other")

    await worker_of(shop, other).step()

    assert await status(shop, opened) == ("Success", "Success")
    assert await rail_balance(shop, "other") == before + parse_amount("7.00")
    assert [order.rail_token for order in other.performed] != []


async def test_a_payment_at_a_rail_that_is_not_on_waits(shop: Books) -> None:
    opened = await funding(shop, rail="gone")
    await worker_of(shop).step()

    assert await status(shop, opened) == ("Pending", "PendingNetworkResponse")
    error = await shop.pool.fetchval("SELECT last_error FROM rail_request WHERE transaction_id = $1", opened)
    assert error == "RailMissingError: the rail gone is not on for sandbox books"
    gone = OtherRail()
    gone.name = "gone"
    shop.clock.forward(seconds=2)
    await worker_of(shop, gone).step()
    assert await status(shop, opened) == ("Success", "Success")


async def test_a_refund_goes_where_the_payment_came_from(shop: Books) -> None:
    """Also when the authorization is paid from another card at another rail by then."""
    other = OtherRail()
    buyer, paid, worker = await paid_at(shop, other, "the first card")
    reference = (await rows(shop, paid.transaction_id))["charge"].reference
    newer = await shop.sender_token(Method.CC)
    await shop.pool.execute(
        "UPDATE token SET payment_method_id = (SELECT payment_method_id FROM payment_method WHERE party_id = $2)"
        " WHERE token_id = $1",
        buyer.spending,
        newer.party_id,
    )

    refund = await shop.refund(paid.transaction_id, "3.00")
    assert isinstance(refund, Accepted)
    await worker.step()

    assert await status(shop, refund.transaction_id) == ("Success", "Success")
    asked = other.performed[-1]
    assert (asked.operation, asked.rail_token) == (RailOperation.REFUND, "the first card")
    assert (asked.earlier_key, asked.earlier_reference) == (paid.transaction_id, reference)


async def test_an_order_with_a_reference_is_looked_up(shop: Books) -> None:
    """Asked again with its key, a rail would only repeat what it said first."""
    other = OtherRail(answers=[StillPending(timedelta(seconds=30), "other_9"), Paid("other_9", 0)])
    opened = await funding(shop, rail="other")
    worker = worker_of(shop, other)
    await worker.step()
    shop.clock.forward(seconds=30)
    await worker.step()

    assert await status(shop, opened) == ("Success", "Success")
    assert len(other.performed) == 1
    assert other.looked_for == [("other_9", opened)]


async def test_an_order_whose_key_may_be_forgotten_is_never_sent_again(shop: Books) -> None:
    class SilentRail(OtherRail):
        async def perform(self, order: RailOrder) -> RailAnswer:
            self.performed.append(order)
            raise TimeoutError

    other = SilentRail(answers=[Unknown(), Paid("other_late", 0)])
    opened = await funding(shop, rail="other")
    worker = worker_of(shop, other)
    await worker.step()
    assert len(other.performed) == 1
    shop.clock.forward(seconds=int((other.remembers_keys_for - KEY_MARGIN).total_seconds()) + 1)
    await worker.step()
    assert await status(shop, opened) == ("Pending", "PendingNetworkResponse"), "nothing is guessed"
    shop.clock.forward(seconds=3600)
    await worker.step()

    assert await status(shop, opened) == ("Success", "Success")
    assert len(other.performed) == 1
    assert other.looked_for == [(None, opened)] * 2


async def test_an_order_that_was_sent_by_a_clock_that_was_ahead_is_looked_for(shop: Books) -> None:
    """By the clock that is right again it was sent in the future: its key may be forgotten for all that one knows."""

    class SilentRail(OtherRail):
        async def perform(self, order: RailOrder) -> RailAnswer:
            self.performed.append(order)
            raise TimeoutError

    other = SilentRail(answers=[Paid("other_found", 0)])
    opened = await funding(shop, rail="other")
    worker = worker_of(shop, other)
    three_days = int(timedelta(days=3).total_seconds())
    shop.clock.forward(seconds=three_days)
    await worker.step()
    shop.clock.forward(seconds=-three_days)
    assert await stuck_work.ask_again(shop.pool, shop.book_id, opened, shop.clock())

    await worker.step()

    assert await status(shop, opened) == ("Success", "Success")
    assert (len(other.performed), other.looked_for) == (1, [(None, opened)])


async def test_what_is_paid_after_all_goes_back_and_shows(shop: Books) -> None:
    opened = await funding(shop, token=rail_token(Behaviour.LATE_SUCCESS, secrets.token_hex(8)))
    worker = worker_of(shop)
    before = await rail_balance(shop, "simulated")
    await worker.step()
    assert await status(shop, opened) == ("Failure", "TransactionDenied")

    shop.clock.forward(seconds=int(LOOK_ONCE_MORE.total_seconds()))
    for _ in range(3):
        await worker.step()
        shop.clock.forward(seconds=6)

    assert await status(shop, opened) == ("Failure", "TransactionDenied"), "it stays what the seller was told"
    known = await rows(shop, opened)
    assert set(known) == {"charge", "return"}
    assert known["return"].reference
    moved = [one async for one in simulated(shop).list_movements(shop.clock() - timedelta(days=1), shop.clock())]
    own = [one.amount_micros for one in moved if (one.idempotency_key or "").startswith(opened)]
    assert sorted(own) == [-10_000_000, 10_000_000]
    assert await rail_balance(shop, "simulated") == before


async def test_a_late_success_is_given_back_once(shop: Books) -> None:
    """The rail's own event and our own look find the same, in any order, any number of times."""
    opened = await funding(shop, token=rail_token(Behaviour.LATE_SUCCESS, secrets.token_hex(8)))
    worker = worker_of(shop)
    await worker.step()
    shop.clock.forward(seconds=6)
    reference = str((await rows(shop, opened))["charge"].reference)
    for number in range(2):
        hint = RailHint(f"{opened}-{number}", HintKind.ORDER, reference)
        assert await events.receive(worker.service, "simulated", *signed_event(EVENTS_KEY, hint))
    for _ in range(4):
        await worker.step()
        shop.clock.forward(seconds=1800)

    returns = await shop.pool.fetchval(
        "SELECT count(*) FROM simulated_charge WHERE idempotency_key = $1", f"{opened}.return"
    )
    assert returns == 1


@pytest.mark.parametrize("when", ["at once", "after it was given back"])
async def test_two_that_ask_for_the_same_return_ask_once(shop: Books, when: str) -> None:
    """The rail's event and our own look may both find the late success before either has asked."""
    other = OtherRail(answers=[Declined("TransactionDenied", "no", "generic_decline", reference="twice_7")])
    other.name = f"asked-{secrets.token_hex(4)}"  # what it is asked later is of no concern to other tests
    opened = await funding(shop, rail=other.name)
    worker = worker_of(shop, other)
    await worker.step()
    command = ReturnCharge(opened)
    if when == "at once":
        rival = Committer(shop.pool, shop.committer.rules, shop.clock)
        outcomes = await asyncio.gather(shop.perform(command), rival.perform(shop.book_id, command))
        await rival.close()
        assert list(outcomes) == [Done(), Done()]
        waiting = await shop.pool.fetchval("SELECT count(*) FROM rail_request WHERE transaction_id = $1", opened)
        assert waiting == 1
        await worker.step()
    else:
        for _ in range(2):
            assert await shop.perform(command) == Done()
            await worker.step()

    assert [order.operation for order in other.performed] == [RailOperation.CHARGE, RailOperation.RETURN]
    assert await shop.pool.fetchval("SELECT count(*) FROM rail_request WHERE transaction_id = $1", opened) == 0


async def test_a_return_that_the_rail_refuses_waits_for_a_person(shop: Books) -> None:
    answers: list[RailAnswer | Unknown] = [
        Declined("TransactionDenied", "no", "generic_decline", reference="other_7"),
        Paid("other_7", 0),
        Declined("TransactionDenied", "no", "declined"),
    ]
    other = OtherRail(answers=answers)
    opened = await funding(shop, rail="other")
    worker = worker_of(shop, other)
    await worker.step()
    shop.clock.forward(seconds=int(LOOK_ONCE_MORE.total_seconds()))
    await worker.step()
    await worker.step()

    waiting = await shop.pool.fetchrow(
        "SELECT operation, last_error FROM rail_request WHERE transaction_id = $1", opened
    )
    assert waiting is not None
    assert waiting["operation"] == "return"
    assert "see to it at the rail" in waiting["last_error"]
    assert other.performed[-1].earlier_reference == "other_7"

    shop.clock.forward(seconds=3600)
    await worker.step()
    assert (await rows(shop, opened))["return"].reference, "and is tried again"
