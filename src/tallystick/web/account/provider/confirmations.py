"""The page on which a buyer learns that a payment has to be confirmed, and from which the way leads to the bank."""

from typing import Any

from litestar import Router, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK

from tallystick.domain.environments import SANDBOX
from tallystick.services.rails import confirmations
from tallystick.services.rails.confirmations import PLACE, Confirmation
from tallystick.web.account.member import Member, for_active_member
from tallystick.web.account.provider.set_up import back_from_rail, go_and_set_up
from tallystick.web.common.method_setup import go_to_rail, let_forms_leave
from tallystick.web.common.shared import PageRequest, go


@get("/{transaction_id:str}")
async def show_confirmation(request: PageRequest, transaction_id: FromPath[str]) -> Response[Any]:
    """What is to be confirmed; also the way back of a card that was set up once more."""

    async def step(member: Member) -> Response[Any]:
        found = await _found(member, transaction_id)
        if "setup" in request.query_params:
            here = f"{PLACE}/{found.transaction_id}"
            return await back_from_rail(member, here, here)
        let_forms_leave(request)
        sandbox = found.method is None or found.method.environment == SANDBOX
        return member.page("account/confirmation.html", sandbox=sandbox, narrow=True, found=found)

    return await for_active_member(request, step)


@post("/{transaction_id:str}", status_code=HTTP_200_OK)
async def do_confirm(request: PageRequest, transaction_id: FromPath[str]) -> Response[Any]:
    """To the bank; or, where the rail has no page for it, to set up the same card once more."""

    async def step(member: Member) -> Response[Any]:
        found = await _found(member, transaction_id)
        if found.url is None and (found.method is None or found.method.removed):
            return go(f"{PLACE}/{found.transaction_id}")
        await confirmations.acted(member.service, found)
        if found.url is not None:
            return go_to_rail(found.url)
        method = found.method
        assert method is not None, "looked at above"  # noqa: S101
        here = f"{PLACE}/{found.transaction_id}"
        return await go_and_set_up(member, method.method, method.environment, method, here)

    return await for_active_member(request, step)


async def _found(member: Member, transaction_id: str) -> Confirmation:
    found = await confirmations.find(member.service, member.party.party_id, transaction_id)
    if found is None:
        raise NotFoundException
    return found


confirmation_routes = Router(path=PLACE, route_handlers=[show_confirmation, do_confirm])
