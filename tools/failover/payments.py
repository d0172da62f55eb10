"""Payments that go on while servers die: each by its own reference, asked for until its answer is known."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import httpx

from tallystick.client.fps import Client, ServiceError, amount, cobranded_url
from tallystick.client.hosted_pages import Buyer, authorize

PRICE_MICROS: Final = 10_000
BACK: Final = "http://127.0.0.1:9/back"
_PAUSE_SECONDS: Final = 0.2
_PASSING: Final = frozenset({"ServiceUnavailable", "InternalError", "Unreadable"})


@dataclass
class Payments:
    """What was paid on one tab: the transaction by each reference that was acknowledged, and what went wrong."""

    client: Client
    token: str = ""
    instrument: str = ""
    acknowledged: dict[str, str] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    """References that were sent and have no answer yet."""
    trouble: Counter[str] = field(default_factory=Counter)
    """How often a call came back without a result, by what was said."""
    contradictions: list[str] = field(default_factory=list)

    async def open_tab(self, buyer: Buyer) -> None:
        """Have a buyer agree to a tab that is large enough."""
        wanted = {
            "pipelineName": "SetupPostpaid",
            "callerReferenceSender": f"sender-{secrets.token_hex(4)}",
            "callerReferenceSettlement": f"settlement-{secrets.token_hex(4)}",
            "creditLimit": "100000.00",
            "globalAmountLimit": "1000000.00",
            "paymentReason": "A rehearsal",
            "returnURL": BACK,
        }
        url = cobranded_url(self.client.service_url, self.client.credentials, wanted)
        query = urlsplit(await authorize(url, buyer, "CC", connect_to=self.client.service_url)).query
        answer = dict(parse_qsl(query, keep_blank_values=True))
        self.token, self.instrument = answer["creditSenderTokenID"], answer["creditInstrumentID"]

    async def go_on(self, until: asyncio.Event) -> None:
        """Pay, one after the other, until the event is set; and then until the last answer is known."""
        while not until.is_set():
            await self.pay(f"pay-{secrets.token_hex(8)}")

    async def pay(self, reference: str) -> None:
        """Pay once by this reference: ask until an answer comes, and note it."""
        wanted = {
            "SenderTokenId": self.token,
            "CallerReference": reference,
            **amount("TransactionAmount", PRICE_MICROS),
        }
        self.unknown.add(reference)
        while (told := await self._call("Pay", wanted)) is None:  # noqa: ASYNC110 - nobody tells us when
            await asyncio.sleep(_PAUSE_SECONDS)
        self.unknown.discard(reference)
        before = self.acknowledged.setdefault(reference, told)
        if before != told:
            self.contradictions.append(f"{reference} was {before}, and is now {told}")

    async def _call(self, action: str, parameters: Mapping[str, str]) -> str | None:
        """The transaction's id, or None: what became of the call is not known."""
        try:
            answer = await self.client.call(action, parameters)
            if (status := answer.text("TransactionStatus")) != "Success":
                self.contradictions.append(f"{parameters['CallerReference']} came to {status}")
            return answer.text("TransactionId")
        except ServiceError as error:
            self.trouble[error.code] += 1
            if error.code not in _PASSING:
                self.contradictions.append(f"{parameters['CallerReference']}: {error}")
                return str(error)
        except httpx.HTTPError as error:
            self.trouble[type(error).__name__] += 1
        return None

    async def debt_micros(self) -> int:
        """What the buyer owes, as the service says."""
        while True:
            try:
                answer = await self.client.call("GetDebtBalance", {"CreditInstrumentId": self.instrument})
                return answer.micros("DebtBalance", "AvailableBalance")
            except (ServiceError, httpx.HTTPError) as error:
                self.trouble[type(error).__name__] += 1
                await asyncio.sleep(_PAUSE_SECONDS)
