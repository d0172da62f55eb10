"""Payouts on the operator's pages: what waits for people, where it goes, what became of it, files for the bank."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.environments import ENVIRONMENTS
from tallystick.services.payouts import bank_statements, desk, payouts
from tallystick.services.payouts.desk import PayoutFileError, PayoutRecord, PayoutStateError
from tallystick.web.admin.guard import HOME, OperatorContext, for_operator
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go

PLACE: Final = f"{HOME}/payouts"
ONE: Final = f"{PLACE}/{{payout:str}}"
LISTED: Final = 100
RECENT: Final = 25
_MAX_TEXT: Final = 140

Step = Callable[[OperatorContext, PayoutRecord], Awaitable[Response[Any]]]


@get(PLACE)
async def show_payouts_of_all(request: PageRequest) -> Response[Any]:
    """What is under way, files for the bank, and what was over last."""

    async def step(operator: OperatorContext) -> Response[Any]:
        return await _list(operator)

    return await for_operator(request, step)


@get(ONE)
async def show_payout(request: PageRequest, payout: FromPath[str]) -> Response[Any]:
    """One payout, with the bank account that it goes to."""

    async def step(operator: OperatorContext, found: PayoutRecord) -> Response[Any]:
        return await _page(operator, found)

    return await _for_payout(request, payout, step)


@post(f"{ONE}/sent", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_mark_sent(request: PageRequest, payout: FromPath[str]) -> Response[Any]:
    """The bank has it."""

    async def step(operator: OperatorContext, found: PayoutRecord) -> Response[Any]:
        reference = (await form_of(request)).get("bank_reference", "").strip()[:_MAX_TEXT]
        return await _said(operator, found, desk.mark_sent(operator.service, operator.actor, found, reference or None))

    return await _for_payout(request, payout, step)


@post(f"{ONE}/failed", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_mark_failed(request: PageRequest, payout: FromPath[str]) -> Response[Any]:
    """It was not sent, and never will be."""

    async def step(operator: OperatorContext, found: PayoutRecord) -> Response[Any]:
        reason = (await form_of(request)).get("failed_reason", "").strip()[:_MAX_TEXT]
        if not reason:
            problems = {"failed_reason": "Say why: the seller reads it."}
            return await _page(operator, found, status=HTTP_422_UNPROCESSABLE_ENTITY, problems=problems)
        return await _said(operator, found, desk.mark_failed(operator.service, operator.actor, found, reason))

    return await _for_payout(request, payout, step)


@post(f"{ONE}/returned", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_mark_returned(request: PageRequest, payout: FromPath[str]) -> Response[Any]:
    """The seller's bank has sent it back."""

    async def step(operator: OperatorContext, found: PayoutRecord) -> Response[Any]:
        reason = (await form_of(request)).get("returned_reason", "").strip()[:_MAX_TEXT]
        if not reason:
            problems = {"returned_reason": "Say why: the seller reads it."}
            return await _page(operator, found, status=HTTP_422_UNPROCESSABLE_ENTITY, problems=problems)
        return await _said(operator, found, desk.mark_returned(operator.service, operator.actor, found, reason))

    return await _for_payout(request, payout, step)


