"""The shop's dealings with the service by signed calls, as programs of 2010 have them; for who moves such a program."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

import httpx

from tallystick.client.fps import Client, FpsAnswer, ServiceError, amount, cobranded_url
from tallystick.demo.catalogue import SONG_PRICE_MICROS, Record, Song
from tallystick.demo.checkout import (
    CREDIT_MICROS,
    MAX_CREDIT_MICROS,
    TAB_MICROS,
    TAB_TOTAL_MICROS,
    WITHOUT_AGREEING,
    BalanceOrTab,
    NotOursError,
    RefusedError,
    UnreachableError,
    Why,
    given,
)
from tallystick.demo.customers import Customer, CustomerConsent
from tallystick.domain.money import format_amount

SUCCESS: Final = frozenset({"SA", "SB", "SC"})

_WHY_NOT: Final = {
    "A": WITHOUT_AGREEING,
    "NP": "There is a problem with your account there. Nothing was charged.",
    "PE": "None of the ways to pay fitted. Nothing was charged.",
}


@dataclass(frozen=True, slots=True)
class FpsCheckout:
    """The shop's account with the service."""

    client: Client
    shop_url: str

    @property
    def service_url(self) -> str:
        """Where the customers' browsers are sent."""
        return self.client.service_url

    async def prepaid_link(self, customer: Customer) -> str:
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

    async def tab_link(self, customer: Customer) -> str:
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
        NotOursError.
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
        """Read the answer to Authorize Now; None, or why there is no tab. Raises NotOursError."""
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
        except httpx.HTTPError as error:
            raise UnreachableError(str(error)) from None
        if not genuine or "status" not in answer:
            raise NotOursError("This answer was not signed by the payments service.")
        return answer

    async def add_credit(self, customer: Customer, reference: str) -> None:
        """Move real money once."""
        prepaid = given(customer.prepaid)
        answer = await self._call(
            "FundPrepaid",
            {
                "SenderTokenId": prepaid.money_token,
                "PrepaidInstrumentId": prepaid.authorization_id,
                "CallerReference": reference,
                "SenderDescription": "Credit for songs",
                **amount("FundingAmount", CREDIT_MICROS),
            },
        )
        customer.funding = answer.text("TransactionId")

    async def why_not_filled(self, customer: Customer) -> str | None:
        """Why the last filling of the balance failed, in the service's words; None: it did not."""
        if customer.funding is None:
            return None
        told = await self._call("GetTransactionStatus", {"TransactionId": customer.funding})
        return told.text("StatusMessage") if told.text("TransactionStatus") == "Failure" else None

    async def sell_song(self, customer: Customer, song: Song, reference: str) -> None:
        """Take the price from the balance; no money moves outside."""
        await self._pay(given(customer.prepaid), reference, SONG_PRICE_MICROS, song.title)
        customer.songs[reference] = song.number

    async def sell_record(self, customer: Customer, record: Record, reference: str) -> None:
        """Put the price on the tab."""
        await self._pay(given(customer.tab), reference, record.price_micros, record.title)
        customer.records[reference] = record.number

    async def _pay(self, authorization: CustomerConsent, reference: str, price_micros: int, what: str) -> None:
        await self._call(
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
        """Collect all that is owed, once."""
        tab = given(customer.tab)
        standing = await self.tab(tab)
        await self._call(
            "SettleDebt",
            {
                "SenderTokenId": tab.money_token,
                "CreditInstrumentId": tab.authorization_id,
                "CallerReference": reference,
                "SenderDescription": "Records, paid together",
                **amount("SettlementAmount", standing.micros - standing.pending_micros),
            },
        )

    async def _call(self, action: str, parameters: Mapping[str, str]) -> FpsAnswer:
        try:
            return await self.client.call(action, parameters)
        except ServiceError as error:
            raise RefusedError(_WHY.get(error.code, "else"), error.message) from None
        except httpx.HTTPError as error:
            raise UnreachableError(str(error)) from None

    async def balance(self, prepaid: CustomerConsent) -> BalanceOrTab:
        """What is on a prepaid balance, and what is on its way there."""
        answer = await self._call("GetPrepaidBalance", {"PrepaidInstrumentId": prepaid.authorization_id})
        return BalanceOrTab(
            answer.micros("PrepaidBalance", "AvailableBalance"), answer.micros("PrepaidBalance", "PendingInBalance")
        )

    async def tab(self, tab: CustomerConsent) -> BalanceOrTab:
        """What is owed on a tab, and how much of that is being settled."""
        answer = await self._call("GetDebtBalance", {"CreditInstrumentId": tab.authorization_id})
        return BalanceOrTab(
            answer.micros("DebtBalance", "AvailableBalance"), answer.micros("DebtBalance", "PendingOutBalance")
        )


_WHY: Final[Mapping[str, Why]] = {
    "InsufficientBalance": "too little money",
    "PrepaidFundingLimitExceeded": "more than the balance may hold",
}


def _why_not(answer: Mapping[str, str]) -> str:
    status = answer["status"]
    return _WHY_NOT.get(status) or f"The payment could not be set up ({status}): {answer.get('errorMessage', '')}"
