"""Write down what a group decided: arrays of rows, most of them by one statement, all in the group's own commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import asyncpg
from msgspec import Struct

from tallystick.db.connections import Connection
from tallystick.db.duplicates import DuplicateKeyError, duplicate_keys, is_duplicate
from tallystick.domain.accounts import AccountKind, account_id, bounds, is_total
from tallystick.domain.decide import REFERENCE_LIFETIME
from tallystick.domain.decide.shares import is_of_balance
from tallystick.domain.ids import AccountId, BookId, InstrumentId
from tallystick.domain.messages.events import Known, happenings
from tallystick.domain.state import Decision, Instrument, InstrumentKind, PayoutEnd, PayoutOrder, Transfer
from tallystick.domain.tokens import Token
from tallystick.store.ledger.encode import (
    answer_row,
    dispute_row,
    event_row,
    instrument_account,
    instrument_row,
    queued_event_row,
    token_change,
    token_row,
    transaction_change,
    transaction_row,
    transfer_rows,
)
from tallystick.store.ledger.load import LoadedState
from tallystick.store.ledger.statements import MONEY

if TYPE_CHECKING:
    from types import TracebackType


class VersionConflictError(RuntimeError):
    """Another process answered one of the references, or changed what was read optimistically. Nothing was written."""


class ReferenceAnsweredError(VersionConflictError):
    """One of the references was answered before."""


class MissingAccountError(RuntimeError):
    """A book lacks one of the accounts on which a group would move something in it. Nothing was written."""


class version_conflicts:  # noqa: N801 - used as a context manager, as those of contextlib
    """Statements that would write only a part divide by zero instead, or meet what is there already."""

    __slots__ = ()

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if error is None:
            return
        if isinstance(error, asyncpg.DivisionByZeroError):
            raise VersionConflictError from None
        if is_duplicate(error) or isinstance(error, DuplicateKeyError):
            raise ReferenceAnsweredError from None


async def apply(
    connection: Connection, loaded: LoadedState, decisions: Sequence[Decision], *, real_now: datetime
) -> None:
    """Apply `decisions`, made in this order, to the store.

    `real_now`: from when on the worker may ask a rail and tell others. Only the last value of each row is written.
    Raises VersionConflictError; DuplicateKeyError: another process was first; MissingAccountError; asyncpg's errors
    where another constraint of the schema holds against the domain.
    """
    with duplicate_keys():
        await _apply(Batch(connection, loaded, decisions), real_now)


async def _apply(group: Batch, real_now: datetime) -> None:
    await group.open_accounts()
    await group.open_instruments()
    await group.open_tokens()
    for book_id, transfers in _by_book(group.book_id, group.decisions):
        if book_id == group.book_id:
            await group.apply(transfers, real_now)
        else:
            await group.move(book_id, transfers)
    await group.move_outside()
    await group.update_transactions()
    await group.write_disputes()
    await group.write_bookings()
    await group.add_steps()
    await group.ask_rails(real_now)
    await group.keep_payouts(real_now)


def _by_book(own: BookId, decisions: Sequence[Decision]) -> list[tuple[BookId, list[Transfer]]]:
    """The sellers' transfers by book, in the order of the books, so that two groups never wait in a circle."""
    books: dict[BookId, list[Transfer]] = {own: []}
    for decision in decisions:
        books[own].extend(decision.transfers)
        for book_id, transfers in decision.recipient_transfers:
            books.setdefault(book_id, []).extend(transfers)
    return sorted(books.items())


