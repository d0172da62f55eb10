"""Walk the hosted pages as a buyer would: follow links, fill forms, confirm; for integrations without a browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

from tallystick.client.html_forms import HtmlForm, Page, read_page

METHODS: Final = ("CC", "ACH", "ABT")
MAX_STEPS: Final = 20

_SIGN_UP: Final = ("name", "email", "password")
_NEW_CARD: Final = ("number", "expiry")

# The word beside each choice on the page; and what a tester types to add one where there is none.
_BADGES: Final = {"CC": "Card", "ACH": "Bank", "ABT": "Balance"}
_ADD: Final = {"CC": "/card", "ACH": "/bank-account"}
_CARD: Final = {"number": "4242 4242 4242 4242", "expiry": "12/39"}
_BANK_ACCOUNT: Final = {"routing": "110000000", "number": "000123456789"}
_ADDRESS: Final = {
    "addressLine1": "1 Sample Street",
    "city": "Springfield",
    "state": "IL",
    "zip": "62701",
    "country": "United States",
}


class WalkRefusedError(Exception):
    """The pages do not let the buyer go on; the message is what they say."""


@dataclass(frozen=True, slots=True)
class Buyer:
    """The buyer's credentials. `name` is needed only for signing up; None: do not sign up when signing in fails."""

    email: str
    password: str = field(repr=False)
    name: str | None = None


@dataclass(slots=True)
class _Steps:
    """Steps done already: a page that comes back a second time means a refusal."""

    tried: set[str] = field(default_factory=set)

    def once(self, step: str, page: Page) -> None:
        if step in self.tried:
            raise WalkRefusedError(page.message)
        self.tried.add(step)


async def authorize(
    signed_url: str,
    buyer: Buyer,
    method: str,
    *,
    connect_to: str | None = None,
    leave: bool = False,
    number: str | None = None,
) -> str:
    """Go through the whole visit and return the URL to which the seller's answer leads, without fetching it.

    `method` is one of METHODS; a simulated card or bank account is added where the buyer has none, or, with `number`,
    that one in any case (docs/sandbox.md lists which do what). `connect_to` is the
    address of the service when the URL's own host does not lead there: the host that was signed is still named to it.
    `leave`: follow the link back to the seller instead of confirming.
    Raises WalkRefusedError, httpx.HTTPError, ValueError: not a URL of hosted pages.
    """
    parameters = dict(parse_qsl(urlsplit(signed_url).query, keep_blank_values=True))
    return_url = parameters.get("returnURL") or parameters.get("returnUrl")
    if urlsplit(signed_url).scheme not in {"http", "https"} or not return_url:
        raise ValueError("not a signed URL of the Co-Branded pages: it has no returnURL")
    transport = None if connect_to is None else _Detour(connect_to)
    async with httpx.AsyncClient(transport=transport, timeout=30) as browser:
        return await _Visit(browser, buyer, method, return_url, leave=leave, number=number).walk(signed_url)


