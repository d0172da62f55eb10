"""The access check of the account pages: signed-in people go on, others sign in first and then come back."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from litestar.response import Response
from litestar.status_codes import HTTP_403_FORBIDDEN

from tallystick.services.context import Service
from tallystick.services.identity.accounts import Party
from tallystick.web.common.browser.step_up import gate
from tallystick.web.common.browser.ways_back import ask_to_sign_in
from tallystick.web.common.shared import PageRequest, page, service_of, signed_in

HOME: Final = "/account"
SIGN_IN: Final = "/account/sign-in"
_OURS: Final = re.compile(
    r"/account(?:/[A-Za-z0-9-]+){0,4}(?:\.(?:csv|json|pdf))?|/account/verify\?key=[A-Za-z0-9_-]{1,100}"
)
"""Addresses of pages of ours: never one of somebody else's."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who is signed in and looks at their own account."""

    request: PageRequest
    service: Service
    party: Party

    def page(self, template: str, **context: Any) -> Response[Any]:  # noqa: ANN401 - whatever the template shows
        """A page of this person's account."""
        defaults: dict[str, Any] = {"member": self.party, "here": self.request.url.path, "narrow": False}
        return page(template, **(defaults | context))


Step = Callable[[Member], Awaitable[Response[Any]]]


async def for_member(request: PageRequest, step: Step) -> Response[Any]:
    """Run `step` for the person who is signed in, or ask for a sign-in and come back."""
    party = await signed_in(request)
    if party is None:
        return ask_to_sign_in(request, SIGN_IN, lambda path: own_path(path.partition("?")[0]))
    return await gate(request, party) or await step(Member(request, service_of(request), party))


async def for_active_member(request: PageRequest, step: Step) -> Response[Any]:
    """The same, for steps that a suspended account may not take: it gets a page that says so."""

    async def if_active(member: Member) -> Response[Any]:
        if member.party.active:
            return await step(member)
        return member.page("account/suspended.html", status=HTTP_403_FORBIDDEN, narrow=True)

    return await for_member(request, if_active)


def own_path(path: str) -> str:
    """The path, if it is one of the account pages; else the first of them."""
    return path if _OURS.fullmatch(path) else HOME
