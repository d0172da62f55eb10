"""A seller's program on the other side of real HTTP. It signs with code of its own, as any client would."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import quote
from xml.etree import ElementTree as ET

import httpx
from tests.support.books import Books, Buyer, new_seller
from tests.support.clock import TestClock

from tallystick.domain.money import parse_amount
from tallystick.services.context import Service
from tallystick.store.keys.access_keys import AccessKey
from tallystick.worker import Worker

Way = Literal["GET", "POST", "POST with a query string"]
NAMESPACE = "http://fps.amazonaws.com/doc/2010-08-28/"


@dataclass(frozen=True)
class Answer:
    """One answer of the API. `value` and `values` find elements by their local names."""

    status: int
    text: str

    @property
    def root(self) -> ET.Element:
        return ET.fromstring(self.text)  # noqa: S314 - an answer of our own service

    @property
    def code(self) -> str | None:
        """The code of the error, None for a success."""
        return self.root.findtext("Errors/Error/Code")

    @property
    def message(self) -> str:
        return self.root.findtext("Errors/Error/Message") or ""

    def values(self, path: str, namespace: str = NAMESPACE) -> list[str]:
        steps = "/".join(f"{{{namespace}}}{step}" for step in path.split("/"))
        return [element.text or "" for element in self.root.findall(f".//{steps}")]

    def value(self, path: str, namespace: str = NAMESPACE) -> str:
        (only,) = self.values(path, namespace)
        return only

    def amount(self, path: str) -> int:
        """An amount in micro-units."""
        text = self.value(f"{path}/Value")
        return -parse_amount(text[1:]) if text.startswith("-") else parse_amount(text)


def encoded(text: str) -> str:
    return quote(text.encode(), safe="-_.~")


def canonical(params: Mapping[str, str]) -> str:
    return "&".join(f"{encoded(name)}={encoded(params[name])}" for name in sorted(params))


def signature(verb: str, host: str, path: str, params: Mapping[str, str], secret: str) -> str:
    method = {"HmacSHA256": hashlib.sha256, "HmacSHA1": hashlib.sha1}[params["SignatureMethod"]]
    text = f"{verb}\n{host.lower()}\n{path}\n{canonical(params)}"
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), method)).decode()


def amount(name: str, value: str) -> dict[str, str]:
    return {f"{name}.CurrencyCode": "USD", f"{name}.Value": value}


@dataclass
class Shop:
    """One seller. `books` reaches behind the API, for what only the hosted pages or the operator do.

    `sent`: the signed calls of this shop and of those made from it, with the parameters as they were given. Shops in it
    that name each other would make the text of one as long as all ways through them, and asyncio asks for the text of
    what a fixture returns: gigabytes, after some hundred calls of four shops.
    """

    service: Service = field(repr=False)
    worker: Worker = field(repr=False)
    client: httpx.AsyncClient
    url: str
    key: AccessKey
    books: Books = field(repr=False)
    clock: TestClock
    email: str
    called: list[str] = field(default_factory=list, repr=False)
    sent: list[tuple[Shop, str, dict[str, str]]] = field(default_factory=list, repr=False)
    _count: int = field(default=0)

    @property
    def host(self) -> str:
        return httpx.URL(self.url).netloc.decode()

    def with_key(self, key: AccessKey) -> Shop:
        return replace(self, key=key)

    def reference(self) -> str:
        self._count += 1
        return f"reference-{self._count}-{secrets.token_hex(4)}"

    def signed(self, verb: str, params: Mapping[str, str], host: str | None = None) -> dict[str, str]:
        """The parameters with the common ones and the signature; explicit ones win, so that tests can break them."""
        whole = {
            "AWSAccessKeyId": self.key.access_key_id,
            "SignatureMethod": "HmacSHA256",
            "SignatureVersion": "2",
            "Timestamp": self.clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Version": "2010-08-28",
            **params,
        }
        if "Signature" not in whole:
            whole["Signature"] = signature(verb, host or self.host, "/", whole, self.key.secret)
        return whole

    async def send(self, way: Way, params: Mapping[str, str]) -> httpx.Response:
        """Send parameters as they are."""
        query = canonical(params)
        if way == "POST":
            form = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
            return await self.client.post(f"{self.url}/", content=query, headers=form)
        verb = way.partition(" ")[0]
        return await self.client.request(verb, httpx.URL(f"{self.url}/?{query}"))

    async def call(self, action: str, params: Mapping[str, str] | None = None, way: Way = "POST") -> Answer:
        """A signed call."""
        verb = way.partition(" ")[0]
        self.called.append(action)
        self.sent.append((self, action, dict(params or {})))
        response = await self.send(way, self.signed(verb, {"Action": action, **(params or {})}))
        return Answer(response.status_code, response.text)

    async def done(self, action: str, params: Mapping[str, str] | None = None) -> Answer:
        """A signed call that must succeed."""
        answer = await self.call(action, params)
        assert answer.code is None, answer.text
        assert answer.status == 200
        return answer

    async def refused(self, action: str, params: Mapping[str, str] | None = None) -> str:
        """The code with which a signed call is refused; the books must not have changed."""
        before = await self.snapshot()
        answer = await self.call(action, params)
        assert answer.code is not None, answer.text
        assert await self.snapshot() == before
        return answer.code

    async def snapshot(self) -> list[tuple[object, ...]]:
        """Every balance of the book and the number of its transactions."""
        rows = await self.service.pool.fetch(
            "SELECT account_id, balance_micros FROM account WHERE book_id = $1 UNION ALL"
            " SELECT -1, count(*) FROM transaction WHERE book_id = $1"
            " UNION ALL SELECT -2, sum(pending_micros) FROM instrument WHERE book_id = $1"
            " UNION ALL SELECT -3, count(*) FROM token WHERE book_id = $1 AND cancelled_at IS NOT NULL ORDER BY 1",
            self.books.book_id,
        )
        return [tuple(row) for row in rows]

    async def pay(self, buyer: Buyer, value: str, reference: str | None = None) -> Answer:
        return await self.call("Pay", self.pay_parameters(buyer, value, reference))

    def pay_parameters(self, buyer: Buyer, value: str, reference: str | None = None) -> dict[str, str]:
        return {
            "SenderTokenId": buyer.spending,
            **amount("TransactionAmount", value),
            "CallerReference": reference or self.reference(),
        }

    async def fund(self, buyer: Buyer, value: str) -> Answer:
        return await self.call(
            "FundPrepaid",
            {
                "SenderTokenId": buyer.money,
                "PrepaidInstrumentId": buyer.instrument,
                **amount("FundingAmount", value),
                "CallerReference": self.reference(),
            },
        )

    async def settle(self, buyer: Buyer, value: str) -> Answer:
        return await self.call(
            "SettleDebt",
            {
                "SenderTokenId": buyer.money,
                "CreditInstrumentId": buyer.instrument,
                **amount("SettlementAmount", value),
                "CallerReference": self.reference(),
            },
        )

    async def write_off(self, buyer: Buyer, value: str) -> Answer:
        return await self.call(
            "WriteOffDebt",
            {
                "CreditInstrumentId": buyer.instrument,
                **amount("AdjustmentAmount", value),
                "CallerReference": self.reference(),
            },
        )

    async def refund(self, transaction_id: str, value: str | None = None) -> Answer:
        wanted = {} if value is None else amount("RefundAmount", value)
        return await self.call(
            "Refund", {"TransactionId": transaction_id, **wanted, "CallerReference": self.reference()}
        )

    async def balance(self, buyer: Buyer) -> int:
        answer = await self.done("GetPrepaidBalance", {"PrepaidInstrumentId": buyer.instrument})
        return answer.amount("AvailableBalance")

    async def debt(self, buyer: Buyer) -> int:
        answer = await self.done("GetDebtBalance", {"CreditInstrumentId": buyer.instrument})
        return answer.amount("AvailableBalance")

    async def cash(self) -> int:
        return (await self.done("GetAccountBalance")).amount("TotalBalance")

    async def rail_answers(self, after_seconds: int = 2) -> None:
        """Let the worker call the rail, the time pass that the rail takes, and the worker ask again."""
        await self.worker.step()
        self.clock.forward(seconds=after_seconds)
        await self.worker.step()


async def new_shop(service: Service, worker: Worker, http: httpx.AsyncClient, url: str, clock: TestClock) -> Shop:
    """A new seller with a sandbox key, whose program calls the service at `url`."""
    party, key, books = await new_seller(service, clock)
    return Shop(service, worker, http, url, key, books, clock, party.email)


def usd(text: str) -> int:
    """Micro-units of ``4.00``."""
    return parse_amount(text)


UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
