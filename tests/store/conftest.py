"""Shops with a past; after each test the books must balance."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.store.past import Past, accepted
from tests.support.books import OpenBooks

from tallystick.db.connections import Pool
from tallystick.domain.commands import Method


@pytest.fixture
async def past(own_pool: Pool, open_shop: OpenBooks, tmp_path: Path) -> Past:
    """A shop with a month behind it, in a database of its own: whoever archives, archives all books."""
    shop = await open_shop(own_pool)
    prepaid = await shop.funded_buyer("10.00")
    charge = accepted(await shop.pay(prepaid, "4.00", "order-1"))
    accepted(await shop.refund(charge, "1.00"))
    tab = await shop.postpaid_buyer(method=Method.ABT)
    await shop.deposit(tab, "50.00")
    for number in range(12):
        await shop.own_transfers(on=number % 2 == 0)  # both forms, which live side by side
        accepted(await shop.pay(tab, "2.00"))
    accepted(await shop.settle(tab, "10.00"))
    accepted(await shop.write_off(tab, "1.00"))
    card = await shop.sender_token(Method.ABT)
    await shop.deposit(card, "30.00")
    accepted(await shop.pay(card, "7.00"))
    shop.clock.forward(days=30)
    accepted(await shop.pay(prepaid, "0.50"))
    return Past(shop, tmp_path / "archive", prepaid, tab, card, charge)
