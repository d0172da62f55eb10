"""A rail's event only hints at a dispute: what the rail says of it when it is asked is what is booked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from tests.store.ledger.test_disputes import LOST, OPENED, WON, Shop, shop_of
from tests.support.books import Books

from tallystick.domain.commands import RailOperation
from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.processors.rail import DisputeFound, idempotency_key
from tallystick.processors.simulated import SimulatedRail
from tallystick.services.disputes.hints import follow_dispute
from tallystick.services.disputes.news import UnknownChargeError
from tallystick.store.queries import disputes

UNITS = 1_000_000


@dataclass(frozen=True, slots=True)
class DisputingRail(SimulatedRail):
    """It says of each dispute what it was made to say."""

    says: DisputeFound | None = None

    async def find_dispute(self, reference: str) -> DisputeFound | None:
        return self.says if self.says is not None and self.says.reference == reference else None


@pytest.fixture
async def disputed(shop: Books) -> Shop:
    return shop_of(shop)


def rail_that_says(shop: Shop, charge: str, status: DisputeStatus, currency: str = "usd") -> DisputingRail:
    books = shop.books
    key = idempotency_key(charge, RailOperation.CHARGE)
    due = books.clock() + timedelta(days=7)
    found = DisputeFound(f"dp of {charge}", "ch_1", status, 10 * UNITS, 15 * UNITS, currency, due, key)
    return DisputingRail(books.pool, books.clock, timedelta(0), faults=False, says=found)


async def test_what_the_rail_says_is_booked_once(disputed: Shop) -> None:
    _, charge = await disputed.funded("10.00")
    names = {
        await follow_dispute(disputed.service, rail_that_says(disputed, charge, status), f"dp of {charge}", "sandbox")
        for status in (OPENED, OPENED, LOST, WON)
    }
    (name,) = names
    assert name is not None
    found = await disputes.find(disputed.books.pool, disputed.books.book_id, name)
    assert found is not None
    assert (found.status, found.claimed_micros, found.fee_micros) == (LOST, 10 * UNITS, 15 * UNITS)
    assert found.evidence_due_at is not None
    assert await disputed.problems() == {}


async def test_what_is_not_there_or_not_ours_is_left(disputed: Shop) -> None:
    _, charge = await disputed.funded("10.00")
    rail = rail_that_says(disputed, charge, OPENED)
    assert await follow_dispute(disputed.service, rail, "another", "sandbox") is None
    with pytest.raises(UnknownChargeError):
        await follow_dispute(
            disputed.service, rail_that_says(disputed, charge, OPENED, "EUR"), f"dp of {charge}", "sandbox"
        )
    assert await disputed.account("in_dispute") == 0
