"""Access keys of a seller's programs: make one, rotate it with an overlap, revoke it, see when it was last used."""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import (
    HTTP_200_OK,
    HTTP_403_FORBIDDEN,
    HTTP_409_CONFLICT,
    HTTP_422_UNPROCESSABLE_ENTITY,
)

from tallystick.domain.scopes import EVERYTHING
from tallystick.services.form_errors import FormError
from tallystick.services.seller import access_keys
from tallystick.services.seller.access_keys import (
    AccessKey,
    KeyEntry,
    MadeBeforeError,
    NotTheirKeyError,
    UnknownKeyError,
)
from tallystick.services.seller.staff import Permission, may_make_key
from tallystick.web.common.browser.addresses import network_address
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console.book_context import no_book_page
from tallystick.web.console.console_context import ConsoleContext, for_staff
from tallystick.web.console.developer.key_form import (
    FOR_OWNERS,
    LIVES,
    filled_in,
    preset_choices,
    read_key_form,
    scope_choices,
    uses,
)

PATH: Final = "/console/{business:int}/{environment:str}/keys"
NEW: Final = f"{PATH}/new"
ONE: Final = f"{PATH}/{{access_key_id:str}}"

CHANGE: Final = f"{ONE}/change"

OVERLAPS: Final = {
    "0": (timedelta(0), "Not at all: it stops at once"),
    "1h": (timedelta(hours=1), "One hour"),
    "1d": (timedelta(days=1), "One day"),
    "7d": (timedelta(days=7), "Seven days"),
    "30d": (timedelta(days=30), "Thirty days"),
}
"""How long a rotated key stays valid, by the value in the form."""

USUAL_OVERLAP: Final = "1d"

SECOND_CLICK: Final = timedelta(minutes=1)
"""For how long the same form, sent again by the same person, gets the same page, the secret included."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key with its last use, and what it is good for: ``active``, ``ending``, ``ended`` or ``revoked``."""

    key: KeyEntry
    used_at: datetime | None
    standing: str

    @property
    def usable(self) -> bool:
        """Whether calls that are signed with it are accepted."""
        return self.standing in {"active", "ending"}

    @property
    def uses(self) -> str:
        """What it may do, in a few words."""
        return uses(self.key.scopes)