@post(f"{ONE}/take-back", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_take_back(request: PageRequest, payout: FromPath[str]) -> Response[Any]:
    """Have the provider take a transfer back."""

    async def step(operator: OperatorContext, found: PayoutRecord) -> Response[Any]:
        return await _said(operator, found, desk.take_back(operator.service, operator.actor, found))

    return await _for_payout(request, payout, step)


@post("/admin/payout-files", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_make_file(request: PageRequest) -> Response[Any]:
    """A file with all payouts that wait for one."""

    async def step(operator: OperatorContext) -> Response[Any]:
        environment = (await form_of(request)).get("environment", "")
        if environment not in ENVIRONMENTS:
            return await _list(operator, status=HTTP_422_UNPROCESSABLE_ENTITY)
        try:
            await desk.make_file(operator.service, operator.actor, environment)
        except PayoutFileError as error:
            return await _list(operator, status=HTTP_409_CONFLICT, problem=f"No file was made: {error}.")
        return go(f"{PLACE}?environment={environment}&done=file")

    return await for_operator(request, step)


@get("/admin/payout-files/{message_id:str}")
async def show_file(request: PageRequest, message_id: FromPath[str]) -> Response[Any]:
    """The file itself, as often as it is fetched: a bank knows it by its message id."""

    async def step(operator: OperatorContext) -> Response[Any]:
        content = await desk.file_content(operator.service, message_id)
        if content is None:
            raise NotFoundException
        headers = {"content-disposition": f'attachment; filename="payouts-{message_id}.xml"'}
        return Response(content, media_type="application/xml", headers=headers)

    return await for_operator(request, step)


@post("/admin/payout-files/{message_id:str}/sent", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_mark_file_sent(request: PageRequest, message_id: FromPath[str]) -> Response[Any]:
    """The bank has taken all of a file."""

    async def step(operator: OperatorContext) -> Response[Any]:
        if await desk.file_content(operator.service, message_id) is None:
            raise NotFoundException
        environment = (await form_of(request)).get("environment", "")
        await desk.mark_file_sent(operator.service, operator.actor, message_id, None)
        return go(f"{PLACE}?environment={environment if environment in ENVIRONMENTS else 'live'}&done=sent")

    return await for_operator(request, step)


async def _for_payout(request: PageRequest, text: str, step: Step) -> Response[Any]:
    """Run `step` with a payout. Raises NotFoundException: there is none of this id."""

    async def of_payout(operator: OperatorContext) -> Response[Any]:
        found = await desk.find(operator.service, text)
        if found is None:
            raise NotFoundException
        return await step(operator, found)

    return await for_operator(request, of_payout)


async def _said(operator: OperatorContext, payout: PayoutRecord, saying: Awaitable[object]) -> Response[Any]:
    try:
        await saying
    except PayoutStateError as error:
        return await _page(operator, payout, status=HTTP_409_CONFLICT, problem=f"Nothing was changed: {error}.")
    return go(f"{PLACE}/{payout.transaction_id}?done=yes")


async def _page(operator: OperatorContext, payout: PayoutRecord, **more: Any) -> Response[Any]:  # noqa: ANN401 - status, problems
    context: dict[str, Any] = {
        "payout": payout,
        "account": await desk.account_of(operator.service, payout),
        "passed": await bank_statements.of_payout(operator.service, payout.environment, payout.transaction_id),
        "transfer": payout.rail == payouts.TRANSFER,
        "automatic": payout.rail in payouts.AUTOMATIC,
        "done": operator.asked("done"),
        "problem": None,
        "typed": {},
        "problems": {},
    }
    return operator.page("admin/payout.html", **(context | more))


async def _list(operator: OperatorContext, **more: Any) -> Response[Any]:  # noqa: ANN401 - status, problem
    environment = _environment(operator)
    service = operator.service
    made = await desk.files_of(service, environment, RECENT)
    context: dict[str, Any] = {
        "environment": environment,
        "rail": payouts.rail_of(service.settings, environment),
        "open": await desk.under_way(service, environment, LISTED),
        "ended": await desk.ended(service, environment, RECENT),
        "files": made,
        "waiting": await desk.waiting_files(service, made),
        "done": operator.asked("done"),
        "problem": None,
    }
    return operator.page("admin/payouts.html", **(context | more))


def _environment(operator: OperatorContext) -> str:
    asked = operator.asked("environment")
    return asked if asked in ENVIRONMENTS else "live"


payout_pages: Final = [
    show_payouts_of_all,
    show_payout,
    do_mark_sent,
    do_mark_failed,
    do_mark_returned,
    do_take_back,
    do_make_file,
    show_file,
    do_mark_file_sent,
]
