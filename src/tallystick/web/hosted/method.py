"""The middle of a visit: choose how to pay, and where to deliver; or leave.

What it does is in services/consent/pipelines.py.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, Final

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK

from tallystick.domain.commands import Method
from tallystick.services.consent import pipelines, wallet
from tallystick.services.consent.address import WIRE_NAMES, DeliveryAddress, read_address, wire_address
from tallystick.services.consent.choices import ChosenMethod
from tallystick.services.consent.terms import PurchaseTerms
from tallystick.services.consent.wallet import Choice
from tallystick.services.form_errors import FormError
from tallystick.services.rails import setups
from tallystick.web.common.browser.signing_in import UNUSABLE
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.common.visit.context import VisitContext
from tallystick.web.hosted.steps import VISIT, finished, keep_choices, payment_choices, with_visit
from tallystick.words import gettext as _
from tallystick.words import marked

NEEDED_IN_ADDRESS: Final = {
    "addressName": marked("Type the name of who receives it."),
    "addressLine1": marked("Type street and number."),
    "city": marked("Type the city."),
    "zip": marked("Type the postal code."),
    "country": marked("Type the country."),
}
MAX_ADDRESS_LINE: Final = 200
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@get(f"{VISIT}/method")
async def show_method(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Offer what the buyer can pay with, and ways to add more."""
    return await with_visit(request, visit_id, method_page)


async def method_page(
    context: VisitContext,
    *,
    status: int = HTTP_200_OK,
    problems: dict[str, str] | None = None,
    typed_amount: str = "",
    chosen: str | None = None,
) -> Response[Any]:
    """The choice of a means of payment; also shown again when test money could not be added."""
    if not context.pays:
        return go(context.to("confirm"))
    offered = await payment_choices(context)
    usable = [choice for choice in offered if choice.usable]
    chosen = chosen or _chosen_key(context)
    if chosen not in {choice.key for choice in usable}:
        chosen = _first(usable, context.fixed_micros)
    return context.page(
        "hosted/method.html",
        status=status,
        choices=offered,
        chosen=chosen,
        current=context.current_key,
        none_usable=not usable,
        cards=_can_add(context, Method.CC),
        bank_accounts=_can_add(context, Method.ACH),
        test_money=context.sandbox and Method.ABT in context.terms.methods,
        typed={"amount": typed_amount},
        problems=problems or {},
    )


def _can_add(context: VisitContext, method: Method) -> bool:
    """Whether the seller takes such a method, and there is somewhere to set one up."""
    return method in context.terms.methods and setups.available(context.service, context.visit.environment, method)


def _chosen_key(context: VisitContext) -> str | None:
    method = context.chosen.method
    return context.current_key if method is None else method.key


def _first(usable: Sequence[Choice], fixed_micros: int) -> str | None:
    """The key of the preselected method: preferably one with money, and with enough of it for a fixed amount."""
    covering = (one for one in usable if not one.empty and one.covers(fixed_micros))
    filled = (one for one in usable if not one.empty)
    found = next(chain(covering, filled, usable), None)
    return None if found is None else found.key


