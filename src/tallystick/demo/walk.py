"""The whole demo without a person, by the Python client: agree, top up, charge, settle; every figure is compared."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from tallystick.client.hosted_pages import Buyer, authorize
from tallystick.demo.walk_report import CENT, WalkReport
from tallystick.domain.money import MICROS_PER_UNIT
from tallystick_client import AsyncTallystick, ProblemError
from tallystick_client.objects import Authorization

SONG: Final = "0.05"
SONGS: Final = 100
SIDE_BY_SIDE: Final = 20
"""Concurrent charges, as from a shop with that many customers."""

_ON_THE_PAGES: Final = {"card": "CC", "bank_account": "ACH"}


@dataclass(slots=True)
class Walk:
    """One walk. `service_url`: of the hosted pages, for `buyer`."""

    ts: AsyncTallystick
    service_url: str
    shop_url: str
    buyer: Buyer
    report: WalkReport

    async def prepaid(self) -> None:
        """A prepaid balance: topped up once, spent in many small charges, never above its limit."""
        ts, report = self.ts, self.report
        report.tell("Prepaid: a balance of at most 10.00, from a card")
        asked = await ts.authorizations.create(kind="prepaid", limit="10.00", return_url=self._back)
        auth = await self._agreed(asked, "card")
        before = await self._cash()

        top_up = await ts.top_ups.create(authorization=auth, amount="10.00")
        await ts.top_ups.wait(top_up.id)
        report.check(
            "Top-up of 10.00",
            [
                ("seller's cash", await self._cash() - before, 970 * CENT),
                ("balance", await self._balance(auth), 1000 * CENT),
            ],
        )

        charges = await self._charge_many(auth, SONGS)
        report.check(
            f"{len(set(charges))} charges of {SONG}",
            [
                ("seller's cash", await self._cash() - before, 970 * CENT),
                ("balance", await self._balance(auth), 500 * CENT),
            ],
        )

        await ts.charges.refund(charges[0], amount=SONG)
        report.check(f"Refund of one of them, {SONG}", [("balance", await self._balance(auth), 505 * CENT)])

        more = ts.top_ups.create(authorization=auth, amount="5.00")
        await self._refused(more, "Top-up of 5.00, past the limit", "balance_limit_exceeded")
        report.check(
            "… and nothing changed",
            [
                ("seller's cash", await self._cash() - before, 970 * CENT),
                ("balance", await self._balance(auth), 505 * CENT),
            ],
        )

    async def postpaid(self) -> None:
        """A tab: charged up to its limit, settled at once, the rest written off."""
        ts, report = self.ts, self.report
        report.tell("Postpaid: a tab of at most 100.00, settled from a bank account")
        asked = await ts.authorizations.create(
            kind="postpaid", limit="100.00", total_limit="1000.00", return_url=self._back
        )
        auth = await self._agreed(asked, "bank_account")
        before = await self._cash()

        for amount, owed in (("40.00", 40), ("60.00", 100)):
            await ts.charges.create(authorization=auth, amount=amount)
            report.check(f"Charge of {amount}", [("debt", await self._debt(auth), owed * MICROS_PER_UNIT)])
        more = ts.charges.create(authorization=auth, amount="0.01")
        await self._refused(more, "Charge of 0.01 at the limit", "insufficient_balance")

        settlement = await ts.settlements.create(authorization=auth, amount="90.00")
        await ts.settlements.wait(settlement.id)
        report.check(
            "Settlement of 90.00",
            [
                ("seller's cash", await self._cash() - before, 8750 * CENT),
                ("debt", await self._debt(auth), 1000 * CENT),
            ],
        )
        await ts.write_offs.create(authorization=auth, amount="10.00")
        report.check(
            "Write-off of 10.00",
            [
                ("seller's cash", await self._cash() - before, 8750 * CENT),
                ("debt", await self._debt(auth), 0),
            ],
        )

    # Steps.

    @property
    def _back(self) -> str:
        return f"{self.shop_url}/walked"

    async def _agreed(self, asked: Authorization, method: Literal["card", "bank_account"]) -> str:
        """The buyer agrees on the hosted pages; the id."""
        there = self.service_url  # bypasses a proxy that the environment names
        await authorize(asked.url or there, self.buyer, _ON_THE_PAGES[method], connect_to=there)
        found = await self.ts.authorizations.get(asked.id)
        self.report.say(
            f"Authorization, {found.kind}: the buyer agreed on the hosted pages, status {found.status}",
            right=found.status == "active",
        )
        return found.id

    async def _charge_many(self, auth: str, count: int) -> list[str]:
        gate = asyncio.Semaphore(SIDE_BY_SIDE)

        async def charge() -> str:
            async with gate:
                return (await self.ts.charges.create(authorization=auth, amount=SONG)).id

        return list(await asyncio.gather(*(charge() for _ in range(count))))

    async def _refused(self, asked: Awaitable[object], what: str, code: str) -> None:
        try:
            await asked
        except ProblemError as problem:
            self.report.say(f"{what}: refused, {problem.code}", right=problem.code == code)
        else:
            self.report.say(f"{what}: was not refused", right=False)

    # Figures.

    async def _cash(self) -> int:
        return _micros((await self.ts.account.get()).cash.balance)

    async def _balance(self, auth: str) -> int:
        return _micros((await self.ts.authorizations.get(auth)).balance)

    async def _debt(self, auth: str) -> int:
        return _micros((await self.ts.authorizations.get(auth)).owed)


def _micros(amount: Decimal | None) -> int:
    return 0 if amount is None else int(amount * MICROS_PER_UNIT)
