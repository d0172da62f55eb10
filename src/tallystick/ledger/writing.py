"""Write down what a group decided: arrays of rows, most of them by one statement, all in the group's own commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, takewhile
from typing import Any, Final

import asyncpg

from tallystick.domain.accounts import AccountKind, account_id, bounds, is_total
from tallystick.domain.decide import REFERENCE_LIFETIME
from tallystick.domain.ids import AccountId, BookId, InstrumentId, TransactionId
from tallystick.domain.outcomes import Accepted
from tallystick.domain.refusals import Refused
from tallystick.domain.state import (
    Answered,
    Decision,
    Event,
    Instrument,
    InstrumentKind,
    Transaction,
    Transfer,
)
from tallystick.domain.tokens import Token
from tallystick.ledger.books import Loaded
from tallystick.ledger.connections import Connection
from tallystick.ledger.statements import MONEY
from tallystick.ledger.token_terms import terms_to_json
from tallystick.ledger.usage_limits import limits_to_json

_TURN: Final = 100
"""Numbers of the transfers that one turn of a transaction can have."""


class OvertakenError(RuntimeError):
    """Somebody else was faster: answered one of the references, or changed what was looked at. Nothing was written."""


@contextmanager
def overtaken_by_others() -> Iterator[None]:
    """Statements that would write only a part divide by zero instead, or meet what is there already."""
    try:
        yield
    except (asyncpg.DivisionByZeroError, asyncpg.UniqueViolationError):
        raise OvertakenError from None


async def write(connection: Connection, loaded: Loaded, decisions: Sequence[Decision], *, real_now: datetime) -> None:
    """Apply `decisions`, made in this order, to the store.

    `real_now`: from when on the worker may ask a rail and tell others. Only the last value of each row is written.
    Raises OvertakenError; asyncpg's errors where a constraint of the schema holds against the domain.
    """
    group = Group(connection, loaded, decisions)
    await group.open_accounts()
    await group.open_instruments()
    await group.open_tokens()
    for book_id, transfers in _by_book(group.book_id, decisions):
        if book_id == group.book_id:
            await group.apply(transfers, real_now)
        else:
            await group.move(book_id, transfers)
    await group.move_outside()
    await group.update_transactions()
    await group.add_steps()
    await group.ask_rails(real_now)


def _by_book(own: BookId, decisions: Sequence[Decision]) -> list[tuple[BookId, list[Transfer]]]:
    """The sellers' transfers by book, in the order of the books, so that two groups never wait in a circle."""
    books: dict[BookId, list[Transfer]] = {own: []}
    for decision in decisions:
        books[own].extend(decision.transfers)
        for book_id, transfers in decision.recipient_transfers:
            books.setdefault(book_id, []).extend(transfers)
    return sorted(books.items())


