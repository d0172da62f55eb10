"""Giving back what was not spent of a prepaid balance, over the fundings that it came from, the newest first.

Each funding's part is a refund of its own, in a commit of its own, under a reference that follows from that of the
whole: whoever asks again goes on where it stopped, and nothing is given back twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from tallystick.domain.commands import RefundFunding
from tallystick.domain.decide.outgoing.redemption import shares
from tallystick.domain.ids import book_named_in
from tallystick.domain.money import display_amount, whole_minor_units
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.refusals import PASSING, Refusal, Refused
from tallystick.services.seller.manual_operations import cash_moved
from tallystick.store.ledger.dry_run import dry_run
from tallystick.store.queries import fundings
from tallystick.store.queries.fundings import Funding

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId, InstrumentId, TransactionId
    from tallystick.services.seller.manual_operations import BookContext
    from tallystick.store.queries.instrument_list import InstrumentRecord

__all__ = [
    "BalanceRefundPreview",
    "BalanceRefundWish",
    "Funding",
    "RefundedPart",
    "give_back",
    "given_under",
    "preview",
    "refund",
    "refundable",
]


@dataclass(frozen=True, slots=True)
class BalanceRefundWish:
    """How much of which balance, in micro-units; no amount: all that can be given back."""

    instrument_id: InstrumentId
    amount_micros: int | None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class RefundedPart:
    """What one funding gives back, in micro-units. `pending`: a payment network is asked first."""

    funding_id: TransactionId
    transaction_id: TransactionId
    amount_micros: int
    payment_method: str
    pending: bool


@dataclass(frozen=True, slots=True)
class GivenBack:
    """The refunds that there were under the reference before, and those made now.

    `stopped`: what the next one was refused with; None: nothing is missing.
    """

    before: Sequence[TransactionId]
    new: Sequence[TransactionId]
    stopped: Refused | None = None


@dataclass(frozen=True, slots=True)
class BalanceRefundPreview:
    """What a refund would do, in micro-units.

    `fee_back_micros`: what of the service's fees comes back with it. `cash_micros`: by how much the seller's cash
    changes. `left_micros`: what is on the balance after it.
    """

    parts: Sequence[RefundedPart]
    amount_micros: int
    fee_back_micros: int
    cash_micros: int
    left_micros: int


async def refundable(books: BookContext, held: InstrumentRecord) -> int:
    """How much of a balance could go back, in whole cents of each funding, in micro-units."""
    found = await fundings.fundings(books.service.pool, book_named_in(held.instrument_id), held.instrument_id)
    return sum(micros for _, micros in _shares(found, held.balance_micros))


async def preview(
    books: BookContext, held: InstrumentRecord, wish: BalanceRefundWish, reference: str = "preview"
) -> BalanceRefundPreview:
    """What it would do now under a reference: the rest, where a part was given back under it.

    Raises Refused: what it, or a part of it, would be refused with; DuplicateRequest: nothing is left to do.
    """
    book_id = book_named_in(held.instrument_id)
    commands = await _commands(books, held, wish, reference)
    if not commands:
        raise Refused(Refusal.DuplicateRequest, "This was given back already. Start again from the balance.")
    decisions = await dry_run(books.service.committer, book_id, commands)
    parts, fees, cash = [], 0, 0
    for decision in decisions:
        if isinstance(decision.outcome, Refused):
            raise decision.outcome
        funding, made = decision.transactions
        parts.append(
            RefundedPart(
                funding.transaction_id,
                made.transaction_id,
                made.amount_micros,
                made.payment_method,
                made.status is TransactionStatus.PENDING,
            )
        )
        fees -= made.fee_micros
        cash += cash_moved(decision)
    (instrument,) = decisions[-1].instruments
    return BalanceRefundPreview(parts, sum(part.amount_micros for part in parts), fees, cash, instrument.balance_micros)


async def refund(
    books: BookContext, held: InstrumentRecord, wish: BalanceRefundWish, reference: str
) -> list[TransactionId]:
    """Give it back, now or before under the same reference; the refunds that it is made of. Audited.

    Raises Refused: nothing of it was given back now; what passes (PASSING) also where a part was: whoever asks again
    under the same reference goes on there. Another refusal of a later part leaves the rest on the balance.
    """
    pool, book_id = books.service.pool, book_named_in(held.instrument_id)
    try:
        made = await give_back(books, held, wish, reference)
    except Refused as refused:
        raise await _with_what_was_done(books, held, reference, refused) from None
    if made.new:
        given = {part.transaction_id: part for part in await fundings.given_back(pool, book_id, held.instrument_id)}
        amount_micros = sum(given[key].amount_micros for key in made.new if key in given)
        await books.record(
            "money.refund_balance",
            held.instrument_id,
            amount=display_amount(amount_micros),
            transactions=" ".join(made.new),
        )
    if made.stopped is not None and made.stopped.refusal in PASSING:
        raise await _with_what_was_done(books, held, reference, made.stopped)
    return [*made.before, *made.new]


async def give_back(books: BookContext, held: InstrumentRecord, wish: BalanceRefundWish, reference: str) -> GivenBack:
    """The same without a row in the audit log. Raises Refused: nothing of it was given back, now or before."""
    book_id = book_named_in(held.instrument_id)
    known = await _under(books, held, reference)
    before = [part.transaction_id for part in known]
    if known and wish.amount_micros is None:  # "all" was decided then: what came later is not meant
        return GivenBack(before, [])
    new: list[TransactionId] = []
    for command in await _commands(books, held, wish, reference):
        outcome = await books.service.committer.perform(book_id, command)
        if isinstance(outcome, Refused):
            if not before and not new:
                raise outcome
            return GivenBack(before, new, outcome)
        if not isinstance(outcome, Accepted):
            raise TypeError(f"a refund came to {outcome!r}")
        new.append(outcome.transaction_id)
    return GivenBack(before, new)


async def given_under(books: BookContext, held: InstrumentRecord, reference: str) -> int:
    """What was given back under a reference, in micro-units, whatever a payment network said of it afterwards."""
    return sum(part.amount_micros for part in await _under(books, held, reference))


async def _with_what_was_done(books: BookContext, held: InstrumentRecord, reference: str, refused: Refused) -> Refused:
    """The same refusal, which also says how much was given back under the reference before it."""
    micros = await given_under(books, held, reference)
    if not micros:
        return refused
    return Refused(refused.refusal, f"{display_amount(micros)} was given back, the rest was not. {refused.message}")


async def _under(books: BookContext, held: InstrumentRecord, reference: str) -> list[fundings.FundingRefund]:
    """What was given back under this reference already, whatever became of it."""
    book_id = book_named_in(held.instrument_id)
    return [
        part
        for part in await fundings.given_back(books.service.pool, book_id, held.instrument_id)
        if part.caller_reference == _reference_of(reference, part.original_id)
    ]


async def _commands(
    books: BookContext, held: InstrumentRecord, wish: BalanceRefundWish, reference: str
) -> list[RefundFunding]:
    """A refund for each funding that takes part. Raises Refused: there is nothing, or not so much, to give back."""
    pool, book_id = books.service.pool, book_named_in(held.instrument_id)
    known = {part.original_id: part.amount_micros for part in await _under(books, held, reference)}
    found = await fundings.fundings(pool, book_id, held.instrument_id)
    free = [funding for funding in found if funding.transaction_id not in known]
    if wish.amount_micros is not None and sum(known.values()) > wish.amount_micros:
        raise Refused(Refusal.DuplicateRequest, "More was given back under this reference already.")
    wanted = held.balance_micros if wish.amount_micros is None else wish.amount_micros - sum(known.values())
    taking_part = _shares(free, min(wanted, held.balance_micros))
    possible = sum(micros for _, micros in taking_part)
    if wish.amount_micros is not None and possible < whole_minor_units(wanted):
        message = f"Only {display_amount(possible)} of this balance can be given back."
        raise Refused(Refusal.RefundAmountExceeded, message)
    if not taking_part and not known:
        raise Refused(Refusal.RefundAmountExceeded, "Nothing of this balance can be given back.")
    return [_command(books, book_id, wish, reference, funding, micros) for funding, micros in taking_part]


def _shares(found: Sequence[Funding], wanted_micros: int) -> list[tuple[Funding, int]]:
    """What each funding that takes part gives back, the newest first."""
    parts = shares([funding.left_micros for funding in found], wanted_micros)
    return [(funding, part) for funding, part in zip(found, parts, strict=True) if part]


def _command(
    books: BookContext, book_id: BookId, wish: BalanceRefundWish, reference: str, funding: Funding, micros: int
) -> RefundFunding:
    content = [
        ("FundingTransactionId", funding.transaction_id),
        ("RefundAmount", str(micros)),
        ("CallerDescription", wish.description or ""),
    ]
    part_reference = _reference_of(reference, funding.transaction_id)
    request = books.request(book_id, "RefundFunding", part_reference, content, wish.description)
    return RefundFunding(request, funding.transaction_id, micros)


def _reference_of(reference: str, funding_id: TransactionId) -> str:
    """The caller reference of one funding's part."""
    return f"refund-{blake2b(f'{reference} {funding_id}'.encode(), digest_size=20).hexdigest()}"
