"""What shows that a form was sent from a page of ours, by the person whom the page was made for.

Three things have to agree: what the browser says of where the form was (Sec-Fetch-Site, Origin), a cookie that other
sites neither see nor set, and a token in the form that is computed from the cookie and from who is signed in. So a form
of one person's page is of no use on the browser of another, even where somebody manages to plant a cookie there.

The cookie is set by pages that have a form and by no other answer: what caches may keep names nobody.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection, Request
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.enums import RequestEncodingType, ScopeType
from litestar.exceptions import PermissionDeniedException
from litestar.middleware import DefineMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from tallystick.settings import Settings
from tallystick.web.common.browser.cookies import cookie_name
from tallystick.web.common.browser.sessions import signed_in_party

FIELD: Final = "_csrf_token"
HEADER: Final = "x-csrftoken"
"""For programs that send no form."""

FROM_ELSEWHERE: Final = {"comes_from_elsewhere": True}
"""Options of a handler for forms on sellers' sites, which the seller has signed."""

_FORMS: Final = {RequestEncodingType.URL_ENCODED, RequestEncodingType.MULTI_PART}
_SAFE_METHODS: Final = {"GET", "HEAD", "OPTIONS"}
_OURS: Final = {"same-origin", "none"}  # none: typed, or reloaded, by the person themselves
_ENTRANCES: Final = ("/sign-in", "/sign-up", "/email", "/email-code")
"""Forms for whoever is not signed in. Two clicks send one twice, and the second finds somebody signed in."""

_DIGITS: Final = 64
_STATE: Final = "tallystick_form_token"
_NOBODY: Final = "nobody"


Secret = Callable[[], bytes]
"""Gives what tokens are made with. It may be another one at any time."""


class Tokens:
    """Makes and checks cookie and tokens. The secret outlives restarts: open pages stay usable."""

    def __init__(self, settings: Settings, secret: Secret) -> None:
        self._secret = secret
        self._settings = settings
        self.cookie_name: Final = cookie_name(settings, "form")

    def new_cookie(self) -> str:
        """The value of a cookie that nobody had before."""
        number = secrets.token_hex(_DIGITS // 2)
        return number + self._digest(number)

    def is_ours(self, cookie: str) -> bool:
        """Whether we made a cookie."""
        number, digest = cookie[:_DIGITS], cookie[_DIGITS:]
        return hmac.compare_digest(digest.encode(), self._digest(number).encode())

    def token(self, cookie: str, person: str) -> str:
        """The token of forms for `person`: who they are is in it, and both are vouched for."""
        of_whom = self._digest(f"person {person}")
        return of_whom + self._digest(f"{cookie} {of_whom}")

    def fits(self, token: str, cookie: str, person: str) -> bool:
        """Whether a form was made for this browser and for this person.

        One that was made before its session ended is let through to the sign-in page, which keeps what was typed: as
        long as nobody is signed in, nothing is done.
        """
        of_whom, digest = token[:_DIGITS], token[_DIGITS:]
        if not hmac.compare_digest(digest.encode(), self._digest(f"{cookie} {of_whom}").encode()):
            return False
        ours = self._digest(f"person {person}")
        return person == _NOBODY or hmac.compare_digest(of_whom.encode(), ours.encode())

    def header(self, cookie: str) -> str:
        """The cookie as an answer sets it."""
        secure = self._settings.secure_cookies
        made = Cookie(self.cookie_name, value=cookie, secure=secure, httponly=True, samesite="lax")
        return made.to_header(header="")

    def _digest(self, text: str) -> str:
        return hmac.new(self._secret(), text.encode("utf-8", "surrogatepass"), sha256).hexdigest()


def form_tokens(settings: Settings, secret: Secret) -> DefineMiddleware:
    """The middleware that refuses forms of others. It stands behind that of the sessions."""
    return DefineMiddleware(FormTokens, tokens=Tokens(settings, secret))


class FormTokens:
    """See the module's text."""

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, if it asks only, or comes from a form of ours."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        request: Request[Any, Any, Any] = scope["litestar_app"].request_class(scope=scope, receive=receive)
        given = request.cookies.get(self._tokens.cookie_name, "")
        known = self._tokens.is_ours(given)
        state = scope["state"][_STATE] = _Given(self._tokens, given if known else None)
        elsewhere = scope["route_handler"].opt.get("comes_from_elsewhere", False)
        if request.method not in _SAFE_METHODS and not elsewhere:
            # the form is read also where it cannot be right: a body that is no form has an answer of its own
            token = await _token(request)
            person = _NOBODY if scope["path"].endswith(_ENTRANCES) else _person(request)
            if not (known and is_same_origin(request) and self._tokens.fits(token, given, person)):
                raise PermissionDeniedException("The form is not one of ours.")
        await self._app(scope, receive, state.keeping(send))


class _Given:
    """The cookie of one request, and whether its answer has to set another one."""

    def __init__(self, tokens: Tokens, cookie: str | None) -> None:
        self._tokens = tokens
        self._cookie = cookie
        self._new = False

    def token(self, person: str) -> str:
        """The token for forms on the page that is being made."""
        if self._cookie is None:
            self._cookie, self._new = self._tokens.new_cookie(), True
        return self._tokens.token(self._cookie, person)

    def keeping(self, send: Send) -> Send:
        """Have the answer set the cookie that its page needs."""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and self._new and self._cookie is not None:
                MutableScopeHeaders.from_message(message).add("set-cookie", self._tokens.header(self._cookie))
            await send(message)

        return answer


def form_token(request: Request[Any, Any, Any]) -> str:
    """The token that every form of a page carries. Its answer sets the cookie that belongs to it, if need be."""
    given = request.scope["state"].get(_STATE)
    if not isinstance(given, _Given):
        raise TypeError("this page is made where no form can be sent from")
    return given.token(_person(request))


def is_same_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Whether nothing that the browser says of where the form was speaks against us.

    Our pages send no referrer, which makes browsers say "null" for their origin; current ones say where a request comes
    from in Sec-Fetch-Site. A browser that says nothing has to be believed: programs and old ones are like that.
    """
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site in _OURS
    origin = connection.headers.get("origin", "null")
    return origin == "null" or urlsplit(origin).netloc == connection.headers.get("host", "")


async def _token(request: Request[Any, Any, Any]) -> str:
    if (given := request.headers.get(HEADER)) is not None:
        return given
    content_type, _ = request.content_type
    if content_type not in _FORMS:
        return ""
    token = (await request.form()).get(FIELD)
    return token if isinstance(token, str) else ""


def _person(request: Request[Any, Any, Any]) -> str:
    """Who is signed in, until all their sessions are ended: the id of one session changes while pages are open."""
    known = signed_in_party(request)
    return _NOBODY if known is None else f"{known[0]}.{known[1]}"
