"""A running service with its hosted pages, sellers that sign links, and buyers that fill in forms."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from litestar import Litestar
from tests.support.clock import WorldClock
from tests.support.http import NO_AUTHORITIES
from tests.support.schemas import CHECKED

from tallystick.client.fps import Client, Credentials, FpsAnswer, ServiceError, amount
from tallystick.db.connections import Pool
from tallystick.domain.ids import BookId
from tallystick.domain.messages import signing
from tallystick.domain.money import parse_amount
from tallystick.services.context import Service
from tallystick.services.identity import mail
from tallystick.services.identity.mail import Mail
from tallystick.services.identity.password_hashing import of_process
from tallystick.store.accounts import parties
from tallystick.store.accounts.parties import Party
from tallystick.store.keys import access_keys
from tallystick.store.keys.access_keys import AccessKey
from tallystick.store.ledger import create_book
from tallystick.store.records import sandbox_clocks
from tallystick.web.app import create_pages
from tallystick.worker import Worker

PASSWORD = "tally sticks come in two halves"
START = "/cobranded-ui/actions/start"
BUTTON = "/pba/paypipeline"
RETURN_URL = "https://shop.example/paid?order=7&note=two+words"


@dataclass
class Form:
    """A form of a page with what it would send as it stands."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """What a person sees: forms as a browser would send them, links and text of an answer."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__()
        self.response = response
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self._menu: str | None = None
        self._area: str | None = None
        self.feed(response.text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given["action"]))
        elif tag == "input" and self.forms and "name" in given:
            kept = given.get("type") not in {"radio", "checkbox"} or "checked" in given
            if kept and "disabled" not in given:
                self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "select" and self.forms:
            self._menu = given["name"]
        elif tag == "option" and self._menu is not None:
            if "selected" in given or self._menu not in self.forms[-1].fields:
                self.forms[-1].fields[self._menu] = given.get("value", "")
        elif tag == "textarea" and self.forms and "name" in given:
            self._area = given["name"]
            self.forms[-1].fields[self._area] = ""
        elif tag == "a":
            self.links.append(given.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in {"select", "textarea"}:
            self._menu = self._area = None

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._area is not None:
            self.forms[-1].fields[self._area] += data

    def form(self, ending: str) -> Form:
        return next(form for form in self.forms if form.action.endswith(ending))


UploadedFile = tuple[str, str, bytes]
"""Name of the field, name of the file, content."""


@dataclass
class Browser:
    """A buyer's browser: keeps cookies, follows our own redirects, stops where it would leave the service."""

    http: httpx.AsyncClient

    async def get(self, url: str) -> httpx.Response:
        return await self._follow(await self.http.get(url))

    async def post(self, path: str, fields: dict[str, str], file: UploadedFile | None = None) -> httpx.Response:
        files = None if file is None else {file[0]: file[1:]}
        return await self._follow(await self.http.post(path, data=fields, files=files))

    async def _follow(self, response: httpx.Response) -> httpx.Response:
        while response.is_redirect and response.headers["location"].startswith("/"):
            response = await self.http.get(response.headers["location"])
        return response

    async def submit(self, response: httpx.Response, ending: str, **typed: str) -> httpx.Response:
        form = Page(response).form(ending)
        return await self.post(form.action, form.fields | typed)

    async def form_header(self) -> dict[str, str]:
        """The token of this browser's forms, as programs send it that have no form at hand."""
        page = Page(await self.http.get("/account/forgotten"))
        return {"x-csrftoken": page.forms[-1].fields["_csrf_token"]}

    async def sign_up(self, response: httpx.Response, email: str = "") -> httpx.Response:
        """From the sign-in page to the choice of a method, with a new account."""
        link = next(link for link in Page(response).links if link.endswith("/sign-up"))
        email = email or f"{secrets.token_hex(6)}@buyer.example"
        return await self.submit(await self.get(link), "/sign-up", name="Ann Buyer", email=email, password=PASSWORD)

    async def sign_in(self, response: httpx.Response, email: str) -> httpx.Response:
        """From the sign-in page to whatever follows it."""
        return await self.submit(response, "/sign-in", email=email, password=PASSWORD)

    async def at_confirm(self, url: str) -> httpx.Response:
        """A new buyer with a new card, one click before agreeing."""
        return await self.add_card(await self.sign_up(await self.get(url)))

    async def add_bank_account(self, response: httpx.Response) -> httpx.Response:
        """From the choice of a method to whatever follows it, with a new bank account."""
        link = next(link for link in Page(response).links if link.endswith("/bank-account"))
        return await self.submit(await self.get(link), "/bank-account", routing="110000000", number="000123456789")

    async def use_test_money(self, response: httpx.Response, amount: str) -> httpx.Response:
        """From the choice of a method to whatever follows it, with money on the account balance."""
        return await self.submit(await self.submit(response, "/account/test-money", amount=amount), "/method")

    async def add_card(self, response: httpx.Response, expiry: str = "10/2031") -> httpx.Response:
        """From the choice of a method to whatever follows it, with a new card."""
        link = next((link for link in Page(response).links if link.endswith("/card")), None)
        form = response if link is None else await self.get(link)
        return await self.submit(form, "/card", number="4242 4242 4242 4242", expiry=expiry)


@dataclass(frozen=True)
class Seller:
    """A business with a key; signs links as its program would."""

    world: World
    party: Party
    key: AccessKey
    book_id: BookId

    def sign(
        self,
        params: dict[str, str],
        *,
        verb: str = "GET",
        path: str = START,
        host: str | None = None,
        method: str = "HmacSHA256",
        secret: str | None = None,
    ) -> dict[str, str]:
        signed = {"signatureVersion": "2", "signatureMethod": method} | params
        text = signing.string_to_sign_v2(verb, host or self.world.host, path, signed, "signature")
        algorithm = method if method in signing.HMAC_METHODS else "HmacSHA256"
        return signed | {"signature": signing.hmac_signature(text, secret or self.key.secret, algorithm)}

    def url(self, params: dict[str, str]) -> str:
        return f"{START}?{urlencode(self.sign(params))}"

    def request(self, pipeline: str, **changes: str | None) -> dict[str, str]:
        """The parameters that a pipeline needs, with changes."""
        params: dict[str, str | None] = {
            "callerKey": self.key.access_key_id,
            "version": "2009-01-09",
            "returnURL": RETURN_URL,
            "pipelineName": pipeline,
            **needed(pipeline),
            **changes,
        }
        return {name: value for name, value in params.items() if value is not None}

    def button(self, **changes: str | None) -> dict[str, str]:
        """The signed form of a Simple Pay button."""
        params: dict[str, str | None] = {
            "accessKey": self.key.access_key_id,
            "amount": "USD 12.50",
            "description": "One <b>CD</b>",
            "returnUrl": RETURN_URL,
            "abandonUrl": "https://shop.example/basket",
            "referenceId": "order 7",
            **changes,
        }
        given = {name: value for name, value in params.items() if value is not None}
        return self.sign(given, verb="POST", path=BUTTON)

    @property
    def api(self) -> Client:
        """The seller's program."""
        client = httpx.AsyncClient(trust_env=False, timeout=30, **CHECKED)
        self.world.clients.append(client)
        return Client(
            self.world.base_url, Credentials(self.key.access_key_id, self.key.secret), client, self.world.clock
        )

    async def pay(self, token: str, value: str, **more: str) -> FpsAnswer:
        """Pay with a token that came back on a return URL."""
        return await self._call("Pay", "TransactionAmount", value, SenderTokenId=token, **more)

    async def fund(self, token: str, instrument: str, value: str) -> FpsAnswer:
        """Fill a prepaid instrument by its funding token."""
        return await self._call(
            "FundPrepaid", "FundingAmount", value, SenderTokenId=token, PrepaidInstrumentId=instrument
        )

    async def settle(self, token: str, instrument: str, value: str) -> FpsAnswer:
        """Collect a debt by its settlement token."""
        return await self._call(
            "SettleDebt", "SettlementAmount", value, SenderTokenId=token, CreditInstrumentId=instrument
        )

    async def refund(self, transaction_id: str, value: str) -> FpsAnswer:
        return await self._call("Refund", "RefundAmount", value, TransactionId=transaction_id)

    async def _call(self, action: str, amount_name: str, value: str, **params: str) -> FpsAnswer:
        reference = {"CallerReference": f"{action.lower()}-{secrets.token_hex(6)}"}
        return await self.api.call(action, reference | amount(amount_name, parse_amount(value)) | params)

    async def told(self, token: str, value: str, **more: str) -> str:
        """The outcome of such a payment: its status, or the code of the refusal."""
        try:
            answer = await self.pay(token, value, **more)
        except ServiceError as error:
            return error.code
        return answer.text("TransactionStatus")

    def prepaid(self, **changes: str | None) -> dict[str, str]:
        return self.request("SetupPrepaid", **changes)

    def postpaid(self, **changes: str | None) -> dict[str, str]:
        return self.request("SetupPostpaid", **changes)


@dataclass
class World:
    """The service under test."""

    service: Service
    clock: WorldClock
    base_url: str
    clients: list[httpx.AsyncClient] = field(default_factory=list)
    _shared: dict[str, Litestar] = field(default_factory=dict)
    _latest: tuple[Service, Litestar] | None = None

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).netloc

    @property
    def pool(self) -> Pool:
        return self.service.pool

    def browser(self, service: Service | None = None) -> Browser:
        """A fresh browser; with `service`, one of another configuration, served without a socket."""
        return self.browser_of(None if service is None else self.pages_of(service))

    def pages_of(self, service: Service) -> Litestar:
        """The pages of a service, which take a quarter of a second: made once as long as no other's are asked for."""
        if self._latest is None or self._latest[0] is not service:
            self._latest = service, create_pages(service)
        return self._latest[1]

    def browser_of(self, pages: Litestar | None) -> Browser:
        """A fresh browser of pages that are served without a socket; None: of the service that listens."""
        transport = None if pages is None else httpx.ASGITransport(pages)  # type: ignore[arg-type]
        client = httpx.AsyncClient(
            base_url=self.base_url, transport=transport, trust_env=False, timeout=30, verify=NO_AUTHORITIES
        )
        self.clients.append(client)
        return Browser(client)

    def configured(self, **changes: Any) -> Service:  # noqa: ANN401 - any setting
        return replace(self.service, settings=replace(self.service.settings, **changes))

    def shared_pages(self, **changes: Any) -> Litestar:  # noqa: ANN401 - any setting
        """The pages under other settings, made once: to make them takes a quarter of a second.

        For tests that leave nothing in a service: what it counts, such as guesses and calls, is there for the next one.
        """
        name = repr(sorted(changes.items()))
        if name not in self._shared:
            self._shared[name] = create_pages(self.configured(**changes))
        return self._shared[name]

    async def seller(self, name: str = "Music Shop", *, signs_in: bool = False) -> Seller:
        """A business with a key; with `signs_in`, somebody can sign in for it with PASSWORD."""
        now = self.clock()
        password_hash = await of_process().hash(PASSWORD) if signs_in else None
        email = f"{secrets.token_hex(6)}@shop.example"
        async with self.pool.acquire() as connection:
            party = await parties.create_business(connection, email, name, now, password_hash)
        key = await access_keys.create(self.pool, self.service.vault, party.party_id, "sandbox", now)
        book_id = await create_book.book_of_seller(self.pool, party.party_id, "sandbox")
        assert book_id is not None
        return Seller(self, party, key, book_id)

    async def close_clients(self, but_first: int = 0) -> None:
        """Close the connections of browsers and programs, the latest first; `but_first`: how many stay as they are."""
        while len(self.clients) > but_first:
            await self.clients.pop().aclose()

    async def answer(self, response: httpx.Response) -> dict[str, str]:
        """The parameters of a redirect back to the seller, its signature checked with our certificate."""
        assert response.status_code == 302, (response.status_code, response.text[:2000])
        return await self.checked(response.headers["location"])

    async def checked(self, url: str) -> dict[str, str]:
        """The parameters of a return URL, its signature checked with the certificate that it names."""
        params = await self.checked_by_any(url)
        assert params["signatureMethod"] == "RSA-SHA1"
        return params

    async def checked_by_any(self, url: str) -> dict[str, str]:
        """The same, signed by any of the methods that there are."""
        pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True)
        params = dict(pairs)
        assert len(params) == len(pairs)
        assert params["signatureVersion"] == "2"
        assert params["certificateUrl"].startswith(f"{self.base_url}/certs/")
        async with httpx.AsyncClient(trust_env=False, timeout=30, verify=NO_AUTHORITIES) as http:
            certificate = await http.get(params["certificateUrl"])
        assert certificate.status_code == 200
        endpoint = url.partition("?")[0]
        text = signing.string_to_sign_outbound("GET", endpoint, params)
        assert signing.rsa_verifies(
            text, params["signature"], signing.public_key(certificate.text), params["signatureMethod"]
        )
        return params

    async def rail_answers(self) -> None:
        """Let the simulated rail answer everything that is open."""
        worker = Worker(self.service, self.service.rails)
        while await worker.ask_rails():
            pass

    async def later(self, seller: Seller, by: timedelta) -> None:
        """Move the test clock of a seller's book."""
        await sandbox_clocks.forward(self.pool, seller.book_id, by)

    async def mailed(self, email: str) -> Mail:
        """The last letter to an address."""
        return next(one for one in await mail.latest(self.service, 100) if one.recipient == email)

    async def mailed_code(self, email: str) -> str:
        """The code in it."""
        return (await self.mailed(email)).subject.partition(" ")[0]

    async def mailed_link(self, email: str) -> str:
        """The link in it, without the service's own address."""
        body = (await self.mailed(email)).body or ""
        return next(word for word in body.split() if word.startswith("http")).removeprefix(self.base_url)

    async def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        return [dict(row) for row in await self.pool.fetch(query, *arguments)]


