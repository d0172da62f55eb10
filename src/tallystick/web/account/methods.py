"""A person's means of payment: the account balance, cards and bank accounts; for real money, and of the sandbox."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from litestar import Router, get, post
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.commands import Method
from tallystick.domain.environments import LIVE, SANDBOX
from tallystick.services.buyer import payment_methods
from tallystick.services.buyer.payment_methods import PaymentMethod
from tallystick.services.consent import wallet
from tallystick.services.form_errors import FormError
from tallystick.services.rails import setups
from tallystick.web.account.member import Member, for_active_member, for_member
from tallystick.web.common.agreements.payment_method_text import title
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.words import gettext as _
from tallystick.words import ngettext

METHODS: Final = "/account/payment-methods"
TEST_MONEY: Final = "/account/test-money"
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
UNUSABLE: Final = HTTP_422_UNPROCESSABLE_ENTITY


@get("/")
async def show_methods(request: PageRequest) -> Response[Any]:
    """Everything there is to pay with."""

    async def step(member: Member) -> Response[Any]:
        found = await payment_methods.list_all(member.service, member.party.party_id)
        return member.page(
            "account/methods.html",
            sandbox=not found.real_money,
            balance=found.balance_micros,
            found=found,
            unverified=found.unverified,
            today=member.service.clock().date(),
            nothing="nothing" in request.query_params,
            done=await _what_was_added(member, request.query_params.get("added", ""))
            or await _what_pays_now(member, request.query_params.get("now", "")),
        )

    return await for_member(request, step)


async def _what_was_added(member: Member, number: str) -> str | None:
    """The notice that a method was added. Anybody can write such a link, so it says only what the account holds."""
    method = await _numbered(member, number)
    return None if method is None else _("%(name)s is in your account.", name=title(method))


async def _what_pays_now(member: Member, number: str) -> str | None:
    """The notice after a replacement: what is paid from the new method now, whoever wrote the link."""
    method = await _numbered(member, number)
    if method is None:
        return None
    count = sum(state.cancellable for state in await payment_methods.users_of(member.service, method))
    if not count:
        return None
    return ngettext(
        "One authorization is paid from %(name)s.",
        "%(num)s authorizations are paid from %(name)s.",
        count,
        name=title(method),
    )


_NEW_METHODS: Final = {Method.CC: "account/card.html", Method.ACH: "account/bank_account.html"}
"""The form for each payment method that can be added."""


@get("/card")
async def show_card(request: PageRequest) -> Response[Any]:
    """The form for a new card."""
    return await _show_new(request, Method.CC)


@post("/card", status_code=HTTP_200_OK)
async def do_card(request: PageRequest) -> Response[Any]:
    """Keep a new card."""
    return await _add_new(request, Method.CC)


@get("/bank-account")
async def show_bank_account(request: PageRequest) -> Response[Any]:
    """The form for a new bank account."""
    return await _show_new(request, Method.ACH)


@post("/bank-account", status_code=HTTP_200_OK)
async def do_bank_account(request: PageRequest) -> Response[Any]:
    """Keep a new bank account."""
    return await _add_new(request, Method.ACH)


async def _show_new(request: PageRequest, method: Method) -> Response[Any]:
    async def step(member: Member) -> Response[Any]:
        environment = LIVE if LIVE in request.query_params else SANDBOX
        if not setups.available(member.service, environment, method):
            return go(METHODS)
        return _form(member, _NEW_METHODS[method], sandbox=environment == SANDBOX)

    return await for_active_member(request, step)


async def _add_new(request: PageRequest, method: Method) -> Response[Any]:
    async def step(member: Member) -> Response[Any]:
        typed = await form_of(request)
        try:
            added = await payment_methods.add(member.service, member.party.party_id, method, typed)
        except FormError as error:
            return _form(member, _NEW_METHODS[method], typed, error.problems)
        return go(f"{METHODS}?added={added.payment_method_id}")

    return await for_active_member(request, step)


@get("/{number:int}/remove")
async def show_remove(request: PageRequest, number: FromPath[int]) -> Response[Any]:
    """What removing would mean: which authorizations are paid from it."""

    async def step(member: Member) -> Response[Any]:
        method = await _method(member, number)
        if method is None:
            raise NotFoundException
        users = await payment_methods.users_of(member.service, method)
        sandbox = method.environment == SANDBOX
        return member.page("account/remove_method.html", sandbox=sandbox, method=method, users=users, narrow=True)

    return await for_member(request, step)


@post("/{number:int}/remove", status_code=HTTP_200_OK)
async def do_remove(request: PageRequest, number: FromPath[int]) -> Response[Any]:
    """Remove it from the account; idempotent."""

    async def step(member: Member) -> Response[Any]:
        found = await payment_methods.find(member.service, member.party.party_id, number)
        if found is None:
            raise NotFoundException
        await payment_methods.remove(member.service, found)
        return go(METHODS)

    return await for_member(request, step)


@get(TEST_MONEY)
async def show_test_money(request: PageRequest) -> Response[Any]:
    """The sandbox account balance, and a way to put test money on it."""
    return await for_member(request, _test_money_page)


def test_money_form(in_visit: Callable[[PageRequest, str, str], Awaitable[Response[Any]]]) -> HTTPRouteHandler:
    """The handler of the form that puts test money on the sandbox account balance.

    Hosted pages have the form, too. Then it names its visit, and `in_visit` adds the money, given the request, the
    visit's id and the amount as it was typed.
    """

    @post(TEST_MONEY, status_code=HTTP_200_OK)
    async def do_test_money(request: PageRequest) -> Response[Any]:
        typed = await form_of(request)
        amount = typed.get("amount", "")
        if "visit" in typed:
            return await in_visit(request, typed["visit"], amount)
        return await _add_test_money(request, amount)

    return do_test_money


async def _add_test_money(request: PageRequest, amount: str) -> Response[Any]:

    async def step(member: Member) -> Response[Any]:
        try:
            await wallet.add_test_money(member.service, member.party.party_id, amount)
        except FormError as error:
            return await _test_money_page(member, amount, error.problems)
        return go(f"{TEST_MONEY}?added")

    return await for_active_member(request, step)


async def _test_money_page(
    member: Member, amount: str = "", problems: Mapping[str, str] | None = None
) -> Response[Any]:
    return member.page(
        "account/test_money.html",
        status=UNUSABLE if problems else HTTP_200_OK,
        sandbox=True,
        narrow=True,
        balance=await payment_methods.balance_of(member.service, member.party.party_id),
        typed={"amount": amount},
        problems=problems or {},
        added="added" in member.request.query_params,
    )


def _form(
    member: Member,
    template: str,
    typed: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
    *,
    sandbox: bool = True,
) -> Response[Any]:
    status = UNUSABLE if problems else HTTP_200_OK
    return member.page(
        template, status=status, sandbox=sandbox, narrow=True, typed=typed or {}, problems=problems or {}
    )


async def _numbered(member: Member, number: str) -> PaymentMethod | None:
    return await _method(member, int(number)) if _NUMBER.fullmatch(number) else None


async def _method(member: Member, number: int) -> PaymentMethod | None:
    return await payment_methods.find_present(member.service, member.party.party_id, number)


method_routes = Router(
    path=METHODS,
    route_handlers=[
        show_methods,
        show_card,
        do_card,
        show_bank_account,
        do_bank_account,
        show_remove,
        do_remove,
    ],
)
