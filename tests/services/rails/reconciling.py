"""Where days are reconciled: a seller's books, and a rail that tells what a test has made of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from tests.store.direct import taken, work
from tests.support.books import Books
from tests.support.clock import TestClock
from tests.support.fake_rail import FakeRail

from tallystick.domain.commands import Method
from tallystick.domain.ids import TransactionId
from tallystick.domain.rails.reconciliation import DayReport, FindingKind
from tallystick.processors.rail import Rail, RailAnswer, RailMovement, Unknown
from tallystick.services.context import Service
from tallystick.services.rails.reconciliation import days_of, reconcile

UNITS = 1_000_000
Spoil = Callable[[list[RailMovement]], list[RailMovement]]


class ToldRail(FakeRail):
    """Tells what the simulated rail tells, as a test has spoilt it."""

    def __init__(self, service: Service, spoil: Spoil = list) -> None:
        self.service = service
        self.spoil = spoil
        self.says: RailAnswer | None = None
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        self.asked: list[tuple[datetime, datetime]] = []

    async def list_movements(self, since: datetime, until: datetime) -> AsyncIterator[RailMovement]:
        self.asked.append((since, until))
        for movement in self.spoil([one async for one in self.simulated.list_movements(since, until)]):
            yield movement

    async def look_again(
        self, reference: str | None, idempotency_key: str, asked_first: datetime
    ) -> RailAnswer | Unknown:
        if self.meanwhile is not None:
            await self.meanwhile()
        if self.says is not None:
            return self.says
        return await self.simulated.look_again(reference, idempotency_key, asked_first)

    @property
    def simulated(self) -> Rail:
        return self.service.rails.find("sandbox", "simulated")


@dataclass
class Desk:
    """A service with a seller; each test has a day of its own."""

    service: Service
    books: Books
    clock: TestClock

    async def charged(self, amount: str) -> TransactionId:
        buyer = await self.books.prepaid_buyer(limit="100.00", method=Method.CC)
        charge = taken(await self.books.fund(buyer, amount), "Pending")
        await work(self.books)
        return charge

    async def read(self, spoil: Spoil = list) -> DayReport:
        self.clock.forward(seconds=1)  # no two readings begin at one moment
        day = self.clock().date()
        (report,) = await reconcile(self.service, ToldRail(self.service, spoil), "sandbox", days_of(day, day))
        return report

    async def account(self, kind: str) -> int:
        found = await self.service.pool.fetchval(
            "SELECT sum(balance_micros)::bigint FROM account JOIN book USING (book_id)"
            " WHERE party_id IS NULL AND environment = 'sandbox' AND kind = $1",
            kind,
        )
        return found or 0


def findings(report: DayReport) -> list[tuple[FindingKind, str, int]]:
    return [(one.kind, one.name, one.unexplained_micros) for one in report.findings]
