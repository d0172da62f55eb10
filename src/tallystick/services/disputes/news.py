"""Disputes as rails tell of them: `dispute_moved` is where the news of every rail comes in.

It may come in any order and more than once (domain/decide/disputes); docs/disputes.md tells sellers and operators
what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.ids import MalformedIdError, TransactionId, book_of_transaction
from tallystick.domain.outcomes import Accepted
from tallystick.domain.rails.commands import DisputeMoved
from tallystick.domain.refusals import PASSING, Refusal, Refused
from tallystick.services.process.transaction_ids import fresh_transaction_id
from tallystick.store.records import sandbox_clocks

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.services.context import Service

__all__ = ["DisputeNews", "DisputeStatus", "NotYetError", "UnknownChargeError", "dispute_moved", "event_type"]

_LATER: Final = PASSING | {Refusal.OriginalTransactionIncomplete}
_EVENT_TYPES: Final = {"Reserved": "dispute.opened", "Success": "dispute.lost", "Cancelled": "dispute.won"}

_log = structlog.get_logger(__name__)


class UnknownChargeError(LookupError):
    """No charge that a dispute could be about has this id: people must look. Nothing was booked."""


class NotYetError(Exception):
    """The charge has no result yet, or the books cannot be written now: tell the same again later."""


@dataclass(frozen=True, slots=True)
class DisputeNews:
    """What a rail tells of one dispute. Amounts in micro-units.

    `reference`: the rail's name of the dispute; `charge`: our transaction that it is about. `fee_micros`: all that the
    rail has charged for the dispute until now; None: nothing new. `evidence_due_at`: until when the seller may answer.
    """

    rail: str
    reference: str
    charge: TransactionId
    status: DisputeStatus
    amount_micros: int
    fee_micros: int | None = None
    reason: str | None = None
    evidence_due_at: datetime | None = None


async def dispute_moved(service: Service, news: DisputeNews) -> TransactionId:
    """Book what a rail tells; the id of the dispute's own transaction. Telling a status again changes nothing.

    Raises UnknownChargeError, NotYetError.
    """
    try:
        book_id = book_of_transaction(news.charge)
    except MalformedIdError:
        raise UnknownChargeError(f"{news.charge} is no transaction of ours") from None
    book_now = service.trusted_now() + await sandbox_clocks.offset(service.pool, book_id)
    command = DisputeMoved(
        transaction_id=fresh_transaction_id(book_id, book_now),
        original_id=news.charge,
        rail=news.rail,
        reference=news.reference,
        status=news.status,
        amount_micros=news.amount_micros,
        fee_micros=news.fee_micros,
        reason=news.reason,
        evidence_due_at=news.evidence_due_at,
    )
    outcome = await service.committer.perform(book_id, command)
    if isinstance(outcome, Refused):
        raise (NotYetError if outcome.refusal in _LATER else UnknownChargeError)(outcome.message)
    assert isinstance(outcome, Accepted), "a dispute is accepted or refused"  # noqa: S101
    _log.info("dispute_moved", dispute_id=outcome.transaction_id, rail=news.rail, status=news.status.value)
    return outcome.transaction_id


def event_type(transaction_status: str) -> str:
    """What a change of a dispute's transaction is called among events: dispute.opened, dispute.won, dispute.lost."""
    return _EVENT_TYPES[transaction_status]
