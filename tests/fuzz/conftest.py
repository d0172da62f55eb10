"""The whole service in this process, without a socket: what it is given is what the test made, byte for byte."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from tests.conftest import MakeDatabase
from tests.support.books import Books, Buyer, new_seller
from tests.support.clock import TestClock
from tests.support.master_key import MASTER_KEY
from tests.support.schemas import check_answer
from tests.support.shop import signature

from tallystick.domain.outcomes import Accepted
from tallystick.services.context import Service
from tallystick.settings import Settings
from tallystick.store.keys.access_keys import AccessKey
from tallystick.store.ledger.verify import verify
from tallystick.web.api.asgi import Application, Message, Scope
from tallystick.wiring import asgi_app, open_service

HOST = "pay.example"
FORM = b"application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Given:
    """A response."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def code(self) -> str | None:
        """The code of an error of the query API, None for a success."""
        return ET.fromstring(self.text).findtext("Errors/Error/Code")  # noqa: S314 - an answer of our own service


@dataclass(frozen=True)
class Target:
    """The service and a seller with a key; a buyer with a balance, one with a tab, and a payment that was made."""

    app: Application
    service: Service
    books: Books
    key: AccessKey
    buyer: Buyer
    tab: Buyer
    paid: str

    async def send(
        self, verb: str, path: str, query: bytes = b"", body: bytes = b"", headers: dict[bytes, bytes] | None = None
    ) -> Given:
        """One request. An exception that leaves the application fails the test."""
        raw = {b"host": HOST.encode(), b"content-length": str(len(body)).encode(), **(headers or {})}
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": verb,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query,
            "headers": list(raw.items()),
            "server": (HOST, 80),
            "client": ("127.0.0.1", 50_000),
        }
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        start, *rest = sent
        names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]}
        given = Given(start["status"], names, b"".join(part.get("body", b"") for part in rest).decode())
        assert given.status < 500, given
        assert "Traceback" not in given.text
        if path == "/":
            check_answer(given.text)
        return given

    def signed(self, verb: str, params: dict[str, str]) -> dict[str, str]:
        """The parameters with the common ones and the signature; explicit parameters take precedence."""
        whole = {
            "AWSAccessKeyId": self.key.access_key_id,
            "SignatureMethod": "HmacSHA256",
            "SignatureVersion": "2",
            "Timestamp": self.service.clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Version": "2010-08-28",
            **params,
        }
        return whole | {"Signature": signature(verb, HOST, "/", whole, self.key.secret)}

    async def state(self) -> tuple[object, ...]:
        """Everything of the seller's books that a call may change."""
        row = await self.service.pool.fetchrow(
            "SELECT (SELECT count(*) FROM transaction WHERE book_id = $1),"
            " (SELECT count(*) FROM transfer WHERE book_id = $1),"
            " (SELECT count(*) FROM token WHERE book_id = $1),"
            " (SELECT count(*) FROM token WHERE book_id = $1 AND cancelled_at IS NOT NULL),"
            " (SELECT sum(abs(balance_micros)) FROM account WHERE book_id = $1)",
            self.key.book_id,
        )
        return tuple(row or ())


def wire(params: dict[str, str]) -> bytes:
    """The parameters as sent; lone surrogates cannot be encoded, so they are not drawn."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in params.items()).encode()


@pytest.fixture(scope="session")
async def target(make_database: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    """For all tests of a worker; at the end its books must balance."""
    clock = TestClock()
    settings = Settings(
        data_directory=tmp_path_factory.mktemp("data"),
        database_url=await make_database(),
        public_url=f"http://{HOST}",
        master_key=MASTER_KEY,
        sandbox_faults=False,
    )
    async with open_service(settings, clock) as service:
        _, key, books = await new_seller(service, clock, "shop@fuzz.example")
        buyer, tab = await books.funded_buyer("20.00"), await books.postpaid_buyer()
        await books.deposit(tab, "20.00")
        assert isinstance(await books.pay(tab, "15.00"), Accepted)
        paid = await books.pay(buyer, "5.00")
        assert isinstance(paid, Accepted)
        yield Target(asgi_app(service), service, books, key, buyer, tab, paid.transaction_id)
        assert (await verify(service.pool)).problems == []
