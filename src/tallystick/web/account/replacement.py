"""The page that replaces a card or bank account for all authorizations at once."""

from collections.abc import Mapping
from typing import Any

from litestar import Router, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.commands import Method
from tallystick.domain.environments import SANDBOX
from tallystick.services.buyer import replacement
from tallystick.services.buyer.replacement import NEW, Replacement
from tallystick.services.form_errors import FormError
from tallystick.web.account.member import Member, for_active_member
from tallystick.web.account.methods import METHODS
from tallystick.web.account.provider.set_up import go_and_set_up
from tallystick.web.common.method_setup import let_forms_leave
from tallystick.web.common.shared import PageRequest, form_of, go


@get("/{number:int}/replace")
async def show_replace(request: PageRequest, number: FromPath[int]) -> Response[Any]:
    """What replacing would mean: which authorizations are paid from it, and from what they can be paid instead."""

    async def step(member: Member) -> Response[Any]:
        found = await _found(member, number)
        return go(METHODS) if found.done else _page(member, found)

    return await for_active_member(request, step)


@post("/{number:int}/replace", status_code=HTTP_200_OK)
async def do_replace(request: PageRequest, number: FromPath[int]) -> Response[Any]:
    """Replace it; a second click finds no such method, and changes nothing."""

    async def step(member: Member) -> Response[Any]:
        typed = await form_of(request)
        found = await _found(member, number)
        if found.done:
            return go(METHODS)
        if replacement.goes_to_rail(found, typed):
            return await go_and_set_up(member, found.old.method, found.old.environment, found.old)
        try:
            new = await replacement.replace(member.service, found, typed)
        except FormError as error:
            return _page(member, found, typed, error.problems)
        return go(f"{METHODS}?now={new.payment_method_id}")

    return await for_active_member(request, step)


async def _found(member: Member, number: int) -> Replacement:
    found = await replacement.find(member.service, member.party.party_id, number)
    if found is None:
        raise NotFoundException
    return found


def _page(
    member: Member,
    found: Replacement,
    typed: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
) -> Response[Any]:
    if not found.typed:
        let_forms_leave(member.request)
    return member.page(
        "account/replace_method.html",
        status=HTTP_422_UNPROCESSABLE_ENTITY if problems else HTTP_200_OK,
        sandbox=found.old.environment == SANDBOX,
        narrow=True,
        found=found,
        card=found.old.method is Method.CC,
        new=NEW,
        typed=typed or {},
        problems=problems or {},
    )


replacement_routes = Router(path=METHODS, route_handlers=[show_replace, do_replace])
