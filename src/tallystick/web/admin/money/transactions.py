"""Transactions of all sellers: found by id, by a rail's reference, or by who paid or was paid; and each of them."""

from typing import Any, Final

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response

from tallystick.services.actions.transactions import received_at
from tallystick.services.operations import accounts
from tallystick.services.reports import any_seller
from tallystick.services.reports.any_seller import TransactionLine
from tallystick.web.admin.guard import HOME, OperatorContext, for_operator
from tallystick.web.common.shared import PageRequest, go

PLACE: Final = f"{HOME}/transactions"
LISTED: Final = 50


@get(PLACE)
async def show_transactions(request: PageRequest) -> Response[Any]:
    """What a search finds: one transaction is shown at once; of an account, its latest ones."""

    async def step(operator: OperatorContext) -> Response[Any]:
        text, account = operator.asked("text").replace("\0", ""), None
        lines: list[tuple[str, TransactionLine]] = []
        named = await any_seller.named(operator.service, text) if text else []
        if len(named) == 1:
            return go(f"{PLACE}/{named[0]}")
        if text and not named:
            account = await accounts.find_named(operator.service, text)
        if account is not None:
            lines = await any_seller.latest_of(operator.service, account, LISTED)
        return operator.page(
            "admin/transactions.html",
            typed={"text": text},
            named=named,
            account=account,
            lines=lines,
            maximum=LISTED,
            received_at=received_at,
        )

    return await for_operator(request, step)


@get(f"{PLACE}/{{transaction_id:str}}")
async def show_transaction_of_any(request: PageRequest, transaction_id: FromPath[str]) -> Response[Any]:
    """One transaction: who, how much, how it went, and what rails call it."""

    async def step(operator: OperatorContext) -> Response[Any]:
        record = await any_seller.find(operator.service, transaction_id)
        if record is None:
            raise NotFoundException
        return operator.page(
            "admin/transaction.html",
            record=record,
            statuses=await any_seller.statuses(operator.service, record),
            rail_orders=await any_seller.rail_orders(operator.service, record),
            received_at=received_at,
        )

    return await for_operator(request, step)


transaction_pages: Final[list[Any]] = [show_transactions, show_transaction_of_any]
