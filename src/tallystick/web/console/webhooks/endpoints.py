"""Webhook endpoints of a seller: list, add, change, enable or disable, exchange the secret, remove."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Any, Final

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import (
    HTTP_200_OK,
    HTTP_409_CONFLICT,
    HTTP_422_UNPROCESSABLE_ENTITY,
)

from tallystick.domain.money import display_amount
from tallystick.services.events import endpoints, low_balances
from tallystick.services.events.endpoints import (
    EndpointConflictError,
    EndpointWish,
    NewEndpoint,
    RotatedBeforeError,
    TooManyEndpointsError,
    UnusableAddressError,
    WebhookEndpoint,
)
from tallystick.services.form_errors import FormError
from tallystick.services.seller.manual_operations import BookContext
from tallystick.services.seller.staff import Permission
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console.book_context import no_book_page, with_books
from tallystick.web.console.console_context import ConsoleContext, for_staff
from tallystick.web.console.developer.keys import OVERLAPS
from tallystick.web.console.webhooks.deliveries import ONE, PATH, endpoint_page, for_endpoint, problem_of
from tallystick.web.console.webhooks.endpoint_form import (
    ALL,
    USES,
    filled_in,
    in_words,
    read_endpoint_form,
    type_choices,
)

LOW_BALANCES: Final = "/console/{business:int}/{environment:str}/low-balances"
_FORM_BYTES: Final = 10
_FORM: Final = re.compile(rf"[0-9a-f]{{{2 * _FORM_BYTES}}}", re.ASCII)

TOO_MANY: Final = f"There are {endpoints.MAX_ENDPOINTS} endpoints here, and no more than that can be. Remove one first."
SENT_BEFORE: Final = (
    "This form has added an endpoint already, with other values: it is in the list. Send it again to add this one, too."
)


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """An endpoint in the list: which events it is for, and why nothing arrives there."""

    endpoint: WebhookEndpoint
    events: str
    problem: str | None


@get(PATH)
async def show_endpoints(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """All endpoints of this environment, the oldest first."""

    async def step(console: ConsoleContext) -> Response[Any]:
        return await _list_page(console, removed="removed" in request.query_params, done="done" in request.query_params)

    return await for_staff(request, business, environment, step)


@post(LOW_BALANCES, status_code=HTTP_200_OK, opt=STEP_UP)
async def choose_low_balance(
    request: PageRequest, business: FromPath[int], environment: FromPath[str]
) -> Response[Any]:
    """Choose below which amount a balance is low."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        typed = await form_of(request)
        try:
            micros = low_balances.read_amount(typed.get(low_balances.FIELD, ""))
        except FormError as error:
            status = HTTP_422_UNPROCESSABLE_ENTITY
            return await _list_page(console, status=status, typed=typed, problems=error.problems)
        await low_balances.set_amount(books, micros)
        return go(f"{console.path('webhooks')}?done")

    return await with_books(request, business, environment, step, needs=Permission.DEVELOP)


@get(f"{PATH}/new")
async def show_endpoint_form(
    request: PageRequest, business: FromPath[int], environment: FromPath[str]
) -> Response[Any]:
    """The form for a new endpoint."""

    async def step(console: ConsoleContext) -> Response[Any]:
        return await _form_page(console)

    return await for_staff(request, business, environment, step, Permission.DEVELOP)


