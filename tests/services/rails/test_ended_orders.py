"""Orders that people end by hand: only what the rail does not have and can never get, with the books as they should."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.services.rails.at_rails import OtherRail, card_is, funding, paid_at, rows, service_of, worker_of
from tests.services.rails.test_missing_orders import SilentRail, silent
from tests.store.direct import status
from tests.support.books import Books

from tallystick.domain.commands import Cancel, Method, Settle
from tallystick.domain.ids import TransactionId
from tallystick.domain.outcomes import Accepted, Done
from tallystick.domain.rails.commands import Declined, Paid, RailOperation, ReturnCharge
from tallystick.domain.refusals import Refused
from tallystick.processors.rail import RailAnswer, StillPending, Unknown
from tallystick.services.operations.audit import Actor
from tallystick.services.rails import ended_orders
from tallystick.services.rails.ended_orders import RailOrderStateError

SOMEBODY = Actor.command("ops")


async def end(shop: Books, rail: OtherRail, transaction_id: TransactionId, *answers: RailAnswer | Unknown) -> None:
    (order,) = await ended_orders.waiting(service_of(shop, rail), transaction_id)
    rail.answers = list(answers)
    await ended_orders.end(service_of(shop, rail), SOMEBODY, order, "Their support has looked for it")


async def waits(shop: Books, transaction_id: TransactionId) -> int:
    return len(await ended_orders.waiting(service_of(shop, silent()), transaction_id))


async def audited(shop: Books, transaction_id: TransactionId) -> list[dict[str, str]]:
    found = await shop.pool.fetch(
        "SELECT details FROM audit_entry WHERE action = 'rail.end_order' AND subject = $1", transaction_id
    )
    return [row["details"] for row in found]


async def sent_in_vain(shop: Books, rail: SilentRail) -> TransactionId:
    opened = await funding(shop, rail=rail.name)
    await worker_of(shop, rail).ask_rails()
    return opened


async def to_be_given_back(shop: Books, rail: SilentRail) -> TransactionId:
    buyer = await shop.sender_token(Method.CC)
    await card_is(shop, buyer, rail.name, "a card")
    opened = await shop.pay(buyer, "8.00")
    assert isinstance(opened, Accepted)
    await shop.resolve(opened.transaction_id, Declined("TransactionDenied", "no"))
    assert await shop.perform(ReturnCharge(opened.transaction_id)) == Done()
    await worker_of(shop, rail).ask_rails()
    return opened.transaction_id


async def test_a_charge_that_never_arrived_fails(shop: Books) -> None:
    rail = silent()
    opened = await sent_in_vain(shop, rail)
    shop.clock.forward(days=2)

    await end(shop, rail, opened, Unknown())

    assert await status(shop, opened) == ("Failure", "TemporaryDecline")
    assert (await rows(shop, opened))["charge"].decline == "not_received"
    assert await waits(shop, opened) == 0
    assert await audited(shop, opened) == [
        {
            "operation": "charge",
            "rail": rail.name,
            "reason": "Their support has looked for it",
            "machine_user": "ops",
        }
    ]


async def test_what_may_still_be_sent_goes_on(shop: Books) -> None:
    rail = silent()
    unsent = await funding(shop, rail=rail.name)
    sent = await sent_in_vain(shop, rail)
    for opened in (unsent, sent):
        with pytest.raises(RailOrderStateError, match="may still be sent"):
            await end(shop, rail, opened, Unknown())
        assert (await status(shop, opened))[0] == "Pending"
        assert await audited(shop, opened) == []
    assert rail.looked_for == []


@pytest.mark.parametrize("answer", [Paid("there_1", 0), StillPending(timedelta(hours=1)), Declined("X", "no")])
async def test_what_the_rail_has_goes_on(shop: Books, answer: RailAnswer) -> None:
    rail = silent()
    opened = await sent_in_vain(shop, rail)
    shop.clock.forward(days=2)
    with pytest.raises(RailOrderStateError, match="the rail has it"):
        await end(shop, rail, opened, answer)
    assert (await status(shop, opened))[0] == "Pending"
    assert await waits(shop, opened) == 1


async def test_what_the_rail_had_a_name_for_goes_on(shop: Books) -> None:
    """Another account may be set up; the order is in the old one."""
    rail = silent()
    opened = await sent_in_vain(shop, rail)
    await shop.pool.execute("UPDATE rail_operation SET reference = 'pi_1' || $1 WHERE transaction_id = $1", opened)
    shop.clock.forward(days=2)
    with pytest.raises(RailOrderStateError, match="another account"):
        await end(shop, rail, opened, Unknown())
    assert (await status(shop, opened))[0] == "Pending"


async def test_a_rail_that_does_not_answer_ends_nothing(shop: Books) -> None:
    rail = silent()
    opened = await sent_in_vain(shop, rail)
    shop.clock.forward(days=2)
    with pytest.raises(RailOrderStateError, match="did not say"):
        await end(shop, rail, opened)  # it fails
    other = OtherRail()
    (order,) = await ended_orders.waiting(service_of(shop, other), opened)
    with pytest.raises(RailOrderStateError, match="cannot be looked at"):
        await ended_orders.end(service_of(shop, other), SOMEBODY, order, "It is off")
    assert (await status(shop, opened))[0] == "Pending"


async def test_whoever_comes_second_ends_nothing(shop: Books) -> None:
    rail = silent()
    opened = await sent_in_vain(shop, rail)
    shop.clock.forward(days=2)
    (order,) = await ended_orders.waiting(service_of(shop, rail), opened)
    rail.answers = [Unknown()]
    await ended_orders.end(service_of(shop, rail), SOMEBODY, order, "Once")
    with pytest.raises(RailOrderStateError, match="has its answer"):
        await ended_orders.end(service_of(shop, rail), SOMEBODY, order, "Twice")
    assert [one["reason"] for one in await audited(shop, opened)] == ["Once"]


@pytest.mark.parametrize("answer", [Unknown(), Declined("TransactionDenied", "The card takes no money.", "declined")])
async def test_what_cannot_be_given_back_ends(shop: Books, answer: RailAnswer | Unknown) -> None:
    """It was given back otherwise: a transaction that is over stays as it is."""
    rail = silent()
    opened = await to_be_given_back(shop, rail)
    before = await status(shop, opened)
    shop.clock.forward(days=2)

    await end(shop, rail, opened, answer)

    assert await status(shop, opened) == before
    assert await waits(shop, opened) == 0
    assert [one["operation"] for one in await audited(shop, opened)] == ["return"]
    assert await shop.perform(ReturnCharge(opened)) == Done()
    assert await waits(shop, opened) == 0, "it is asked for once"


async def test_a_refund_that_never_arrived_is_booked_back(shop: Books) -> None:
    rail = OtherRail()
    rail.name = silent().name
    _, paid, _ = await paid_at(shop, rail, "a card")
    cash = await shop.total("cash")
    refund = await shop.refund(paid.transaction_id, "3.00")
    assert isinstance(refund, Accepted)
    broken = silent()
    broken.name = rail.name
    await worker_of(shop, broken).ask_rails()
    shop.clock.forward(days=2)

    await end(shop, broken, refund.transaction_id, Unknown())

    assert (await status(shop, refund.transaction_id))[0] == "Failure"
    assert await shop.total("cash") == cash


@pytest.mark.parametrize("what", [RailOperation.CAPTURE, RailOperation.VOID])
async def test_what_follows_a_hold_ends(shop: Books, what: RailOperation) -> None:
    rail = OtherRail()
    rail.name = silent().name
    buyer = await shop.sender_token(Method.CC)
    await card_is(shop, buyer, rail.name, "a card")
    held = await shop.reserve(buyer, "8.00")
    assert isinstance(held, Accepted)
    await worker_of(shop, rail).ask_rails()
    assert (await status(shop, held.transaction_id))[0] == "Reserved"
    opened = held.transaction_id
    follows = Settle(opened, None) if what is RailOperation.CAPTURE else Cancel(opened)
    assert not isinstance(await shop.perform(follows), Refused)
    broken = silent()
    broken.name = rail.name
    await worker_of(shop, broken).ask_rails()
    shop.clock.forward(days=2)

    await end(shop, broken, held.transaction_id, Unknown())

    expected = "Failure" if what is RailOperation.CAPTURE else "Cancelled"
    assert (await status(shop, held.transaction_id))[0] == expected
    assert [one["operation"] for one in await audited(shop, held.transaction_id)] == [what.value]
    assert await waits(shop, held.transaction_id) == 0


async def test_what_is_no_transaction_waits_for_nothing(shop: Books) -> None:
    assert await ended_orders.waiting(service_of(shop, silent()), "x") == []
