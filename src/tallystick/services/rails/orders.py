"""Ask rails for pending charges, holds and refunds, and bring their answers into the books."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog

from tallystick.db.clock_watch import WrongClockError
from tallystick.domain.rails.commands import Declined, Paid, RailOperation, ResolveCharge
from tallystick.processors.declines import AUTHENTICATION_REQUIRED, NOT_RECEIVED, declined
from tallystick.processors.rail import (
    HintKind,
    Rail,
    RailAnswer,
    RailOrder,
    RequiresAction,
    StillPending,
    Unknown,
    idempotency_key,
)
from tallystick.processors.rails import Rails
from tallystick.services.context import Service
from tallystick.services.own_commands import NotCarriedOutError, carry_out
from tallystick.services.rails import confirmations
from tallystick.services.retries import all_of, pause_after, reason_of
from tallystick.store.rails import rail_events, rail_operations, rail_requests
from tallystick.store.rails.rail_requests import DueRequest
from tallystick.store.records import trace_links

LEASE: Final = timedelta(seconds=60)
"""The lease of a claimed request. Afterwards another worker may send it again: the first one may have died."""

MAX_AT_ONCE: Final = 50
LOOK_ONCE_MORE: Final = timedelta(hours=1)
"""When what was declined is looked at once more: it may have been paid after all, and the event may be lost."""

KEY_MARGIN: Final = timedelta(hours=1)
"""How long before a rail may forget a key it is not used any more: the order may travel, and clocks may differ."""

MISSING_FOR: Final = timedelta(hours=24)
"""How long a rail must not have had an order, looked for again and again, until it is certain that it never got it."""

_ENDED_BY_ABSENCE: Final = frozenset({RailOperation.CHARGE, RailOperation.AUTHORIZE, RailOperation.REFUND})
"""Orders that have come to nothing where there is nothing at the rail. What follows a hold ends with the hold."""

_COMING_IN: Final = frozenset({RailOperation.CHARGE, RailOperation.CAPTURE})

_log = structlog.get_logger(__name__)


class NotThereError(LookupError):
    """The rail has no such order, and it is too late to send it once more."""


class NotReturnedError(RuntimeError):
    """The rail does not give back what it took after the end of the transaction: a person has to see to it."""


async def ask_rails(service: Service, rails: Rails) -> int:
    """Send every rail request that is due to its rail, concurrently; return how many there were.

    The request was committed before, with the transaction's id as its idempotency key; the result is committed after.
    A process that dies in between leaves the request leased: when the lease has expired, any worker sends it again, and
    the rail answers as before. An unknown result is never guessed: the transaction stays pending, and the request is
    retried with exponential backoff. Raises ExceptionGroup when all are done: the failures among them.
    """
    now = trusted_now(service)
    if now is None:  # by a clock that is ahead, requests would be put off for as long
        return 0
    requests = await rail_requests.due(service.pool, now, MAX_AT_ONCE)
    await all_of("asking rails", (_ask(service, rails, request) for request in requests))
    return len(requests)


async def _ask(service: Service, rails: Rails, request: DueRequest) -> None:
    now = trusted_now(service)
    if now is None or not await rail_requests.claim(service.pool, request, now, now + LEASE):
        return
    if service.tracing is None:
        await _send(service, rails, request, now)
        return
    await trace_links.recall(service.pool, service.tracing, request.transaction_id)
    with service.tracing.rail_order(request.transaction_id, request.rail, request.operation.value, request.attempts):
        answer = await _send(service, rails, request, now)
        service.tracing.came_to("Unknown" if answer is None else type(answer).__name__, failed=answer is None)


async def _send(service: Service, rails: Rails, request: DueRequest, now: datetime) -> RailAnswer | None:
    """Ask the rail for a claimed order, and book its answer. None: what it did is not known, or could not be booked."""
    log = _log.bind(transaction_id=request.transaction_id, rail=request.rail, attempt=request.attempts)
    try:
        answer = await _answer(service, rails.find(request.environment, request.rail), request, now)
    except Exception as error:  # noqa: BLE001 - whatever it was, the result is unknown: the transaction stays pending
        log.warning("rail_result_unknown", error=repr(error))
        await _put_off(service, request, now, error)
        return None
    await keep(service, request, answer, now)
    if isinstance(answer, StillPending):
        await rail_requests.put_off(service.pool, request, now + answer.ask_again_after)
        return answer
    try:
        await book(service, request, answer)
    except NotCarriedOutError as error:
        log.warning("rail_answer_not_booked", error=repr(error))
        await _put_off(service, request, now, error)
        return None
    log.info("rail_answered", answer=type(answer).__name__)
    return answer


async def _put_off(service: Service, request: DueRequest, now: datetime, error: Exception) -> None:
    """Ask again, the later the more often it was in vain."""
    await rail_requests.put_off(service.pool, request, now + pause_after(request.attempts), reason_of(error))


async def book(service: Service, request: DueRequest, answer: Paid | Declined | RequiresAction) -> None:
    """What follows from a final answer, in the books. Raises NotCarriedOutError, and what the committer does."""
    if isinstance(answer, RequiresAction):
        await confirmations.ask(service, request.book_id, request.transaction_id, request.operation, answer.url)
    final = declined(AUTHENTICATION_REQUIRED) if isinstance(answer, RequiresAction) else answer
    await carry_out(
        service, request.book_id, ResolveCharge(request.transaction_id, request.rail, final, request.operation)
    )


async def _answer(service: Service, rail: Rail, request: DueRequest, now: datetime) -> RailAnswer:
    """What the rail says to an order; one that it has a name for, or may have forgotten our key of, is looked up.

    What it surely never got is declined. Raises NotThereError, NotReturnedError, and whatever the rail does.
    """
    order = _order(request)
    asked_first = request.asked_at
    if request.reference is None and (asked_first is None or is_remembered(rail, now - asked_first)):
        if request.attempts > 1:
            await rail_requests.sent_again(service.pool, request)
        answer: RailAnswer | Unknown = await rail.perform(order)
    else:
        answer = await rail.look_again(request.reference, order.idempotency_key, asked_first or now)
    if isinstance(answer, Unknown):
        if await _is_surely_missing(service, request):
            return declined(NOT_RECEIVED)
        raise NotThereError("the rail has no such order, and may have forgotten its key: it is not sent again")
    if request.operation is RailOperation.RETURN and not isinstance(answer, Paid | StillPending):
        raise NotReturnedError("the rail does not give the money back: see to it at the rail")
    return answer


async def _is_surely_missing(service: Service, request: DueRequest) -> bool:
    """Whether an order that is not sent any more can never be carried out: it was not there for MISSING_FOR.

    Not where the rail has once had a name for it: it is there then, and what says otherwise is wrong.
    """
    missing_for = await rail_requests.missing_for(service.pool, request)
    if request.reference is not None or request.operation not in _ENDED_BY_ABSENCE:
        return False
    return missing_for >= MISSING_FOR


def is_remembered(rail: Rail, age: timedelta) -> bool:
    """Whether the rail still knows the key of an order of this age for certain.

    One that was asked for in the future was asked for by a clock that was ahead: nobody knows how long ago.
    """
    return -KEY_MARGIN <= age <= rail.remembers_keys_for - KEY_MARGIN


async def keep(service: Service, request: DueRequest, answer: RailAnswer, now: datetime) -> None:
    """Write down what the rail calls the order and what it kept, before anything follows from its answer."""
    reference, fee_micros, decline = answer.reference, None, None
    if isinstance(answer, Paid):
        fee_micros = answer.fee_micros
    elif isinstance(answer, Declined):
        decline = answer.code
    elif isinstance(answer, RequiresAction):
        decline = AUTHENTICATION_REQUIRED
    if decline is not None and request.operation in _COMING_IN:
        await _look_once_more(service, request, reference, now)
    if (reference, fee_micros, decline) != (None, None, None):
        await rail_operations.note(
            service.pool,
            request.book_id,
            request.transaction_id,
            request.operation,
            request.rail,
            reference=reference,
            fee_micros=fee_micros,
            decline=decline,
        )


async def _look_once_more(service: Service, request: DueRequest, reference: str | None, now: datetime) -> None:
    key = idempotency_key(request.transaction_id, request.operation)
    await rail_events.add(
        service.pool,
        request.rail,
        f"once more: {key}",
        environment=request.environment,
        object_kind=HintKind.ORDER.value,
        reference=reference or key,
        idempotency_key=key,
        now=now + LOOK_ONCE_MORE,
    )


def _order(request: DueRequest) -> RailOrder:
    earlier_key = None
    if request.earlier_id is not None and request.earlier_operation is not None:
        earlier_key = idempotency_key(request.earlier_id, request.earlier_operation)
    return RailOrder(
        idempotency_key=idempotency_key(request.transaction_id, request.operation),
        operation=request.operation,
        amount_micros=request.amount_micros,
        rail_token=request.rail_token,
        earlier_key=earlier_key,
        earlier_reference=request.earlier_reference,
        method=request.method,
    )


def trusted_now(service: Service) -> datetime | None:
    """The present moment; None while the clock is not trusted."""
    try:
        return service.trusted_now()
    except WrongClockError:
        return None