NEEDED: Mapping[str, Mapping[str, str]] = {
    "SetupPrepaid": {"fundingAmount": "25.00"},
    "SetupPostpaid": {"creditLimit": "100.00", "globalAmountLimit": "1200.00"},
    "SingleUse": {"transactionAmount": "24.90"},
    "MultiUse": {"globalAmountLimit": "100.00"},
    "Recurring": {"transactionAmount": "9.99", "recurringPeriod": "1 Month"},
    "Recipient": {"recipientPaysFee": "True"},
    "EditToken": {"tokenId": "U" * 64},
}
REFERENCES: Mapping[str, tuple[str, ...]] = {
    "SetupPrepaid": ("callerReferenceSender", "callerReferenceFunding"),
    "SetupPostpaid": ("callerReferenceSender", "callerReferenceSettlement"),
}


def needed(pipeline: str) -> dict[str, str]:
    """What a pipeline cannot do without, beside what all need."""
    names = REFERENCES.get(pipeline, ("callerReference",))
    references = {name: f"{name[15:]}-{secrets.token_hex(6)}" for name in names}
    return references | dict(NEEDED.get(pipeline, {}))


def named(names: Iterable[str]) -> str:
    """The error text of the protocol."""
    return f"The following input(s) are not well formed:[{', '.join(names)}]"
