"""A new card or bank account on the account, set up at the rail: the way there, and back."""

import re
from typing import Any, Final

from litestar import Router, get, post
from litestar.exceptions import NotFoundException
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_503_SERVICE_UNAVAILABLE

from tallystick.domain.commands import Method
from tallystick.domain.environments import LIVE, SANDBOX
from tallystick.services.buyer import payment_methods
from tallystick.services.buyer.payment_methods import PaymentMethod
from tallystick.services.rails import setups
from tallystick.services.rails.setups import RailUnavailableError
from tallystick.web.account.member import Member, for_active_member
from tallystick.web.account.methods import METHODS
from tallystick.web.common.method_setup import go_to_rail, kind_of
from tallystick.web.common.shared import PageRequest, form_of, go

PLACE: Final = f"{METHODS}/set-up"
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


@post("/set-up", status_code=HTTP_200_OK)
async def do_set_up(request: PageRequest) -> Response[Any]:
    """Go to the rail to set one up, or one that takes the place of another one everywhere."""

    async def step(member: Member) -> Response[Any]:
        typed = await form_of(request)
        kind = kind_of(typed.get("kind", ""))
        if kind is None:
            return go(METHODS)
        replaced = await _replaced(member, typed.get("replaces", ""))
        environment = LIVE if typed.get("environment") == LIVE else SANDBOX
        if replaced is not None:
            kind, environment = replaced.method, replaced.environment
        return await go_and_set_up(member, kind, environment, replaced)

    return await for_active_member(request, step)


@get("/set-up")
async def show_set_up(request: PageRequest) -> Response[Any]:
    """Back from the rail."""

    async def step(member: Member) -> Response[Any]:
        return await back_from_rail(member, PLACE, METHODS)

    return await for_active_member(request, step)


async def go_and_set_up(
    member: Member, kind: Method, environment: str, replaced: PaymentMethod | None = None, back_to: str = PLACE
) -> Response[Any]:
    """To the rail; or a page that says that it cannot be reached."""
    service, party_id = member.service, member.party.party_id
    try:
        url = await setups.begin(service, party_id, environment, kind, back_to, replaces=replaced)
    except RailUnavailableError:
        return member.page("account/rail_unreachable.html", status=HTTP_503_SERVICE_UNAVAILABLE, narrow=True)
    return go_to_rail(url)


async def back_from_rail(member: Member, here: str, on: str) -> Response[Any]:
    """What became of the set-up that the address names: on to `on`, or a page from which to look again."""
    setup_id = member.request.query_params.get("setup", "")
    try:
        outcome = await setups.come_back(member.service, member.party.party_id, setup_id)
    except RailUnavailableError:
        return _look_again(member, here, setup_id)
    if outcome is None:
        return go(METHODS)
    if outcome.method is not None:
        word = "added" if outcome.setup.replaces_id is None else "now"
        return go(f"{on}?{word}={outcome.method.payment_method_id}")
    if outcome.given_up or "given-up" in member.request.query_params:
        return go(f"{METHODS}?nothing")
    return _look_again(member, here, setup_id)


async def _replaced(member: Member, number: str) -> PaymentMethod | None:
    """The one to replace, if the form names one. Raises NotFoundException: it is none of this person's."""
    if not number:
        return None
    found = None
    if _NUMBER.fullmatch(number):
        found = await payment_methods.find(member.service, member.party.party_id, int(number))
    if found is None:
        raise NotFoundException
    return found


def _look_again(member: Member, here: str, setup_id: str) -> Response[Any]:
    return member.page("account/set_up.html", narrow=True, again=here, setup_id=setup_id)


set_up_routes = Router(path=METHODS, route_handlers=[do_set_up, show_set_up])