@post(PATH, status_code=HTTP_200_OK, opt=STEP_UP)
async def add_endpoint(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Add an endpoint, and show its secret this once."""

    async def step(console: ConsoleContext) -> Response[Any]:
        if console.book_id is None:
            return await _form_page(console, status=HTTP_409_CONFLICT)
        service, typed = console.service, await form_of(request)
        name, status, problems = _request_name(console, typed.get("form", "")), HTTP_422_UNPROCESSABLE_ENTITY, {}
        try:
            wish = read_endpoint_form(typed)
            made = await endpoints.create(
                service, console.actor, console.business.party_id, console.environment, wish, name
            )
        except FormError as error:
            problems = error.problems
        except UnusableAddressError as error:
            problems = {"url": _sentence(error)}
        except TooManyEndpointsError:
            status, problems = HTTP_409_CONFLICT, {"url": TOO_MANY}
        except EndpointConflictError:
            status, problems = HTTP_409_CONFLICT, {"url": SENT_BEFORE}
        else:
            if not made.is_new and service.clock() - made.endpoint.created_at >= endpoints.SECOND_CLICK:
                return go(f"{console.path('webhooks', made.endpoint.endpoint_id)}?again")
            return _secret_page(console, made)
        return await _form_page(console, status=status, typed=typed, problems=problems)

    return await for_staff(request, business, environment, step, Permission.DEVELOP)


@get(f"{ONE}/change")
async def show_endpoint_change(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], endpoint_id: FromPath[str]
) -> Response[Any]:
    """The form, as the endpoint is now."""

    async def step(console: ConsoleContext, found: WebhookEndpoint) -> Response[Any]:
        return await _form_page(console, endpoint=found, typed=filled_in(found))

    return await for_endpoint(request, business, environment, endpoint_id, step)


@post(f"{ONE}/change", status_code=HTTP_200_OK, opt=STEP_UP)
async def change_endpoint(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], endpoint_id: FromPath[str]
) -> Response[Any]:
    """Deliver to another address, or other events, from now on."""

    async def step(console: ConsoleContext, found: WebhookEndpoint) -> Response[Any]:
        typed = await form_of(request)
        try:
            await endpoints.change(console.service, console.actor, found, read_endpoint_form(typed))
        except FormError as error:
            problems = error.problems
        except UnusableAddressError as error:
            problems = {"url": _sentence(error)}
        else:
            return go(f"{console.path('webhooks', endpoint_id)}?saved")
        status = HTTP_422_UNPROCESSABLE_ENTITY
        return await _form_page(console, status=status, endpoint=found, typed=typed, problems=problems)

    return await for_endpoint(request, business, environment, endpoint_id, step)


@post(f"{ONE}/enable", status_code=HTTP_200_OK, opt=STEP_UP)
async def enable_endpoint(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], endpoint_id: FromPath[str]
) -> Response[Any]:
    """Deliver to it again; idempotent."""

    async def step(console: ConsoleContext, found: WebhookEndpoint) -> Response[Any]:
        return await _set_enabled(console, found, enabled=True)

    return await for_endpoint(request, business, environment, endpoint_id, step)


@post(f"{ONE}/disable", status_code=HTTP_200_OK, opt=STEP_UP)
async def disable_endpoint(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], endpoint_id: FromPath[str]
) -> Response[Any]:
    """Deliver nothing to it until it is enabled again; idempotent."""

    async def step(console: ConsoleContext, found: WebhookEndpoint) -> Response[Any]:
        return await _set_enabled(console, found, enabled=False)

    return await for_endpoint(request, business, environment, endpoint_id, step)


async def _set_enabled(console: ConsoleContext, found: WebhookEndpoint, *, enabled: bool) -> Response[Any]:
    wish = EndpointWish(found.url, found.types, found.description)
    await endpoints.change(console.service, console.actor, found, wish, enabled=enabled)
    return go(console.path("webhooks", found.endpoint_id))


@post(f"{ONE}/rotate", status_code=HTTP_200_OK, opt=STEP_UP)
async def rotate_secret(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], endpoint_id: FromPath[str]
) -> Response[Any]:
    """Give it another secret, and show that this once."""

    async def step(console: ConsoleContext, found: WebhookEndpoint) -> Response[Any]:
        typed = await form_of(request)
        chosen = typed.get("overlap", "")
        if chosen not in OVERLAPS:
            problems = {"overlap": "Choose how long the old secret goes on."}
            return await endpoint_page(console, found, status=HTTP_422_UNPROCESSABLE_ENTITY, problems=problems)
        overlap, _ = OVERLAPS[chosen]
        try:
            made = await endpoints.rotate(console.service, console.actor, found, overlap, typed.get("seen", ""))
        except RotatedBeforeError as error:
            if error.made is None:
                return go(f"{console.path('webhooks', endpoint_id)}?again")
            made = error.made
        return _secret_page(console, made, rotated=True)

    return await for_endpoint(request, business, environment, endpoint_id, step)


@get(f"{ONE}/remove")
async def show_endpoint_removal(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], endpoint_id: FromPath[str]
) -> Response[Any]:
    """What removing the endpoint ends, and the button."""

    async def step(console: ConsoleContext, found: WebhookEndpoint) -> Response[Any]:
        waiting, _ = await endpoints.unfinished(console.service, found)
        return console.page("console/webhooks/endpoint_remove.html", endpoint=found, waiting=waiting)

    return await for_endpoint(request, business, environment, endpoint_id, step)


@post(f"{ONE}/remove", status_code=HTTP_200_OK, opt=STEP_UP)
async def remove_endpoint(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], endpoint_id: FromPath[str]
) -> Response[Any]:
    """Forget it with its secrets and its log."""

    async def step(console: ConsoleContext, found: WebhookEndpoint) -> Response[Any]:
        await endpoints.remove(console.service, console.actor, found)
        return go(f"{console.path('webhooks')}?removed")

    return await for_endpoint(request, business, environment, endpoint_id, step)


async def _list_page(console: ConsoleContext, **more: Any) -> Response[Any]:  # noqa: ANN401 - status, problems, what was typed
    found = await endpoints.list_(console.service, console.business.party_id, console.environment)
    rows = [EndpointRow(one, in_words(one.types), await problem_of(console, one)) for one in found]
    low = None if console.book_id is None else await low_balances.amount(console.books)
    context: dict[str, Any] = {
        "rows": rows,
        "full": len(rows) >= endpoints.MAX_ENDPOINTS,
        "low_micros": low,
        "typed": {low_balances.FIELD: "" if low is None else display_amount(low)},
        "problems": {},
        "removed": False,
        "done": False,
        "real_now": console.service.clock(),
    }
    return console.page("console/webhooks/endpoints.html", **(context | more))


def _request_name(console: ConsoleContext, form: str) -> str:
    """The name of this form as sent by this person; empty when the form is none of ours."""
    return f"console form {form} {console.person.party_id}" if _FORM.fullmatch(form) else ""


async def _form_page(console: ConsoleContext, **more: Any) -> Response[Any]:  # noqa: ANN401 - status and problems
    if console.book_id is None:
        return await no_book_page(console, place="Developers", **more)
    defaults: dict[str, Any] = {"endpoint": None, "uses": USES, "usual": ALL, "types": type_choices()}
    form = {"form": secrets.token_hex(_FORM_BYTES)}
    return console.page("console/webhooks/endpoint_form.html", **(defaults | more | form))


def _secret_page(console: ConsoleContext, made: NewEndpoint, *, rotated: bool = False) -> Response[Any]:
    return console.page("console/webhooks/endpoint_secret.html", endpoint=made.endpoint, made=made, rotated=rotated)


def _sentence(error: UnusableAddressError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


endpoint_routes = [
    show_endpoints,
    show_endpoint_form,
    add_endpoint,
    choose_low_balance,
    show_endpoint_change,
    change_endpoint,
    enable_endpoint,
    disable_endpoint,
    rotate_secret,
    show_endpoint_removal,
    remove_endpoint,
]
