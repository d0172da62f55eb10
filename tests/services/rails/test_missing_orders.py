"""Orders that a rail never got: they end, once it is certain, and nothing is ever sent a second time."""

from __future__ import annotations

import secrets
from datetime import timedelta

from tests.services.rails.at_rails import OtherRail, card_is, funding, paid_at, rows, worker_of
from tests.store.direct import status
from tests.support.books import Books

from tallystick.domain.commands import Method
from tallystick.domain.ids import TransactionId
from tallystick.domain.outcomes import Accepted, Done
from tallystick.domain.rails.commands import Declined, Paid, ReturnCharge
from tallystick.processors.rail import RailAnswer, RailOrder, StillPending, Unknown
from tallystick.services.rails.orders import MISSING_FOR
from tallystick.store.queries import stuck_work


class SilentRail(OtherRail):
    """No order ever reaches it."""

    async def perform(self, order: RailOrder) -> RailAnswer:
        self.performed.append(order)
        raise TimeoutError


def silent() -> SilentRail:
    rail = SilentRail()
    rail.name = f"silent-{secrets.token_hex(4)}"  # what it is asked is of no concern to other tests
    return rail


async def looked_in_vain(shop: Books, rail: OtherRail, transaction_id: TransactionId) -> None:
    """Until the key may be forgotten, and the rail has said for the first time that it has no such order."""
    worker = worker_of(shop, rail)
    await worker.ask_rails()
    shop.clock.forward(days=2)
    rail.answers = [Unknown()]
    await worker.ask_rails()
    assert (await status(shop, transaction_id))[0] == "Pending", "nothing is guessed"


async def pass_by_the_servers_clock(shop: Books, transaction_id: TransactionId, time: timedelta) -> None:
    await shop.pool.execute(
        "UPDATE rail_request SET missing_since = (missing_since AT TIME ZONE 'UTC' - $2::interval) AT TIME ZONE 'UTC'"
        " WHERE transaction_id = $1",
        transaction_id,
        time,
    )


async def look_again(shop: Books, rail: OtherRail) -> None:
    shop.clock.forward(seconds=3600)
    rail.answers = [Unknown()]
    await worker_of(shop, rail).ask_rails()


async def test_a_charge_that_never_arrived_ends_once_it_is_certain(shop: Books) -> None:
    rail = silent()
    opened = await funding(shop, rail=rail.name)
    await looked_in_vain(shop, rail, opened)
    await pass_by_the_servers_clock(shop, opened, MISSING_FOR - timedelta(hours=1))
    await look_again(shop, rail)
    assert await status(shop, opened) == ("Pending", "PendingNetworkResponse")

    await pass_by_the_servers_clock(shop, opened, timedelta(hours=1))
    await look_again(shop, rail)

    assert await status(shop, opened) == ("Failure", "TemporaryDecline")
    assert len(rail.performed) == 1
    assert (await rows(shop, opened))["charge"].decline == "not_received"
    waiting = await shop.pool.fetchval("SELECT count(*) FROM rail_request WHERE transaction_id = $1", opened)
    assert waiting == 0


async def test_a_clock_that_leaps_ends_nothing(shop: Books) -> None:
    """Only the server's clock counts, which no process sets: by the worker's own, years have passed."""
    rail = silent()
    opened = await funding(shop, rail=rail.name)
    await looked_in_vain(shop, rail, opened)
    shop.clock.forward(days=1000)
    await look_again(shop, rail)

    assert await status(shop, opened) == ("Pending", "PendingNetworkResponse")
    assert len(rail.performed) == 1


async def test_what_is_sent_once_more_is_missing_from_then_on_alone(shop: Books) -> None:
    """It was looked for by a clock that was ahead, and is right again: what was just sent may be on its way."""
    rail = silent()
    opened = await funding(shop, rail=rail.name)
    await looked_in_vain(shop, rail, opened)
    shop.clock.forward(seconds=-int(timedelta(days=2).total_seconds()) + 60)
    assert await stuck_work.ask_again(shop.pool, shop.book_id, opened, shop.clock())
    await worker_of(shop, rail).ask_rails()
    assert len(rail.performed) == 2
    await pass_by_the_servers_clock(shop, opened, 2 * MISSING_FOR)

    shop.clock.forward(days=1)
    await look_again(shop, rail)

    assert await status(shop, opened) == ("Pending", "PendingNetworkResponse")
    await pass_by_the_servers_clock(shop, opened, MISSING_FOR)
    await look_again(shop, rail)
    assert await status(shop, opened) == ("Failure", "TemporaryDecline")


async def test_what_turns_up_after_all_is_paid(shop: Books) -> None:
    rail = silent()
    opened = await funding(shop, rail=rail.name)
    await looked_in_vain(shop, rail, opened)
    await pass_by_the_servers_clock(shop, opened, 2 * MISSING_FOR)
    shop.clock.forward(seconds=3600)
    rail.answers = [Paid(f"late_{opened}", 0)]
    await worker_of(shop, rail).ask_rails()

    assert await status(shop, opened) == ("Success", "Success")


async def test_what_the_rail_had_a_name_for_is_never_taken_for_missing(shop: Books) -> None:
    """Somebody has set another address or account: that says nothing about the order."""
    rail = OtherRail(answers=[StillPending(timedelta(seconds=30), f"there_{secrets.token_hex(4)}")])
    rail.name = f"named-{secrets.token_hex(4)}"
    opened = await funding(shop, rail=rail.name)
    await looked_in_vain(shop, rail, opened)
    await pass_by_the_servers_clock(shop, opened, 2 * MISSING_FOR)
    await look_again(shop, rail)

    assert await status(shop, opened) == ("Pending", "PendingNetworkResponse")


async def test_a_refund_that_never_arrived_is_booked_back(shop: Books) -> None:
    rail = OtherRail()
    rail.name = f"half-{secrets.token_hex(4)}"
    _, paid, _ = await paid_at(shop, rail, "a card")
    cash = await shop.total("cash")
    refund = await shop.refund(paid.transaction_id, "3.00")
    assert isinstance(refund, Accepted)
    broken = silent()
    broken.name = rail.name
    await looked_in_vain(shop, broken, refund.transaction_id)
    await pass_by_the_servers_clock(shop, refund.transaction_id, MISSING_FOR)
    await look_again(shop, broken)

    assert await status(shop, refund.transaction_id) == ("Failure", "TemporaryDecline")
    assert await shop.total("cash") == cash


async def test_what_is_to_be_given_back_waits_for_people(shop: Books) -> None:
    """The buyer was charged: that nothing was given back is no end."""
    rail = silent()
    buyer = await shop.sender_token(Method.CC)
    await card_is(shop, buyer, rail.name, "a card")
    opened = await shop.pay(buyer, "8.00")
    assert isinstance(opened, Accepted)
    await shop.resolve(opened.transaction_id, Declined("TransactionDenied", "no"))
    assert await shop.perform(ReturnCharge(opened.transaction_id)) == Done()
    worker = worker_of(shop, rail)
    await worker.ask_rails()
    shop.clock.forward(days=2)
    rail.answers = [Unknown()]
    await worker.ask_rails()
    await pass_by_the_servers_clock(shop, opened.transaction_id, 2 * MISSING_FOR)
    await look_again(shop, rail)

    error = await shop.pool.fetchval(
        "SELECT last_error FROM rail_request WHERE transaction_id = $1", opened.transaction_id
    )
    assert "the rail has no such order" in str(error)