@dataclass(frozen=True, slots=True)
class Group:
    """What a group decided, on its way into the tables."""

    connection: Connection
    loaded: Loaded
    decisions: Sequence[Decision]

    @property
    def book_id(self) -> BookId:
        """The group's own book."""
        return self.loaded.state.book.book_id

    async def apply(self, transfers: Sequence[Transfer], real_now: datetime) -> None:
        """Write what most groups consist of, in their own book, by one statement."""
        loaded, decisions, now = self.loaded, self.decisions, self.loaded.now
        transactions = {item.transaction_id: item for decision in decisions for item in decision.transactions}
        new = [_transaction_row(item) for key, item in transactions.items() if key not in loaded.known_transactions]
        new.sort()  # by their ids, so that the indexes that these lead grow at their ends, in full pages
        answers = [decision.answered for decision in decisions if decision.answered is not None]
        tokens = [token for token in self.last_tokens() if token.token_id in loaded.known_tokens]
        values = (
            self.book_id,
            new,
            _transfer_rows(transfers),
            self.balance_changes(transfers, tokens),
            [answer_row(reference, answered) for reference, answered in answers],
            loaded.state.book.seller_id,
            now,
        )
        free_since = now - REFERENCE_LIFETIME
        with overtaken_by_others():
            await self.connection.execute(MONEY["apply"], *values, *self.more(tokens), real_now, free_since)

    def more(self, tokens: Iterable[Token]) -> tuple[list[Any], list[Any], list[Any]]:
        """Rows of what changes besides: instruments, `tokens`, and events."""
        return self._changed_instruments(), [_token_change(token) for token in tokens], self._events()

    def balance_changes(
        self, transfers: Iterable[Transfer], tokens: Iterable[Token]
    ) -> list[tuple[AccountId, int, int | None]]:
        """What the group moved on each account, in the order in which all groups lock them.

        With the version of the account that this was decided of, if any. Busy totals are written once. An account whose
        instrument or tokens change gets a new version, whether its balance changes or not.
        """
        moved = _moved(transfers)
        for guard in self._guards(tokens):
            moved.setdefault(guard, 0)
        versions = self.loaded.versions
        return [(key, moved[key], versions.get(key)) for key in _in_order_of_locks(moved)]

    def _guards(self, tokens: Iterable[Token]) -> Iterable[AccountId]:
        """The accounts whose locks or versions guard what changes."""
        known = self.loaded.known_instruments
        changed = {*self._last_instruments(), *(token.instrument_id for token in tokens)}
        return (known[key].account_id for key in changed if key is not None and key in known)

    def _changed_instruments(self) -> list[tuple[InstrumentId, int, int]]:
        known = self.loaded.known_instruments
        return [
            (key, item.charged_micros, item.pending_micros)
            for key, item in self._last_instruments().items()
            if (before := known.get(key)) is not None
            and (before.charged_micros, before.pending_micros) != (item.charged_micros, item.pending_micros)
        ]

    def _events(self) -> list[tuple[Any, ...]]:
        """Those that somebody wants to hear of; an event without an address is nobody's work."""
        rows = []
        for decision in self.decisions:
            for event in decision.events:
                destination = event.notification_url or self.loaded.notification_url
                if destination is not None:
                    rows.append(_event_row(event, destination))
        return rows

    def _last_instruments(self) -> dict[InstrumentId, Instrument]:
        return {item.instrument_id: item for decision in self.decisions for item in decision.instruments}

    def last_tokens(self) -> Iterable[Token]:
        """The last value of each token that was changed or made."""
        return {token.token_id: token for decision in self.decisions for token in decision.tokens}.values()

    async def open_accounts(self) -> None:
        """Make accounts that come into being with their first movement."""
        await self._ensure_accounts(self.book_id, {opened for decision in self.decisions for opened in decision.opens})

    async def open_instruments(self) -> None:
        """Write new instruments with their accounts."""
        known = self.loaded.known_instruments
        new = [item for key, item in self._last_instruments().items() if key not in known]
        if new:
            await self._run("ensure_accounts", self.book_id, [_instrument_account(item) for item in new])
            await self._run(
                "insert_instruments", self.book_id, [_instrument_row(item) for item in new], self.loaded.now
            )

    async def open_tokens(self) -> None:
        """Write new tokens."""
        new = [_token_row(token) for token in self.last_tokens() if token.token_id not in self.loaded.known_tokens]
        if new:
            await self._run("insert_tokens", self.book_id, new, self.loaded.now)

    async def move(self, book_id: BookId, transfers: Sequence[Transfer]) -> None:
        """Transfers and the balances that follow from them, in another book than the group's own."""
        if transfers:
            rows = _transfer_rows(transfers)
            await self.connection.execute(MONEY["insert_transfers"], book_id, rows, self.loaded.now)
            changes = [(key, delta, None) for key, delta in _moved(transfers).items()]
            await self.connection.execute(MONEY["move_balances"], book_id, changes)

    async def move_outside(self) -> None:
        """Mirror in the operator's book what came in from outside, and what is owed for it."""
        transfers = [transfer for decision in self.decisions for transfer in decision.operator_transfers]
        if not transfers:
            return
        if self.loaded.operator_book_id is None:
            raise RuntimeError("there is no operator's book to mirror real money in")
        opened = {opened for decision in self.decisions for opened in decision.operator_opens}
        await self._ensure_accounts(self.loaded.operator_book_id, opened)
        await self.move(self.loaded.operator_book_id, transfers)

    async def update_transactions(self) -> None:
        """Write down what earlier transactions have come to."""
        known = self.loaded.known_transactions
        last = {item.transaction_id: item for decision in self.decisions for item in decision.transactions}
        changed = [_transaction_change(item) for key, item in last.items() if key in known]
        if changed:
            await self._run("update_transactions", self.book_id, changed)

    async def add_steps(self) -> None:
        """Write down how slow transactions went on."""
        rows = [
            (step.transaction_id, step.number, step.status.value, step.status_code, step.amount_micros)
            for decision in self.decisions
            for step in decision.steps
        ]
        if rows:
            await self._run("insert_steps", self.book_id, rows, self.loaded.now)

    async def ask_rails(self, real_now: datetime) -> None:
        """Write down what rails are to be asked, and take out what is answered."""
        opened = [
            (
                request.transaction_id,
                request.rail,
                request.operation.value,
                request.amount_micros,
                request.payment_method_id,
                request.earlier_id,
            )
            for decision in self.decisions
            if (request := decision.rail_request) is not None
        ]
        if opened:
            await self._run("insert_rail_requests", self.book_id, opened, real_now)
        resolved = [
            (transaction_id, operation.value)
            for decision in self.decisions
            if decision.resolved is not None
            for transaction_id, operation in (decision.resolved,)
        ]
        if resolved:
            await self._run("delete_rail_requests", self.book_id, resolved)

    async def _ensure_accounts(self, book_id: BookId, opened: Iterable[tuple[AccountKind, str]]) -> None:
        rows = [(account_id(kind, subject), kind.value, subject, *bounds(kind)) for kind, subject in opened]
        if rows:
            await self._run("ensure_accounts", book_id, rows)

    async def _run(self, name: str, book_id: BookId, rows: Sequence[tuple[Any, ...]], *more: object) -> None:
        """Run one of the rarer statements with `rows` turned into one array per column."""
        columns = [list(column) for column in zip(*rows, strict=True)]
        await self.connection.execute(MONEY[name], book_id, *columns, *more)


