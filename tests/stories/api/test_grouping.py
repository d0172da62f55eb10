"""Many calls at once over HTTP share commits, and none is lost."""

import asyncio

from tests.support.shop import Shop, usd


async def test_two_hundred_payments_at_once_take_far_fewer_commits(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00", limit="25.00")
    statistics = shop.service.committer.statistics
    groups, commands = statistics.groups, statistics.commands

    answers = await asyncio.gather(*(shop.pay(buyer, "0.06") for _ in range(200)))

    paid = [answer for answer in answers if answer.code is None]
    assert len(paid) == 166  # 9.96 of 10.00: the ceiling is hard
    assert {answer.code for answer in answers} == {None, "InsufficientBalance"}
    assert len({answer.value("TransactionId") for answer in paid}) == 166
    assert await shop.balance(buyer) == usd("0.04")
    assert statistics.commands - commands == 200
    assert statistics.groups - groups <= 100
