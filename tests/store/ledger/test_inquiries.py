"""Inquiries, with which some banks begin: they become disputes, and each change is booked and written about once."""

from __future__ import annotations

import pytest
from tests.store.ledger.test_disputes import DUE, LOST, OPENED, UNITS, WON, Shop, disputed
from tests.support.books import Books

from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.ids import TransactionId
from tallystick.services.disputes.letters import write_letters
from tallystick.store.queries import disputes

__all__ = ["disputed"]


async def untold(shop: Books, dispute: TransactionId) -> bool:
    """Whether a letter about it is due; other tests' letters are written, too."""
    return dispute in {name for _, name in await disputes.untold(shop.pool, 10_000)}


async def write(disputed: Shop, dispute: TransactionId) -> bool:
    """Write what letters are due; whether one was about this dispute."""
    due = await untold(disputed.books, dispute)
    while await untold(disputed.books, dispute):
        await write_letters(disputed.service)
    return due


async def test_an_inquiry_that_becomes_a_dispute_is_booked_at_once(disputed: Shop) -> None:
    """The bank wants an answer before and after: nothing but amount and fee say that it is a dispute now."""
    _, charge = await disputed.funded("40.00")
    cash = await disputed.account("cash")
    dispute = await disputed.tell(charge, DUE, "10.00", "0.00")
    assert await disputed.account("cash") == cash - 10 * UNITS
    assert await write(disputed, dispute)

    assert await disputed.tell(charge, DUE, "12.00", "15.00") == dispute

    assert await disputed.account("in_dispute") == 12 * UNITS
    assert await disputed.account("dispute_fees") == 15 * UNITS
    assert await disputed.account("cash") == cash - 27 * UNITS
    assert await write(disputed, dispute), "with the amounts of now"
    assert not await write(disputed, dispute)
    await disputed.tell(charge, DUE, "12.00", "15.00")
    assert not await write(disputed, dispute), "nothing is new"
    assert await disputed.problems() == {}


async def test_the_letter_names_the_amounts_of_now(disputed: Shop) -> None:
    _, charge = await disputed.funded("40.00")
    await disputed.tell(charge, DUE, "10.00", "0.00")
    dispute = await disputed.tell(charge, DUE, "12.00", "15.00")
    await write(disputed, dispute)

    found = await disputes.find(disputed.books.pool, disputed.books.book_id, dispute)
    assert found is not None
    assert (found.asked_micros, found.claimed_micros, found.fee_micros) == (12 * UNITS, 12 * UNITS, 15 * UNITS)


@pytest.mark.parametrize(
    ("first", "late"), [(DUE, OPENED), (LOST, OPENED), (LOST, DUE), (WON, DUE)], ids=lambda status: status.value
)
async def test_what_is_told_late_is_no_news(disputed: Shop, first: DisputeStatus, late: DisputeStatus) -> None:
    _, charge = await disputed.funded("40.00")
    dispute = await disputed.tell(charge, first, "10.00")
    assert await write(disputed, dispute)

    await disputed.tell(charge, late, "10.00")

    assert not await untold(disputed.books, dispute)


async def test_what_follows_in_order_is_news_each_time(disputed: Shop) -> None:
    _, charge = await disputed.funded("40.00")
    for status in (OPENED, DUE, LOST):
        dispute = await disputed.tell(charge, status, "10.00")
        assert await write(disputed, dispute), status


async def test_after_the_end_another_amount_changes_nothing(disputed: Shop) -> None:
    _, charge = await disputed.funded("40.00")
    dispute = await disputed.tell(charge, LOST, "10.00", "15.00")
    losses = await disputed.account("dispute_losses")

    assert await disputed.tell(charge, LOST, "20.00", "0.00") == dispute

    assert await disputed.account("dispute_losses") == losses
    assert await disputed.problems() == {}
