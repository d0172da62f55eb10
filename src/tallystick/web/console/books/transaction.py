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
from tallystick.services.seller.by_hand import Till
from tallystick.services.seller.staff import Permission
from tallystick.store.queries import reads, seller_activity, transaction_trail
from tallystick.store.queries.reads import TransactionRecord
from tallystick.store.queries.seller_activity import About, Line, Wanted
from tallystick.store.records import kept_requests, outbox
from tallystick.store.records.kept_requests import KeptRequest
from tallystick.web.common.shared import PageRequest
from tallystick.web.console import wording
from tallystick.web.console.books.activity_filter import transaction_id_of
from tallystick.web.console.desk import Desk
from tallystick.web.console.till import at_till

_MOST_REFUNDS: Final = 100
_REFUNDABLE: Final = frozenset({"Pay", "Reserve"})


@get("/console/{business:int}/{environment:str}/transactions/{transaction_id:str}")
async def show_transaction(
    request: PageRequest, business: FromPath[int], environment: FromPath[str], transaction_id: FromPath[str]
) -> Response[Any]:
    """All that is known of a transaction in which this seller took part."""

    async def step(desk: Desk, till: Till) -> Response[Any]:
        try:
            record = await transaction_of(desk, transaction_id)
        except NotFoundException:
            return await told_of_archive(desk, till, transaction_id)
        pool, book_id = desk.service.pool, book_of_transaction(transaction_id)
        own = book_id in till.parts
        remains = await transaction_trail.remains(pool, book_id, record.transaction_id)
        return desk.page(
            "console/books/transaction.html",
            words=wording,
            received_at=received_at,
            record=record,
            own=own,
            remains=remains,
            transfers=await transaction_trail.transfers(pool, book_id if own else till.parts[0], record.transaction_id),
            statuses=await statuses(desk.service, book_id, record),
            notices=await transaction_trail.notices(pool, book_id, record.transaction_id) if own else [],
            refunds=await _refunds(desk, till, record) if own else [],
            left_micros=record.amount_micros - remains.refunded_micros,
            requests=await _requests(desk, record.transaction_id) if own else [],
            requests_kept_days=desk.service.settings.keep_requests_days,
            wants_notices=own and (await outbox.wishes(pool, book_id)).notification_url is not None,
            may_refund=own and is_refundable(record) and desk.may(Permission.MOVE_MONEY),
            done=request.query_params.get("refunded") == record.transaction_id,
        )

    return await at_till(request, business, environment, step)


async def transaction_of(desk: Desk, text: str) -> TransactionRecord:
    """A transaction that this seller called for or was paid by, in this environment. Raises NotFoundException."""
    transaction_id = transaction_id_of(text)
    if transaction_id is None:
        raise NotFoundException
    found = await reads.transaction(desk.service.pool, book_of_transaction(transaction_id), transaction_id)
    parties = () if found is None else (found.seller.party_id, found.merchant.party_id)
    if found is None or found.environment != desk.environment or desk.business.party_id not in parties:
        raise NotFoundException
    return found


async def told_of_archive(desk: Desk, till: Till, text: str) -> Response[Any]:
    """What is said of a transaction that is not there, if it is so old that it may be in the archive.

    Raises NotFoundException: it is not, or not of this seller's books.
    """
    transaction_id = transaction_id_of(text)
    if transaction_id is None or book_of_transaction(transaction_id) not in till.parts:
        raise NotFoundException
    before = await archived.may_hold(desk.service.pool, transaction_id)
    if before is None:
        raise NotFoundException
    return desk.page("console/books/archived.html", status=HTTP_404_NOT_FOUND, before=before, id=transaction_id)


def is_refundable(record: TransactionRecord) -> bool:
    """Whether refunding makes sense at all; how much is left is another matter."""
    return record.operation in _REFUNDABLE and record.status == "Success"


async def _requests(desk: Desk, transaction_id: TransactionId) -> Sequence[KeptRequest]:
    """The requests as they came. What this process has not written down yet is written first, so that it shows."""
    await desk.service.requests.write(desk.service.pool)
    return await kept_requests.of_transaction(desk.service.pool, book_of_transaction(transaction_id), transaction_id)


async def _refunds(desk: Desk, till: Till, record: TransactionRecord) -> list[Line]:
    wanted = Wanted(till.parts, till.seller_id, desk.environment, about=About.ORIGINAL, subject=record.transaction_id)
    return (await seller_activity.look(desk.service.pool, wanted, _MOST_REFUNDS)).lines


transaction_routes = [show_transaction]
