"""A transaction: the facts, what it moved, its statuses, its notifications, and what belongs to it."""

from typing import Any, Final

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_404_NOT_FOUND

from tallystick.domain.ids import book_of_transaction
from tallystick.services.actions.transactions import received_at, statuses
from tallystick.services.disputes import cases
from tallystick.services.reports import transactions
from tallystick.services.reports.transactions import TransactionRecord
from tallystick.services.seller import notification_settings
from tallystick.services.seller.manual_operations import BookContext
from tallystick.services.seller.staff import Permission
from tallystick.web.common.shared import PageRequest
from tallystick.web.console import wording
from tallystick.web.console.book_context import with_books
from tallystick.web.console.books.activity_filter import transaction_id_of
from tallystick.web.console.console_context import ConsoleContext

_REFUNDABLE: Final = frozenset({"Pay", "Reserve"})


@get("/console/{business:int}/{environment:str}/transactions/{transaction_id:str}")
async def show_transaction(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], transaction_id: FromPath[str]
) -> Response[Any]:
    """All that is known of a transaction in which this seller took part."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        try:
            record = await transaction_of(books, transaction_id)
        except NotFoundException:
            return await archived_page(console, books, transaction_id)
        book_id = book_of_transaction(transaction_id)
        own = book_id in books.parts
        remains = await transactions.remains(books, record.transaction_id)
        return console.page(
            "console/books/transaction.html",
            words=wording,
            received_at=received_at,
            record=record,
            own=own,
            remains=remains,
            transfers=await transactions.transfers(books, record.transaction_id),
            statuses=await statuses(console.service, book_id, record),
            notices=await transactions.notices(books, record.transaction_id) if own else [],
            refunds=await transactions.refunds_of(books, record.transaction_id) if own else [],
            rail_orders=await transactions.rail_orders(books, record.transaction_id) if own else [],
            left_micros=record.amount_micros - remains.refunded_micros - remains.disputed_micros,
            requests=await transactions.requests_of(books, record.transaction_id) if own else [],
            requests_kept_days=console.service.settings.keep_requests_days,
            wants_notices=own and await _wants_notices(books),
            disputes=await cases.of_charge(books, record.transaction_id),
            may_dispute=console.sandbox and own and _is_disputable(record) and console.may(Permission.DEVELOP),
            may_refund=own and is_refundable(record) and console.may(Permission.MOVE_MONEY),
            done=request.query_params.get("refunded") == record.transaction_id,
        )

    return await with_books(request, business, environment, step)


async def transaction_of(books: BookContext, text: str) -> TransactionRecord:
    """A transaction that this seller called for or was paid by, in this environment. Raises NotFoundException."""
    transaction_id = transaction_id_of(text)
    if transaction_id is None:
        raise NotFoundException
    found = await transactions.find(books, transaction_id)
    if found is None:
        raise NotFoundException
    return found


async def archived_page(console: ConsoleContext, books: BookContext, text: str) -> Response[Any]:
    """The page for a transaction that is not found but old enough that it may be in the archive.

    Raises NotFoundException: it cannot be there, or is not of this seller's books.
    """
    transaction_id = transaction_id_of(text)
    if transaction_id is None:
        raise NotFoundException
    before = await transactions.may_be_archived(books, transaction_id)
    if before is None:
        raise NotFoundException
    return console.page("console/books/archived.html", status=HTTP_404_NOT_FOUND, before=before, id=transaction_id)


def is_refundable(record: TransactionRecord) -> bool:
    """Whether its operation and status allow a refund, regardless of how much is left to refund."""
    return record.operation in _REFUNDABLE and record.status == "Success"


def _is_disputable(record: TransactionRecord) -> bool:
    """Whether a bank charged it, and could take it back."""
    charged = record.operation in _REFUNDABLE | {"FundPrepaid", "SettleDebt"}
    return charged and record.payment_method in {"CC", "ACH"} and record.status == "Success"


async def _wants_notices(books: BookContext) -> bool:
    wishes = await notification_settings.find(books.service, books.seller_id, books.environment)
    return wishes.notification_url is not None


transaction_routes = [show_transaction]
