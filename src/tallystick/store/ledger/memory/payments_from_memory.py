"""Payments that are decided from memory: which of a group can be, what they come to, and how they are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from tallystick.db.connections import Connection
from tallystick.db.database import LOCK_TIMEOUT_MS
from tallystick.domain.commands import Pay
from tallystick.domain.decide import decide_all
from tallystick.domain.ids import BookId, TokenId
from tallystick.domain.refusals import Refused
from tallystick.domain.state import Decision, State
from tallystick.store.keys.access_keys import key_versions
from tallystick.store.ledger.command_queue import QueuedCommand
from tallystick.store.ledger.decode import book_from_row
from tallystick.store.ledger.load import LoadedState
from tallystick.store.ledger.memory.payment_memory import PaymentMemory, RememberedBook
from tallystick.store.ledger.memory.remembered_balance import Remembered
from tallystick.store.ledger.memory.written_payments import Guards, write_payments
from tallystick.store.ledger.rules import Rules
from tallystick.store.ledger.statements import MONEY

MANY_REFUSED: Final = 16
"""Where one of so many would be refused, the next payments of a book cost less if all are read for, in one commit."""


class FromMemory(Struct, frozen=True):
    """Payments of a group with what they came to; `rest`: those that have to be read for.

    `known`: what they were decided by. `refused`: how many of `rest` are remembered, and would be refused as they are
    remembered.
    """

    payments: Sequence[QueuedCommand[Pay]]
    decisions: Sequence[Decision]
    known: Mapping[TokenId, Remembered]
    loaded: LoadedState
    guards: Guards
    rest: Sequence[QueuedCommand[Pay]]
    refused: int

    @property
    def is_worth_it(self) -> bool:
        """Whether the next payments of the book had better be decided from memory, too."""
        return self.refused * MANY_REFUSED < len(self.payments) + self.refused

    async def write(
        self, connection: Connection, real_now: datetime, patience_milliseconds: int = LOCK_TIMEOUT_MS
    ) -> None:
        """Write and commit: all of it, or nothing. Raises VersionConflictError: something is not as remembered."""
        await write_payments(
            connection, self.loaded, self.decisions, self.guards, real_now, f"{patience_milliseconds}ms"
        )


def worth_a_try(memory: PaymentMemory, group: Sequence[QueuedCommand[Pay]]) -> bool:
    """Whether most of a group are remembered: one commit for these and one for the others is not dearer then."""
    if not len(memory):
        return False
    known = sum(waiting.command.token_id in memory for waiting in group)
    return 2 * known >= len(group)


async def remember_book(
    connection: Connection, memory: PaymentMemory, book_id: BookId, group: Sequence[QueuedCommand[Pay]], rules: Rules
) -> RememberedBook | None:
    """The book of a group with the keys that signed it, read where they are not remembered.

    None: its seller has several books, or nobody owns it: references or rules are not in one place.
    """
    book = memory.books.get(book_id)
    if book is None:
        row = await connection.fetchrow(MONEY["read_book"], book_id)
        if row is None or row["parts"]:
            memory.forget([waiting.command.token_id for waiting in group])
            return None
        book = RememberedBook(
            book_from_row(book_id, row, rules),
            row["notification_url"],
            timedelta(seconds=row["clock_offset_seconds"]),
            row["book_version"],
            row["owner_version"],
            row["server_started_at"],
            row["charge_events"],
            row["one_row_payments"],
        )
        memory.keep_book(book_id, book)
    keys = {waiting.key.access_key_id: waiting.key for waiting in group if waiting.key is not None}
    unknown = [name for name, key in keys.items() if book.version_of(key) is None]
    if unknown:
        found = await key_versions(connection, unknown)
        memory.keep_keys(book, {name: known for name, known in found.items() if _is_of(book, known[0])})
    return book


def _is_of(book: RememberedBook, terms: Mapping[str, object]) -> bool:
    """Whether all that a key's terms say follows from its own row, the book and its owner."""
    own = book.book.book_id
    return terms["party_id"] == book.book.seller_id and terms["book_id"] == own and terms["parts"] == [own]


