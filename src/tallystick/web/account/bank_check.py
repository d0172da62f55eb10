"""The page on which somebody names the small deposits that arrived on their bank account."""

from typing import Any

from litestar import Router, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.services.buyer import bank_check, payment_methods
from tallystick.services.buyer.payment_methods import PaymentMethod
from tallystick.services.form_errors import FormError
from tallystick.web.account.member import Member, for_member
from tallystick.web.account.methods import METHODS
from tallystick.web.common.shared import PageRequest, form_of, go


@get("/{number:int}/verify")
async def show_verify(request: PageRequest, number: FromPath[int]) -> Response[Any]:
    """Ask for both amounts."""

    async def step(member: Member) -> Response[Any]:
        method = await _mine(member, number)
        return _page(member, method) if bank_check.wanted(member.service, method) else go(METHODS)

    return await for_member(request, step)


@post("/{number:int}/verify", status_code=HTTP_200_OK)
async def do_verify(request: PageRequest, number: FromPath[int]) -> Response[Any]:
    """Check them."""

    async def step(member: Member) -> Response[Any]:
        method = await _mine(member, number)
        if not bank_check.wanted(member.service, method):
            return go(METHODS)
        typed = await form_of(request)
        try:
            await bank_check.confirm(member.service, method, typed)
        except FormError as error:
            status = HTTP_422_UNPROCESSABLE_ENTITY
            return _page(member, method, status=status, typed=typed, problems=error.problems)
        return go(METHODS)

    return await for_member(request, step)


async def _mine(member: Member, number: int) -> PaymentMethod:
    found = await payment_methods.find(member.service, member.party.party_id, number)
    if found is None:
        raise NotFoundException
    return found


def _page(member: Member, method: PaymentMethod, **more: Any) -> Response[Any]:  # noqa: ANN401 - status, what was typed
    amounts = bank_check.deposits(member.service, method)
    return member.page("account/verify_bank.html", sandbox=True, narrow=True, method=method, amounts=amounts, **more)


bank_check_routes = Router(path=METHODS, route_handlers=[show_verify, do_verify])
