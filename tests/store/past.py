"""A shop with history to archive, and what the archive's tests ask about it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.support.books import Books, Buyer, OpenBooks

from tallystick.db.connections import Pool
from tallystick.domain.commands import Marketplace, Method, Pay, TokenTerms
from tallystick.domain.ids import TokenId, TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.store.archive import archive as archiving
from tallystick.store.archive.archive import ArchivedBatch
from tallystick.store.archive.check import ArchiveReport, check
from tallystick.store.ledger.verify import verify
from tallystick.store.queries import figures
from tallystick.store.queries.figures import NONE, Sum


@dataclass
class Past:
    """A shop with a month behind it."""

    shop: Books
    root: Path
    prepaid: Buyer
    tab: Buyer
    card: Buyer
    charge: TransactionId

    @property
    def pool(self) -> Pool:
        return self.shop.pool

    async def archive(self, days: int = 20, maximum: int = 100) -> list[ArchivedBatch]:
        async with self.running(days, maximum) as run:
            return [moved async for moved in run]

    def running(self, days: int = 20, maximum: int = 100) -> aclosing[AsyncGenerator[ArchivedBatch]]:
        """A run that is taken batch by batch."""
        now = self.shop.clock()
        return aclosing(archiving.archive(self.pool, self.root, now - timedelta(days=days), now, maximum))

    async def checked(self) -> ArchiveReport:
        return await check(self.pool, self.root)

    async def assert_proven(self) -> None:
        assert (await verify(self.pool)).problems == []
        assert (await self.checked()).problems == []


def accepted(outcome: Outcome) -> TransactionId:
    assert isinstance(outcome, Accepted), outcome
    return outcome.transaction_id


async def paid_through(past: Past, open_shop: OpenBooks, money: str) -> tuple[Books, TokenId, Buyer]:
    """Another shop that may be paid through this one, by which token, and somebody with so much money to pay it."""
    other = await open_shop(past.pool)
    other.clock = past.shop.clock
    token = await past.shop.recipient_token(other, TokenTerms())
    buyer = await past.shop.sender_token(Method.ABT)
    await past.shop.deposit(buyer, money)
    return other, token, buyer


async def pay_other(shop: Books, buyer: Buyer, token: TokenId) -> Outcome:
    request = shop.request(None, pay="12.00")
    return await shop.perform(Pay(request, buyer.spending, parse_amount("12.00"), Marketplace(token)))


async def figure(past: Past, shop: Books, name: str) -> Sum:
    """What a figure of the last ninety days comes to, on the first page of a shop's console."""
    now = past.shop.clock() + timedelta(hours=1)
    state = await figures.catch_up(past.pool, (shop.book_id,), now, commits=100)
    weeks = (await figures.since(past.pool, now - timedelta(days=90), "week", state)).values()
    return sum((week.get(name, NONE) for week in weeks), NONE)