@post(f"{VISIT}/method", status_code=HTTP_200_OK)
async def do_method(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Remember the choice."""

    async def step(context: VisitContext) -> Response[Any]:
        key = (await form_of(request)).get("key", "")
        choice = next((one for one in await payment_choices(context) if one.usable and one.key == key), None)
        if choice is None:
            return await method_page(context, status=UNUSABLE, problems={"key": _("Choose how to pay.")})
        return await pay_with(context, choice.chosen)

    return await with_visit(request, visit_id, step)


_NEW_METHODS: Final = {Method.CC: "hosted/card.html", Method.ACH: "hosted/bank_account.html"}
"""The form for each payment method that can be added on the way."""


@get(f"{VISIT}/card")
async def show_card(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """The form for a new card."""
    return await _show_new(request, visit_id, Method.CC)


@post(f"{VISIT}/card", status_code=HTTP_200_OK)
async def do_card(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Add the card and pay with it."""
    return await _add_new(request, visit_id, Method.CC)


@get(f"{VISIT}/bank-account")
async def show_bank_account(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """The form for a new bank account."""
    return await _show_new(request, visit_id, Method.ACH)


@post(f"{VISIT}/bank-account", status_code=HTTP_200_OK)
async def do_bank_account(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Add the bank account and pay with it."""
    return await _add_new(request, visit_id, Method.ACH)


async def _show_new(request: PageRequest, visit_id: str, method: Method) -> Response[Any]:
    async def step(context: VisitContext) -> Response[Any]:
        return context.page(_NEW_METHODS[method]) if _can_add(context, method) else go(context.to("method"))

    return await with_visit(request, visit_id, step)


async def _add_new(request: PageRequest, visit_id: str, method: Method) -> Response[Any]:
    async def step(context: VisitContext) -> Response[Any]:
        if method not in context.terms.methods:
            return go(context.to("method"))
        typed = await form_of(request)
        try:
            added = await wallet.add(
                context.service, context.buyer.party_id, context.visit.environment, method, typed, once=True
            )
        except FormError as error:
            return context.page(_NEW_METHODS[method], status=UNUSABLE, typed=typed, problems=error.problems)
        return await pay_with(context, ChosenMethod(added.method, added.payment_method_id))

    return await with_visit(request, visit_id, step)


async def pay_with(context: VisitContext, chosen: ChosenMethod) -> Response[Any]:
    """Remember what to pay with, and go on to the next step."""
    await keep_choices(context, replace(context.chosen, method=chosen))
    return go(context.to("address" if context.terms.collect_address else "confirm"))


@get(f"{VISIT}/address")
async def show_address(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Ask for a delivery address, where the seller wants one."""

    async def step(context: VisitContext) -> Response[Any]:
        if not context.terms.collect_address:
            return go(context.to("method"))
        address = context.chosen.address or DeliveryAddress(name=context.buyer.name)
        return context.page("hosted/address.html", typed=_filled(wire_address(address)))

    return await with_visit(request, visit_id, step)


def _filled(typed: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in typed.items() if value}


@post(f"{VISIT}/address", status_code=HTTP_200_OK)
async def do_address(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Remember the address."""

    async def step(context: VisitContext) -> Response[Any]:
        form = await form_of(request)
        typed = {name: form.get(name, "").strip() for name in WIRE_NAMES}
        problems = {name: _(text) for name, text in NEEDED_IN_ADDRESS.items() if not typed[name]}
        for name, value in typed.items():
            if len(value) > MAX_ADDRESS_LINE or _CONTROL.search(value):
                problems[name] = _("Use at most %(most)s ordinary characters.", most=MAX_ADDRESS_LINE)
        if problems:
            return context.page("hosted/address.html", status=UNUSABLE, typed=typed, problems=problems)
        await keep_choices(context, replace(context.chosen, address=read_address(typed)))
        return go(context.to("confirm"))

    return await with_visit(request, visit_id, step)


async def shown_again(context: VisitContext, step: str, typed: dict[str, str]) -> Response[Any]:
    """The form with what was typed before the session ended, whether the same or another person signed in."""
    if step == "address" and context.terms.collect_address:
        return context.page("hosted/address.html", typed=typed)
    return await method_page(context, chosen=typed.get("key"))


@post(f"{VISIT}/leave", status_code=HTTP_200_OK)
async def do_leave(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Back to the seller without agreeing."""

    async def step(context: VisitContext) -> Response[Any]:
        asked = (await form_of(request)).get("reason")
        left = pipelines.LEFT
        if asked == "no-method" and context.someone is not None and not isinstance(context.terms, PurchaseTerms):
            usable = [choice for choice in await payment_choices(context) if choice.usable]
            left = pipelines.LEFT if usable else pipelines.NO_METHOD
        return await finished(request, context.service, await pipelines.leave(context.service, context.visit, left))

    return await with_visit(request, visit_id, step, buyer_needed=False)


choice_routes = [
    show_method,
    do_method,
    show_card,
    do_card,
    show_bank_account,
    do_bank_account,
    show_address,
    do_address,
    do_leave,
]
