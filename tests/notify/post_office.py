"""What the tests do with a shop's notifications, in few words."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

import msgspec
from tests.support.books import Books, Buyer
from tests.support.master_key import VAULT

from tallystick.domain.commands import FundPrepaid, Method
from tallystick.domain.ids import BookId, TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted
from tallystick.processors.rails import Rails
from tallystick.processors.simulated import SimulatedRail
from tallystick.services.context import Service
from tallystick.settings import Settings
from tallystick.store.queries import reads
from tallystick.store.records import outbox
from tallystick.worker import Worker

SETTINGS = Settings(
    public_url="https://pay.example", allow_private_notification_targets=True, notification_timeout_ms=30_000
)


@dataclass
class PostOffice:
    """A worker for one shop, and a look at its outbox."""

    shop: Books
    settings: Settings = SETTINGS

    def worker(self, **changed: int) -> Worker:
        shop = self.shop
        settings = replace(self.settings, **changed)  # type: ignore[arg-type]
        service = Service(settings, shop.pool, shop.committer, VAULT, shop.clock)
        return Worker(service, Rails((SimulatedRail(shop.pool, shop.clock, timedelta(seconds=5), faults=True),)))

    async def tell(self, url: str | None, book_id: BookId | None = None) -> None:
        """Set where the seller is notified: also of what the answer to a request told already."""
        async with self.shop.pool.acquire() as connection:
            await outbox.set_wishes(connection, book_id or self.shop.book_id, immediate=True)
            await outbox.set_address(connection, book_id or self.shop.book_id, url, self.shop.clock())

    async def fund(self, buyer: Buyer, amount: str, notification_url: str | None = None) -> TransactionId:
        request = msgspec.structs.replace(self.shop.request(None, fund=amount), notification_url=notification_url)
        command = FundPrepaid(request, buyer.money, buyer.instrument, parse_amount(amount))
        outcome = await self.shop.perform(command)
        assert isinstance(outcome, Accepted)
        return outcome.transaction_id

    async def slow_funding(self, notification_url: str | None = None) -> TransactionId:
        """By card: Pending now, decided when the rail answers."""
        return await self.fund(await self.shop.prepaid_buyer("25.00", Method.CC), "10.00", notification_url)

    async def quick_payment(self) -> TransactionId:
        """Decided at once: one event."""
        buyer = await self.shop.postpaid_buyer()
        outcome = await self.shop.pay(buyer, "4.00")
        assert isinstance(outcome, Accepted)
        return outcome.transaction_id

    async def succeeded(self, transaction_id: TransactionId) -> None:
        """Wait until the books say so."""
        for _ in range(1000):
            row = await reads.transaction(self.shop.pool, self.shop.book_id, transaction_id)
            if row is not None and row.status == "Success":
                return
            await asyncio.sleep(0.01)
        raise TimeoutError

    async def states(self, subject: str | None = None) -> list[str]:
        rows = await self.shop.pool.fetch(
            "SELECT state FROM outbox WHERE book_id = $1 AND ($2::text IS NULL OR subject_id = $2)"
            " ORDER BY announced_at, event_id",
            self.shop.book_id,
            subject,
        )
        return [row["state"] for row in rows]

    async def entry(self, subject: str) -> outbox.EventRecord:
        entries = await outbox.list_(self.shop.pool, self.shop.party_id, None, 100)
        (found,) = [entry for entry in entries if entry.subject_id == subject]
        return found
