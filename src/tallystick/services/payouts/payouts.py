"""Payouts of a seller: what they would do, asking for them, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tallystick.domain.commands import RequestPayout
from tallystick.domain.environments import SANDBOX
from tallystick.domain.ids import book_of_transaction
from tallystick.domain.money import display_amount
from tallystick.domain.outcomes import Accepted
from tallystick.domain.refusals import Refusal, Refused
from tallystick.processors import simulated_payouts
from tallystick.processors.payout_rail import TRANSFER
from tallystick.services.payouts import bank_accounts
from tallystick.store.ledger.dry_run import dry_run
from tallystick.store.payouts import payouts
from tallystick.store.payouts.payouts import PayoutRecord, PayoutTotals
from tallystick.store.queries import transaction_list

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId, TransactionId
    from tallystick.services.payouts.bank_accounts import PayoutDestination
    from tallystick.services.seller.manual_operations import BookContext
    from tallystick.settings import Settings

__all__ = [
    "AUTOMATIC",
    "FILE",
    "MANUAL",
    "RECORDED",
    "TRANSFER",
    "NotReadyError",
    "PayoutAsked",
    "PayoutPreview",
    "PayoutRecord",
    "PayoutTotals",
    "PayoutWish",
    "ask",
    "largest",
    "list_",
    "preview",
    "rail_of",
    "request",
    "totals",
]

MANUAL: Final = "manual"
FILE: Final = "file"
RECORDED: Final = "recorded"
AUTOMATIC: Final = frozenset({simulated_payouts.NAME, TRANSFER})
"""Rails that are asked by the worker; for the others people send the money."""


_OTHER_WAY: Final = "Payouts go another way than when this was given: give where they go once more."


class NotReadyError(Exception):
    """Nothing can be paid out yet; the message tells why."""


@dataclass(frozen=True, slots=True)
class PayoutWish:
    """How much, in micro-units; no amount: all above the reserve."""

    amount_micros: int | None
    description: str | None = None
    reserve_micros: int = 0


@dataclass(frozen=True, slots=True)
class PayoutAsked:
    """A payout that was asked for. `is_new`: not under the same reference before."""

    accepted: Accepted
    is_new: bool


@dataclass(frozen=True, slots=True)
class PayoutPreview:
    """What a payout would do, in micro-units. `destination`: None where payouts are only recorded."""

    amount_micros: int
    cash_micros: int
    destination: PayoutDestination | None


def rail_of(settings: Settings, environment: str) -> str:
    """By which rail payouts go."""
    return settings.sandbox_payout_rail if environment == SANDBOX else settings.payout_rail


async def preview(books: BookContext, wish: PayoutWish) -> PayoutPreview:
    """What it would do now. Raises NotReadyError; Refused: what it would be refused with."""
    book_id = await _book(books, wish)
    command = await _command(books, book_id, wish, "preview")
    (decision,) = await dry_run(books.service.committer, book_id, [command])
    if isinstance(decision.outcome, Refused):
        raise decision.outcome
    amount_micros = decision.transactions[0].amount_micros
    held = await payouts.cash(books.service.pool, books.parts)
    destination = None if command.destination_id is None else await bank_accounts.current(books)
    return PayoutPreview(amount_micros, sum(held.values()) - amount_micros, destination)


async def request(books: BookContext, wish: PayoutWish, reference: str) -> Accepted:
    """Ask for a payout, now or before under the same reference. Raises NotReadyError, Refused."""
    return (await ask(books, wish, reference)).accepted


async def ask(books: BookContext, wish: PayoutWish, reference: str, *, refusal_spends: bool = True) -> PayoutAsked:
    """The same, and whether it was asked for now. Raises NotReadyError, Refused.

    `refusal_spends`: as of Request. A payout that was made under the reference is found in whichever book it is.
    """
    known = await transaction_list.known_by_reference(books.service.pool, books.parts, reference)
    book_id = await _book(books, wish) if known is None else book_of_transaction(known)
    command = await _command(books, book_id, wish, reference)
    command = replace(command, request=replace(command.request, refusal_spends=refusal_spends))
    outcome = await books.service.committer.perform(book_id, command)
    if not isinstance(outcome, Accepted):
        raise outcome if isinstance(outcome, Refused) else TypeError(f"a payout came to {outcome!r}")
    is_new = outcome.transaction_id == command.request.transaction_id  # else an answer that was given before
    if is_new:
        amount = wish.amount_micros
        await books.record(
            "money.payout",
            outcome.transaction_id,
            amount="all above the reserve" if amount is None else display_amount(amount),
            rail=command.rail,
        )
    return PayoutAsked(outcome, is_new)


async def list_(books: BookContext, maximum: int, before: TransactionId | None = None) -> list[PayoutRecord]:
    """The newest first, those with ids before `before`."""
    return await payouts.of_books(books.service.pool, books.parts, maximum, before)


async def largest(books: BookContext) -> int:
    """The most that a payout could take now, in micro-units. Raises NotReadyError."""
    try:
        return (await preview(books, PayoutWish(None))).amount_micros
    except Refused:
        return 0


async def totals(books: BookContext) -> PayoutTotals:
    """What is held, under way, and was paid out."""
    return await payouts.totals(books.service.pool, books.parts)


async def _book(books: BookContext, wish: PayoutWish) -> BookId:
    """Of a seller in parts, the first one that holds enough, or the one that holds most."""
    held = await payouts.cash(books.service.pool, books.parts)
    enough = [part for part in books.parts if held.get(part, 0) >= (wish.amount_micros or 0)]
    if wish.amount_micros is not None and enough:
        return enough[0]
    return max(books.parts, key=lambda part: held.get(part, 0))


async def _command(books: BookContext, book_id: BookId, wish: PayoutWish, reference: str) -> RequestPayout:
    """Raises NotReadyError."""
    service = books.service
    rail = rail_of(service.settings, books.environment)
    destination = None
    if rail != RECORDED:
        destination = await bank_accounts.current(books)
        if destination is None:
            raise NotReadyError("No bank account was given yet: payouts have nowhere to go.")
        if service.clock() < destination.usable_at:
            when = f"{destination.usable_at:%Y-%m-%d %H:%M} UTC"
            raise NotReadyError(f"The bank account was given a short while ago: payouts go there from {when} on.")
        if (destination.open(service.vault).connected is not None) != (rail == TRANSFER):
            raise NotReadyError(_OTHER_WAY)
    content = [
        ("Amount", str(wish.amount_micros)),
        ("Reserve", str(wish.reserve_micros)),
        ("CallerDescription", wish.description or ""),
    ]
    made = books.request(book_id, "Payout", reference, content, wish.description)
    return RequestPayout(
        made,
        wish.amount_micros,
        rail,
        None if destination is None else destination.destination_id,
        due_at=service.clock() if rail in AUTOMATIC else None,
        reserve_micros=wish.reserve_micros,
    )


def refused_in_words(refused: Refused) -> str:
    """A refusal for a form."""
    if refused.refusal is Refusal.DuplicateRequest:
        return "Something else was paid out with this form already. Start again from the list."
    return refused.message
