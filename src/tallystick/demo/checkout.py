"""The shop's dealings with the service: authorize once, fund, charge many times, settle."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from tallystick.client.fps import Client, ServiceError, amount, cobranded_url
from tallystick.demo.catalogue import SONG_PRICE_MICROS, Record, Song
from tallystick.demo.customers import Customer, CustomerConsent
from tallystick.domain.money import format_amount

CREDIT_MICROS: Final = 10_000_000
"""What Pay Now and a top-up put on the balance."""

MAX_CREDIT_MICROS: Final = 25_000_000
"""The funding limit that the buyer agrees to."""

TAB_MICROS: Final = 100_000_000
"""The most that may be owed at any one time."""

TAB_TOTAL_MICROS: Final = 1_000_000_000
"""The most that may go over a tab in its life."""

SUCCESS: Final = frozenset({"SA", "SB", "SC"})

_WHY_NOT: Final = {
    "A": "You came back without agreeing. Nothing was charged.",
    "NP": "There is a problem with your account there. Nothing was charged.",
    "PE": "None of the ways to pay fitted. Nothing was charged.",
}


class NotOursError(Exception):
    """An answer that the service did not sign, or that is of another visit; it must not be used."""


@dataclass(frozen=True, slots=True)
class BalanceOrTab:
    """The amount of a balance or a tab, and the amount pending. Micro-units."""

    micros: int
    pending_micros: int


@dataclass(frozen=True, slots=True)
class Checkout:
    """The shop's account with the service. `shop_url` is where its customers' browsers come back to."""

    client: Client
    shop_url: str

    def prepaid_link(self, customer: Customer) -> str:
        """The link behind Pay Now; each visit has references of its own."""
        customer.prepaid_order = order = secrets.token_hex(8)
        return self._link(
            {
                "pipelineName": "SetupPrepaid",
                "callerReferenceSender": f"songs-{order}",
                "callerReferenceFunding": f"credit-{order}",
                "fundingAmount": format_amount(MAX_CREDIT_MICROS),
                "paymentReason": "Credits for songs at <b>0.05</b> each",
                "returnURL": f"{self.shop_url}/paid?order={order}",
            }
        )

    def tab_link(self, customer: Customer) -> str:
        """The link behind Authorize Now."""
        customer.tab_order = order = secrets.token_hex(8)
        return self._link(
            {
                "pipelineName": "SetupPostpaid",
                "callerReferenceSender": f"tab-{order}",
                "callerReferenceSettlement": f"settle-{order}",
                "creditLimit": format_amount(TAB_MICROS),
                "globalAmountLimit": format_amount(TAB_TOTAL_MICROS),
                "paymentReason": "Records now, paid together later",
                "returnURL": f"{self.shop_url}/tab/opened?order={order}",
            }
        )

    def _link(self, parameters: Mapping[str, str]) -> str:
        common = {"websiteDescription": "Backbeat Records", "paymentMethod": "CC,ACH,ABT"}  # a card is offered first
        return cobranded_url(self.client.service_url, self.client.credentials, {**parameters, **common})

    async def accept_prepaid(self, customer: Customer, query: str) -> str | None:
        """Read the answer to Pay Now and make the first funding; None, or why there is none.

        The same answer may come again (a reload): the funding's reference is the order's, so it is charged once. Raises
        NotOursError, ServiceError.
        """
        answer = await self._answer("/paid", query, customer.prepaid_order)
        if answer["status"] not in SUCCESS:
            return _why_not(answer)
        customer.prepaid = CustomerConsent(
            answer["prepaidInstrumentID"], answer["prepaidSenderTokenID"], answer["fundingTokenID"]
        )
        await self.add_credit(customer, f"first-{customer.prepaid_order}")
        return None

    async def accept_tab(self, customer: Customer, query: str) -> str | None:
        """Read the answer to Authorize Now; None, or why there is no tab. Raises NotOursError, ServiceError."""
        answer = await self._answer("/tab/opened", query, customer.tab_order)
        if answer["status"] not in SUCCESS:
            return _why_not(answer)
        customer.tab = CustomerConsent(
            answer["creditInstrumentID"], answer["creditSenderTokenID"], answer["settlementTokenID"]
        )
        return None

    async def _answer(self, path: str, query: str, order: str | None) -> dict[str, str]:
        answer = dict(parse_qsl(query, keep_blank_values=True))
        if order is None or answer.get("order") != order:
            raise NotOursError("This answer belongs to another visit.")
        try:
            genuine = await self.client.verify_return(f"{self.shop_url}{path}", query)
        except ServiceError as error:
            raise NotOursError(error.message) from None
        if not genuine or "status" not in answer:
            raise NotOursError("This answer was not signed by the payments service.")
        return answer

    async def add_credit(self, customer: Customer, reference: str) -> None:
        """Move real money once. Raises ServiceError."""
        prepaid = _given(customer.prepaid)
        answer = await self.client.call(
            "FundPrepaid",
            {
                "SenderTokenId": prepaid.money_token,
                "PrepaidInstrumentId": prepaid.instrument_id,
                "CallerReference": reference,
                "SenderDescription": "Credit for songs",
                **amount("FundingAmount", CREDIT_MICROS),
            },
        )
        customer.funding = answer.text("TransactionId")

    async def why_not_filled(self, customer: Customer) -> str | None:
        """Why the last filling of the balance failed, in the service's words; None: it did not. Raises ServiceError."""
        if customer.funding is None:
            return None
        told = await self.client.call("GetTransactionStatus", {"TransactionId": customer.funding})
        return told.text("StatusMessage") if told.text("TransactionStatus") == "Failure" else None

    async def sell_song(self, customer: Customer, song: Song, reference: str) -> None:
        """Take the price from the balance; no money moves outside. Raises ServiceError."""
        await self._pay(_given(customer.prepaid), reference, SONG_PRICE_MICROS, song.title)
        customer.songs[reference] = song.number

    async def sell_record(self, customer: Customer, record: Record, reference: str) -> None:
        """Put the price on the tab. Raises ServiceError."""
        await self._pay(_given(customer.tab), reference, record.price_micros, record.title)
        customer.records[reference] = record.number

    async def _pay(self, authorization: CustomerConsent, reference: str, price_micros: int, what: str) -> None:
        await self.client.call(
            "Pay",
            {
                "SenderTokenId": authorization.spending_token,
                "CallerReference": reference,
                "CallerDescription": what,
                "SenderDescription": what,  # buyers see this one in their history
                **amount("TransactionAmount", price_micros),
            },
        )

    async def settle(self, customer: Customer, reference: str) -> None:
        """Collect all that is owed, once. Raises ServiceError."""
        tab = _given(customer.tab)
        standing = await self.tab(tab)
        await self.client.call(
            "SettleDebt",
            {
                "SenderTokenId": tab.money_token,
                "CreditInstrumentId": tab.instrument_id,
                "CallerReference": reference,
                "SenderDescription": "Records, paid together",
                **amount("SettlementAmount", standing.micros - standing.pending_micros),
            },
        )

    async def balance(self, prepaid: CustomerConsent) -> BalanceOrTab:
        """What is on a prepaid balance, and what is on its way there."""
        answer = await self.client.call("GetPrepaidBalance", {"PrepaidInstrumentId": prepaid.instrument_id})
        return BalanceOrTab(
            answer.micros("PrepaidBalance", "AvailableBalance"), answer.micros("PrepaidBalance", "PendingInBalance")
        )

    async def tab(self, tab: CustomerConsent) -> BalanceOrTab:
        """What is owed on a tab, and how much of that is being settled."""
        answer = await self.client.call("GetDebtBalance", {"CreditInstrumentId": tab.instrument_id})
        return BalanceOrTab(
            answer.micros("DebtBalance", "AvailableBalance"), answer.micros("DebtBalance", "PendingOutBalance")
        )


def _given(authorization: CustomerConsent | None) -> CustomerConsent:
    if authorization is None:
        raise ServiceError("NotAuthorized", "Authorize the payment first.")
    return authorization


def _why_not(answer: Mapping[str, str]) -> str:
    status = answer["status"]
    return _WHY_NOT.get(status) or f"The payment could not be set up ({status}): {answer.get('errorMessage', '')}"