def _transfer_rows(transfers: Sequence[Transfer]) -> list[tuple[Any, ...]]:
    """In the order of the index that transactions' ids lead: it grows at its end, in full pages."""
    rows = [
        (
            transfer.transaction_id,
            number + _TURN * transfer.turn,
            transfer.debit,
            transfer.credit,
            transfer.amount_micros,
        )
        for _, together in groupby(transfers, key=_transaction_of)
        for number, transfer in enumerate(together, start=1)
    ]
    rows.sort()
    return rows


def _moved(transfers: Iterable[Transfer]) -> dict[AccountId, int]:
    moved: dict[AccountId, int] = {}
    for transfer in transfers:
        moved[transfer.debit] = moved.get(transfer.debit, 0) + transfer.amount_micros
        moved[transfer.credit] = moved.get(transfer.credit, 0) - transfer.amount_micros
    return moved


def _in_order_of_locks(accounts: Iterable[AccountId]) -> list[AccountId]:
    """Accounts of instruments and people first, then the totals, which all groups have in common."""
    by_number = sorted(accounts)
    totals = list(takewhile(is_total, by_number))  # theirs are the least
    return by_number[len(totals) :] + totals


def _transaction_of(transfer: Transfer) -> TransactionId:
    return transfer.transaction_id


def _instrument_account(item: Instrument) -> tuple[Any, ...]:
    kind = AccountKind.PREPAID if item.kind is InstrumentKind.PREPAID else AccountKind.RECEIVABLE
    return (item.account_id, kind.value, item.instrument_id, *bounds(kind, item.limit_micros))


def _instrument_row(item: Instrument) -> tuple[Any, ...]:
    return (
        item.instrument_id,
        item.kind.value,
        item.account_id,
        item.sender_id,
        item.limit_micros,
        item.total_limit_micros,
        item.charged_micros,
        item.pending_micros,
        item.valid_from,
        item.expires_at,
    )


def _token_row(token: Token) -> tuple[Any, ...]:
    source = token.source
    return (
        token.token_id,
        token.purpose.value,
        token.token_type.value,
        token.instrument_id,
        token.sender_id,
        token.caller_reference,
        token.friendly_name,
        token.old_token_id,
        None if source is None else source.method.value,
        None if source is None else source.payment_method_id,
        token.payment_reason,
        terms_to_json(token.terms),
        limits_to_json(token.limits),
        token.instruction,
        token.valid_from,
        token.expires_at,
    )


def _token_change(token: Token) -> tuple[Any, ...]:
    return token.token_id, limits_to_json(token.limits), token.cancelled_at, token.used_by


def _event_row(event: Event, destination: str) -> tuple[Any, ...]:
    return (
        event.event_id,
        event.kind,
        event.subject_id,
        event.status,
        event.status_code,
        event.notification_url,
        destination,
    )


def _transaction_row(item: Transaction) -> tuple[Any, ...]:
    return (
        item.transaction_id,
        item.operation.value,
        item.status.value,
        item.status_code,
        item.status_message,
        item.amount_micros,
        item.fee_micros,
        item.refunded_micros,
        item.payment_method,
        item.sender_id,
        item.sender_token_id,
        item.instrument_id,
        item.original_id,
        item.caller_reference,
        item.caller_description,
        item.sender_description,
        item.notification_url,
        item.requested_at,
        item.received_at,
        item.completed_at,
        item.recipient_id,
        item.recipient_token_id,
        item.fee_payer.value,
        item.marketplace_fee_micros,
        item.times_out_at,
    )


def _transaction_change(item: Transaction) -> tuple[Any, ...]:
    return (
        item.transaction_id,
        item.status.value,
        item.status_code,
        item.status_message,
        item.status_number,
        item.amount_micros,
        item.fee_micros,
        item.marketplace_fee_micros,
        item.refunded_micros,
        item.notification_url,
        item.completed_at,
        item.reserved_until,
        item.marketplace_refunded_micros,
        item.fee_refunded_micros,
    )


def answer_row(reference: str, answered: Answered) -> tuple[Any, ...]:
    """How a reference was answered."""
    return reference, answered.fingerprint, *_answer(answered)


def _answer(answered: Answered) -> tuple[str | None, str | None, str | None, str | None]:
    match answered.outcome:
        case Accepted(transaction_id, status):
            return transaction_id, status.value, None, None
        case Refused() as refused:
            return None, None, refused.refusal.name, refused.message
        case other:
            raise TypeError(f"a money command answers with a transaction or a refusal, not {other!r}")
