"""A buyer has what is left of a prepaid balance paid back: what it would do, and doing it.

The form carries an id and the amount that was shown, so a double click, a reload or going back pays once, and never
another amount than the one on the page.
"""

from typing import Any, Final

from litestar import Router, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_409_CONFLICT

from tallystick.domain.refusals import Refused
from tallystick.services.buyer import redemption
from tallystick.services.buyer.authorization_status import AuthorizationState
from tallystick.services.buyer.redemption import ChangedError, NotAllowedError
from tallystick.web.account.authorizations import state_of
from tallystick.web.account.member import HOME, Member, for_active_member
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go

PATH: Final = "/authorizations/{authorization_id:str}/redeem"
MICROS_DIGITS: Final = 18


@get(PATH)
async def show_redeem(request: PageRequest, authorization_id: FromPath[str]) -> Response[Any]:
    """What would be paid back, and where to; or why nothing can be."""

    async def step(member: Member) -> Response[Any]:
        return await _page(member, await _balance(member, authorization_id))

    return await for_active_member(request, step)


@post(PATH, status_code=HTTP_200_OK, opt=STEP_UP)
async def do_redeem(request: PageRequest, authorization_id: FromPath[str]) -> Response[Any]:
    """Pay it back, and show what came of it. Idempotent by the form's id."""

    async def step(member: Member) -> Response[Any]:
        state = await _balance(member, authorization_id)
        typed = await form_of(request)
        redemption_id, amount = typed.get("redemption", ""), typed.get("amount", "")
        if not redemption.is_id(redemption_id) or not (amount.isascii() and amount.isdigit()):
            return await _page(member, state)
        if len(amount) > MICROS_DIGITS:
            return await _page(member, state, changed=True, status=HTTP_409_CONFLICT)
        try:
            made = await redemption.ask(member.service, member.party, state, redemption_id, int(amount))
        except (ChangedError, NotAllowedError, Refused):
            return await _page(member, state, changed=True, status=HTTP_409_CONFLICT)
        came_of_it = "refused" if made.refused else "yes"
        return go(f"{HOME}/authorizations/{state.authorization.authorization_id}?redeemed={came_of_it}")

    return await for_active_member(request, step)


async def _balance(member: Member, authorization_id: str) -> AuthorizationState:
    state = await state_of(member, authorization_id)
    if not state.prepaid:
        raise NotFoundException
    return state


async def _page(member: Member, state: AuthorizationState, **more: Any) -> Response[Any]:  # noqa: ANN401 - status, changed
    unspent = await redemption.offer(member.service, state)
    preview, refused = None, False
    if unspent.open:
        try:
            preview = await redemption.preview(member.service, member.party, state, unspent.possible_micros)
        except Refused:
            refused = True
    parts = [] if preview is None else preview.parts
    return member.page(
        "account/redeem.html",
        narrow=True,
        sandbox=state.sandbox,
        state=state,
        unspent=unspent,
        preview=preview,
        refused=refused,
        to_cards=sum(part.amount_micros for part in parts if part.pending),
        to_account=sum(part.amount_micros for part in parts if not part.pending),
        redemption_id=redemption.new_id(),
        **{"changed": False} | more,
    )


redemption_routes = Router(path=HOME, route_handlers=[show_redeem, do_redeem])
