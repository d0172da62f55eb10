"""The pages of the shop: server-rendered, no scripts."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Litestar, Request, get, post
from litestar.datastructures import Cookie, State
from litestar.enums import RequestEncodingType
from litestar.exceptions import HTTPException
from litestar.params import Body, FromPath
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Redirect, Response, Template
from litestar.static_files import create_static_files_router
from litestar.template.config import TemplateConfig

from tallystick.demo.catalogue import RECORDS, SONG_PRICE_MICROS, SONGS
from tallystick.demo.checkout import (
    CREDIT_MICROS,
    MAX_CREDIT_MICROS,
    TAB_MICROS,
    BalanceOrTab,
    Checkout,
    NotOursError,
    RefusedError,
    UnreachableError,
    Why,
)
from tallystick.demo.customers import Customer, Customers
from tallystick.domain.money import display_amount

HERE: Final = Path(__file__).parent
COOKIE: Final = "backbeat-customer"
COOKIE_SECONDS: Final = 30 * 24 * 3600

PageRequest = Request[Any, Any, State]
Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
Answer = TypeVar("Answer")
Words = Mapping[Why, str]
"""What the shop says when the service says no, for reasons that it knows."""

_NO_CREDIT: Final[Words] = {"too little money": "There is not enough credit left for this song."}
_TOO_MUCH: Final[Words] = {
    "more than the balance may hold": "That is more than the balance may hold. Buy some songs first."
}
_TAB_FULL: Final[Words] = {"too little money": "That is more than is left on your tab. Settle it first."}
_NO_MONEY: Final[Words] = {
    "too little money": "The account that you settle from has not enough. Your tab stays as it is."
}


@dataclass(frozen=True, slots=True)
class Shop:
    """What the pages work with."""

    checkout: Checkout
    customers: Customers


def create_shop(checkout: Checkout, customers: Customers) -> Litestar:
    """The shop as an application."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["dollars"] = display_amount
    service = urlsplit(checkout.service_url)
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {service.scheme}://{service.netloc}"
    )
    return Litestar(
        route_handlers=[
            songs,
            pay_now,
            paid,
            add_credit,
            buy_song,
            tab,
            authorize_now,
            tab_opened,
            buy_record,
            settle,
            create_static_files_router(path="/static", directories=[HERE / "static"]),
        ],
        state=State({"shop": Shop(checkout, customers)}),
        template_config=TemplateConfig(instance=JinjaTemplateEngine.from_environment(environment)),
        exception_handlers={HTTPException: _problem_page},
        response_headers={
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": "no-store",
        },
        openapi_config=None,
        logging_config=None,
    )


@get("/")
async def songs(request: PageRequest) -> Response[Any]:
    """The songs, and what is left of the balance."""
    return await _songs_page(request, _customer(request))


async def _songs_page(request: PageRequest, customer: Customer, problem: str = "") -> Response[Any]:
    standing: BalanceOrTab | None = None
    checkout, not_filled = _shop(request).checkout, None
    if customer.prepaid is not None:
        standing = await _ask(checkout.balance(customer.prepaid))
        if not standing.micros and not standing.pending_micros:
            not_filled = await _ask(checkout.why_not_filled(customer))
    return _page(
        "songs.html",
        customer,
        problem=problem,
        not_filled=not_filled,
        songs=SONGS,
        owned=set(customer.songs.values()),
        price=SONG_PRICE_MICROS,
        standing=standing,
        credit=CREDIT_MICROS,
        maximum=MAX_CREDIT_MICROS,
    )


@post("/pay-now")
async def pay_now(request: PageRequest) -> Response[Any]:
    """To the hosted pages, with a link made for this customer."""
    customer, shop = _customer(request), _shop(request)
    return await _go_there(shop, customer, shop.checkout.prepaid_link(customer))


@get("/paid")
async def paid(request: PageRequest) -> Response[Any]:
    """Back from the hosted pages."""
    customer, shop = _customer(request), _shop(request)
    return await _came_back(shop, customer, shop.checkout.accept_prepaid(customer, _query(request)), "/")


@post("/credit")
async def add_credit(request: PageRequest, data: Form) -> Response[Any]:
    """More credit, without another visit to the hosted pages."""
    customer, shop = _customer(request), _shop(request)
    if problem := await _problem(shop.checkout.add_credit(customer, _once(data, "credit")), _TOO_MUCH):
        return await _songs_page(request, customer, problem)
    return _go(shop, customer, "/")


@post("/songs/{number:int}")
async def buy_song(request: PageRequest, number: FromPath[int], data: Form) -> Response[Any]:
    """One song."""
    customer, shop = _customer(request), _shop(request)
    song = next((song for song in SONGS if song.number == number), None)
    if song is None:
        raise HTTPException(status_code=HTTPStatus.NOT_FOUND)
    if problem := await _problem(shop.checkout.sell_song(customer, song, _once(data, "song")), _NO_CREDIT):
        return await _songs_page(request, customer, problem)
    return _go(shop, customer, "/")


@get("/tab")
async def tab(request: PageRequest) -> Response[Any]:
    """The records, and what is on the tab."""
    return await _tab_page(request, _customer(request))


