"""The evidence of consent: what somebody agreed to, in the words that they were shown."""

from typing import Any

from litestar import get
from litestar.params import FromPath
from litestar.response import Response

from tallystick.services.consent import evidence
from tallystick.web.account.authorizations import state_of
from tallystick.web.account.member import HOME, Member, for_member
from tallystick.web.common.browser.visitors import device
from tallystick.web.common.shared import PageRequest


@get(f"{HOME}/authorizations/{{authorization_id:str}}/agreed")
async def show_agreed(request: PageRequest, authorization_id: FromPath[str]) -> Response[Any]:
    """The evidence for one authorization."""

    async def step(member: Member) -> Response[Any]:
        state = await state_of(member, authorization_id)
        agreed = await evidence.of_authorization(member.service, state.authorization.book_id, authorization_id)
        return member.page(
            "account/agreed.html",
            narrow=True,
            sandbox=state.sandbox,
            state=state,
            agreed=agreed,
            device="" if agreed is None else device(agreed.user_agent),
        )

    return await for_member(request, step)
