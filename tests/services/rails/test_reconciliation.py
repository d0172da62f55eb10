"""Reconciliation through the database: fees are booked once, what is off is named, `verify` knows what was booked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from tests.services.rails.reconciling import UNITS, Desk, ToldRail, findings
from tests.support.owner import connection_of_owner

from tallystick.domain.rails.reconciliation import FindingKind
from tallystick.processors.rail import MovementKind, RailMovement
from tallystick.processors.rails import Rails
from tallystick.services.rails.reconciliation import find, reconcile_if_due
from tallystick.store.ledger.verify import STATEMENTS


async def test_a_day_is_explained_and_its_fees_are_booked_once(desk: Desk) -> None:
    before = await desk.account("rail_fees")
    await desk.charged("10.00")
    await desk.charged("20.00")

    first = await desk.read()
    again = await desk.read()

    assert first.movements == 2
    assert first.findings == ()
    assert first.moved_micros == 30 * UNITS
    assert first.fees_micros > 0
    assert again == first
    assert await desk.account("rail_fees") - before == first.fees_micros, "the second reading books nothing"
    kept = await find(desk.service, "sandbox", "simulated", desk.clock().date())
    assert kept is not None
    assert kept.report == first


async def test_two_that_read_at_once_book_once(desk: Desk) -> None:
    before = await desk.account("rail_fees")
    for _ in range(3):
        await desk.charged("10.00")

    first, second = await asyncio.gather(desk.read(), desk.read())

    assert first == second
    assert await desk.account("rail_fees") - before == first.fees_micros


async def test_what_is_dropped_is_only_in_the_books(desk: Desk) -> None:
    await desk.charged("10.00")
    lost = await desk.charged("20.00")

    report = await desk.read(lambda told: [one for one in told if one.idempotency_key != lost])

    assert findings(report) == [(FindingKind.ONLY_HERE, lost, 20 * UNITS)]
    assert (await desk.read()).findings == (), "told after all, it is explained"


async def test_what_is_charged_twice_is_another_sum(desk: Desk) -> None:
    charge = await desk.charged("10.00")

    report = await desk.read(lambda told: [*told, *told, *(replace(one, movement_id="second") for one in told)])

    assert findings(report) == [(FindingKind.DIFFERENT, charge, 10 * UNITS)]


async def test_what_is_changed_later_is_named_and_booked_as_before(desk: Desk) -> None:
    before = await desk.account("rail_fees")
    await desk.charged("10.00")
    first = await desk.read()

    report = await desk.read(lambda told: [replace(one, fee_micros=one.fee_micros + UNITS) for one in told])

    assert [(kind, micros) for kind, _, micros in findings(report)] == [(FindingKind.CHANGED, UNITS)]
    assert await desk.account("rail_fees") - before == first.fees_micros
    assert [kind for kind, _, _ in findings(await desk.read(lambda _: []))] == [FindingKind.GONE]
    assert (await desk.read()).findings == ()


async def test_what_was_charged_by_hand_is_named_and_is_the_operators(desk: Desk) -> None:
    moment = desk.clock().astimezone(UTC)
    held, rail = await desk.account("suspense"), await desk.account("rail")
    by_hand = RailMovement("ch_by_hand", MovementKind.CHARGE, "ch_1", 7 * UNITS, 500_000, "USD", moment)
    part = RailMovement("re_by_hand", MovementKind.REFUND, "re_1", -2 * UNITS, 0, "USD", moment, None, "ch_1")

    for _ in range(2):
        report = await desk.read(lambda told: [*told, by_hand, part])

        assert findings(report) == [(FindingKind.BY_HAND, "ch_by_hand", 0), (FindingKind.BY_HAND, "re_by_hand", 0)]
        assert report.unexplained_micros == 0
        assert report.moved_micros == 5 * UNITS
        assert report.fees_micros == 500_000, "the rail kept its fee all the same"
        assert await desk.account("suspense") - held == -5 * UNITS
        assert await desk.account("rail") - rail == 5 * UNITS - 500_000


async def test_what_was_found_to_be_nobodys_stays_so(desk: Desk) -> None:
    """It is booked: were it taken for one of ours later, the rail's account would have it twice."""
    charge = await desk.charged("10.00")
    stranger = lambda told: [replace(one, idempotency_key=None, reference="pi_unknown") for one in told]  # noqa: E731
    first = await desk.read(stranger)

    again = await desk.read()

    name = f"sim_mv_{charge}"
    assert findings(first) == [(FindingKind.BY_HAND, name, 0), (FindingKind.ONLY_HERE, charge, 10 * UNITS)]
    assert findings(again) == findings(first), "the charge in the books is what people have to look at"


async def test_what_goes_to_the_bank_leaves_the_rail(desk: Desk) -> None:
    rail, bank = await desk.account("rail"), await desk.account("bank")
    moment = desk.clock().astimezone(UTC)
    sent = RailMovement("po_1", MovementKind.PAYOUT, "po_1", -3 * UNITS, 0, "USD", moment)
    back = RailMovement("po_2", MovementKind.PAYOUT, "po_1", 1 * UNITS, 0, "USD", moment)

    report = await desk.read(lambda _: [sent, back])

    assert report.findings == ()
    assert report.bank_micros == 2 * UNITS
    assert await desk.account("bank") - bank == 2 * UNITS
    assert await desk.account("rail") - rail == -2 * UNITS


async def test_yesterday_is_read_once_and_again_while_it_is_not_explained(desk: Desk) -> None:
    lost = await desk.charged("10.00")
    rail = ToldRail(desk.service, lambda told: [one for one in told if one.idempotency_key != lost])
    rails = Rails((rail,), {})
    await desk.read(rail.spoil)
    desk.clock.forward(days=1, hours=3)

    assert await reconcile_if_due(desk.service, rails) == 0, "its day was read, by hand"
    desk.clock.forward(days=1)
    rail.spoil = list
    assert await reconcile_if_due(desk.service, rails) == 1
    assert await reconcile_if_due(desk.service, rails) == 0

    since, until = rail.asked[-1]
    assert until - since == timedelta(days=2), "the day that was open, and the one that was not read"


async def test_a_rail_that_fails_stops_no_other(desk: Desk) -> None:
    def fails(_: Sequence[RailMovement]) -> list[RailMovement]:
        raise OSError("no answer")

    failing, working = ToldRail(desk.service, fails), ToldRail(desk.service)
    failing.name = "failing"

    assert await reconcile_if_due(desk.service, Rails((failing, working), {})) == 1


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE rail_booking SET amount_micros = amount_micros + 1 WHERE movement_id = $1",
        "DELETE FROM rail_booking WHERE movement_id = $1",
        "UPDATE rail_booking SET transaction_id = 'gone' WHERE movement_id = $1",
    ],
)
async def test_verify_sees_a_booking_that_is_not_what_was_moved(desk: Desk, damage: str) -> None:
    charge = await desk.charged("10.00")
    await desk.read()
    name = await desk.service.pool.fetchval("SELECT movement_id FROM rail_movement WHERE transaction_id = $1", charge)
    async with connection_of_owner(desk.service.pool) as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(damage, name)
        rows = await connection.fetch(STATEMENTS["rail_movements_are_booked"])
        await transaction.rollback()

    assert rows
