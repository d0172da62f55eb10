"""Money moved by hand in a sandbox: what a seller's program asks the API for, done by who tries things out.

It takes the one way of all money, under caller references in the one space of the seller's program: a command that is
given again with its reference moves nothing twice, and leaves one row in the audit log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tallystick.domain.commands import FundPrepaid, Pay, SettleDebt, TokenPurpose
from tallystick.domain.environments import SANDBOX
from tallystick.domain.ids import InstrumentId, MalformedIdError, TokenId, TransactionId, book_named_in
from tallystick.domain.money import USD, display_amount, format_amount, whole_minor_units
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Operation
from tallystick.services.api.common_fields import REFERENCE, SENDER_DESCRIPTION
from tallystick.services.api.readers import read_scalar
from tallystick.services.reports import instruments, transactions
from tallystick.services.seller import manual_operations
from tallystick.services.seller.books import first_book_of
from tallystick.services.seller.manual_operations import BookContext, RefundWish, context_with_book
from tallystick.store.queries import reads
from tallystick.store.queries.instrument_list import InstrumentQuery

if TYPE_CHECKING:
    from tallystick.domain.commands import Command, RefundPolicy, Request
    from tallystick.domain.ids import BookId, PartyId
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor
    from tallystick.store.queries.instrument_list import InstrumentRecord
    from tallystick.store.queries.reads import Cash, TransactionRecord

MOST_LISTED: Final = 100
_SPENDING: Final = {"prepaid": TokenPurpose.PREPAID_SENDER, "credit": TokenPurpose.CREDIT_SENDER}


class NotInSandboxError(ValueError):
    """What was named is not in this seller's sandbox; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class MoneyWish:
    """What to move. `named`: the id of an instrument or, of a payment, of a token. No amount: all that is owed.

    `reference`: the caller reference. `description`: what the buyer reads.
    """

    named: str
    amount_micros: int | None
    reference: str
    description: str | None = None

    def check(self) -> None:
        """Its texts are as the API takes them. Raises Refused: InvalidParams."""
        read_scalar(REFERENCE, REFERENCE.name, self.reference)
        if self.description is not None:
            read_scalar(SENDER_DESCRIPTION, SENDER_DESCRIPTION.name, self.description)


@dataclass(frozen=True, slots=True)
class SandboxHoldings:
    """What there is in a seller's sandbox: cash, and the latest instruments; `complete`: those are all."""

    cash: Cash
    instruments: Sequence[InstrumentRecord]
    complete: bool


async def sandbox_of(service: Service, actor: Actor, seller_id: PartyId) -> BookContext:
    """The seller's sandbox. Raises NotInSandboxError: the seller has none."""
    first = await first_book_of(service, seller_id, SANDBOX)
    books = None if first is None else await context_with_book(service, actor, seller_id, first)
    if books is None:
        raise NotInSandboxError("this account has no sandbox")
    return books


async def sandbox_with(service: Service, actor: Actor, seller_id: PartyId, named: str) -> BookContext:
    """The seller's sandbox that an id belongs to. Raises NotInSandboxError."""
    try:
        book_id = book_named_in(TransactionId(named))
    except MalformedIdError:
        raise NotInSandboxError(f"{named} is no id of an instrument, a token or a transaction") from None
    books = await context_with_book(service, actor, seller_id, book_id)
    if books is None:
        raise NotInSandboxError(f"{named} belongs to somebody else")
    if books.environment != SANDBOX:
        raise NotInSandboxError(f"{named} is of the live books, where money is real: only a seller's program moves it")
    return books


async def pay(books: BookContext, wish: MoneyWish) -> Accepted:
    """Charge a balance or a tab by its instrument, or whatever a token is good for.

    Raises Refused, NotInSandboxError.
    """
    held = await instruments.instrument(books, wish.named)
    if held is None:
        token = await instruments.token(books, wish.named)
        if token is None:
            raise NotInSandboxError(f"there is no balance, tab or token {wish.named}")
        token_id = token.token_id
    else:
        token_id = await _token(books, held, _SPENDING[held.kind])
    amount_micros = _amount(wish)
    command = Pay(_request(books, "Pay", token_id, wish, amount_micros), token_id, amount_micros)
    return await _move(books, "money.pay", command, command.request, wish)


async def fund(books: BookContext, wish: MoneyWish) -> Accepted:
    """Bring money onto a balance, from what its buyer agreed to. Raises Refused, NotInSandboxError."""
    held = await _instrument(books, wish.named, "prepaid", "a prepaid balance")
    token_id = await _token(books, held, TokenPurpose.FUNDING)
    amount_micros = _amount(wish)
    request = _request(books, "FundPrepaid", token_id, wish, amount_micros)
    command = FundPrepaid(request, token_id, held.instrument_id, amount_micros)
    return await _move(books, "money.fund", command, request, wish)


