"""What the worker does with payouts by rails that answer by themselves. The money path has taken the cash before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from tallystick.domain.rails.commands import Declined, Paid, ResolvePayout
from tallystick.processors.payout_rail import NotSent, PayoutInstruction, PayoutRail, SentLater
from tallystick.services.own_commands import carry_out
from tallystick.services.retries import all_of, pause_after, reason_of
from tallystick.store.payouts import destinations, payouts
from tallystick.store.records import trace_links

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.processors.payout_rail import PayoutAnswer
    from tallystick.services.context import Service
    from tallystick.store.payouts.payouts import DuePayout

LEASE: Final = timedelta(seconds=60)
"""The lease of a claimed payout. Afterwards another worker may send it again: the first one may have died."""

_MAX_AT_ONCE: Final = 50
_log = structlog.get_logger(__name__)


async def send_payouts(service: Service, rails: Mapping[str, PayoutRail]) -> int:
    """Send every payout that is due, concurrently; how many there were.

    Its transaction is the rail's idempotency key: a process that dies between the rail's answer and the commit of it
    leaves the payout leased; whoever sends it again gets the same answer, and the bank gets it once. An unknown result
    is never guessed. Raises ExceptionGroup when all are done: the failures among them.
    """
    due = await payouts.due(service.pool, service.trusted_now(), _MAX_AT_ONCE)
    await all_of("sending payouts", (_send(service, rails, payout) for payout in due))
    return len(due)


async def _send(service: Service, rails: Mapping[str, PayoutRail], payout: DuePayout) -> None:
    now = service.trusted_now()
    if not await payouts.claim(service.pool, payout, now, now + LEASE):
        return
    if service.tracing is None:
        await _ask(service, rails, payout, now)
        return
    await trace_links.recall(service.pool, service.tracing, payout.transaction_id)
    with service.tracing.payout(payout.transaction_id, payout.rail, payout.attempts):
        answer = await _ask(service, rails, payout, now)
        service.tracing.came_to("Unknown" if answer is None else type(answer).__name__, failed=answer is None)


async def _ask(
    service: Service, rails: Mapping[str, PayoutRail], payout: DuePayout, now: datetime
) -> PayoutAnswer | None:
    """Ask the rail for a claimed payout, and book its answer. None: what it did is not known."""
    log = _log.bind(transaction_id=payout.transaction_id, rail=payout.rail, attempt=payout.attempts)
    try:
        answer = await rails[payout.rail].send(await _instruction(service, payout))
    except Exception as error:  # noqa: BLE001 - whatever it was, the result is unknown: the payout stays under way
        log.warning("payout_result_unknown", error=repr(error))
        await payouts.put_off(service.pool, payout, now + pause_after(payout.attempts), reason_of(error))
        return None
    if isinstance(answer, SentLater):
        await payouts.put_off(service.pool, payout, now + answer.ask_again_after)
        return answer
    if isinstance(answer, NotSent):
        said, reference = Declined(answer.status_code, answer.reason), None
        resolve = ResolvePayout(payout.transaction_id, said, reference)
    else:
        resolve = ResolvePayout(payout.transaction_id, Paid(), answer.reference)
    await carry_out(service, payout.book_id, resolve)
    log.info("payout_answered", answer=type(answer).__name__)
    return answer


async def _instruction(service: Service, payout: DuePayout) -> PayoutInstruction:
    destination = await destinations.find(service.pool, payout.destination_id)
    if destination is None:
        raise LookupError(f"bank account {payout.destination_id} is not there")
    return PayoutInstruction(
        payout.transaction_id,
        payout.amount_micros,
        destination.open(service.vault),
        payout.environment,
        payout.asked_first,
    )
