"""Cookies of ours: their names, and the one by which a browser shows that somebody has signed in on it.

What that one is for: services/identity/visitors.py.
"""

from __future__ import annotations

from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from tallystick.services.context import Service
from tallystick.services.identity import visitors
from tallystick.services.identity.accounts import Party
from tallystick.settings import Settings

MAX_MARKS: Final = 5
"""People who share a browser."""

_BETWEEN: Final = "~"
_MARK: Final = "tallystick_device_mark"  # in the request's state: the cookie that its answer sets

Connection = ASGIConnection[Any, Any, Any, Any]


def cookie_name(settings: Settings, name: str) -> str:
    """The name of a cookie of ours. Browsers hold `__Host-` cookies to this host, https and the whole site."""
    return f"__Host-tallystick-{name}" if settings.secure_cookies else f"tallystick-{name}"


def marks_of(connection: Connection, settings: Settings) -> tuple[str, ...]:
    """The marks that the browser sent, whatever they are worth."""
    sent = connection.cookies.get(cookie_name(settings, "device"), "")
    return tuple(sent.split(_BETWEEN)[:MAX_MARKS]) if sent else ()


def remember_device(connection: Connection, service: Service, party: Party) -> None:
    """Somebody has just shown who they are on this browser: it is a known device of theirs from now on."""
    others = [mark for mark in marks_of(connection, service.settings) if not visitors.is_of(service, party.email, mark)]
    marks = [visitors.mark_device(service, party.email), *others][:MAX_MARKS]
    connection.scope["state"][_MARK] = Cookie(
        key=cookie_name(service.settings, "device"),
        value=_BETWEEN.join(marks),
        max_age=int(visitors.LIFE.total_seconds()),
        path="/",
        secure=service.settings.secure_cookies,
        httponly=True,
        samesite="lax",
    )


def cookie_to_set(connection: Connection) -> Cookie | None:
    """The cookie that the answer to this request sets, if somebody signed in with it."""
    cookie: Cookie | None = connection.scope["state"].get(_MARK)
    return cookie
