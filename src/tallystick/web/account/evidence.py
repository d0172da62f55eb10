"""What somebody agreed to, in the words that they saw when they did."""

from typing import Any

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response

from tallystick.services.consent import evidence
from tallystick.store.keys.access_keys import SANDBOX
from tallystick.store.queries import authorizations
from tallystick.web.account.member import HOME, Member, for_member
from tallystick.web.common.shared import PageRequest
from tallystick.web.common.visitors import device


@get(f"{HOME}/authorizations/{{authorization_id:str}}/agreed")
async def show_agreed(request: PageRequest, authorization_id: FromPath[str]) -> Response[Any]:
    """The agreement behind one authorization."""

    async def step(member: Member) -> Response[Any]:
        given = await authorizations.find(member.service.pool, member.party.party_id, authorization_id)
        if given is None:
            raise NotFoundException
        agreed = await evidence.of_authorization(member.service, given.book_id, authorization_id)
        return member.page(
            "account/agreed.html",
            narrow=True,
            sandbox=given.environment == SANDBOX,
            given=given,
            agreed=agreed,
            device="" if agreed is None else device(agreed.user_agent),
        )

    return await for_member(request, step)