def recall(
    memory: PaymentMemory,
    book: RememberedBook,
    group: Sequence[QueuedCommand[Pay]],
    clock: Callable[[], datetime],
    rules: Rules,
) -> FromMemory | None:
    """Decide those of a group that are remembered and come to a payment; None: there are none.

    A refusal is never given from here: the balance may be another one by now. While the book's keys were read, others
    may have met another server: what they remember has nothing to do with this book then.
    """
    if book.server_started_at != memory.server_started_at:
        return None
    now = clock() + book.clock_offset
    known, checked, candidates = _remembered(memory, book, group)
    remembered = len(candidates)
    while candidates:
        loaded = _loaded(book, known, now, rules)
        decisions = decide_all(loaded.state, [waiting.command for waiting in candidates], now)
        candidates, decisions, again = _without_refused(known, candidates, decisions)
        refused = remembered - len(candidates)
        if refused:
            known = {one.command.token_id: known[one.command.token_id] for one in candidates}
        if candidates and not again:
            rest = [] if len(candidates) == len(group) else _others(group, candidates)
            guards = _guards(book, known, checked, candidates)
            return FromMemory(candidates, decisions, known, loaded, guards, rest, refused)
    return None


def _remembered(
    memory: PaymentMemory, book: RememberedBook, group: Sequence[QueuedCommand[Pay]]
) -> tuple[dict[TokenId, Remembered], dict[int, int | None], list[QueuedCommand[Pay]]]:
    """What is remembered of a group, the versions of its keys by their identity, and those who may be decided."""
    known: dict[TokenId, Remembered] = {}
    checked: dict[int, int | None] = {}  # by identity: most have the very same key
    candidates = []
    for waiting in group:
        key = waiting.key
        if key is not None:
            if id(key) not in checked:
                checked[id(key)] = book.version_of(key)
            if checked[id(key)] is None:
                continue
        token_id = waiting.command.token_id
        if token_id not in known:
            found = memory.find(token_id)
            if found is None:
                continue
            known[token_id] = found
        candidates.append(waiting)
    return known, checked, candidates


def _others(group: Sequence[QueuedCommand[Pay]], chosen: Sequence[QueuedCommand[Pay]]) -> Sequence[QueuedCommand[Pay]]:
    """Those of a group who are not among `chosen`."""
    known = {id(waiting) for waiting in chosen}
    return [waiting for waiting in group if id(waiting) not in known]


def _without_refused(
    known: Mapping[TokenId, Remembered], payments: list[QueuedCommand[Pay]], decisions: list[Decision]
) -> tuple[list[QueuedCommand[Pay]], list[Decision], bool]:
    """Those of a group whose instruments none was refused for, and whether they have to be decided again.

    Only then, if one of them has the reference of one that is left out: what either comes to depends on which came
    first. Nothing else do payments from different instruments have in common.
    """
    if not [decision for decision in decisions if isinstance(decision.outcome, Refused)]:
        return payments, decisions, False
    refused = {
        known[waiting.command.token_id].instrument.instrument_id
        for waiting, decision in zip(payments, decisions, strict=True)
        if isinstance(decision.outcome, Refused)
    }
    kept, left_out = [], set()
    for waiting, decision in zip(payments, decisions, strict=True):
        if known[waiting.command.token_id].instrument.instrument_id in refused:
            left_out.add(waiting.command.request.caller_reference)
        else:
            kept.append((waiting, decision))
    again = any(waiting.command.request.caller_reference in left_out for waiting, _ in kept)
    return [waiting for waiting, _ in kept], [decision for _, decision in kept], again


def _loaded(
    book: RememberedBook,
    known: Mapping[TokenId, Remembered],
    now: datetime,
    rules: Rules,
) -> LoadedState:
    """What was remembered, as if it had just been read."""
    state = State(book.book)
    tokens, instruments, versions = state.tokens, state.instruments, {}
    for token_id, remembered in known.items():
        instrument = remembered.instrument
        tokens[token_id] = remembered.token
        instruments[instrument.instrument_id] = instrument
        number = instrument.number  # which is known; a property is a call
        versions[instrument.account_id if number is None else number] = remembered.terms_version
    return LoadedState(
        state,
        None,
        None,
        book.notification_url,
        now,
        known_instruments=dict(state.instruments),
        known_tokens=frozenset(state.tokens),
        versions=versions,
        reuse_references=rules.reuse_references,
        charge_events=book.charge_events,
        one_row_payments=book.one_row_payments,
    )


def _guards(
    book: RememberedBook,
    known: Mapping[TokenId, Remembered],
    checked: Mapping[int, int | None],
    payments: Sequence[QueuedCommand[Pay]],
) -> Guards:
    """The versions of everything that these payments were decided by."""
    keys: dict[str, int] = {}
    for waiting in payments:
        if waiting.key is not None and (version := checked[id(waiting.key)]) is not None:
            keys[waiting.key.access_key_id] = version
    return Guards(
        [
            (
                token_id,
                one.token_version,
                one.instrument.instrument_id,
                one.instrument_version,
                one.token.sender_id,
                one.party_version,
            )
            for token_id, one in known.items()
        ],
        book.version,
        book.owner_version,
        [*keys.items()],
        book.server_started_at,
    )
