"""A rail's event only hints at a dispute: what the rail says of it when it is asked is what is booked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from tests.store.ledger.test_disputes import LOST, OPENED, WON, Shop, shop_of
from tests.support.books import Books

from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.ids import TransactionId
from tallystick.domain.rails.commands import RailOperation
from tallystick.processors.rail import DisputeFound, idempotency_key
from tallystick.processors.simulated import SimulatedRail
from tallystick.services.disputes import sandbox
from tallystick.services.disputes.hints import follow_dispute
from tallystick.services.disputes.news import UnknownChargeError
from tallystick.services.operations.audit import Actor
from tallystick.store.ledger.create_book import SIMULATED_RAIL
from tallystick.store.queries import disputes
from tallystick.store.rails import rail_operations

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


async def rail_that_says(
    shop: Shop, charge: TransactionId, status: DisputeStatus, currency: str = "usd", *, name: str | None = None
) -> DisputingRail:
    """`name`: what the rail calls the disputed charge; None: as it called it when it was asked."""
    books = shop.books
    key = idempotency_key(charge, RailOperation.CHARGE)
    due = books.clock() + timedelta(days=7)
    [asked] = await rail_operations.of_transaction(books.pool, books.book_id, charge)
    found = DisputeFound(
        f"dp of {charge}", name or str(asked.reference), status, 10 * UNITS, 15 * UNITS, currency, due, key
    )
    return DisputingRail(books.pool, books.clock, timedelta(0), faults=False, says=found)


@asynccontextmanager
async def asked_of(rail: str, shop: Shop, charge: TransactionId) -> AsyncIterator[None]:
    """Meanwhile it is as if another rail had been asked for the charge."""
    update = "UPDATE rail_operation SET rail = $3 WHERE book_id = $1 AND transaction_id = $2"
    await shop.books.pool.execute(update, shop.books.book_id, charge, rail)
    yield
    await shop.books.pool.execute(update, shop.books.book_id, charge, SIMULATED_RAIL)


async def test_what_the_rail_says_is_booked_once(disputed: Shop) -> None:
    _, charge = await disputed.funded("10.00")
    names = {
        await follow_dispute(
            disputed.service, await rail_that_says(disputed, charge, status), f"dp of {charge}", "sandbox"
        )
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
    rail = await rail_that_says(disputed, charge, OPENED)
    assert await follow_dispute(disputed.service, rail, "another", "sandbox") is None
    with pytest.raises(UnknownChargeError):
        await follow_dispute(
            disputed.service, await rail_that_says(disputed, charge, OPENED, "EUR"), f"dp of {charge}", "sandbox"
        )
    assert await disputed.account("in_dispute") == 0


async def test_a_key_alone_disputes_no_charge_of_another_rail_name_or_environment(disputed: Shop) -> None:
    """Whoever writes to a rail's records could copy a key there, also from live books to a provider's test mode."""
    _, charge = await disputed.funded("10.00")
    copied = await rail_that_says(disputed, charge, LOST, name="ch_of_somebody_else")
    with pytest.raises(UnknownChargeError):
        await follow_dispute(disputed.service, copied, f"dp of {charge}", "sandbox")
    known = await rail_that_says(disputed, charge, LOST)
    with pytest.raises(UnknownChargeError):
        await follow_dispute(disputed.service, known, f"dp of {charge}", "live")
    async with asked_of("other", disputed, charge):
        with pytest.raises(UnknownChargeError):
            await follow_dispute(disputed.service, known, f"dp of {charge}", "sandbox")
    assert await disputed.account("dispute_losses") == 0


async def test_a_charge_whose_name_was_never_told_is_found_by_its_key(disputed: Shop) -> None:
    _, charge = await disputed.funded("10.00")
    rail = await rail_that_says(disputed, charge, LOST)
    await disputed.books.pool.execute("UPDATE rail_operation SET reference = NULL WHERE transaction_id = $1", charge)

    assert await follow_dispute(disputed.service, rail, f"dp of {charge}", "sandbox") is not None

    assert await disputed.account("dispute_losses") == 0, "all of it was still on the balance"
    assert await disputed.problems() == {}


async def test_the_simulated_bank_decides_nothing_of_another_rail(disputed: Shop) -> None:
    _, charge = await disputed.funded("10.00")
    async with asked_of("other", disputed, charge):
        with pytest.raises(UnknownChargeError, match="went through other"):
            await sandbox.move(disputed.service, Actor(None), charge, OPENED)
    assert await disputed.account("in_dispute") == 0
