"""The gate before what matters: who does it shows first that it is them, unless they did in the last minutes.

A route declares it: `@post(..., opt=STEP_UP)`. The access checks of account, console and operator's pages ask `gate`
when they know who it is and that they may. Where the proof is missing, a page asks for it. Its form carries what was
typed and leads to the same address, so nothing is typed twice; a ticket in it is good for one deed, so that two clicks
do nothing twice.
"""

from base64 import b64decode, b64encode
from typing import Any, Final
from urllib.parse import quote

from litestar.datastructures import UploadFile
from litestar.response import Response

from tallystick.services.form_errors import FormError
from tallystick.services.identity import challenges
from tallystick.services.identity.accounts import Party
from tallystick.services.identity.passkeys import SECURITY_PATH
from tallystick.web.common.browser.sessions import is_strong
from tallystick.web.common.browser.signing_in import UNUSABLE, means_of, prove, proved_within
from tallystick.web.common.browser.ways_back import form_page
from tallystick.web.common.protection.form_tokens import FIELD as FORM_TOKEN
from tallystick.web.common.shared import PageRequest, go, page, service_of
from tallystick.words import gettext as _
from tallystick.words import marked

STEP_UP: Final = {"step_up": True}
"""Options of a handler whose form does something that the last sign-in alone does not allow."""

STEP_UP_WITH_FILE: Final = {"step_up": True, "file": True}
"""As STEP_UP, of a form with a small file: the page that asks for a proof carries it as text; `file_of` reads it."""

SECOND_FACTOR: Final = f"{SECURITY_PATH}/second-factor"
"""Where somebody sets up an app, or uses what they have."""

PREFIX: Final = "_proof_"
"""What the page's own fields begin with: those that it carries may be called anything else."""

_SEPARATOR: Final = ":"
"""Between the name of a file and its content in base 64, which has no colon."""

TICKET: Final = f"{PREFIX}ticket"
OPEN_TOO_LONG: Final = marked("This page was open for too long. Show once more that it is you.")


async def gate(request: PageRequest, person: Party) -> Response[Any] | None:
    """The page that asks for the proof, or the way back for a form that was sent before; None: go on with the deed.

    Raises BusyError.
    """
    if not request.route_handler.opt.get("step_up", False):
        return None
    form = await request.form()
    ticket = form.get(TICKET)
    if ticket is None:
        return None if await stepped_up(request, person) else await _page(request, person)
    typed = {
        name.removeprefix(PREFIX): value
        for name, value in form.multi_items()
        if name.startswith(PREFIX) and isinstance(value, str)
    }
    try:
        await prove(request, person, typed)
    except FormError as error:
        problems = {PREFIX + name: problem for name, problem in error.problems.items()}
        return await _page(request, person, ticket=str(ticket), problems=problems)
    service, purpose = service_of(request), _purpose(request, person)
    if not challenges.is_alive(service, challenges.read(str(ticket)), purpose):
        return await _page(request, person, problems={PREFIX + await means_of(request, person): _(OPEN_TOO_LONG)})
    if not await challenges.spend(service, challenges.read(str(ticket)), purpose):
        return go(form_page(request) or "/")
    return None


async def stepped_up(request: PageRequest, person: Party) -> bool:
    """Whether the person showed who they are within the time that the setting gives for deeds."""
    return await proved_within(request, person, service_of(request).settings.step_up_minutes)


async def file_of(request: PageRequest, name: str, maximum: int) -> tuple[str, bytes]:
    """A file of a form, by name and at most so many bytes and one: as it came, or as a page has carried it.

    Nothing, where there is none.
    """
    given = (await request.form()).get(name)
    if isinstance(given, UploadFile):
        return given.filename, await given.read(maximum + 1)
    called, _separator, text = (given if isinstance(given, str) else "").rpartition(_SEPARATOR)
    try:
        return called, b64decode(text, validate=True)[: maximum + 1]
    except ValueError:
        return "", b""


def _as_text(name: str, content: bytes) -> str:
    return f"{name}{_SEPARATOR}{b64encode(content).decode('ascii')}"


async def _page(
    request: PageRequest, person: Party, *, ticket: str | None = None, problems: dict[str, str] | None = None
) -> Response[Any]:
    carried = []
    for name, given in (await request.form()).multi_items():
        value = given
        if isinstance(value, UploadFile) and request.route_handler.opt.get("file", False):
            value = _as_text(value.filename, await value.read())
        if not isinstance(value, str):
            raise TypeError(f"{request.url.path} takes a file, which no page can carry")
        if name != FORM_TOKEN and not name.startswith(PREFIX):
            carried.append((name, value))
    service = service_of(request)
    return page(
        "common/step_up.html",
        status=UNUSABLE if problems else 200,
        person=person,
        action=f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path,
        carried=carried,
        ticket=ticket or challenges.write(challenges.make(service, _purpose(request, person))),
        way_back=form_page(request) or "/",
        prefix=PREFIX,
        means=await means_of(request, person),
        problems=problems or {},
    )


def second_factor_first(request: PageRequest) -> Response[Any] | None:
    """The way to a second factor, for who needs one and whose session took a password alone; None: it took more."""
    if is_strong(request):
        return None
    way_on = request.url.path if request.method == "GET" else form_page(request)
    return go(f"{SECOND_FACTOR}?next={quote(way_on)}")


def _purpose(request: PageRequest, person: Party) -> str:
    return f"step up: {person.party_id} {request.url.path}"