async def settle(books: BookContext, wish: MoneyWish) -> Accepted:
    """Bring in money for what is owed on a tab: an amount, or all of it in whole cents.

    Raises Refused, NotInSandboxError.
    """
    held = await _instrument(books, wish.named, "credit", "a tab")
    token_id = await _token(books, held, TokenPurpose.SETTLEMENT)
    amount_micros = wish.amount_micros
    if amount_micros is None:
        amount_micros = whole_minor_units(max(0, held.balance_micros - held.pending_micros))
        if not amount_micros:
            if (before := await _settled_before(books, wish)) is not None:
                return before
            raise Refused(Refusal.SettleAmountGreaterThanDebt, "Nothing is owed that is not being settled already.")
    request = _request(books, "SettleDebt", token_id, wish, amount_micros)
    command = SettleDebt(request, token_id, held.instrument_id, amount_micros)
    return await _move(books, "money.settle", command, request, wish)


async def refund(books: BookContext, wish: MoneyWish, policy: RefundPolicy) -> Accepted:
    """Give back a payment: an amount, or all that is left of it. Raises Refused, NotInSandboxError."""
    original_id = TransactionId(wish.named)
    if await transactions.find(books, original_id) is None:
        raise NotInSandboxError(f"there is no transaction {wish.named}")
    return await manual_operations.refund(
        books, RefundWish(original_id, wish.amount_micros, policy, wish.description), wish.reference
    )


async def status(books: BookContext, transaction_id: TransactionId) -> TransactionRecord:
    """How far a transaction is. Raises LookupError: there is no such transaction."""
    found = await transactions.find(books, transaction_id)
    if found is None:
        raise LookupError(transaction_id)
    return found


async def holdings(books: BookContext) -> SandboxHoldings:
    """What there is in a seller's sandbox."""
    page = await instruments.instruments(books, InstrumentQuery(books.parts, books.now), MOST_LISTED)
    cash = await reads.cash_balance(books.service.pool, books.parts)
    return SandboxHoldings(cash, page.found, page.earlier is None)


async def holding(books: BookContext, named: str) -> InstrumentRecord:
    """One balance or tab. Raises NotInSandboxError."""
    held = await instruments.instrument(books, named)
    if held is None:
        raise NotInSandboxError(f"there is no balance or tab {named}")
    return held


async def _settled_before(books: BookContext, wish: MoneyWish) -> Accepted | None:
    """What settling all of this tab came to, where it was asked for under this reference already."""
    known = await transactions.known_by_reference(books, wish.reference)
    found = None if known is None else await transactions.find(books, known)
    if found is None or (found.operation, found.instrument_id) != (Operation.SETTLE_DEBT.value, wish.named):
        return None
    return Accepted(found.transaction_id, TransactionStatus(found.status))


async def _instrument(books: BookContext, named: str, kind: str, what: str) -> InstrumentRecord:
    held = await holding(books, named)
    if held.kind != kind:
        raise NotInSandboxError(f"{named} is not {what}")
    return held


async def _token(books: BookContext, held: InstrumentRecord, purpose: TokenPurpose) -> TokenId:
    token = instruments.current(await instruments.tokens_of(books, held.instrument_id), purpose)
    if token is None:
        raise NotInSandboxError(f"there is no token of {held.instrument_id} for this")
    return token.token_id


def _amount(wish: MoneyWish) -> int:
    if wish.amount_micros is None:
        raise ValueError("an amount is needed")
    return wish.amount_micros


def _request(books: BookContext, action: str, token_id: TokenId, wish: MoneyWish, amount_micros: int) -> Request:
    """What the command carries. Asked for without an amount it is another request than with the one that it came to."""
    asked = "all" if wish.amount_micros is None else format_amount(amount_micros)
    content = [
        ("SenderDescription", wish.description or ""),
        ("SenderTokenId", token_id),
        ("Amount", f"{asked} {USD}"),
        ("InstrumentId", wish.named),
    ]
    request = books.request(book_named_in(InstrumentId(wish.named)), action, wish.reference, content)
    return replace(request, sender_description=wish.description)


async def _move(books: BookContext, deed: str, command: Command, request: Request, wish: MoneyWish) -> Accepted:
    book_id: BookId = book_named_in(TransactionId(wish.named))
    outcome = await books.service.committer.perform(book_id, command)
    if not isinstance(outcome, Accepted):
        raise outcome if isinstance(outcome, Refused) else TypeError(f"{deed} came to {outcome!r}")
    if outcome.transaction_id == request.transaction_id:  # not an answer that was given before
        amount = "all that was owed" if wish.amount_micros is None else display_amount(wish.amount_micros)
        await books.record(deed, outcome.transaction_id, of=wish.named, amount=amount, reference=wish.reference)
    return outcome
