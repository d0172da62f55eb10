"""Write down what a group decided: one statement per table, arrays of rows, all in the group's own commit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from tallystick.domain.accounts import AccountKind, account_id, bounds
from tallystick.domain.decide import REFERENCE_LIFETIME
from tallystick.domain.ids import AccountId, BookId, TransactionId
from tallystick.domain.outcomes import Accepted
from tallystick.domain.refusals import Refused
from tallystick.domain.state import (
    Answered,
    Decision,
    Event,
    Instrument,
    InstrumentKind,
    Step,
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


class ReferenceRaceError(RuntimeError):
    """Another process answered one of the group's references first. Trying again finds its answer."""


async def write(connection: Connection, loaded: Loaded, decisions: Sequence[Decision], *, real_now: datetime) -> None:
    """Apply `decisions`, made in this order, to the store.

    `real_now`: from when on the worker may ask a rail and tell others. Only the last value of each row is written.
    Raises ReferenceRaceError; asyncpg's errors where a constraint of the schema holds against the domain.
    """
    writer = _Writer(connection, loaded)
    instruments = {item.instrument_id: item for decision in decisions for item in decision.instruments}
    tokens = {item.token_id: item for decision in decisions for item in decision.tokens}
    transactions = {item.transaction_id: item for decision in decisions for item in decision.transactions}
    operator = [transfer for decision in decisions for transfer in decision.operator_transfers]

    await writer.accounts(writer.book_id, {opened for decision in decisions for opened in decision.opens})
    await writer.instruments(instruments.values())
    await writer.tokens(tokens.values())
    await writer.transactions(transactions.values())
    for book_id, transfers in _by_book(writer.book_id, decisions):
        await writer.movements(book_id, transfers)
    if operator:
        if loaded.operator_book_id is None:
            raise RuntimeError("there is no operator's book to mirror real money in")
        opened = {opened for decision in decisions for opened in decision.operator_opens}
        await writer.accounts(loaded.operator_book_id, opened)
        await writer.movements(loaded.operator_book_id, operator)
    await writer.answers(dict(decision.answered for decision in decisions if decision.answered is not None))
    await writer.steps([step for decision in decisions for step in decision.steps])
    await writer.events([event for decision in decisions for event in decision.events], real_now)
    await writer.rail_requests(decisions, real_now)


def _by_book(own: BookId, decisions: Sequence[Decision]) -> list[tuple[BookId, list[Transfer]]]:
    """The sellers' transfers by book, in the order of the books, so that two groups never wait in a circle."""
    books: dict[BookId, list[Transfer]] = {}
    for decision in decisions:
        for book_id, transfers in ((own, decision.transfers), *decision.recipient_transfers):
            books.setdefault(book_id, []).extend(transfers)
    return sorted(books.items())