class Batch(Struct, frozen=True):
    """What a group decided, on its way into the tables."""

    connection: Connection
    loaded: LoadedState
    decisions: Sequence[Decision]

    @property
    def book_id(self) -> BookId:
        """The group's own book."""
        return self.loaded.state.book.book_id

    async def apply(self, transfers: Sequence[Transfer], real_now: datetime) -> None:
        """Write what most groups consist of, in their own book, by one statement."""
        with version_conflicts():
            await self.connection.execute(MONEY["apply"], *self.values(transfers, real_now))

    def values(self, transfers: Sequence[Transfer], real_now: datetime) -> tuple[Any, ...]:
        """What that statement takes."""
        loaded, decisions, now = self.loaded, self.decisions, self.loaded.now
        transactions = {item.transaction_id: item for decision in decisions for item in decision.transactions}
        new = [transaction_row(item) for key, item in transactions.items() if key not in loaded.known_transactions]
        new.sort()  # by their ids, so that the indexes that these lead grow at their ends, in full pages
        answers = [decision.answered for decision in decisions if decision.answered is not None]
        tokens = [token for token in self.last_tokens() if token.token_id in loaded.known_tokens]
        return (
            self.book_id,
            new,
            transfer_rows(transfers),
            self.balance_changes(transfers, tokens),
            [answer_row(reference, answered) for reference, answered in answers],
            now,
            *self.more(tokens),
            real_now,
            now - REFERENCE_LIFETIME,
            loaded.reuse_references,
            self._changed_terms(tokens),
            self.queued_events(),
        )

    def more(self, tokens: Iterable[Token]) -> tuple[list[Any], list[Any], list[Any]]:
        """Rows of what changes besides: instruments, `tokens`, and events."""
        return self._changed_instruments(), [token_change(token) for token in tokens], self.events()

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
        return [known[key].account_id for key in changed if key is not None and key in known]

    def _changed_terms(self, tokens: Iterable[Token]) -> list[AccountId]:
        """The accounts of which an instrument or one of its tokens changes: payments from memory must notice.

        Of a tab they need not notice what was charged and what is being settled: the first is kept within its bound
        while they write, the second decides about no payment. Refunds beside them must notice what disputes claim.
        """
        known = self.loaded.known_instruments
        changed = {key for key, _, _ in self._changed_instruments() if known[key].kind is InstrumentKind.PREPAID}
        changed.update(self.uncovered())
        changed.update(token.instrument_id for token in tokens if token.instrument_id is not None)
        return [known[key].account_id for key in changed if key in known]

    def _changed_instruments(self) -> list[tuple[InstrumentId, int, int]]:
        known = self.loaded.known_instruments
        return [
            (key, item.charged_micros, item.pending_micros)
            for key, item in self._last_instruments().items()
            if (before := known.get(key)) is not None
            and (before.charged_micros != item.charged_micros or before.pending_micros != item.pending_micros)
        ]

    def events(self) -> list[tuple[Any, ...]]:
        """Those that somebody wants to hear of; an event without an address is not written."""
        rows = []
        for decision in self.decisions:
            for event in decision.events:
                destination = event.notification_url or self.loaded.notification_url
                if destination is not None:
                    rows.append(event_row(event, destination))
        return rows

    def queued_events(self) -> list[tuple[Any, ...]]:
        """Rows of what is an event at the seller's."""
        return queued_events(self.loaded, self.decisions)

    def _last_instruments(self) -> dict[InstrumentId, Instrument]:
        return {item.instrument_id: item for decision in self.decisions for item in decision.instruments}

    def last_tokens(self) -> Iterable[Token]:
        """The last value of each token that was changed or made."""
        return {token.token_id: token for decision in self.decisions for token in decision.tokens}.values()

    async def open_accounts(self) -> None:
        """Make accounts that come into being with their first movement."""
        await self._ensure_accounts(self.book_id, {opened for decision in self.decisions for opened in decision.opens})
        elsewhere = dict(opened for decision in self.decisions for opened in decision.recipient_opens)
        for book_id in sorted(elsewhere):
            await self._ensure_accounts(book_id, elsewhere[book_id])

    async def open_instruments(self) -> None:
        """Write new instruments with their accounts."""
        known = self.loaded.known_instruments
        new = [item for key, item in self._last_instruments().items() if key not in known]
        if new:
            await self._run("ensure_accounts", self.book_id, [instrument_account(item) for item in new])
            await self._run("insert_instruments", self.book_id, [instrument_row(item) for item in new], self.loaded.now)

    async def open_tokens(self) -> None:
        """Write new tokens."""
        new = [token_row(token) for token in self.last_tokens() if token.token_id not in self.loaded.known_tokens]
        if new:
            await self._run("insert_tokens", self.book_id, new, self.loaded.now)

    async def move(self, book_id: BookId, transfers: Sequence[Transfer]) -> None:
        """Transfers and the balances that follow from them, in another book than the group's own.

        Raises MissingAccountError: the book would not sum to zero any more.
        """
        if transfers:
            rows = transfer_rows(transfers)
            await self.connection.execute(MONEY["insert_transfers"], book_id, rows, self.loaded.now)
            changes = [(key, delta, None) for key, delta in _moved(transfers).items()]
            done = await self.connection.execute(MONEY["move_balances"], book_id, changes)
            if done != f"UPDATE {len(changes)}":
                raise MissingAccountError(
                    f"book {book_id} has not all accounts of {sorted(key for key, *_ in changes)}"
                )

    async def move_outside(self) -> None:
        """Mirror in the operator's book what came in from outside, and what is owed for it.

        Where that is in parts, each transaction is mirrored in one of them as a whole, so that each sums to zero: that
        of the group's own book, or the one that has people's balances. All groups move in the parts in the same order.
        """
        moved: dict[BookId, list[Transfer]] = {}
        opened: dict[BookId, set[tuple[AccountKind, str]]] = {}
        for decision in self.decisions:
            of_balances = {item.transaction_id for item in decision.transactions if is_of_balance(item)}
            for transfer in decision.operator_transfers:
                part = self._part_of_operator(of_balances=transfer.transaction_id in of_balances)
                moved.setdefault(part, []).append(transfer)
                opened.setdefault(part, set()).update(decision.operator_opens)
        for part in sorted(moved):
            if part != self.loaded.balances_book_id:  # the first one owes every seller from the beginning on
                opened[part] |= {(AccountKind.OWED_TO, str(seller)) for seller in self.loaded.state.recipients}
            await self._ensure_accounts(part, opened[part])
            await self.move(part, moved[part])

    def _part_of_operator(self, *, of_balances: bool) -> BookId:
        part = self.loaded.balances_book_id if of_balances else self.loaded.operator_book_id
        if part is None:
            raise RuntimeError("there is no operator's book to mirror real money in")
        return part

    async def update_transactions(self) -> None:
        """Write down what earlier transactions have come to, and new ones that have gone on at once."""
        known = self.loaded.known_transactions
        last = {item.transaction_id: item for decision in self.decisions for item in decision.transactions}
        changed = [transaction_change(item) for key, item in last.items() if key in known or item.status_number > 1]
        if changed:
            await self._run("update_transactions", self.book_id, changed)

    async def write_disputes(self) -> None:
        """Write disputes, and what they found spent of balances."""
        disputes = {item.transaction_id: item for decision in self.decisions for item in decision.disputes}
        if not disputes:
            return
        await self._run("write_disputes", self.book_id, [dispute_row(item) for item in disputes.values()])
        uncovered = self.uncovered()
        if uncovered:
            await self._run("update_uncovered", self.book_id, [*uncovered.items()])

    def uncovered(self) -> dict[InstrumentId, int]:
        """What disputes claim and did not find, in micro-units, of instruments of which that changes."""
        known = self.loaded.known_instruments
        return {
            key: item.uncovered_micros
            for key, item in self._last_instruments().items()
            if key in known and known[key].uncovered_micros != item.uncovered_micros
        }

    async def write_bookings(self) -> None:
        """Write which movements at rails are booked. The later of two groups that book the same is decided again."""
        rows = [
            (booking.rail, booking.movement_id, booking.account.value, booking.transaction_id, booking.amount_micros)
            for decision in self.decisions
            if (booking := decision.booking) is not None
        ]
        if rows:
            with version_conflicts():
                await self._run("insert_bookings", self.book_id, rows)

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
        """Write down what rails are to be asked or did unasked, and take out what is answered."""
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
        seen = [
            (item.transaction_id, item.rail, item.operation.value, item.reference, item.payment_method_id)
            for decision in self.decisions
            if (item := decision.rail_record) is not None
        ]
        if seen:
            await self._run("insert_rail_records", self.book_id, seen)
        resolved = [
            (transaction_id, operation.value)
            for decision in self.decisions
            if decision.resolved is not None
            for transaction_id, operation in (decision.resolved,)
        ]
        if resolved:
            await self._run("delete_rail_requests", self.book_id, resolved)

    async def keep_payouts(self, real_now: datetime) -> None:
        """Write down which payouts begin and which are over."""
        found = [decision.payout for decision in self.decisions]
        begun = [
            (item.transaction_id, item.rail, item.amount_micros, item.destination_id, item.due_at, item.done)
            for item in found
            if isinstance(item, PayoutOrder)
        ]
        if begun:
            await self._run("insert_payouts", self.book_id, begun, real_now)
        ended = [(item.transaction_id, item.reference) for item in found if isinstance(item, PayoutEnd)]
        if ended:
            await self._run("end_payouts", self.book_id, ended, real_now)

    async def _ensure_accounts(self, book_id: BookId, opened: Iterable[tuple[AccountKind, str]]) -> None:
        rows = [(account_id(kind, subject), kind.value, subject, *bounds(kind)) for kind, subject in opened]
        if rows:
            await self._run("ensure_accounts", book_id, rows)

    async def _run(self, name: str, book_id: BookId, rows: Sequence[tuple[Any, ...]], *more: object) -> None:
        """Run one of the rarer statements with `rows` turned into one array per column."""
        columns = [list(column) for column in zip(*rows, strict=True)]
        await self.connection.execute(MONEY[name], book_id, *columns, *more)


def queued_events(loaded: LoadedState, decisions: Sequence[Decision]) -> list[tuple[Any, ...]]:
    """Rows of what is an event at the seller's. The operator's own book has none."""
    if loaded.state.book.seller_id is None:
        return []
    known = Known(loaded.known_instruments.keys(), loaded.known_tokens, charges_too=loaded.charge_events)
    return [queued_event_row(event) for decision in decisions for event in happenings(decision, known)]


def _moved(transfers: Iterable[Transfer]) -> dict[AccountId, int]:
    moved: dict[AccountId, int] = {}
    for transfer in transfers:
        debit, credit, amount_micros = transfer.debit, transfer.credit, transfer.amount_micros
        moved[debit] = moved.get(debit, 0) + amount_micros
        moved[credit] = moved.get(credit, 0) - amount_micros
    return moved


def _in_order_of_locks(accounts: Iterable[AccountId]) -> list[AccountId]:
    """Accounts of instruments and people first, then the totals, which all groups have in common."""
    by_number = sorted(accounts)
    totals = list(takewhile(is_total, by_number))  # theirs are the least
    return by_number[len(totals) :] + totals
