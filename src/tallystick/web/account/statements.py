"""Statements of an authorization: all of it for a spreadsheet; a month to read, to print, as PDF, for a spreadsheet."""

import asyncio
import contextvars
from typing import Any, Final

from litestar import Router, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response, Stream

from tallystick.services.buyer import monthly
from tallystick.services.buyer.authorization_status import AuthorizationState
from tallystick.services.buyer.monthly import Statement
from tallystick.services.buyer.months import Month
from tallystick.services.identity.accounts import Party
from tallystick.web.account import statement_csv
from tallystick.web.account.authorizations import state_of
from tallystick.web.account.member import HOME, Member, for_member
from tallystick.web.account.statement_words import detail_of
from tallystick.web.common.shared import PageRequest

PLACE: Final = "statements"
"""By which statements of one person take turns."""

_KINDS: Final = ("pdf", "csv")


@get("/authorizations/{authorization_id:str}/statement.csv")
async def show_all(request: PageRequest, authorization_id: FromPath[str]) -> Response[Any]:
    """All that happened under an authorization, for a spreadsheet."""

    async def step(member: Member) -> Response[Any]:
        return _csv(member, await state_of(member, authorization_id))

    return await for_member(request, step)


@get("/authorizations/{authorization_id:str}/statements")
async def show_months(request: PageRequest, authorization_id: FromPath[str]) -> Response[Any]:
    """The months that there are statements of."""

    async def step(member: Member) -> Response[Any]:
        state = await state_of(member, authorization_id)
        months = await monthly.months(member.service, state)
        return member.page("account/statements.html", sandbox=state.sandbox, state=state, months=months, narrow=True)

    return await for_member(request, step)


@get("/authorizations/{authorization_id:str}/statements/{month:str}")
async def show_month(request: PageRequest, authorization_id: FromPath[str], month: FromPath[str]) -> Response[Any]:
    """One month: ``2027-03`` as a page, ``2027-03.pdf``, ``2027-03.csv``."""

    async def step(member: Member) -> Response[Any]:
        text, dot, kind = month.partition(".")
        asked = Month.parse(text)
        state = await state_of(member, authorization_id)
        months = await monthly.months(member.service, state)
        if asked is None or asked not in months or (dot and kind not in _KINDS):
            raise NotFoundException
        if kind == "csv":
            return _csv(member, state, asked)
        async with member.service.reads.turn(member.party.party_id, PLACE) as turn:
            statement = await monthly.statement(member.service, state, asked, step_aside=turn.step_aside)
            if kind == "pdf":
                context = contextvars.copy_context()  # whose language the thread speaks, too
                content = await asyncio.to_thread(context.run, _pdf, statement, member.party)
                await turn.step_aside()
                return Response(content, media_type="application/pdf", headers=_file(state, "pdf", asked))
        return member.page(
            "account/statement.html", sandbox=state.sandbox, state=state, statement=statement, detail_of=detail_of
        )

    return await for_member(request, step)


def _csv(member: Member, state: AuthorizationState, month: Month | None = None) -> Response[Any]:
    download = member.service.downloads.begin(member.party.party_id)
    content = statement_csv.as_csv(member.service, state, month, download)
    return Stream(download.send(content), media_type="text/csv", headers=_file(state, "csv", month))


def _pdf(statement: Statement, party: Party) -> bytes:
    # Loaded with the first one, in its thread: paper and its fonts are a sixth of what a server would hold.
    from tallystick.web.account.statement_pdf import as_pdf  # noqa: PLC0415 - see above; 0.3 s

    return as_pdf(statement, party)


def _file(state: AuthorizationState, ending: str, month: Month | None) -> dict[str, str]:
    name = statement_csv.file_name(state, ending, month)
    return {"content-disposition": f'attachment; filename="{name}"'}


statement_routes = Router(path=HOME, route_handlers=[show_all, show_months, show_month])
