"""A person's means of payment: the account balance, cards and bank accounts. Test mode is all there is so far."""

import re
from collections.abc import Mapping
from typing import Any, Final

from litestar import Router, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.commands import Method
from tallystick.services.buyer import authorizations as actions
from tallystick.services.buyer import bank_check
from tallystick.services.consent import wallet
from tallystick.services.consent.consent_phrases import title_of
from tallystick.services.form_errors import FormError
from tallystick.store.accounts import payment_methods
from tallystick.store.accounts.payment_methods import PaymentMethod
from tallystick.store.keys.access_keys import SANDBOX
from tallystick.store.queries import account_balances, authorizations
from tallystick.web.account.member import Member, for_active_member, for_member
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.words import gettext as _
from tallystick.words import ngettext

METHODS: Final = "/account/payment-methods"
TEST_MONEY: Final = "/account/test-money"
LARGEST: Final = 2**63 - 1  # number of a payment method that the database could have
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
UNUSABLE: Final = HTTP_422_UNPROCESSABLE_ENTITY


@get("/")
async def show_methods(request: PageRequest) -> Response[Any]:
    """Everything there is to pay with."""

    async def step(member: Member) -> Response[Any]:
        pool, party_id = member.service.pool, member.party.party_id
        methods = await payment_methods.of_party(pool, party_id, SANDBOX)
        return member.page(
            "account/methods.html",
            sandbox=True,
            balance=await account_balances.of_person(pool, SANDBOX, party_id),
            methods=methods,
            unverified=[one.payment_method_id for one in methods if bank_check.wanted(member.service, one)],
            today=member.service.clock().date(),
            done=await _what_was_added(member, request.query_params.get("added", ""))
            or await _what_pays_now(member, request.query_params.get("now", "")),
        )

    return await for_member(request, step)


async def _what_was_added(member: Member, number: str) -> str | None:
    """What was just added; true whoever made the link."""
    method = await _numbered(member, number)
    return None if method is None else _("%(name)s is in your account.", name=title_of(method))


async def _what_pays_now(member: Member, number: str) -> str | None:
    """What is paid from a card or bank account, after another one was replaced by it; true whoever made the link."""
    method = await _numbered(member, number)
    if method is None:
        return None
    found = await authorizations.paid_from(member.service.pool, member.party.party_id, method.payment_method_id)
    count = sum(view.cancellable for view in await actions.views(member.service, found))
    if not count:
        return None
    return ngettext(
        "One authorization is paid from %(name)s.",
        "%(num)s authorizations are paid from %(name)s.",
        count,
        name=title_of(method),
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
        return _form(member, _NEW_METHODS[method])

    return await for_active_member(request, step)


async def _add_new(request: PageRequest, method: Method) -> Response[Any]:
    async def step(member: Member) -> Response[Any]:
        typed = await form_of(request)
        try:
            added = await wallet.add(member.service, member.party.party_id, SANDBOX, method, typed, once=True)
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
        found = await authorizations.paid_from(member.service.pool, member.party.party_id, number)
        users = [view for view in await actions.views(member.service, found) if view.cancellable or view.balance_micros]
        return member.page("account/remove_method.html", sandbox=True, method=method, users=users, narrow=True)

    return await for_member(request, step)


@post("/{number:int}/remove", status_code=HTTP_200_OK)
async def do_remove(request: PageRequest, number: FromPath[int]) -> Response[Any]:
    """Take it out of the account; a second click finds nothing to do."""

    async def step(member: Member) -> Response[Any]:
        pool, party_id = member.service.pool, member.party.party_id
        found = await payment_methods.find(pool, number) if number <= LARGEST else None
        if found is None or found.party_id != party_id:
            raise NotFoundException
        await payment_methods.remove(pool, party_id, number, member.service.clock())
        return go(METHODS)

    return await for_member(request, step)


@get(TEST_MONEY)
async def show_test_money(request: PageRequest) -> Response[Any]:
    """The sandbox account balance, and a way to put test money on it."""
    return await for_member(request, _test_money_page)


async def add_test_money(request: PageRequest, amount: str) -> Response[Any]:
    """Put test money on the sandbox account balance of whoever is signed in."""

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
        balance=await account_balances.of_person(member.service.pool, SANDBOX, member.party.party_id),
        typed={"amount": amount},
        problems=problems or {},
        added="added" in member.request.query_params,
    )


def _form(
    member: Member, template: str, typed: Mapping[str, str] | None = None, problems: Mapping[str, str] | None = None
) -> Response[Any]:
    status = UNUSABLE if problems else HTTP_200_OK
    return member.page(template, status=status, sandbox=True, narrow=True, typed=typed or {}, problems=problems or {})


async def _numbered(member: Member, number: str) -> PaymentMethod | None:
    return await _method(member, int(number)) if _NUMBER.fullmatch(number) else None


async def _method(member: Member, number: int) -> PaymentMethod | None:
    mine = await payment_methods.of_party(member.service.pool, member.party.party_id, SANDBOX)
    return next((one for one in mine if one.payment_method_id == number), None)


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
