"""The list of first steps on the console's first page: what is done, where each is explained, and taking it away.

Whoever takes it away does so for their own browser, by a cookie that names the sellers; nothing of the seller changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from litestar.datastructures import Cookie
from litestar.response import Redirect, Response
from litestar.status_codes import HTTP_303_SEE_OTHER

from tallystick.services.reports import first_steps
from tallystick.services.seller.staff import Permission
from tallystick.web.common.browser.cookies import cookie_name
from tallystick.web.console.console_context import ConsoleContext

PARAMETER: Final = "first-steps"
HIDE: Final = "hide"
SHOW: Final = "show"

NEW_FOR: Final = timedelta(days=30)
"""How long after its account was opened a seller is new. What was told long ago is forgotten, and would look undone."""

_BETWEEN: Final = "."
_MOST: Final = 50
"""Sellers that a browser remembers; the oldest goes."""
_A_YEAR: Final = 365 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class FirstStep:
    """One step. `href`: where in the console it is done; `guide`: the page that explains it."""

    done: bool
    title: str
    text: str
    href: str
    guide: str


async def list_(console: ConsoleContext) -> list[FirstStep]:
    """The steps of a new seller's sandbox; none where there is nothing left to do, or nobody here who would do it."""
    business = console.business
    is_new = console.service.clock() - business.created_at < NEW_FOR
    if not is_new or not console.sandbox or not console.may(Permission.DEVELOP):
        return []
    if str(business.party_id) in _hidden(console):
        return []
    found = await first_steps.find(console.books)
    if found.all_done:
        return []
    return [
        FirstStep(
            found.key,
            "Make a key",
            "Your program calls with it. Its secret is shown once.",
            console.path("keys"),
            "/docs/start#a-service-and-a-seller",
        ),
        FirstStep(
            found.agreed,
            "Have a buyer agree",
            "Ask for a prepaid balance or a tab, and play the buyer yourself.",
            f"{console.path('tools', 'requests')}?endpoint=authorizations.create",
            "/docs/concepts/authorizations",
        ),
        FirstStep(
            found.charged,
            "Charge for the first time",
            "A balance needs a top-up before; a tab does not.",
            f"{console.path('tools', 'requests')}?endpoint=charges.create",
            "/docs/guides/sell-credits",
        ),
        FirstStep(
            found.told,
            "Be told of something",
            "What happens later, such as a card's answer, is sent to your program.",
            console.path("webhooks"),
            "/docs/webhooks",
        ),
    ]


def taken_away(console: ConsoleContext) -> Response[None] | None:
    """The answer to whoever takes the list away, or wants it back: the first page again. None: nobody asked that."""
    asked = console.request.query_params.get(PARAMETER)
    if asked not in {HIDE, SHOW}:
        return None
    ours = str(console.business.party_id)
    others = [one for one in _hidden(console) if one != ours][-(_MOST - 1) :]
    answer: Response[None] = Redirect(console.path(), status_code=HTTP_303_SEE_OTHER)
    answer.set_cookie(
        Cookie(
            _cookie(console),
            value=_BETWEEN.join([*others, ours] if asked == HIDE else others),
            max_age=_A_YEAR,
            secure=console.service.settings.secure_cookies,
            httponly=True,
            samesite="lax",
        )
    )
    return answer


def _cookie(console: ConsoleContext) -> str:
    return cookie_name(console.service.settings, "first-steps")


def _hidden(console: ConsoleContext) -> list[str]:
    """The sellers whose list was taken away on this browser; what else the cookie may say is left out."""
    sent = console.request.cookies.get(_cookie(console), "")
    return [one for one in sent.split(_BETWEEN) if one.isascii() and one.isdigit()]
