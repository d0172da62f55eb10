"""Orders that people end by hand, because their rail never got them and never will.

The worker ends such charges, holds and refunds by itself (orders.py). What follows a hold, and what is to be given back
to a buyer, it does not: whether nothing at all is owed any more, only people can know.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import structlog

from tallystick.domain.ids import MalformedIdError, TransactionId, book_of_transaction
from tallystick.domain.rails.commands import Declined, RailOperation
from tallystick.processors.declines import NOT_RECEIVED, declined
from tallystick.processors.rail import Unknown, idempotency_key
from tallystick.services.operations import audit
from tallystick.services.own_commands import NotCarriedOutError
from tallystick.services.rails.orders import LEASE, book, is_remembered, keep, trusted_now
from tallystick.store.queries import reads
from tallystick.store.rails import rail_requests
from tallystick.store.rails.rail_requests import DueRequest

if TYPE_CHECKING:
    from tallystick.processors.rail import Rail
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

__all__ = ["DueRequest", "RailOrderStateError", "end", "waiting"]

_log = structlog.get_logger(__name__)


class RailOrderStateError(Exception):
    """The order cannot be ended by hand; the message says why, for people. Nothing was changed."""


async def waiting(service: Service, transaction_id: str) -> list[DueRequest]:
    """What a rail was asked for a transaction and has not answered; nothing for what is no transaction."""
    try:
        book_id = book_of_transaction(transaction_id)
    except MalformedIdError:
        return []
    return await rail_requests.of_transaction(service.pool, book_id, TransactionId(transaction_id))


async def end(service: Service, actor: Actor, request: DueRequest, reason: str) -> None:
    """End an order as never received: as if the rail had declined it. Raises RailOrderStateError.

    The rail is looked at first. It must not have the order, nor ever have had a name for it, and the order must be too
    old to be sent once more: else a worker might be sending it right now. Only of what is to be given back the rail may
    say that it refuses, which it does for good. What turns up later is found by looking once more, as for each decline.
    """
    now = trusted_now(service)
    if now is None:
        raise RailOrderStateError("the clock of this process is wrong")
    try:
        rail = service.rails.find(request.environment, request.rail)
    except LookupError as error:
        raise RailOrderStateError(f"the rail cannot be looked at: {error}") from None
    if request.asked_at is None or is_remembered(rail, now - request.asked_at):
        raise RailOrderStateError("it may still be sent: the rail is asked until its key is too old")
    if not await rail_requests.claim(service.pool, request, now, now + LEASE):
        raise RailOrderStateError("it has just been asked for, or has its answer: look again")
    answer = await _looked_for(rail, request, request.asked_at)
    await keep(service, request, answer, now)
    try:
        await book(service, request, answer)
    except NotCarriedOutError as error:
        raise RailOrderStateError(str(error)) from error
    transaction = await reads.transaction(service.pool, request.book_id, request.transaction_id)
    await audit.record(
        service.pool,
        actor,
        "rail.end_order",
        request.transaction_id,
        business_id=None if transaction is None else transaction.seller.party_id,
        environment=request.environment,
        details={"operation": request.operation.value, "rail": request.rail, "reason": reason},
        at=service.clock(),
    )


async def _looked_for(rail: Rail, request: DueRequest, asked_first: datetime) -> Declined:
    """What is booked. Raises RailOrderStateError: the rail has the order, has had it, or cannot say."""
    key = idempotency_key(request.transaction_id, request.operation)
    try:
        answer = await rail.look_again(request.reference, key, asked_first)
    except Exception as error:
        _log.warning("order_not_looked_at", transaction_id=request.transaction_id, error=repr(error))
        raise RailOrderStateError("the rail did not say whether it has it: try again in a while") from error
    if request.operation is RailOperation.RETURN and isinstance(answer, Declined):
        return answer
    if not isinstance(answer, Unknown):
        raise RailOrderStateError("the rail has it, and its answer is booked by itself")
    if request.reference is not None:
        raise RailOrderStateError(
            f"the rail has had it, as {request.reference}: look whether the service is set up for another account there"
        )
    return declined(NOT_RECEIVED)


NOTES: Final = {
    RailOperation.RETURN: "The buyer was charged and does not get it back from here: give it back at the rail first.",
    RailOperation.CAPTURE: "The payment fails. What is held on the card is set free by its bank.",
    RailOperation.VOID: "Nothing changes in the books. What is held on the card is set free by its bank.",
    RailOperation.REFUND: "The refund fails, and the amount is back where it came from.",
    RailOperation.CHARGE: "The payment fails, and nothing was taken.",
    RailOperation.AUTHORIZE: "The reservation fails, and nothing is held.",
}
"""What follows, for people."""