async def _tab_page(request: PageRequest, customer: Customer, problem: str = "") -> Response[Any]:
    standing: BalanceOrTab | None = None
    if customer.tab is not None:
        standing = await _ask(_shop(request).checkout.tab(customer.tab))
    return _page(
        "tab.html",
        customer,
        problem=problem,
        records=RECORDS,
        owned=set(customer.records.values()),
        standing=standing,
        limit=TAB_MICROS,
    )


@post("/tab/authorize")
async def authorize_now(request: PageRequest) -> Response[Any]:
    """To the hosted pages for a tab."""
    customer, shop = _customer(request), _shop(request)
    return await _go_there(shop, customer, shop.checkout.tab_link(customer))


@get("/tab/opened")
async def tab_opened(request: PageRequest) -> Response[Any]:
    """Back from the hosted pages."""
    customer, shop = _customer(request), _shop(request)
    return await _came_back(shop, customer, shop.checkout.accept_tab(customer, _query(request)), "/tab")


@post("/tab/records/{number:int}")
async def buy_record(request: PageRequest, number: FromPath[int], data: Form) -> Response[Any]:
    """One record, on the tab."""
    customer, shop = _customer(request), _shop(request)
    record = next((record for record in RECORDS if record.number == number), None)
    if record is None:
        raise HTTPException(status_code=HTTPStatus.NOT_FOUND)
    if problem := await _problem(shop.checkout.sell_record(customer, record, _once(data, "record")), _TAB_FULL):
        return await _tab_page(request, customer, problem)
    return _go(shop, customer, "/tab")


@post("/tab/settle")
async def settle(request: PageRequest, data: Form) -> Response[Any]:
    """Pay all that is owed."""
    customer, shop = _customer(request), _shop(request)
    if problem := await _problem(shop.checkout.settle(customer, _once(data, "settle")), _NO_MONEY):
        return await _tab_page(request, customer, problem)
    return _go(shop, customer, "/tab")


# What all pages share.


def _shop(request: PageRequest) -> Shop:
    shop = request.app.state["shop"]
    if not isinstance(shop, Shop):
        raise TypeError("the application was made without its shop")
    return shop


def _customer(request: PageRequest) -> Customer:
    customers = _shop(request).customers
    return customers.find(request.cookies.get(COOKIE, "")) or customers.new()


def _query(request: PageRequest) -> str:
    query: bytes = request.scope["query_string"]
    return query.decode("ascii", "replace")


def _once(data: dict[str, str], what: str) -> str:
    """The idempotency reference that the form carries: a double click is one purchase."""
    once = data.get("once", "")
    if not once.isalnum() or len(once) > 40:  # noqa: PLR2004 - ours have 16
        raise HTTPException(status_code=HTTPStatus.BAD_REQUEST)
    return f"{what}-{once}"


async def _ask(asked: Awaitable[Answer]) -> Answer:
    """Call the service for a figure without which the page cannot be shown."""
    try:
        return await asked
    except (RefusedError, UnreachableError):
        raise HTTPException(status_code=HTTPStatus.BAD_GATEWAY) from None


async def _problem(done: Awaitable[None], in_words: Words) -> str:
    """Why the call failed, in the shop's own words where it has some; empty when it succeeded."""
    try:
        await done
    except RefusedError as error:
        return in_words.get(error.why) or f"That did not work: {error.message}"
    except UnreachableError:
        raise HTTPException(status_code=HTTPStatus.BAD_GATEWAY) from None
    return ""


async def _came_back(shop: Shop, customer: Customer, answer: Awaitable[str | None], path: str) -> Response[Any]:
    try:
        problem = await answer
    except NotOursError as error:
        return _message("That answer cannot be believed", str(error), HTTPStatus.BAD_REQUEST)
    except RefusedError as error:
        problem = f"The first payment did not go through: {error.message}"
    except UnreachableError:
        raise HTTPException(status_code=HTTPStatus.BAD_GATEWAY) from None
    shop.customers.save(customer)
    if problem:
        return _message("Not set up", problem, HTTPStatus.OK)
    return _go(shop, customer, path)


async def _go_there(shop: Shop, customer: Customer, link: Awaitable[str]) -> Response[Any]:
    """To the hosted pages."""
    return _go(shop, customer, await _ask(link))


def _go(shop: Shop, customer: Customer, target: str) -> Response[Any]:
    shop.customers.save(customer)
    answer: Response[Any] = Redirect(target, status_code=303)
    answer.cookies.append(
        Cookie(COOKIE, value=customer.customer_id, max_age=COOKIE_SECONDS, httponly=True, samesite="lax")
    )
    return answer


def _page(template: str, customer: Customer, **context: object) -> Response[Any]:
    return Template(template, context={"customer": customer, "once": _reference, **context}, media_type="text/html")


def _reference() -> str:
    return secrets.token_hex(8)


def _message(heading: str, text: str, status: int) -> Response[Any]:
    return Template(
        "message.html", context={"heading": heading, "text": text}, status_code=status, media_type="text/html"
    )


def _problem_page(_request: PageRequest, error: HTTPException) -> Response[Any]:
    texts = {404: "There is no such page.", 502: "The payments service does not answer. Try again in a moment."}
    return _message("Sorry", texts.get(error.status_code, "That did not work."), error.status_code)
