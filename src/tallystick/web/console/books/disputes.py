"""Disputes: the list with deadlines, one with its evidence, what becomes of lost settlements, and trying one."""

import asyncio
from typing import Any, Final

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK

from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.ids import MalformedIdError, TransactionId, book_of_transaction
from tallystick.services.disputes import cases, evidence, sandbox
from tallystick.services.disputes.cases import DisputedSettlements, DisputeRecord
from tallystick.services.disputes.evidence import DisputeEvidence
from tallystick.services.disputes.news import NotYetError, UnknownChargeError
from tallystick.services.seller.manual_operations import BookContext
from tallystick.services.seller.staff import Permission
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.console import wording
from tallystick.web.console.book_context import with_books
from tallystick.web.console.console_context import ConsoleContext
from tallystick.web.console.developer.sandbox_gate import for_developer

PLACE: Final = "Disputes"
PATH: Final = "/console/{business:int}/{environment:str}/disputes"
LISTED: Final = 50


@get(PATH)
async def show_disputes(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Open ones first, by the day until which the bank waits for an answer."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        before = request.query_params.get("before")
        found = await cases.list_(books, LISTED + 1, before)
        shown = found[:LISTED]
        older = f"?before={shown[-1].transaction_id}" if len(found) > LISTED and not shown[-1].is_open else ""
        return console.page(
            "console/books/disputes.html",
            words=wording,
            listed=shown,
            opened=[one for one in shown if one.is_open],
            later=before is not None,
            older=older,
            chosen=await cases.chosen(books),
            choices=DisputedSettlements,
            may_choose=console.may(Permission.MOVE_MONEY),
            done="chosen" in request.query_params,
        )

    return await with_books(request, business, environment, step, place=PLACE)


@post(PATH + "/settlements", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_choose(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Choose what becomes of settlements that are lost from now on."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        typed = (await form_of(request)).get("settlements", "")
        choice = next((each for each in DisputedSettlements if each.value == typed), None)
        if choice is None:
            return go(console.path("disputes"))
        await cases.choose(books, choice)
        return go(f"{console.path('disputes')}?chosen=yes")

    return await with_books(request, business, environment, step, needs=Permission.MOVE_MONEY)


@get(PATH + "/{dispute_id:str}")
async def show_dispute(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], dispute_id: FromPath[str]
) -> Response[Any]:
    """One dispute: what it holds, what to do next, until when."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        dispute = await _find(books, dispute_id)
        return console.page(
            "console/books/dispute.html",
            words=wording,
            dispute=dispute,
            own=dispute.book_id in books.parts,
            may_try=console.sandbox and console.may(Permission.DEVELOP),
            statuses=[status for status in DisputeStatus if status not in dispute.told],
        )

    return await with_books(request, business, environment, step)


@get(PATH + "/{dispute_id:str}/evidence.pdf")
async def get_evidence(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], dispute_id: FromPath[str]
) -> Response[Any]:
    """The evidence, to be handed in."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        del console
        dispute = await _find(books, dispute_id)
        content = await asyncio.to_thread(_pdf, await evidence.of_dispute(books, dispute))
        headers = {"content-disposition": f'attachment; filename="evidence-{dispute.transaction_id}.pdf"'}
        return Response(content, media_type="application/pdf", headers=headers)

    return await with_books(request, business, environment, step)


@post(PATH + "/try", status_code=HTTP_200_OK)
async def do_try(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Speak for the simulated bank, in the sandbox."""

    async def step(console: ConsoleContext) -> Response[Any]:
        typed = await form_of(request)
        status = next((each for each in DisputeStatus if each.value == typed.get("status")), None)
        charge = TransactionId(typed.get("charge", ""))
        try:
            own = book_of_transaction(charge) in console.parts
        except MalformedIdError:
            own = False
        if status is None or not own:
            raise NotFoundException
        try:
            moved = await sandbox.move(console.service, console.actor, charge, status)
        except (UnknownChargeError, NotYetError):
            raise NotFoundException from None
        return go(console.path("disputes", moved.transaction_id))

    return await for_developer(request, business, environment, step)


async def _find(books: BookContext, dispute_id: str) -> DisputeRecord:
    """A dispute that concerns this seller. Raises NotFoundException."""
    found = await cases.find(books, dispute_id)
    if found is None:
        raise NotFoundException
    return found


def _pdf(shown: DisputeEvidence) -> bytes:
    # Loaded with the first one, in its thread: paper and its fonts are a sixth of what a server would hold.
    from tallystick.web.console.books.evidence_pdf import as_pdf  # noqa: PLC0415 - see above; 0.3 s

    return as_pdf(shown)


dispute_routes = [show_disputes, do_choose, show_dispute, get_evidence, do_try]
