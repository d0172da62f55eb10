"""Debts of less than a cent, which no rail can bring in: written off where the seller's rule says so, each once.

Each is an ordinary WriteOffDebt, with a description that says what it is: histories, statements, exports, notifications
and the proofs of the books know it. docs/decisions/156-less-than-a-cent.md.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from tallystick.db.clock_watch import WrongClockError
from tallystick.domain.commands import WriteOffDebt
from tallystick.domain.money import display_amount
from tallystick.domain.outcomes import Accepted
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.operations.audit import Actor
from tallystick.services.seller.manual_operations import BookContext, context_with_book
from tallystick.store.charges import dust
from tallystick.store.charges.dust import DustSums

if TYPE_CHECKING:
    from tallystick.domain.ids import InstrumentId
    from tallystick.services.context import Service
    from tallystick.store.charges.dust import DueBook

__all__ = ["DESCRIPTION", "DustSums", "sums", "write_off_due"]

DESCRIPTION: Final = "Less than a cent"
"""Of the write-offs, as the seller's program and staff see it."""

_AGAIN: Final = timedelta(days=1)
_AFTER_FAILURE: Final = timedelta(hours=1)
_BOOKS_AT_ONCE: Final = 20
_AT_ONCE: Final = 1_000
_TOGETHER: Final = 50  # they share commits

_log = structlog.get_logger(__name__)


async def sums(books: BookContext) -> DustSums:
    """What is owed and left in amounts of less than a cent."""
    return await dust.sums(books.service.pool, books.parts)


async def write_off_due(service: Service) -> int:
    """Write off what the rules of sellers say, in the books whose day has come; how many debts.

    A book that fails is logged and put off: it would stay the first one that is due, and keep the others waiting.
    """
    now = service.trusted_now()
    written_off = 0
    for book in await dust.due(service.pool, now, _BOOKS_AT_ONCE):
        pause = _AGAIN
        try:
            written_off += await _write_off(service, book)
        except WrongClockError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the other books are not to wait for it
            service.damage.note(error)
            service.meter.failed("dust")
            _log.exception("dust_failed", book_id=book.book_id)
            pause = _AFTER_FAILURE
        await dust.advance(service.pool, book, now + pause)
    return written_off


async def _write_off(service: Service, book: DueBook) -> int:
    books = await context_with_book(service, Actor(None), book.seller_id, book.book_id)
    if books is None:
        return 0
    count, total_micros, after = 0, 0, ""
    while tabs := await dust.owed(service.pool, book.book_id, book.rule, books.now, _AT_ONCE, after):
        for start in range(0, len(tabs), _TOGETHER):
            some = tabs[start : start + _TOGETHER]
            done = await asyncio.gather(*(_write_one_off(books, book, tab, micros) for tab, micros in some))
            count += sum(done)
            total_micros += sum(micros for (_, micros), was in zip(some, done, strict=True) if was)
        after = tabs[-1][0]
    if count:
        await books.record("money.write_off_dust", book.rule.value, debts=count, amount=display_amount(total_micros))
    return count


async def _write_one_off(books: BookContext, book: DueBook, instrument_id: InstrumentId, micros: int) -> bool:
    """Whether it is written off by this call. The reference has the day: who comes second that day does it no more."""
    reference = f"dust-{instrument_id}-{books.now:%Y%m%d}"
    content = [("CreditInstrumentId", instrument_id), ("Amount", str(micros))]
    request = books.request(book.book_id, "WriteOffDebt", reference, content, DESCRIPTION)
    outcome = await books.service.committer.perform(book.book_id, WriteOffDebt(request, instrument_id, micros))
    if isinstance(outcome, Refused):
        # The debt has changed meanwhile, or the seller is suspended: the next look is in a day.
        level = _log.info if outcome.refusal in _EXPECTED else _log.warning
        level("dust_stays", instrument_id=instrument_id, refusal=outcome.refusal.name, reason=outcome.message)
        return False
    return isinstance(outcome, Accepted) and outcome.transaction_id == request.transaction_id


_EXPECTED: Final = frozenset(
    {
        Refusal.AmountOutOfRange,
        Refusal.ConcurrentModification,
        Refusal.DuplicateRequest,
        Refusal.InvalidAccountState_Caller,
        Refusal.SettleAmountGreaterThanDebt,
    }
)
"""What other deeds at the same moment, and suspended sellers, make of it."""