@get(PATH)
async def show_keys(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """All keys of this environment, the newest first."""

    async def step(console: ConsoleContext) -> Response[Any]:
        revoked = request.query_params.get("revoked", "")
        rows = await _rows(console)
        done = any(row.key.access_key_id == revoked and row.standing == "revoked" for row in rows)
        return _list_page(console, rows, revoked=revoked if done else "")

    return await for_staff(request, business, environment, step)


@get(NEW)
async def show_form(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """The form for a new key."""

    async def step(console: ConsoleContext) -> Response[Any]:
        return await _form_page(console)

    return await for_staff(request, business, environment, step, Permission.DEVELOP)


@post(PATH, status_code=HTTP_200_OK, opt=STEP_UP)
async def make_key(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Make a key, and show its secret this once."""

    async def step(console: ConsoleContext) -> Response[Any]:
        if console.book_id is None:
            return await _form_page(console, status=HTTP_409_CONFLICT)
        typed = await form_of(request)
        form, seller_id = _form_token(console, typed), console.business.party_id
        try:
            terms = read_key_form(typed, console.role, console.environment)
            key = await access_keys.create(
                console.service, console.actor, seller_id, console.environment, terms, form=form
            )
        except FormError as error:
            return await _form_page(console, status=HTTP_422_UNPROCESSABLE_ENTITY, typed=typed, problems=error.problems)
        except NotTheirKeyError:  # their role has changed at this moment
            return await _form_page(console, status=HTTP_403_FORBIDDEN, typed=typed, problems={"uses": FOR_OWNERS})
        except MadeBeforeError as error:
            return await _made_again(console, error)
        return _made_page(console, key)

    return await for_staff(request, business, environment, step, Permission.DEVELOP)


@get(ONE)
async def show_key(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], access_key_id: FromPath[str]
) -> Response[Any]:
    """One key, and what can be done with it."""

    async def step(console: ConsoleContext, row: KeyRow) -> Response[Any]:
        return _key_page(console, row, again="again" in request.query_params and row.usable)

    return await _for_key(request, business, environment, access_key_id, step, Permission.VIEW)


@get(CHANGE)
async def show_change(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], access_key_id: FromPath[str]
) -> Response[Any]:
    """The form for what a key is for, as it is now."""

    async def step(console: ConsoleContext, row: KeyRow) -> Response[Any]:
        if not row.usable or not may_make_key(console.role, console.environment, row.key.scopes):
            return go(console.path("keys", access_key_id))
        return await _form_page(console, row=row, typed=filled_in(row.key))

    return await _for_key(request, business, environment, access_key_id, step, Permission.DEVELOP)


@post(CHANGE, status_code=HTTP_200_OK, opt=STEP_UP)
async def change_key(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], access_key_id: FromPath[str]
) -> Response[Any]:
    """Let the key be for something else, from the next call on."""

    async def step(console: ConsoleContext, row: KeyRow) -> Response[Any]:
        typed = await form_of(request)
        try:
            wanted = read_key_form(typed, console.role, console.environment)
            terms = replace(wanted, calls_per_second=row.key.calls_per_second)  # the operator's to give
            await access_keys.change(console.service, console.actor, console.business.party_id, access_key_id, terms)
        except FormError as error:
            status, problems = HTTP_422_UNPROCESSABLE_ENTITY, error.problems
            return await _form_page(console, status=status, row=row, typed=typed, problems=problems)
        except NotTheirKeyError:
            status, problems = HTTP_403_FORBIDDEN, {"uses": FOR_OWNERS}
            return await _form_page(console, status=status, row=row, typed=typed, problems=problems)
        except UnknownKeyError:  # it has ended at this moment
            return go(console.path("keys", access_key_id))
        return go(console.path("keys", access_key_id))

    return await _for_key(request, business, environment, access_key_id, step, Permission.DEVELOP)


@post(f"{ONE}/rotate", status_code=HTTP_200_OK, opt=STEP_UP)
async def rotate_key(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], access_key_id: FromPath[str]
) -> Response[Any]:
    """Make the key's successor, and show its secret this once."""

    async def step(console: ConsoleContext, row: KeyRow) -> Response[Any]:
        typed = await form_of(request)
        chosen = typed.get("overlap", "")
        if chosen not in OVERLAPS:
            problems = {"overlap": "Choose how long the old key goes on."}
            return _key_page(console, row, status=HTTP_422_UNPROCESSABLE_ENTITY, problems=problems)
        form, seller_id, (overlap, _) = _form_token(console, typed), console.business.party_id, OVERLAPS[chosen]
        try:
            key = await access_keys.rotate(console.service, console.actor, seller_id, access_key_id, overlap, form)
        except MadeBeforeError as error:
            return await _made_again(console, error, row.key, overlap)
        except NotTheirKeyError:
            problems = {"overlap": "Only owners rotate keys that move real money."}
            return _key_page(console, row, status=HTTP_403_FORBIDDEN, problems=problems)
        except UnknownKeyError:
            problems = {"overlap": "This key can no longer be used, so nothing can follow it. Make a new one."}
            return _key_page(console, row, status=HTTP_409_CONFLICT, problems=problems)
        return _made_page(console, key, row.key, overlap)

    return await _for_key(request, business, environment, access_key_id, step, Permission.DEVELOP)


@post(f"{ONE}/bearer", status_code=HTTP_200_OK, opt=STEP_UP)
async def make_bearer(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], access_key_id: FromPath[str]
) -> Response[Any]:
    """Make the key's secret for JSON, and show it this once; the one before ends."""

    async def step(console: ConsoleContext, row: KeyRow) -> Response[Any]:
        seller_id = console.business.party_id
        try:
            secret = await access_keys.make_bearer(console.service, console.actor, seller_id, access_key_id)
        except NotTheirKeyError:
            problems = {"bearer": "Only owners make secrets of keys that move real money."}
            return _key_page(console, row, status=HTTP_403_FORBIDDEN, problems=problems)
        except UnknownKeyError:
            problems = {"bearer": "This key can no longer be used. Make a new one."}
            return _key_page(console, row, status=HTTP_409_CONFLICT, problems=problems)
        return console.page("console/developer/bearer_made.html", row=row, secret=secret)

    return await _for_key(request, business, environment, access_key_id, step, Permission.DEVELOP)


@post(f"{ONE}/bearer/end", status_code=HTTP_200_OK, opt=STEP_UP)
async def end_bearer(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], access_key_id: FromPath[str]
) -> Response[Any]:
    """End the key's secret for JSON at once; idempotent."""

    async def step(console: ConsoleContext, _: KeyRow) -> Response[Any]:
        await access_keys.end_bearer(console.service, console.actor, console.business.party_id, access_key_id)
        return go(console.path("keys", access_key_id))

    return await _for_key(request, business, environment, access_key_id, step, Permission.DEVELOP)


@get(f"{ONE}/revoke")
async def show_revoke(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], access_key_id: FromPath[str]
) -> Response[Any]:
    """What revoking the key would stop, and the button."""

    async def step(console: ConsoleContext, row: KeyRow) -> Response[Any]:
        if not row.usable:
            return go(console.path("keys", access_key_id))
        others = [other for other in await _rows(console) if other.usable and other.key != row.key]
        return console.page(
            "console/developer/key_revoke.html", row=row, others=len(others), now=console.service.clock()
        )

    return await _for_key(request, business, environment, access_key_id, step, Permission.DEVELOP)


