"""Headers that every answer has, whoever gave it.

Those that keep browsers strict: somebody may look at an answer of the API's in a browser, too. Pages have them and more
from a hook of their own; what is refused before it reaches the pages has them from here.

And, while the process is about to end, the one that closes the connection: nobody then sends a request on one just as
it is closed.
"""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import TYPE_CHECKING, Final

from tallystick.services.process.ending import ProcessEnd
from tallystick.web.api.asgi import BATCH_PATH, CLOSE

if TYPE_CHECKING:
    from tallystick.settings import Settings
    from tallystick.web.api.asgi import Application, Message, Receive, Scope, Send
    from tallystick.web.api.plain.lane import Lane

_OF_API: Final = frozenset({"/", "", BATCH_PATH})
_NOSNIFF: Final = b"x-content-type-options"
_STRICT: Final = (
    (_NOSNIFF, b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class StrictAnswers:
    """An application all of whose answers have those headers."""

    __slots__ = ("_application", "_closing", "_ending", "_headers", "lane")

    lane: Lane | None
    """The short way for plain calls, past this, of a server that reads requests itself."""

    def __init__(self, application: Application, settings: Settings, ending: ProcessEnd | None = None) -> None:
        self._application = application
        self.lane = None
        self._ending = ending or ProcessEnd()
        hsts = ((b"strict-transport-security", settings.hsts.encode()),) if settings.secure_cookies else ()
        self._headers = (*_STRICT, *hsts)
        self._closing = (*self._headers, CLOSE)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request."""
        if scope["type"] == "http":
            send = self.strict(scope, send)
        return self._application(scope, receive, send)

    def strict(self, scope: Scope, send: Send) -> Send:
        """The same, with those headers."""
        return partial(self._send if scope["path"] in _OF_API else self._send_where_missing, send)

    def last_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Those that are put behind all others of an answer of the API now, which has none that closes."""
        return self._closing if self._ending.begun else self._headers

    def _send(self, send: Send, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *self._headers]
            if self._ending.begun:
                _close(message)
        return send(message)

    def _send_where_missing(self, send: Send, message: Message) -> Awaitable[None]:
        if message["type"] != "http.response.start":
            return send(message)
        if not any(name == _NOSNIFF for name, _ in message["headers"]):
            return self._send(send, message)
        if self._ending.begun:
            _close(message)
        return send(message)


def _close(message: Message) -> None:
    """Asked when an answer begins: its request may have come before the end did."""
    message["headers"] = [*(one for one in message["headers"] if one[0].lower() != CLOSE[0]), CLOSE]
