"""A person's authorizations: the list, each with its history and statement, cancelling."""

from dataclasses import dataclass
from typing import Any, Final

from litestar import Router, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.services.buyer import authorizations as actions
from tallystick.services.buyer import page_cursors, statements
from tallystick.services.buyer.authorization_status import AuthorizationStatus, Scope
from tallystick.services.buyer.authorization_view import View
from tallystick.store.keys.access_keys import SANDBOX
from tallystick.store.queries import authorization_history, authorizations
from tallystick.store.queries.authorization_history import Entry
from tallystick.web.account.member import HOME, Member, for_member
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.words import date_of, dollars, signed
from tallystick.words import gettext as _

LISTED: Final = 20
HISTORY: Final = 25


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the history: the entry and its words."""

    entry: Entry
    date: str
    time: str
    kind: str
    status: str
    change: str


@get("/")
async def show_list(request: PageRequest) -> Response[Any]:
    """Everything that was authorized, newest first."""

    async def step(member: Member) -> Response[Any]:
        pool, party_id = member.service.pool, member.party.party_id
        asked = request.query_params.get("before")
        before = None
        if asked is not None:
            before = await authorizations.find(pool, party_id, asked)
            if before is None:
                raise NotFoundException
        found = await authorizations.authorizations_of(pool, party_id, LISTED + 1, before)
        shown = found[:LISTED]
        return member.page(
            "account/authorizations.html",
            views=sorted(await actions.views(member.service, shown), key=lambda view: not view.cancellable),
            sandbox=all(given.environment == SANDBOX for given in shown),
            later=before is not None,
            earlier=shown[-1].authorization_id if len(found) > LISTED else None,
        )

    return await for_member(request, step)


@get("/authorizations/{authorization_id:str}")
async def show_one(request: PageRequest, authorization_id: FromPath[str]) -> Response[Any]:
    """One authorization with its terms and history."""

    async def step(member: Member) -> Response[Any]:
        view = await view_of(member, authorization_id)
        before = page_cursors.read(member.service, view.given, request.query_params.get("before"))
        found = await authorization_history.page(member.service.pool, view.given, HISTORY + 1, before)
        entries = found[:HISTORY]
        return member.page(
            "account/authorization.html",
            sandbox=view.sandbox,
            view=view,
            rows=[_row(entry, view) for entry in entries],
            later=before is not None,
            earlier=page_cursors.write(member.service, view.given, entries[-1].before)
            if len(found) > HISTORY
            else None,
            done=_done(view, request.query_params.get("cancelled")),
        )

    return await for_member(request, step)


@get("/authorizations/{authorization_id:str}/cancel")
async def show_cancel(request: PageRequest, authorization_id: FromPath[str]) -> Response[Any]:
    """What cancelling would mean."""

    async def step(member: Member) -> Response[Any]:
        view = await view_of(member, authorization_id)
        return _cancel_page(member, view) if view.cancellable else go(_path(view))

    return await for_member(request, step)


@post("/authorizations/{authorization_id:str}/cancel", status_code=HTTP_200_OK)
async def do_cancel(request: PageRequest, authorization_id: FromPath[str]) -> Response[Any]:
    """Cancel; again and again it comes to the same."""

    async def step(member: Member) -> Response[Any]:
        view = await view_of(member, authorization_id)
        if not view.cancellable:
            return go(f"{_path(view)}?cancelled=all")
        asked = (await form_of(request)).get("scope")
        scope = next((one for one in Scope if one.value == asked), None)
        if scope is Scope.TOP_UPS and view.prepaid and not view.topping_up:  # the second click of two
            return go(f"{_path(view)}?cancelled={scope.value}")
        if scope is None or (scope not in view.scopes and scope is not Scope.ALL):
            problem = {"scope": _("Choose what should end.")}
            return _cancel_page(member, view, status=HTTP_422_UNPROCESSABLE_ENTITY, problems=problem)
        await actions.cancel(member.service, view, scope)
        return go(f"{_path(view)}?cancelled={scope.value}")

    return await for_member(request, step)


async def view_of(member: Member, authorization_id: str) -> View:
    """The authorization of this person; 404 where there is none."""
    given = await authorizations.find(member.service.pool, member.party.party_id, authorization_id)
    if given is None:
        raise NotFoundException
    (view,) = await actions.views(member.service, [given])
    return view


def _path(view: View) -> str:
    return f"{HOME}/authorizations/{view.given.authorization_id}"


def _cancel_page(member: Member, view: View, **more: Any) -> Response[Any]:  # noqa: ANN401 - status and problems
    return member.page("account/cancel.html", sandbox=view.sandbox, view=view, narrow=True, **more)


def _done(view: View, cancelled: str | None) -> str | None:
    """What just happened; a link that claims what did not happen shows nothing."""
    if cancelled == Scope.ALL.value and view.stand is AuthorizationStatus.CANCELLED:
        return _("It is cancelled. %(seller)s can no longer use this authorization.", seller=view.seller)
    if cancelled == Scope.TOP_UPS.value and view.prepaid and not view.topping_up and view.spending:
        return _("The balance is filled no more.")
    return None


def _row(entry: Entry, view: View) -> Row:
    micros = entry.change_micros or entry.amount_micros
    changes = entry.change_micros and (view.prepaid or view.tab or micros < 0)
    return Row(
        entry,
        date=date_of(entry.at),
        time=f"{entry.at:%H:%M} UTC",
        kind=statements.kind_of(entry, view.given),
        status=statements.status_of(entry),
        change=signed(micros) if changes else dollars(micros),
    )


authorization_routes = Router(path=HOME, route_handlers=[show_list, show_one, show_cancel, do_cancel])
