"""Statements of the operator's bank: given as a file, looked at, booked, and what was found."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.environments import ENVIRONMENTS
from tallystick.services.payouts import bank_statements
from tallystick.services.payouts.bank_statements import MAX_BYTES, GivenStatement, StatementError
from tallystick.web.admin.guard import HOME, OperatorContext, for_operator
from tallystick.web.common.browser.step_up import STEP_UP, STEP_UP_WITH_FILE, file_of
from tallystick.web.common.reading import FILE_FIELD
from tallystick.web.common.shared import PageRequest, form_of, go

PLACE: Final = f"{HOME}/statements"
ONE: Final = f"{PLACE}/{{environment:str}}/{{statement_id:str}}"
LISTED: Final = 60
_FORM_BYTES: Final = 2 * MAX_BYTES  # as text it is a third longer, and half as much again on its way

Step = Callable[[OperatorContext, GivenStatement], Awaitable[Response[Any]]]


@get(PLACE)
async def show_statements(request: PageRequest) -> Response[Any]:
    """The last ones, and a form for another one."""

    async def step(operator: OperatorContext) -> Response[Any]:
        return await _list(operator, _environment(operator.asked("environment")))

    return await for_operator(request, step)


@post(PLACE, status_code=HTTP_200_OK, opt=STEP_UP_WITH_FILE, request_max_body_size=_FORM_BYTES)
async def do_give_statement(request: PageRequest) -> Response[Any]:
    """Take a file in; nothing is booked."""

    async def step(operator: OperatorContext) -> Response[Any]:
        environment = _environment((await form_of(request)).get("environment", ""))
        name, content = await file_of(request, FILE_FIELD, MAX_BYTES)
        try:
            given = await bank_statements.give(operator.service, operator.actor, environment, content, name)
        except StatementError as error:
            problems = {FILE_FIELD: f"Nothing was taken in: {error}."}
            return await _list(operator, environment, status=HTTP_422_UNPROCESSABLE_ENTITY, problems=problems)
        if len(given) > 1:
            return go(f"{PLACE}?environment={environment}&done=given")
        return go(f"{PLACE}/{environment}/{given[0].statement_id}")

    return await for_operator(request, step)


@get(ONE)
async def show_statement(
    request: PageRequest, environment: FromPath[str], statement_id: FromPath[str]
) -> Response[Any]:
    """One statement: what booking it would do or, booked, what was found."""

    async def step(operator: OperatorContext, given: GivenStatement) -> Response[Any]:
        outlook = None
        if given.booked_at is None:
            outlook = await bank_statements.outlook(operator.service, environment, given)
        return operator.page(
            "admin/statement.html",
            environment=environment,
            given=given,
            outlook=outlook,
            done=operator.asked("done"),
        )

    return await _for_statement(request, environment, statement_id, step)


@post(f"{ONE}/book", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_book_statement(
    request: PageRequest, environment: FromPath[str], statement_id: FromPath[str]
) -> Response[Any]:
    """Tell the books what it says; once more, where it was booked before. Fees that were ticked, too."""

    async def step(operator: OperatorContext, given: GivenStatement) -> Response[Any]:
        form = await form_of(request)
        another = {entry.entry_id for entry in given.entries if f"another-{entry.entry_id}" in form}
        await bank_statements.book(operator.service, operator.actor, environment, given, another)
        return go(f"{PLACE}/{environment}/{given.statement_id}?done=booked")

    return await _for_statement(request, environment, statement_id, step)


async def _for_statement(request: PageRequest, environment: str, statement_id: str, step: Step) -> Response[Any]:
    """Run `step` with a statement. Raises NotFoundException: there is none of this id."""

    async def of_statement(operator: OperatorContext) -> Response[Any]:
        found = None
        if environment in ENVIRONMENTS:
            found = await bank_statements.find(operator.service, environment, statement_id)
        if found is None:
            raise NotFoundException
        return await step(operator, found)

    return await for_operator(request, of_statement)


async def _list(operator: OperatorContext, environment: str, **more: Any) -> Response[Any]:  # noqa: ANN401 - status, problems
    context: dict[str, Any] = {
        "environment": environment,
        "listed": await bank_statements.latest(operator.service, environment, LISTED),
        "largest": MAX_BYTES // 1024 // 1024,
        "done": operator.asked("done"),
        "problems": {},
    }
    return operator.page("admin/statements.html", **(context | more))


def _environment(asked: str) -> str:
    return asked if asked in ENVIRONMENTS else "live"


statement_pages: Final = [show_statements, do_give_statement, show_statement, do_book_statement]
