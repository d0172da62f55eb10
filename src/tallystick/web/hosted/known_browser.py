"""The browser in which a visit was finished, known again by a cookie: also after its buyer has signed out.

The cookie is made when somebody first agrees to something. It says nothing about anybody, and opens nothing but answers
that this browser was given before.
"""

import re
import secrets
from typing import Any, Final

from litestar.response import Response

from tallystick.services.consent.visits import AnswerRequester
from tallystick.web.common.browser.cookies import cookie_name
from tallystick.web.common.shared import PageRequest, service_of, signed_in

_NAME: Final = "browser"
_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)
_A_YEAR: Final = 365 * 24 * 60 * 60  # as long as finished visits are kept


async def asker_of(request: PageRequest) -> AnswerRequester:
    """Who asks for an answer: who is signed in on this browser, and the browser itself."""
    someone = await signed_in(request)
    return AnswerRequester(None if someone is None else someone.party_id, _cookie(request))


def known_or_new(request: PageRequest) -> str:
    """By what this browser is known, or will be once `remember` was told."""
    return _cookie(request) or secrets.token_urlsafe(24)


def remember(request: PageRequest, response: Response[Any], browser: str) -> None:
    """Let the browser keep the cookie, for another year."""
    settings = service_of(request).settings
    response.set_cookie(
        cookie_name(settings, _NAME),
        browser,
        max_age=_A_YEAR,
        secure=settings.secure_cookies,
        httponly=True,
        samesite="lax",
    )


def _cookie(request: PageRequest) -> str | None:
    value = request.cookies.get(cookie_name(service_of(request).settings, _NAME), "")
    return value if _VALUE.fullmatch(value) else None
