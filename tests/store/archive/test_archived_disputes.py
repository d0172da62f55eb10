"""Charges stay in the books as long as they are disputed; what is over leaves, and the proof goes on without it."""

from __future__ import annotations

import pytest
from tests.store.direct import taken, work
from tests.store.ledger.test_disputes import LOST, OPENED, WON, shop_of
from tests.store.past import Past

from tallystick.domain.commands import Method
from tallystick.domain.ids import TransactionId
from tallystick.services.disputes.news import UnknownChargeError
from tallystick.store.ledger.verify import verify

pytest.importorskip("pyarrow")


async def here(past: Past, *transactions: TransactionId) -> list[bool]:
    return [
        await past.pool.fetchval("SELECT EXISTS (SELECT FROM transaction WHERE transaction_id = $1)", one)
        for one in transactions
    ]


async def test_a_dispute_keeps_its_charge_until_it_is_over(past: Past) -> None:
    shop = shop_of(past.shop)
    buyer, charge = await shop.funded("10.00")
    taken(await past.shop.pay(buyer, "4.00"))
    await shop.funded("50.00")  # cash that covers all of it
    name = await shop.tell(charge, OPENED, "10.00", fee="15.00")
    past.shop.clock.forward(days=60)
    await past.archive()
    assert await here(past, charge, name) == [True, True]

    await shop.tell(charge, LOST, "10.00")
    past.shop.clock.forward(days=60)
    await past.archive()

    assert await here(past, charge, name) == [False, False]
    assert (await verify(past.pool)).problems == []
    assert (await past.checked()).problems == []
    with pytest.raises(UnknownChargeError):
        await shop.tell(charge, WON, "10.00")


async def test_what_is_not_paid_for_stays_too(past: Past) -> None:
    shop = shop_of(past.shop)
    card = await past.shop.sender_token(Method.CC)
    charge = taken(await past.shop.pay(card, "90.00"), "Pending")
    await work(past.shop)
    cash = await shop.account("cash")
    name = await shop.tell(charge, LOST, "90.00", fee=f"{cash // 1_000_000 + 15}.00")
    assert await shop.account("dues") < 0
    past.shop.clock.forward(days=60)

    await past.archive()

    assert await here(past, charge, name) == [True, True]
    assert (await verify(past.pool)).problems == []
