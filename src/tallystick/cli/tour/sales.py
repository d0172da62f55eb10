"""Sample data for the pictures: some weeks of a music shop's business, on the sandbox clock."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from tallystick.cli.commands.demo import BUYER, SELLER, DemoStage, find, found_or_opened
from tallystick.cli.console import ProblemError, actor_of_process
from tallystick.cli.tour.trouble import Trouble
from tallystick.client.fps import ServiceError, amount, cobranded_url
from tallystick.client.hosted_pages import Buyer, authorize
from tallystick.domain.environments import SANDBOX
from tallystick.domain.money import MICROS_PER_UNIT
from tallystick.domain.periods import Period
from tallystick.services.seller import notification_settings, sandbox_clock, staff
from tallystick.services.seller.books import first_book_of
from tallystick.services.seller.staff import StaffRole
from tallystick.web.api.asgi import read_body, respond

if TYPE_CHECKING:
    from tallystick.services.operations.accounts import Party
    from tallystick.web.api.asgi import Receive, Scope, Send

DAYS: Final = 12  # of sales, for the charts
BEFORE: Final = 34  # days before the sales, when the oldest debt begins
CENT: Final = MICROS_PER_UNIT // 100
SONG: Final = 25 * CENT
MAX_POLLS: Final = 200
POLL_SECONDS: Final = 0.05

_PASSWORD: Final = "a shelf of old records"  # noqa: S105 - of people who live as long as the pictures are taken
MIRA: Final = Buyer("mira.lindqvist@listener.example", _PASSWORD, "Mira Lindqvist")
JONAS: Final = Buyer("jonas@listener.example", _PASSWORD, "Jonas Okafor")
PRIYA: Final = Buyer("priya@listener.example", _PASSWORD, "Priya Raman")
NEWCOMER: Final = Buyer("new@listener.example", _PASSWORD, "Sam Newcomer")
COLLEAGUES: Final = (
    (Buyer("books@music.example", _PASSWORD, "Toni Ledger"), StaffRole.FINANCE),
    (Buyer("code@music.example", _PASSWORD, "Ida Webb"), StaffRole.DEVELOPER),
)
SONGS: Final = ("Paper Lanterns", "Small Change", "Half a Stick", "Notches", "Low Water", "Hazel")
CARD_SALES: Final = {"Two tickets": 3500, "A box of records": 2900, "A poster": 1200, "A turntable": 4000}
RECORDS: Final = ("Tidewater", "Split Wood", "The Big Red Box")


@dataclass(frozen=True, slots=True)
class SaleTerms:
    """What a seller asks a buyer to agree to: the pipeline, which references it wants, and the rest."""

    pipeline: str
    references: tuple[str, ...]
    rest: Mapping[str, str]


def _balance(maximum: str) -> SaleTerms:
    return SaleTerms(
        "SetupPrepaid", ("Sender", "Funding"), {"fundingAmount": maximum, "paymentReason": "Credits for songs"}
    )


def _tab(maximum: str) -> SaleTerms:
    rest = {"creditLimit": maximum, "globalAmountLimit": "1000.00", "paymentReason": "Records now, paid together later"}
    return SaleTerms("SetupPostpaid", ("Sender", "Settlement"), rest)


async def receive_notifications(scope: Scope, receive: Receive, send: Send) -> None:
    """A notification receiver that fails for events about refunds, so that the pictures have something to replay."""
    body = await read_body(scope, receive, 64 * 1024)
    await respond(send, 503 if b"operation=REFUND" in body else 204, (), b"")


@dataclass(slots=True)
class Sales:
    """Sales of the demo's shop. `receiver`: the address for its notifications.

    `by_card`: transactions that were paid by card at once, by what was bought. `trouble`: once they were made.
    """

    stage: DemoStage
    receiver: str
    count: int = 0
    by_card: dict[str, str] = field(default_factory=dict)
    trouble: Trouble = field(init=False)

    async def run(self) -> None:
        """Make the sales of some weeks, the last of them today. Raises ProblemError: there is no demo."""
        seller = await self._open()
        await found_or_opened(self.stage.service, NEWCOMER)
        jonas = await self._agree(JONAS, _tab("50.00"), "ACH")
        await self._record(jonas, 1850)
        await self._forward(seller, BEFORE)

        songs = await self._agree(BUYER, _balance("60.00"), "ABT")
        funding = {"SenderTokenId": songs["fundingTokenID"], "PrepaidInstrumentId": songs["prepaidInstrumentID"]}
        await self._done("FundPrepaid", SenderDescription="Credit for songs", **funding, **_dollars("Funding", 2000))
        records = await self._agree(BUYER, _tab("100.00"), "ACH")
        mira = await self._agree(MIRA, _balance("25.00"), "CC")
        hers = {"SenderTokenId": mira["fundingTokenID"], "PrepaidInstrumentId": mira["prepaidInstrumentID"]}
        priya = await self._agree(PRIYA, _tab("75.00"), "ACH")
        tickets = await self._tickets()
        sold: list[str] = []
        for day in range(DAYS):
            if day % 4 == 0:
                await self._done(
                    "FundPrepaid", SenderDescription="Credit for songs", **hers, **_dollars("Funding", 500 + 100 * day)
                )
            for song in range(3 + day % 4):
                sold.append(await self._song(songs, SONGS[song]))
                await self._song(mira, SONGS[-song])
            await self._record(records, 400 + 100 * (day % 3))
            if day % 3 == 0:
                await self._record(priya, 1200)
            if day % 3 != 1:
                await self._refused(SenderTokenId=mira["prepaidSenderTokenID"], **_dollars("Transaction", 4000))
            if day in (2, 7):
                await self._refused(SenderTokenId=jonas["creditSenderTokenID"], **_dollars("Transaction", 6000))
                await self._refused(SenderTokenId=tickets, **_dollars("Transaction", 9000))
            if day == DAYS // 2:
                await self._done("Refund", TransactionId=sold[-1], **_dollars("Refund", 25))
                settlement = {"SenderTokenId": records["settlementTokenID"]}
                settlement["CreditInstrumentId"] = records["creditInstrumentID"]
                await self._done("SettleDebt", **settlement, **_dollars("Settlement", 3000))
                for bought, cents in CARD_SALES.items():
                    paid = {"SenderTokenId": tickets, "SenderDescription": bought}
                    self.by_card[bought] = await self._done("Pay", **paid, **_dollars("Transaction", cents))
            await self._forward(seller, 1)
        await self._song(songs, SONGS[0])
        await self._song(mira, SONGS[1])
        await self._record(priya, 900)
        self.trouble = Trouble(self.stage.service, seller)
        await self.trouble.run(self.by_card)

    async def pending(self, buyer: Buyer = MIRA) -> None:
        """A pending transaction: the first charge to a new balance, which a fault on order may hold."""
        agreed = await self._agree(buyer, _balance("15.00"), "CC")
        fund = {"SenderTokenId": agreed["fundingTokenID"], "PrepaidInstrumentId": agreed["prepaidInstrumentID"]}
        await self._call("FundPrepaid", SenderDescription="Credit for songs", **fund, **_dollars("Funding", 1500))

    # Steps.

    async def _open(self) -> Party:
        service, actor = self.stage.service, actor_of_process()
        seller = await find(service, SELLER[0])
        if seller is None:
            raise ProblemError("the demo has no seller")
        await notification_settings.save(service, actor, seller.party_id, SANDBOX, url=self.receiver)
        for who, role in COLLEAGUES:
            await staff.add(service, actor, seller.party_id, await found_or_opened(service, who), role)
        return seller

    async def _forward(self, seller: Party, days: int) -> None:
        service = self.stage.service
        book_id = await first_book_of(service, seller.party_id, SANDBOX)
        if book_id is None:
            raise ProblemError("the demo's seller has no sandbox")
        hand, by = await sandbox_clock.read(service, book_id), Period.parse(f"{days} Days")
        await sandbox_clock.forward(service, actor_of_process(), seller.party_id, book_id, hand, by)

    async def _agree(self, buyer: Buyer, terms: SaleTerms, method: str) -> dict[str, str]:
        """The answer that the seller gets when a buyer agrees."""
        client = self.stage.client
        given = {f"callerReference{name}": self._reference() for name in terms.references}
        back = {"pipelineName": terms.pipeline, "returnURL": f"{self.stage.shop_url}/walked"}
        common = {"websiteDescription": SELLER[1], "paymentMethod": "CC,ACH,ABT"}
        url = cobranded_url(client.service_url, client.credentials, {**back, **common, **given, **terms.rest})
        return dict(parse_qsl(urlsplit(await authorize(url, buyer, method)).query))

    async def _tickets(self) -> str:
        """A token with an expiry, for payments in real money."""
        end = datetime.now(UTC) + timedelta(days=BEFORE) + timedelta(days=120)
        limits = {"globalAmountLimit": "120.00", "amountType": "Maximum", "transactionAmount": "40.00"}
        rest = {**limits, "validityExpiry": str(int(end.timestamp())), "paymentReason": "Tickets for concerts"}
        return (await self._agree(BUYER, SaleTerms("MultiUse", ("",), rest), "CC"))["tokenID"]

    async def _song(self, balance: Mapping[str, str], title: str) -> str:
        return await self._sell(balance["prepaidSenderTokenID"], title, SONG // CENT)

    async def _record(self, tab: Mapping[str, str], cents: int) -> str:
        return await self._sell(tab["creditSenderTokenID"], RECORDS[cents % len(RECORDS)], cents)

    async def _sell(self, token: str, what: str, cents: int) -> str:
        described = {"SenderDescription": what, "CallerDescription": what}
        return await self._call("Pay", SenderTokenId=token, **described, **_dollars("Transaction", cents))

    async def _refused(self, **parameters: str) -> None:
        with suppress(ServiceError):
            await self._call("Pay", **parameters)

    async def _call(self, action: str, **parameters: str) -> str:
        answer = await self.stage.client.call(action, {"CallerReference": self._reference(), **parameters})
        return answer.text("TransactionId")

    async def _done(self, action: str, **parameters: str) -> str:
        """Call, and wait until the rail has answered; the transaction."""
        transaction_id = await self._call(action, **parameters)
        for _ in range(MAX_POLLS):
            now = await self.stage.client.call("GetTransactionStatus", {"TransactionId": transaction_id})
            if now.text("TransactionStatus") != "Pending":
                break
            await asyncio.sleep(POLL_SECONDS)
        return transaction_id

    def _reference(self) -> str:
        self.count += 1
        return f"order-{1000 + self.count}-{secrets.token_hex(2)}"


def _dollars(name: str, cents: int) -> dict[str, str]:
    return amount(f"{name}Amount", cents * CENT)