@dataclass(frozen=True, slots=True)
class _Writer:
    connection: Connection
    loaded: Loaded

    @property
    def book_id(self) -> BookId:
        return self.loaded.state.book.book_id

    async def _run(self, name: str, book_id: BookId, rows: Sequence[tuple[Any, ...]], *more: object) -> str:
        """Run a statement with `rows` turned into one array per column."""
        columns = [list(column) for column in zip(*rows, strict=True)]
        return await self.connection.execute(MONEY[name], book_id, *columns, *more)

    async def instruments(self, instruments: Iterable[Instrument]) -> None:
        known = self.loaded.known_instruments
        new, changed = [], []
        for item in instruments:
            before = known.get(item.instrument_id)
            if before is None:
                new.append(item)
            elif (before.charged_micros, before.pending_micros) != (item.charged_micros, item.pending_micros):
                changed.append((item.instrument_id, item.charged_micros, item.pending_micros))
        if new:
            await self._run("ensure_accounts", self.book_id, [_instrument_account(item) for item in new])
            await self._run(
                "insert_instruments", self.book_id, [_instrument_row(item) for item in new], self.loaded.now
            )
        if changed:
            await self._run("update_instruments", self.book_id, changed)

    async def tokens(self, tokens: Iterable[Token]) -> None:
        new, changed = [], []
        for token in tokens:
            if token.token_id in self.loaded.known_tokens:
                changed.append((token.token_id, limits_to_json(token.limits), token.cancelled_at, token.used_by))
            else:
                new.append(_token_row(token))
        if new:
            await self._run("insert_tokens", self.book_id, new, self.loaded.now)
        if changed:
            await self._run("update_tokens", self.book_id, changed)

    async def transactions(self, transactions: Iterable[Transaction]) -> None:
        new, changed = [], []
        for item in transactions:
            if item.transaction_id in self.loaded.known_transactions:
                changed.append(_transaction_change(item))
            else:
                new.append(_transaction_row(item))
        if new:
            await self._run("insert_transactions", self.book_id, new)
        if changed:
            await self._run("update_transactions", self.book_id, changed)

    async def movements(self, book_id: BookId, transfers: Sequence[Transfer]) -> None:
        """Transfers and the balances that follow from them, in one book. Busy totals are written once."""
        if not transfers:
            return
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
        await self._run("insert_transfers", book_id, rows, self.loaded.now)
        moved: Counter[AccountId] = Counter()
        for transfer in transfers:
            moved[transfer.debit] += transfer.amount_micros
            moved[transfer.credit] -= transfer.amount_micros
        await self._run("move_balances", book_id, sorted(moved.items()))

    async def accounts(self, book_id: BookId, opened: Iterable[tuple[AccountKind, str]]) -> None:
        rows = [(account_id(kind, subject), kind.value, subject, *bounds(kind)) for kind, subject in opened]
        if rows:
            await self._run("ensure_accounts", book_id, rows)

    async def answers(self, answers: dict[str, Answered]) -> None:
        if not answers:
            return
        rows = [(reference, answered.fingerprint, *_answer(answered)) for reference, answered in answers.items()]
        now, seller_id = self.loaded.now, self.loaded.state.book.seller_id
        columns = [list(column) for column in zip(*rows, strict=True)]
        tag = await self.connection.execute(
            MONEY["insert_answers"], self.book_id, seller_id, *columns, now, now - REFERENCE_LIFETIME
        )
        if int(tag.rpartition(" ")[2]) != len(rows):
            raise ReferenceRaceError

    async def steps(self, steps: Sequence[Step]) -> None:
        rows = [
            (step.transaction_id, step.number, step.status.value, step.status_code, step.amount_micros)
            for step in steps
        ]
        if rows:
            await self._run("insert_steps", self.book_id, rows, self.loaded.now)

    async def events(self, events: Sequence[Event], real_now: datetime) -> None:
        rows = [
            (event.event_id, event.kind, event.subject_id, event.status, event.status_code, event.notification_url)
            for event in events
        ]
        if rows:
            await self._run("insert_events", self.book_id, rows, self.loaded.now, real_now)

    async def rail_requests(self, decisions: Sequence[Decision], real_now: datetime) -> None:
        opened = [
            (
                request.transaction_id,
                request.rail,
                request.operation.value,
                request.amount_micros,
                request.payment_method_id,
                request.earlier_id,
            )
            for decision in decisions
            if (request := decision.rail_request) is not None
        ]
        if opened:
            await self._run("insert_rail_requests", self.book_id, opened, real_now)
        resolved = [
            (transaction_id, operation.value)
            for decision in decisions
            if decision.resolved is not None
            for transaction_id, operation in (decision.resolved,)
        ]
        if resolved:
            await self._run("delete_rail_requests", self.book_id, resolved)


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
    )


def _answer(answered: Answered) -> tuple[str | None, str | None, str | None, str | None]:
    match answered.outcome:
        case Accepted(transaction_id, status):
            return transaction_id, status.value, None, None
        case Refused() as refused:
            return None, None, refused.refusal.name, refused.message
        case other:
            raise TypeError(f"a money command answers with a transaction or a refusal, not {other!r}")
