"""Personal data: the person's name, the export of all as one file, and closing the account."""

from typing import Any, Final

from litestar import get, post
from litestar.response import Response, Stream
from litestar.status_codes import HTTP_200_OK, HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.services.buyer import closing, personal_data
from tallystick.services.form_errors import FormError
from tallystick.services.identity import own_name
from tallystick.web.account.entry import ask_for_proof
from tallystick.web.account.member import Member, for_active_member, for_member
from tallystick.web.common.agreements.history_text import kind_in_words
from tallystick.web.common.browser.sessions import sign_browser_out
from tallystick.web.common.browser.step_up import STEP_UP, stepped_up
from tallystick.web.common.shared import PageRequest, form_of, go, page
from tallystick.words import gettext as _

DATA: Final = "/account/data"
NAME: Final = f"{DATA}/name"
CLOSE: Final = f"{DATA}/close"
EXPORT: Final = f"{DATA}/export.json"


@get(DATA)
async def show_data(request: PageRequest) -> Response[Any]:
    """What can be done with it."""

    async def step(member: Member) -> Response[Any]:
        return _page(member, changed="changed" in request.query_params)

    return await for_member(request, step)


@post(NAME, status_code=HTTP_200_OK)
async def do_name(request: PageRequest) -> Response[Any]:
    """Call the person so from now on."""

    async def step(member: Member) -> Response[Any]:
        typed = await form_of(request)
        try:
            await own_name.change(member.service, member.party, typed.get("name", ""))
        except own_name.NotTheirsError:
            return _page(member, status=HTTP_409_CONFLICT)
        except FormError as error:
            return _page(member, status=HTTP_422_UNPROCESSABLE_ENTITY, typed=typed, problems=error.problems)
        return go(f"{DATA}?changed")

    return await for_active_member(request, step)


def _page(member: Member, **more: Any) -> Response[Any]:  # noqa: ANN401 - status, problems, what was typed
    context: dict[str, Any] = {"narrow": True, "changed": False, "typed": {"name": member.party.name}}
    return member.page("account/data.html", **(context | more))


@get(EXPORT)
async def show_export(request: PageRequest) -> Response[Any]:
    """The export, after a recent reauthentication."""

    async def step(member: Member) -> Response[Any]:
        if not await stepped_up(request, member.party):
            return ask_for_proof(EXPORT)
        name = personal_data.file_name(member.service)
        return Stream(
            personal_data.export(member.service, member.party, kind_in_words),
            media_type="application/json",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

    return await for_member(request, step)


@get(CLOSE)
async def show_close(request: PageRequest) -> Response[Any]:
    """What closing would mean, and what prevents it."""

    async def step(member: Member) -> Response[Any]:
        return await _close_page(member)

    return await for_member(request, step)


@post(CLOSE, status_code=HTTP_200_OK, opt=STEP_UP)
async def do_close(request: PageRequest) -> Response[Any]:
    """Close the account."""

    async def step(member: Member) -> Response[Any]:
        if member.party.kind != "personal":
            return await _close_page(member)
        if (await form_of(request)).get("sure") != "yes":
            problems = {"sure": _("Tick this to close your account.")}
            return await _close_page(member, status=HTTP_422_UNPROCESSABLE_ENTITY, problems=problems)
        try:
            await closing.close(member.service, member.party)
        except closing.ClosingBlockedError:
            return await _close_page(member, status=HTTP_409_CONFLICT)
        sign_browser_out(request)
        return page("account/closed.html")

    return await for_member(request, step)


async def _close_page(member: Member, **more: Any) -> Response[Any]:  # noqa: ANN401 - status and problems
    prospect = await closing.preview(member.service, member.party)
    return member.page("account/close.html", narrow=True, prospect=prospect, **more)


data_routes = [show_data, do_name, show_export, show_close, do_close]