class _Visit:
    def __init__(
        self,
        browser: httpx.AsyncClient,
        buyer: Buyer,
        method: str,
        return_url: str,
        *,
        leave: bool,
        number: str | None,
    ) -> None:
        self._browser = browser
        self._buyer = buyer
        self._method = method
        self._return = urlsplit(return_url)
        self._leave = leave
        self._number = number
        self._done = _Steps()
        self._sign_in_problem = ""

    async def walk(self, url: str) -> str:
        answer = await self._browser.get(url)
        for _ in range(MAX_STEPS):
            while answer.is_redirect:
                target = urljoin(str(answer.url), answer.headers["location"])
                if self._is_return(target):
                    return target
                answer = await self._browser.get(target)
            page = read_page(answer.text)
            answer = await self._step(answer, page)
        raise WalkRefusedError("the pages led in circles")

    def _is_return(self, target: str) -> bool:
        parts = urlsplit(target)
        return (parts.scheme, parts.netloc, parts.path or "/") == (
            self._return.scheme,
            self._return.netloc,
            self._return.path or "/",
        )

    async def _step(self, answer: httpx.Response, page: Page) -> httpx.Response:
        if self._leave and (leave := _form_to(page, "/leave")):
            return await self._send(answer, leave, {})
        if answer.url.path.endswith("/method"):
            return await self._choose(answer, page)
        for fields, typed in self._what_to_type().items():
            if form := page.form_with(*fields):
                if fields == _SIGN_UP and " ".join(fields) in self._done.tried:
                    raise WalkRefusedError(f"{self._sign_in_problem} ({page.message})")
                self._done.once(" ".join(fields), page)
                return await self._send(answer, form, {name: typed[name] for name in typed if name in form.names})
        if form := page.form_with("email", "password"):
            return await self._sign_in(answer, page, form)
        raise WalkRefusedError(page.message)

    def _what_to_type(self) -> Mapping[tuple[str, ...], Mapping[str, str]]:
        """What to type into each form, by the fields that identify the form."""
        return {
            _SIGN_UP: self._who() | {"name": self._buyer.name or self._buyer.email},
            _NEW_CARD: self._typed(_CARD),
            ("routing", "number"): self._typed(_BANK_ACCOUNT),
            ("addressLine1",): _ADDRESS,
            ("agreed",): {},
        }

    async def _sign_in(self, answer: httpx.Response, page: Page, form: HtmlForm) -> httpx.Response:
        if "sign-in" not in self._done.tried:
            self._done.once("sign-in", page)
            return await self._send(answer, form, self._who())
        sign_up = next((link for link in page.links if link.endswith("/sign-up")), None)
        if self._buyer.name is None or sign_up is None or " ".join(_SIGN_UP) in self._done.tried:
            raise WalkRefusedError(page.message)
        self._sign_in_problem = page.message
        return await self._browser.get(urljoin(str(answer.url), sign_up))

    async def _choose(self, answer: httpx.Response, page: Page) -> httpx.Response:
        self._done.once("method", page)
        form = page.form_with("key")
        if form is not None and self._number is None:
            for radio in form.radios:
                if radio.usable and radio.label.endswith(_BADGES[self._method]):
                    return await self._send(answer, form, {"key": radio.value})
        if self._method == "CC" and (form := page.form_with(*_NEW_CARD)):
            return await self._send(answer, form, self._typed(_CARD))
        add = next((link for link in page.links if link.endswith(_ADD.get(self._method, "no way"))), None)
        if add is None:
            raise WalkRefusedError(f"the seller does not take {self._method}")
        return await self._browser.get(urljoin(str(answer.url), add))

    def _typed(self, usual: Mapping[str, str]) -> Mapping[str, str]:
        return usual if self._number is None else {**usual, "number": self._number}

    def _who(self) -> dict[str, str]:
        return {"email": self._buyer.email, "password": self._buyer.password}

    async def _send(self, answer: httpx.Response, form: HtmlForm, typed: Mapping[str, str]) -> httpx.Response:
        target = urljoin(str(answer.url), form.action)
        return await self._browser.post(target, data=form.filled(typed))


def _form_to(page: Page, ending: str) -> HtmlForm | None:
    return next((form for form in page.forms if form.action.endswith(ending)), None)


class _Detour(httpx.AsyncBaseTransport):
    """Connects to one address whatever host a URL names; the Host header stays, as the signature covers it."""

    def __init__(self, address: str) -> None:
        self._address = httpx.URL(address)
        if self._address.scheme not in {"http", "https"} or not self._address.host:
            raise ValueError(f"not an http or https address: {address!r}")
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url.copy_with(scheme=self._address.scheme, host=self._address.host, port=self._address.port)
        detoured = httpx.Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions
        )
        return await self._inner.handle_async_request(detoured)

    async def aclose(self) -> None:
        await self._inner.aclose()
