"""Signed-in browsers: Litestar's server-side sessions over our own table, made strict.

What is stricter than the framework's own: a session id that we did not hand out is never taken on, signing in always
gives a new id, nothing is written for visitors who have nothing in their session, and unchanged data is not rewritten.
A session knows when its owner last proved who they are: agreeing to a charge needs a recent proof.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from litestar.connection import ASGIConnection, Request
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.middleware.session.server_side import ServerSideSessionBackend, ServerSideSessionConfig
from litestar.stores.base import Store
from litestar.types import Empty, Message, ScopeSession

from tallystick.domain.ids import PartyId
from tallystick.services.context import Service
from tallystick.services.identity import web_sessions
from tallystick.services.identity.accounts import Party
from tallystick.services.identity.reauthentication import Means
from tallystick.services.identity.web_sessions import IDLE, LONGEST, Owner
from tallystick.settings import Settings
from tallystick.web.common.browser.cookies import cookie_name, cookie_to_set, remember_device
from tallystick.web.common.browser.visitors import user_agent

STORE: Final = "sessions"

_PARTY: Final = "party_id"
_ROUND: Final = "round"
_BEGAN: Final = "began"  # seconds since 1970, as all moments in a session
_PROVED: Final = "proved"
_PROVED_BY: Final = "proved_by"
_STRONG: Final = "strong"  # it took more than a password, at some time since the session began
_COOKIE: Final = "tallystick_session_cookie"  # in the request's state: the id that the browser sent and that we know
_BEFORE: Final = "tallystick_session_before"  # in the request's state: the data as it was loaded


@dataclass(frozen=True, slots=True)
class Proof:
    """The last time that the person signed in on this browser authenticated, and how."""

    at: datetime
    by: Means


class DatabaseStore(Store):
    """Litestar's key-value store over the table of web sessions."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def set(self, key: str, value: str | bytes, expires_in: int | timedelta | None = None) -> None:
        """Write a session; without `expires_in` it lives as long as any."""
        data = value.encode() if isinstance(value, str) else value
        await web_sessions.save(self._service, key, data, self._service.clock() + _duration(expires_in))

    async def keep(self, key: str, data: bytes, owner: Owner | None) -> None:
        """Write a session that somebody may see in the list of theirs."""
        await web_sessions.keep(self._service, key, data, owner)

    async def get(self, key: str, renew_for: int | timedelta | None = None) -> bytes | None:
        """Read a session that has not ended, and make it last longer if asked to."""
        data = await web_sessions.load(self._service, key)
        if data is not None and renew_for is not None:
            await self.set(key, data, renew_for)
        return data

    async def delete(self, key: str) -> None:
        """End a session."""
        await web_sessions.end(self._service, key)

    async def delete_all(self) -> None:
        """End all sessions."""
        await web_sessions.end_all(self._service)

    async def exists(self, key: str) -> bool:
        """Whether there is such a session."""
        return await self.get(key) is not None

    async def expires_in(self, key: str) -> int | None:
        """Seconds until the session ends."""
        moment = await web_sessions.ends_at(self._service, key)
        return None if moment is None else max(0, int((moment - self._service.clock()).total_seconds()))


def _duration(expires_in: int | timedelta | None) -> timedelta:
    if expires_in is None:
        return IDLE
    return expires_in if isinstance(expires_in, timedelta) else timedelta(seconds=expires_in)


