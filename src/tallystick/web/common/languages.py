"""In which language a request is answered.

The address says so (``?lang=de``, which a cookie then keeps), or what this person chose before, or what the browser
prefers; else English. Console and administration are English whoever looks at them.
"""

from typing import Any, Final, cast
from urllib.parse import urlencode

from litestar import Litestar
from litestar.connection import Request
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.types import HTTPScope, LifeSpanReceive, LifeSpanScope, LifeSpanSend, Message, Receive, Scope, Send

from tallystick.services.context import Service
from tallystick.services.identity import accounts
from tallystick.services.identity.accounts import Party
from tallystick.web.common.browser.cookies import cookie_name
from tallystick.web.common.reading import head_as_get
from tallystick.words import ENGLISH, LANGUAGES, Language, speak, speaking, spoken

PARAMETER: Final = "lang"
ENGLISH_ONLY: Final = ("/console", "/admin")

_A_YEAR: Final = 365 * 24 * 60 * 60
_ASKED: Final = "tallystick_language_asked"  # in the request's state: the language that its address names
_CHOSEN: Final = "tallystick_language_chosen"  # same, or the one that its cookie names


class Pages(Litestar):
    """Litestar, answering each request in the right language: its error pages too, which no middleware goes around."""

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        """No plugins for models of other libraries: no page has any, and to load them takes megabytes."""
        return [*plugins, MsgspecDIPlugin()]

    async def __call__(
        self, scope: Scope | LifeSpanScope, receive: Receive | LifeSpanReceive, send: Send | LifeSpanSend
    ) -> None:
        """Answer one request, or what the server says of itself."""
        if scope["type"] == ScopeType.HTTP:
            asked, answer = head_as_get(cast("HTTPScope", scope), cast("Send", send))
            await self._answer(asked, cast("Receive", receive), answer)
        else:
            await super().__call__(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope.setdefault("state", {})
        request = Request[Any, Any, Any](scope)
        settings = self.state["service"].settings
        key = cookie_name(settings, "language")
        asked = state[_ASKED] = LANGUAGES.get(request.query_params.get(PARAMETER, ""))
        chosen = state[_CHOSEN] = asked or LANGUAGES.get(request.cookies.get(key, ""))
        if asked is not None:
            cookie = Cookie(key, value=asked.code, max_age=_A_YEAR, secure=settings.secure_cookies, httponly=True)
            send = _keeping(send, cookie)
        preferred = chosen or negotiated(request.headers.get("accept-language", ""))
        with speaking(ENGLISH if _english_only(scope) else preferred):
            await super().__call__(scope, receive, send)


def negotiated(accept_language: str) -> Language:
    """The best of our languages for the value of an Accept-Language header. Source: RFC 9110, 12.5.4."""
    wanted = []
    for place, part in enumerate(accept_language.split(",")):
        tag, _, parameter = part.strip().partition(";")
        language = LANGUAGES.get(tag.strip().lower().partition("-")[0])
        if language is not None and (weight := _weight(parameter)):
            wanted.append((-weight, place, language))
    return min(wanted)[2] if wanted else ENGLISH


def language_links(request: Request[Any, Any, Any]) -> list[tuple[Language, str]]:
    """Every language with the address of the present page in it; none where there is but one language.

    The address is but a query: a path such as ``//elsewhere.example`` would lead away from us.
    """
    if _english_only(request.scope):
        return []
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != PARAMETER]
    return [(language, f"?{urlencode([*kept, (PARAMETER, code)])}") for code, language in LANGUAGES.items()]


async def remember_language(request: Request[Any, Any, Any], party: Party, service: Service) -> None:
    """Speak what this person chose on another browser, and remember what they choose, or first read, on this one."""
    state = request.scope["state"]
    if _english_only(request.scope):
        return
    if state.get(_CHOSEN) is None and party.language in LANGUAGES:
        speak(LANGUAGES[party.language])
    elif party.language is None or state.get(_ASKED) is not None:
        await accounts.choose_language(service, party, spoken().code)


def _english_only(scope: Scope) -> bool:
    return any(scope["path"] == start or scope["path"].startswith(f"{start}/") for start in ENGLISH_ONLY)


def _keeping(send: Send, cookie: Cookie) -> Send:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableScopeHeaders.from_message(message)
            if "public" not in headers.get("cache-control", ""):  # a cache would give it to others
                headers.add("set-cookie", cookie.to_header(header=""))
        await send(message)

    return answer


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    try:
        return float(value) if name.strip().lower() == "q" else 1.0
    except ValueError:
        return 0.0
