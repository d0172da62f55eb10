"""A person's authorizations: the list, each with its history and statement, cancelling."""

from dataclasses import dataclass
from typing import Any, Final

from litestar import Router, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.services.buyer import authorizations, history, redemption
from tallystick.services.buyer.authorization_status import AuthorizationState, AuthorizationStatus, Scope
from tallystick.services.buyer.authorizations import UnknownAuthorizationError
from tallystick.services.buyer.history import HistoryEntry
from tallystick.services.buyer.redemption import RedemptionRequest
from tallystick.web.account.member import HOME, Member, for_member
from tallystick.web.common.agreements.history_text import kind_in_words, status_in_words
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.words import date_of, dollars, signed
from tallystick.words import gettext as _

LISTED: Final = 20
HISTORY: Final = 25


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A line of the history: the entry and its words."""

    entry: HistoryEntry
    date: str
    time: str
    kind: str
    status: str
    change: str


@get("/")
async def show_list(request: PageRequest) -> Response[Any]:
    """Everything that was authorized, newest first."""

    async def step(member: Member) -> Response[Any]:
        before = request.query_params.get("before")
        try:
            found = await authorizations.page(member.service, member.party.party_id, LISTED, before)
        except UnknownAuthorizationError:
            raise NotFoundException from None
        return member.page(
            "account/authorizations.html",
            states=sorted(found.states, key=lambda state: not state.cancellable),
            sandbox=all(state.sandbox for state in found.states),
            later=before is not None,
            earlier=found.states[-1].authorization.authorization_id if found.more else None,
        )

    return await for_member(request, step)


@get("/authorizations/{authorization_id:str}")
async def show_one(request: PageRequest, authorization_id: FromPath[str]) -> Response[Any]:
    """One authorization with its terms and history."""

    async def step(member: Member) -> Response[Any]:
        state = await state_of(member, authorization_id)
        found = await history.page(member.service, state, HISTORY, request.query_params.get("before"))
        asked = await redemption.latest(member.service, state) if "redeemed" in request.query_params else None
        return member.page(
            "account/authorization.html",
            sandbox=state.sandbox,
            state=state,
            rows=[_row(entry, state) for entry in found.entries],
            later=not found.newest,
            earlier=found.older,
            unspent=await redemption.offer(member.service, state) if redemption.concerns(state) else None,
            refused=asked is not None and asked.refused is not None,
            done=_done(state, request.query_params.get("cancelled")) or _redeemed(asked),
        )

    return await for_member(request, step)


@get("/authorizations/{authorization_id:str}/cancel")
async def show_cancel(request: PageRequest, authorization_id: FromPath[str]) -> Response[Any]:
    """What cancelling would mean."""

    async def step(member: Member) -> Response[Any]:
        state = await state_of(member, authorization_id)
        return _cancel_page(member, state) if state.cancellable else go(_path(state))

    return await for_member(request, step)


@post("/authorizations/{authorization_id:str}/cancel", status_code=HTTP_200_OK)
async def do_cancel(request: PageRequest, authorization_id: FromPath[str]) -> Response[Any]:
    """Cancel; idempotent."""

    async def step(member: Member) -> Response[Any]:
        state = await state_of(member, authorization_id)
        if not state.cancellable:
            return go(f"{_path(state)}?cancelled=all")
        asked = (await form_of(request)).get("scope")
        scope = next((one for one in Scope if one.value == asked), None)
        if scope is Scope.TOP_UPS and state.prepaid and not state.topping_up:  # the second of two clicks: already done
            return go(f"{_path(state)}?cancelled={scope.value}")
        if scope is None or (scope not in state.scopes and scope is not Scope.ALL):
            problem = {"scope": _("Choose what should end.")}
            return _cancel_page(member, state, status=HTTP_422_UNPROCESSABLE_ENTITY, problems=problem)
        await authorizations.cancel(member.service, state, scope)
        return go(f"{_path(state)}?cancelled={scope.value}")

    return await for_member(request, step)


async def state_of(member: Member, authorization_id: str) -> AuthorizationState:
    """The authorization of this person; 404 where there is none."""
    found = await authorizations.find(member.service, member.party.party_id, authorization_id)
    if found is None:
        raise NotFoundException
    return found


def _path(state: AuthorizationState) -> str:
    return f"{HOME}/authorizations/{state.authorization.authorization_id}"


def _cancel_page(member: Member, state: AuthorizationState, **more: Any) -> Response[Any]:  # noqa: ANN401 - status and problems
    return member.page("account/cancel.html", sandbox=state.sandbox, state=state, narrow=True, **more)


def _done(state: AuthorizationState, cancelled: str | None) -> str | None:
    """The confirmation of what was just done; None when the link claims what the state does not bear out."""
    if cancelled == Scope.ALL.value and state.status is AuthorizationStatus.CANCELLED:
        return _("It is cancelled. %(seller)s can no longer use this authorization.", seller=state.seller)
    if cancelled == Scope.TOP_UPS.value and state.prepaid and not state.topping_up and state.spending:
        return _("The balance is filled no more.")
    return None


def _redeemed(asked: RedemptionRequest | None) -> str | None:
    """The confirmation that a balance is paid back; None where it is not."""
    if asked is None or asked.refused is not None:
        return None
    if asked.paid_micros is None:
        return _("%(amount)s is asked for. It is paid back within a few minutes.", amount=dollars(asked.amount_micros))
    return _("%(amount)s is paid back to where it came from.", amount=dollars(asked.paid_micros))


def _row(entry: HistoryEntry, state: AuthorizationState) -> HistoryRow:
    micros = entry.change_micros or entry.amount_micros
    changes = entry.change_micros and (state.prepaid or state.tab or micros < 0)
    return HistoryRow(
        entry,
        date=date_of(entry.at),
        time=f"{entry.at:%H:%M} UTC",
        kind=kind_in_words(history.kind_of(entry, state.authorization)),
        status=status_in_words(entry),
        change=signed(micros) if changes else dollars(micros),
    )


authorization_routes = Router(path=HOME, route_handlers=[show_list, show_one, show_cancel, do_cancel])