class StrictSessionBackend(ServerSideSessionBackend):
    """See the module's text."""

    def get_session_id(self, connection: ASGIConnection[Any, Any, Any, Any]) -> str:
        """The id that the browser sent if it is one of ours, else a new one."""
        known: str | None = connection.scope["state"].get(_COOKIE)
        return known or self.generate_session_id()

    async def load_from_connection(self, connection: ASGIConnection[Any, Any, Any, Any]) -> dict[str, Any]:
        """Load the data of a session that we know; an unknown id counts as none."""
        session = await super().load_from_connection(connection)
        if session:
            connection.scope["state"][_COOKIE] = connection.cookies[self.config.key]
        connection.scope["state"][_BEFORE] = dict(session)
        return session

    async def store_in_message(
        self, scope_session: ScopeSession, message: Message, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> None:
        """Write what changed, under a new id whenever it changed, and tell the browser."""
        before: dict[str, Any] = connection.scope["state"].get(_BEFORE, {})
        session = {} if scope_session is Empty or not isinstance(scope_session, dict) else scope_session
        headers = MutableScopeHeaders.from_message(message)
        if session != before:
            await self._write(session, headers, connection)
        if (device := cookie_to_set(connection)) is not None:
            headers.add("set-cookie", device.to_header(header=""))

    async def _write(
        self, session: dict[str, Any], headers: MutableScopeHeaders, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> None:
        store = self.config.get_store_from_app(connection.scope["litestar_app"])
        if not isinstance(store, DatabaseStore):
            raise TypeError("sessions are kept in the database")
        known: str | None = connection.scope["state"].get(_COOKIE)
        if known is not None:
            await self.delete(known, store)
        if session:
            session_id = self.generate_session_id()
            await store.keep(session_id, self.serialize_data(session, connection.scope), _owner(session, connection))
            headers.add("set-cookie", self._cookie(session_id).to_header(header=""))
        else:
            headers.add("set-cookie", self._cookie("", max_age=0).to_header(header=""))

    def _cookie(self, value: str, max_age: int | None = None) -> Cookie:
        return Cookie(
            key=self.config.key,
            value=value,
            max_age=self.config.max_age if max_age is None else max_age,
            path=self.config.path,
            secure=self.config.secure,
            httponly=True,
            samesite=self.config.samesite,
        )


def _owner(session: dict[str, Any], connection: ASGIConnection[Any, Any, Any, Any]) -> Owner | None:
    if _PARTY not in session or _BEGAN not in session:
        return None
    return Owner(PartyId(session[_PARTY]), _moment(session[_BEGAN]), user_agent(connection))


@dataclass
class StrictSessionConfig(ServerSideSessionConfig):
    """Litestar's configuration with our backend."""

    _backend_class = StrictSessionBackend


def session_config(settings: Settings) -> StrictSessionConfig:
    """Cookies that scripts cannot read and other sites cannot send along; over https only this host can set them."""
    return StrictSessionConfig(
        key=cookie_name(settings, "session"),
        max_age=int(LONGEST.total_seconds()),
        secure=settings.secure_cookies,
        httponly=True,
        samesite="lax",
        store=STORE,
        exclude=[r"^/static/", r"^/docs(?:/|$)", r"^/certs/", r"^/logos/", r"^/accents/"],
    )


def signed_in_party(request: Request[Any, Any, Any]) -> tuple[PartyId, int] | None:
    """Who signed in on this browser, and in which session round: signing out everywhere begins another one."""
    party_id, session_round = request.session.get(_PARTY), request.session.get(_ROUND)
    if isinstance(party_id, int) and isinstance(session_round, int):
        return PartyId(party_id), session_round
    return None


def last_proof(request: Request[Any, Any, Any]) -> Proof | None:
    """When and how the person signed in on this browser last authenticated; None where nobody is signed in."""
    at, by = request.session.get(_PROVED), request.session.get(_PROVED_BY)
    if isinstance(at, int | float) and isinstance(by, str):
        return Proof(_moment(at), Means(by))
    return None


def session_name(request: Request[Any, Any, Any]) -> str | None:
    """The key of this browser's session in the list of its owner's."""
    known: str | None = request.scope["state"].get(_COOKIE)
    return None if known is None else web_sessions.session_key(known)


def is_strong(request: Request[Any, Any, Any]) -> bool:
    """Whether it took more than a password to get this session: a passkey, or a code."""
    return request.session.get(_STRONG) is True


def sign_browser_in(
    request: Request[Any, Any, Any], party: Party, by: Means = Means.PASSWORD, *, strong: bool = False
) -> None:
    """Begin a session for this person under a new id; all earlier data of the browser's session is dropped.

    The browser is a known device of theirs from now on. `strong`: it took more than `by` shows.
    """
    remember_device(request, request.app.state["service"], party)
    request.scope["state"][_BEFORE] = {}  # also when the same person signs in again: always a new id
    now = _now(request)
    who = {_PARTY: party.party_id, _ROUND: party.session_round}
    how = {_BEGAN: now, _PROVED: now, _PROVED_BY: by.value, _STRONG: strong or by.strong}
    request.set_session(who | how)


def renew_proof(request: Request[Any, Any, Any], by: Means) -> None:
    """Note that the person reauthenticated; the session goes on under a new id."""
    strong = is_strong(request) or by.strong
    request.set_session({**request.session, _PROVED: _now(request), _PROVED_BY: by.value, _STRONG: strong})


def sign_browser_out(request: Request[Any, Any, Any]) -> None:
    """Forget who was signed in."""
    request.set_session({})


def _now(request: Request[Any, Any, Any]) -> float:
    return float(request.app.state["service"].clock().timestamp())


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
