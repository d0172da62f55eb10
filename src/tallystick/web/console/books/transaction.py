"""A transaction: the facts, what it moved, its statuses, its notifications, and what belongs to it."""

from collections.abc import Sequence
from typing import Any, Final

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_404_NOT_FOUND

from tallystick.domain.ids import TransactionId, book_of_transaction
from tallystick.services.actions.transactions import received_at, statuses
from tallystick.services.seller import archived
from tallystick.services.seller.manual_operations import BookContext
from tallystick.services.seller.staff import Permission
from tallystick.store.queries import reads, transaction_detail, transaction_list
from tallystick.store.queries.reads import TransactionRecord
from tallystick.store.queries.transaction_list import About, Line, Wanted
from tallystick.store.records import kept_requests, outbox
from tallystick.store.records.kept_requests import KeptRequest
from tallystick.web.common.shared import PageRequest
from tallystick.web.console import wording
from tallystick.web.console.book_context import with_books
from tallystick.web.console.books.activity_filter import transaction_id_of
from tallystick.web.console.console_context import ConsoleContext

_MAX_REFUNDS: Final = 100
_REFUNDABLE: Final = frozenset({"Pay", "Reserve"})


@get("/console/{business:int}/{environment:str}/transactions/{transaction_id:str}")
async def show_transaction(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], transaction_id: FromPath[str]
) -> Response[Any]:
    """All that is known of a transaction in which this seller took part."""

    async def step(console: ConsoleContext, books: BookContext) -> Response[Any]:
        try:
            record = await transaction_of(console, transaction_id)
        except NotFoundException:
            return await told_of_archive(console, books, transaction_id)
        pool, book_id = console.service.pool, book_of_transaction(transaction_id)
        own = book_id in books.parts
        remains = await transaction_detail.remains(pool, book_id, record.transaction_id)
        return console.page(
            "console/books/transaction.html",
            words=wording,
            received_at=received_at,
            record=record,
            own=own,
            remains=remains,
            transfers=await transaction_detail.transfers(
                pool, book_id if own else books.parts[0], record.transaction_id
            ),
            statuses=await statuses(console.service, book_id, record),
            notices=await transaction_detail.notices(pool, book_id, record.transaction_id) if own else [],
            refunds=await _refunds(console, books, record) if own else [],
            left_micros=record.amount_micros - remains.refunded_micros,
            requests=await _requests(console, record.transaction_id) if own else [],
            requests_kept_days=console.service.settings.keep_requests_days,
            wants_notices=own and (await outbox.wishes(pool, book_id)).notification_url is not None,
            may_refund=own and is_refundable(record) and console.may(Permission.MOVE_MONEY),
            done=request.query_params.get("refunded") == record.transaction_id,
        )

    return await with_books(request, business, environment, step)


async def transaction_of(console: ConsoleContext, text: str) -> TransactionRecord:
    """A transaction that this seller called for or was paid by, in this environment. Raises NotFoundException."""
    transaction_id = transaction_id_of(text)
    if transaction_id is None:
        raise NotFoundException
    found = await reads.transaction(console.service.pool, book_of_transaction(transaction_id), transaction_id)
    parties = () if found is None else (found.seller.party_id, found.merchant.party_id)
    if found is None or found.environment != console.environment or console.business.party_id not in parties:
        raise NotFoundException
    return found


async def told_of_archive(console: ConsoleContext, books: BookContext, text: str) -> Response[Any]:
    """What is said of a transaction that is not there, if it is so old that it may be in the archive.

    Raises NotFoundException: it is not, or not of this seller's books.
    """
    transaction_id = transaction_id_of(text)
    if transaction_id is None or book_of_transaction(transaction_id) not in books.parts:
        raise NotFoundException
    before = await archived.may_hold(console.service.pool, transaction_id)
    if before is None:
        raise NotFoundException
    return console.page("console/books/archived.html", status=HTTP_404_NOT_FOUND, before=before, id=transaction_id)


def is_refundable(record: TransactionRecord) -> bool:
    """Whether refunding makes sense at all; how much is left is another matter."""
    return record.operation in _REFUNDABLE and record.status == "Success"


async def _requests(console: ConsoleContext, transaction_id: TransactionId) -> Sequence[KeptRequest]:
    """The requests as they came. What this process has not written down yet is written first, so that it shows."""
    await console.service.requests.write(console.service.pool)
    return await kept_requests.of_transaction(console.service.pool, book_of_transaction(transaction_id), transaction_id)


async def _refunds(console: ConsoleContext, books: BookContext, record: TransactionRecord) -> list[Line]:
    wanted = Wanted(
        books.parts, books.seller_id, console.environment, about=About.ORIGINAL, subject=record.transaction_id
    )
    return (await transaction_list.look(console.service.pool, wanted, _MAX_REFUNDS)).lines


transaction_routes = [show_transaction]
