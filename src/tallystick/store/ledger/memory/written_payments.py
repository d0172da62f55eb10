"""What payments that were decided from memory change, as the rows that are written of it, found in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, Final, NamedTuple

from msgspec import Struct

from tallystick.db.connections import Connection
from tallystick.domain.ids import AccountId, InstrumentId, PartyId, TokenId
from tallystick.domain.state import Decision, Instrument, InstrumentKind, Transaction
from tallystick.store.ledger.apply import queued_events, version_conflicts
from tallystick.store.ledger.apply_payments import is_alike, is_plain, kind_of, order_for_index, payment_row
from tallystick.store.ledger.encode import event_row
from tallystick.store.ledger.load import LoadedState
from tallystick.store.ledger.statements import MONEY

_CREDIT: Final = InstrumentKind.CREDIT  # Python 3.11 looks a member up by a call each time it is named
_UNFIT: Final = "only payments that change nothing but balances and tabs are decided from memory"


class Guards(NamedTuple):
    """The versions that rows must still have when what was decided from memory is written.

    `tokens`: ids and versions of tokens, their instruments and senders. `keys`: ids and versions of those that signed.
    `server_started_at`: when the server was started that told them; another one's versions say nothing.
    """

    tokens: Sequence[tuple[TokenId, int, InstrumentId, int | None, PartyId, int]]
    book_version: int
    owner_version: int
    keys: Sequence[tuple[str, int]]
    server_started_at: datetime


class WrittenPayments(Struct, frozen=True):
    """Rows of a group's payments, in no order. `first`: one of them, as which all are; None: there are none.

    `changes`: what is moved on the account of each instrument, with the version of its terms that this was decided by,
    in the order in which all groups lock them. `total_micros`: what all come to, for the account of sales. `tabs`: what
    is charged to tabs, each as it was remembered, in the same order. `events`: those that somebody wants to hear of;
    `queued`: what is an event at the seller's.
    """

    paid: list[tuple[Any, ...]]
    changes: list[tuple[AccountId, int, int | None]]
    total_micros: int
    tabs: list[tuple[Any, ...]]
    events: list[tuple[Any, ...]]
    queued: Sequence[tuple[Any, ...]]
    first: Transaction | None


def written_payments(loaded: LoadedState, decisions: Sequence[Decision], *, one_row: bool) -> WrittenPayments:
    """What is to be written for `decisions`, where each of `loaded` was remembered.

    `one_row`: each payment is its own transfer. Raises TypeError, ValueError: one of them is no payment, or changes
    more than a balance or a tab.
    """
    paid: list[tuple[Any, ...]] = []
    events: list[tuple[Any, ...]] = []
    moved: dict[AccountId, int] = {}
    last: dict[InstrumentId, Instrument] = {}
    first: Transaction | None = None
    total_micros, url, tokens = 0, loaded.notification_url, loaded.state.tokens if one_row else None
    for decision in decisions:
        if decision.answered is None:
            continue  # as it was answered before
        if decision.tokens or not decision.transactions:
            raise TypeError(_UNFIT)
        (transaction,), (transfer,), (instrument,) = decision.transactions, decision.transfers, decision.instruments
        if first is None:
            first = transaction
        if not (is_plain(decision, transaction, transfer) and is_alike(transaction, first)):
            raise TypeError(_UNFIT)
        account, amount_micros = transfer.debit, transfer.amount_micros
        moved[account] = moved.get(account, 0) + amount_micros
        total_micros += amount_micros  # all of it to the account of sales, for they are plain
        last[instrument.instrument_id] = instrument
        paid.append(payment_row(transaction, transfer, decision.answered[1], tokens))
        for event in decision.events:
            destination = event.notification_url or url
            if destination is not None:
                events.append(event_row(event, destination))
    versions = loaded.versions
    changes: list[tuple[AccountId, int, int | None]] = [
        (account, moved[account], versions.get(account)) for account in sorted(moved)
    ]
    queued = queued_events(loaded, decisions) if loaded.charge_events else ()
    return WrittenPayments(paid, changes, total_micros, _tabs(loaded, last), events, queued, first)


def _tabs(loaded: LoadedState, last: dict[InstrumentId, Instrument]) -> list[tuple[Any, ...]]:
    tabs = []
    for key, now in last.items():
        was = loaded.known_instruments[key]
        if now.charged_micros == was.charged_micros and now.pending_micros == was.pending_micros:
            continue
        if was.kind is not _CREDIT or now.pending_micros != was.pending_micros:
            raise TypeError(_UNFIT)
        delta_micros = now.charged_micros - was.charged_micros
        tabs.append((key, was.account_id, delta_micros, was.limit_micros, was.total_limit_micros, was.expires_at))
    tabs.sort(key=itemgetter(1))
    return tabs


async def write_payments(
    connection: Connection,
    loaded: LoadedState,
    decisions: Sequence[Decision],
    guards: Guards,
    real_now: datetime,
    patience: str,
) -> None:
    """Write and commit the payments of one book, by the statement that writes no more than there is.

    `real_now`: from when on others may be told. `patience`: how long it waits for somebody's lock, with its unit.
    Raises VersionConflictError: something is not as it is remembered; what `written_payments` does; asyncpg's errors
    where a constraint of the schema holds against the domain.
    """
    one_row = loaded.one_row_payments
    written = written_payments(loaded, decisions, one_row=one_row)
    tabs = written.tabs
    if not written.paid:
        return  # all were answered before
    told = (written.events, real_now, written.queued) if written.events or written.queued else ()
    if (
        len(written.paid) == 1
        and one_row
        and not tabs
        and not told
        and len(guards.tokens) == 1
        and len(guards.keys) <= 1
    ):
        with version_conflicts():
            await connection.execute(MONEY["apply_one_from_memory"], *one_payment(loaded, written, guards, patience))
        return
    paid = order_for_index(written.paid, one_row=one_row)
    kind = kind_of(written.first, one_row=one_row)
    values: tuple[Any, ...] = (
        loaded.state.book.book_id,
        paid,
        kind,
        written.changes,
        guards.book_version,
        loaded.now,
        guards.tokens,
        guards.owner_version,
        guards.keys,
        guards.server_started_at,
        patience,
        written.total_micros,
    )
    with version_conflicts():
        if tabs and told:
            await connection.execute(MONEY["apply_tabs_from_memory_and_tell"], *values, *told, tabs)
        elif tabs:
            await connection.execute(MONEY["apply_tabs_from_memory"], *values, tabs)
        elif told:
            await connection.execute(MONEY["apply_from_memory_and_tell"], *values, *told)
        else:
            await connection.execute(MONEY["apply_from_memory"], *values)


def one_payment(loaded: LoadedState, written: WrittenPayments, guards: Guards, patience: str) -> tuple[Any, ...]:
    """The arguments of the statement for one payment alone, which is its own transfer."""
    (paid,), (change,), (token,) = written.paid, written.changes, guards.tokens
    transaction_id, amount_micros, method, sender_id, sender_token_id, _, account, reference, *rest = paid
    token_id, token_version, instrument_id, instrument_version, _, party_version = token
    key_id, key_version = guards.keys[0] if guards.keys else (None, None)
    return (
        loaded.state.book.book_id,
        transaction_id,
        kind_of(written.first, one_row=True),
        account,
        guards.book_version,
        loaded.now,
        token_id,
        guards.owner_version,
        key_id,
        guards.server_started_at,
        patience,
        amount_micros,
        change[2],
        token_version,
        instrument_id,
        instrument_version,
        sender_id,
        party_version,
        key_version,
        method,
        sender_token_id,
        reference,
        *rest,
    )