@post(f"{ONE}/revoke", status_code=HTTP_200_OK, opt=STEP_UP)
async def revoke_key(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], access_key_id: FromPath[str]
) -> Response[Any]:
    """Revoke the key at once; idempotent."""

    async def step(console: ConsoleContext, _: KeyRow) -> Response[Any]:
        await access_keys.revoke(console.service, console.actor, console.business.party_id, access_key_id)
        return go(f"{console.path('keys')}?revoked={access_key_id}")

    return await _for_key(request, business, environment, access_key_id, step, Permission.DEVELOP)


_FORM_BYTES: Final = 10
_FORM: Final = re.compile(rf"[0-9a-f]{{{2 * _FORM_BYTES}}}")


async def _for_key(
    request: PageRequest,
    business: int,
    environment: str,
    access_key_id: str,
    step: Callable[[ConsoleContext, KeyRow], Awaitable[Response[Any]]],
    needs: Permission,
) -> Response[Any]:
    async def of_key(console: ConsoleContext) -> Response[Any]:
        row = next((row for row in await _rows(console) if row.key.access_key_id == access_key_id), None)
        if row is None:
            raise NotFoundException
        return await step(console, row)

    return await for_staff(request, business, environment, of_key, needs)


def _form_token(console: ConsoleContext, typed: Mapping[str, str]) -> str:
    """The idempotency key of this form as sent by this person; empty when the form is none of ours."""
    form = typed.get("form", "")
    return f"{form} {console.person.party_id}" if _FORM.fullmatch(form) else ""


async def _made_again(
    console: ConsoleContext, made: MadeBeforeError, replaced: KeyEntry | None = None, overlap: timedelta = timedelta(0)
) -> Response[Any]:
    """The same page for a double click, since a browser shows only the second answer; later without the secret."""
    service = console.service
    key = await access_keys.find(service, made.access_key_id)
    if key is None or service.clock() - key.created_at >= SECOND_CLICK:
        return go(f"{console.path('keys', made.access_key_id)}?again")
    return _made_page(console, key, replaced, overlap)


async def _rows(console: ConsoleContext) -> list[KeyRow]:
    now = console.service.clock()
    found = await access_keys.with_uses(console.service, console.business.party_id, console.environment)
    return [KeyRow(one.key, one.used_at, _standing(one.key, now)) for one in reversed(found)]


def _standing(key: KeyEntry, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is None:
        return "active"
    return "ending" if now < key.expires_at else "ended"


def _list_page(console: ConsoleContext, rows: list[KeyRow], **more: Any) -> Response[Any]:  # noqa: ANN401 - status and problems
    usable, over = [row for row in rows if row.usable], [row for row in rows if not row.usable]
    defaults: dict[str, Any] = {"revoked": "", "now": console.service.clock()}
    return console.page("console/developer/keys.html", usable=usable, over=over, **(defaults | more))


async def _form_page(console: ConsoleContext, **more: Any) -> Response[Any]:  # noqa: ANN401 - status and problems
    if console.book_id is None:
        return await no_book_page(console, place="Developers", **more)
    at = network_address(console.request.scope, console.service.settings)
    defaults: dict[str, Any] = {
        "row": None,
        "presets": preset_choices(console.role, console.environment),
        "scopes": scope_choices(console.role, console.environment),
        "lives": [(value, words) for value, (_, words) in LIVES.items()],
        "at": "" if at is None else str(at),
        "for_owners": not may_make_key(console.role, console.environment, EVERYTHING),
    }
    form = {"form": secrets.token_hex(_FORM_BYTES)}
    return console.page("console/developer/key_form.html", **(defaults | more | form))


def _key_page(console: ConsoleContext, row: KeyRow, **more: Any) -> Response[Any]:  # noqa: ANN401 - status and problems
    overlaps = [(value, words) for value, (_, words) in OVERLAPS.items()]
    defaults: dict[str, Any] = {
        "again": False,
        "now": console.service.clock(),
        "form": secrets.token_hex(_FORM_BYTES),
        "may_rotate": may_make_key(console.role, console.environment, row.key.scopes),
    }
    return console.page(
        "console/developer/key.html", row=row, overlaps=overlaps, usual=USUAL_OVERLAP, **(defaults | more)
    )


def _made_page(
    console: ConsoleContext, key: AccessKey, replaced: KeyEntry | None = None, overlap: timedelta = timedelta(0)
) -> Response[Any]:
    until, now = key.created_at + overlap, console.service.clock()
    if replaced is not None and replaced.expires_at is not None:
        until = min(until, replaced.expires_at)
    return console.page(
        "console/developer/key_made.html", key=key, uses=uses(key.scopes), replaced=replaced, until=until, now=now
    )


key_routes = [
    show_keys,
    show_form,
    make_key,
    show_key,
    show_change,
    change_key,
    rotate_key,
    make_bearer,
    end_bearer,
    show_revoke,
    revoke_key,
]
