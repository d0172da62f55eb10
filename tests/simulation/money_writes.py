"""What the money path changes (store/ledger/sql/money.sql), as the model carries it out: the other half of money.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

import asyncpg
from tests.simulation.postgres import Record, Transaction

from tallystick.domain.accounts import AccountKind, account_id

FIRST_DERIVED: Final = 1 << 62


async def ensure_accounts(
    tx: Transaction,
    book_id: int,
    numbers: Sequence[int],
    kinds: Sequence[str],
    subjects: Sequence[str],
    floors: Sequence[int | None],
    ceilings: Sequence[int | None],
) -> int:
    made = 0
    for number, kind, subject, floor, ceiling in zip(numbers, kinds, subjects, floors, ceilings, strict=True):
        key = (book_id, number)
        if tx.see("account", key) is None and await tx.lock("account", key) is None:
            row = Record(book_id=book_id, account_id=number, kind=kind, subject=subject, balance_micros=0, xmin=0)
            row["terms_version"] = 0
            row["floor_micros"], row["ceiling_micros"] = floor, ceiling
            write_account(tx, key, row)
            made += 1
    return made


def write_account(tx: Transaction, key: tuple[int, int], row: Record) -> None:
    floor, ceiling, balance = row["floor_micros"], row["ceiling_micros"], row["balance_micros"]
    if (floor is not None and balance < floor) or (ceiling is not None and balance > ceiling):
        raise asyncpg.CheckViolationError("account_within_bounds")
    tx.xid = tx.xid or tx.server.next_xid()
    row["xmin"] = tx.xid
    tx.write("account", key, row)


def rows(*columns: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    return zip(*columns, strict=True)


async def insert_instruments(tx: Transaction, book_id: int, *columns: Any) -> int:
    *columns_, now = columns
    names: tuple[str, ...] = (
        "instrument_id",
        "kind",
        "account_id",
        "sender_party_id",
        "limit_micros",
        "total_limit_micros",
    )
    names += ("charged_micros", "pending_micros", "valid_from", "expires_at")
    for values in rows(*columns_):
        row = Record(book_id=book_id, **dict(zip(names, values, strict=True)), created_at=now, uncovered_micros=None)
        await tx.insert("instrument", (book_id, row["instrument_id"]), row)
    return len(columns_[0])


async def insert_tokens(tx: Transaction, book_id: int, *columns: Any) -> int:
    *columns_, now = columns
    names: tuple[str, ...] = (
        "token_id",
        "purpose",
        "token_type",
        "instrument_id",
        "sender_party_id",
        "caller_reference",
    )
    names += ("friendly_name", "old_token_id", "payment_method", "payment_method_id", "payment_reason", "terms")
    names += ("usage_limits", "instruction", "valid_from", "expires_at")
    for values in rows(*columns_):
        row = Record(book_id=book_id, **dict(zip(names, values, strict=True)), created_at=now)
        row["cancelled_at"] = row["used_by"] = None
        await tx.insert("token", (book_id, row["token_id"]), row)
        unique = (book_id, row["caller_reference"])
        await tx.insert("token_reference", unique, Record(token_id=row["token_id"]))
    return len(columns_[0])


async def _move(
    tx: Transaction, book_id: int, changes: Iterable[tuple[int, int, int | None]], changed_terms: Sequence[int] = ()
) -> int:
    """How many accounts were moved: all, unless one is not what it was when it was read."""
    ordered = sorted(changes, key=lambda change: change[0] < FIRST_DERIVED)  # totals last, else as they come
    return sum([await _move_one(tx, book_id, *change, raised=change[0] in changed_terms) for change in ordered])


async def _move_one(
    tx: Transaction, book_id: int, number: int, delta: int, version: int | None, *, raised: bool = False
) -> bool:
    key = (book_id, number)
    before = tx.see("account", key)
    if before is None or (version is not None and before["xmin"] != version):
        return False
    now = await tx.lock("account", key)
    if now is None or (version is not None and now["xmin"] != version):
        return False
    changed = {"balance_micros": now["balance_micros"] + delta, "terms_version": now["terms_version"] + raised}
    write_account(tx, key, Record({**now, **changed}))
    return True


def _answered(book_id: int, values: Sequence[Any], now: datetime, reuses: int | None) -> Record:
    reference, fingerprint, transaction_id, status, refusal, message = values
    return Record(
        book_id=book_id,
        caller_reference=reference,
        fingerprint=fingerprint,
        transaction_id=transaction_id,
        status=status,
        refusal=refusal,
        message=message,
        answered_at=now,
        reuses=reuses,
    )


async def insert_answer(tx: Transaction, book_id: int, values: Sequence[Any], now: datetime) -> None:
    """Raises UniqueViolationError: the reference was answered before."""
    await tx.insert("answered_reference", (book_id, values[0]), _answered(book_id, values, now, None))


_DEFAULTS: Final[Mapping[str, Any]] = {
    "status_code": "Success",
    "fee_micros": 0,
    "fee_payer": "Recipient",
    "marketplace_fee_micros": 0,
    "marketplace_refunded_micros": 0,
    "fee_refunded_micros": 0,
    "refunded_micros": 0,
    "recipient_party_id": None,
    "recipient_token_id": None,
    "original_id": None,
    "status_number": 1,
    "reserved_until": None,
    "times_out_at": None,
    "disputed_micros": None,
    "own_debit_account": None,
}


LEFT_OUT: Final = (
    *("fee_payer", "marketplace_fee_micros", "marketplace_refunded_micros", "fee_refunded_micros"),
    *("status_code", "status_number", "fee_micros", "refunded_micros"),
)
"""What a payment that is its own transfer does not say."""


def whole(row: Record, tokens: Iterable[Record]) -> Record:
    """A transaction with what it does not say; `tokens`: those of its book."""
    said = {name: _DEFAULTS[name] for name in LEFT_OUT if row[name] is None}
    if row["own_debit_account"] is None:
        return Record({**row, **said})
    (own,) = (
        token
        for token in tokens
        if token["purpose"] in {"prepaid_sender", "credit_sender"}
        and token["old_token_id"] is None
        and row["own_debit_account"] in _accounts_of(token["instrument_id"])
    )
    said["instrument_id"] = own["instrument_id"]
    said["sender_token_id"] = row["sender_token_id"] or own["token_id"]
    return Record({**row, **said})


@cache
def _accounts_of(instrument_id: str) -> set[int]:
    return {account_id(kind, instrument_id) for kind in (AccountKind.PREPAID, AccountKind.RECEIVABLE)}


async def apply_payments(
    tx: Transaction,
    book_id: int,
    paid: Sequence[Any],
    kind: Sequence[Any],
    changes: Sequence[Any],
    refused: Sequence[Any],
    now: datetime,
) -> list[Record]:
    return await _apply_payments(tx, book_id, paid, kind, changes, refused, now, ())


async def apply_payments_and_more(
    tx: Transaction,
    book_id: int,
    paid: Sequence[Any],
    kind: Sequence[Any],
    changes: Sequence[Any],
    refused: Sequence[Any],
    now: datetime,
    *more: Any,
) -> list[Record]:
    return await _apply_payments(tx, book_id, paid, kind, changes, refused, now, more)


async def _apply_payments(
    tx: Transaction,
    book_id: int,
    paid: Sequence[Any],
    kind: Sequence[Any],
    changes: Sequence[Any],
    refused: Sequence[Any],
    now: datetime,
    more: Sequence[Any],
) -> list[Record]:
    moved = await _move(tx, book_id, changes)
    await insert_payments(tx, book_id, paid, kind, refused, now)
    if more:
        instruments, tokens, events, real_now, queued = more
        await more_of(tx, book_id, now, instruments, tokens, events, real_now)
        await queue_events(tx, book_id, now, real_now, queued)
    return all_or_nothing(moved == len(changes))


async def insert_payments(
    tx: Transaction, book_id: int, paid: Sequence[Any], kind: Sequence[Any], refused: Sequence[Any], now: datetime
) -> None:
    names: tuple[str, ...] = ("transaction_id", "amount_micros", "payment_method", "sender_party_id", "sender_token_id")
    names += ("instrument_id", "account_id", "caller_reference", "fingerprint", "caller_description")
    names += ("sender_description", "notification_url", "requested_at")
    operation, status, status_code, status_message, sales = kind
    for values in paid:
        row = Record(
            _DEFAULTS,
            book_id=book_id,
            operation=operation,
            status=status,
            status_code=status_code,
            status_message=status_message,
            received_at=now,
            completed_at=now,
            **dict(zip(names, values, strict=True)),
        )
        account, fingerprint = row.pop("account_id"), row.pop("fingerprint")
        transaction_id = row["transaction_id"]
        if sales is None:
            row["own_debit_account"] = account
            row.update(dict.fromkeys(LEFT_OUT))
        await tx.insert("transaction", (book_id, transaction_id), row)
        if sales is not None:
            await insert_transfer(tx, book_id, (transaction_id, 1, account, sales, row["amount_micros"]), now)
        answer = (row["caller_reference"], fingerprint, transaction_id, None if sales is None else status, None, None)
        await insert_answer(tx, book_id, answer, now)
    for values in refused:
        await insert_answer(tx, book_id, values, now)


def all_or_nothing(everything: bool) -> list[Record]:
    if not everything:
        raise asyncpg.DivisionByZeroError("division by zero")
    return [Record(one=1)]


async def insert_transfer(tx: Transaction, book_id: int, values: Sequence[Any], now: datetime) -> None:
    transaction_id, number, debit, credit, amount = values
    row = Record(book_id=book_id, transaction_id=transaction_id, number=number)
    row.update(debit_account=debit, credit_account=credit, amount_micros=amount, booked_at=now)
    await tx.insert("transfer", (book_id, transaction_id, number), row)


async def more_of(
    tx: Transaction,
    book_id: int,
    now: datetime,
    instruments: Sequence[Any],
    tokens: Sequence[Any],
    events: Sequence[Any],
    real_now: datetime,
) -> None:
    for name, charged, pending in instruments:
        await tx.update("instrument", (book_id, name), charged_micros=charged, pending_micros=pending)
    for name, limits, cancelled_at, used_by in tokens:
        await tx.update("token", (book_id, name), usage_limits=limits, cancelled_at=cancelled_at, used_by=used_by)
    names: tuple[str, ...] = (
        "event_id",
        "kind",
        "subject_id",
        "status",
        "status_code",
        "notification_url",
        "destination",
    )
    for values in events:
        row = Record(book_id=book_id, **dict(zip(names, values, strict=True)), occurred_at=now)
        row.update(announced_at=real_now, due_at=real_now, state="waiting", attempts=0)
        row.update(delivered_at=None, last_error=None, message=None)
        await tx.insert("outbox", (book_id, row["event_id"]), row)


async def queue_events(tx: Transaction, book_id: int, now: datetime, real_now: datetime, queued: Sequence[Any]) -> None:
    names = ("subject_id", "name", "number", "type", "status", "status_code")
    for values in queued:
        row = Record(book_id=book_id, **dict(zip(names, values, strict=True)), occurred_at=now, queued_at=real_now)
        key = (book_id, row["subject_id"], row["name"])
        if await tx.lock("event_queue", key) is None:
            tx.write("event_queue", key, row)


_NEW_TRANSACTION: Final = (
    *("transaction_id", "operation", "status", "status_code", "status_message", "amount_micros", "fee_micros"),
    *("refunded_micros", "payment_method", "sender_party_id", "sender_token_id", "instrument_id", "original_id"),
    *("caller_reference", "caller_description", "sender_description", "notification_url", "requested_at"),
    *("received_at", "completed_at", "recipient_party_id", "recipient_token_id", "fee_payer"),
    *("marketplace_fee_micros", "times_out_at"),
)


async def insert_transactions(
    tx: Transaction, book_id: int, transactions: Sequence[Any], transfers: Sequence[Any], now: datetime
) -> None:
    for values in transactions:
        row = Record(_DEFAULTS, book_id=book_id, **dict(zip(_NEW_TRANSACTION, values, strict=True)))
        await tx.insert("transaction", (book_id, row["transaction_id"]), row)
    for values in transfers:
        await insert_transfer(tx, book_id, values, now)


async def apply(  # noqa: PLR0913, PLR0917 - the statement's arguments
    tx: Transaction,
    book_id: int,
    transactions: Sequence[Any],
    transfers: Sequence[Any],
    changes: Sequence[Any],
    answers: Sequence[Any],
    now: datetime,
    instruments: Sequence[Any],
    tokens: Sequence[Any],
    events: Sequence[Any],
    real_now: datetime,
    since: datetime,
    reuse: bool,
    changed_terms: Sequence[int],
    queued: Sequence[Any],
) -> list[Record]:
    moved = await _move(tx, book_id, changes, changed_terms)
    await insert_transactions(tx, book_id, transactions, transfers, now)
    written = sum([await _answer_or_leave(tx, book_id, values, now, since, reuse=reuse) for values in answers])
    await more_of(tx, book_id, now, instruments, tokens, events, real_now)
    await queue_events(tx, book_id, now, real_now, queued)
    return all_or_nothing(moved == len(changes) and written == len(answers))


async def apply_refunds(tx: Transaction, book_id: int, *values: Any) -> list[Record]:
    """As `apply`, and what was refunded of payments in all, where each is still the version that was read."""
    *common, names, refunded, versions = values
    await apply(tx, book_id, *common)
    return all_or_nothing(await refund_payments(tx, book_id, names, refunded, versions) == len(names))


async def refund_payments(
    tx: Transaction, book_id: int, names: Sequence[str], refunded: Sequence[int], versions: Sequence[int | None]
) -> int:
    """How many payments were as they had been read; None: however that was."""
    return sum([await _refund(tx, (book_id, name), *rest) for name, *rest in rows(names, refunded, versions)])


async def _refund(tx: Transaction, key: tuple[int, str], refunded_micros: int, version: int | None) -> bool:
    if version not in {None, tx.version("transaction", key)}:
        return False
    now = await tx.lock("transaction", key)
    if now is None or version not in {None, tx.version("transaction", key)}:
        return False
    tx.write("transaction", key, Record({**now, "refunded_micros": refunded_micros}))
    return True


async def _answer_or_leave(
    tx: Transaction, book_id: int, values: Sequence[Any], now: datetime, since: datetime, *, reuse: bool
) -> bool:
    key = (book_id, values[0])
    old = await tx.lock("answered_reference", key)
    if old is None:
        tx.write("answered_reference", key, _answered(book_id, values, now, None))
        return True
    spent = old["transaction_id"] is not None or old["reuses"] is not None
    if old["answered_at"] > since or (spent and not reuse):
        return False
    reuses = old["reuses"] if old["transaction_id"] is None else (old["reuses"] or 0) + 1
    tx.write("answered_reference", key, _answered(book_id, values, now, reuses))
    return True


async def update_transactions(tx: Transaction, book_id: int, *columns: Any) -> int:
    names: tuple[str, ...] = ("status", "status_code", "status_message", "status_number", "amount_micros", "fee_micros")
    names += ("marketplace_fee_micros", "refunded_micros", "notification_url", "completed_at", "reserved_until")
    names += ("marketplace_refunded_micros", "fee_refunded_micros", "disputed_micros")
    changed = 0
    for transaction_id, *values in rows(*columns):
        changes = dict(zip(names, values, strict=True))
        changes["disputed_micros"] = changes["disputed_micros"] or None
        changed += await tx.update("transaction", (book_id, transaction_id), **changes)
    return changed


async def insert_steps(tx: Transaction, book_id: int, *columns: Any) -> int:
    *columns_, now = columns
    names: tuple[str, ...] = ("transaction_id", "number", "status", "status_code", "amount_micros")
    for values in rows(*columns_):
        row = Record(book_id=book_id, **dict(zip(names, values, strict=True)), at=now)
        await tx.insert("transaction_step", (book_id, row["transaction_id"], row["number"]), row)
    return len(columns_[0])


async def insert_transfers(tx: Transaction, book_id: int, transfers: Sequence[Any], now: datetime) -> int:
    for values in sorted(transfers):
        await insert_transfer(tx, book_id, values, now)
    return len(transfers)


async def move_balances(tx: Transaction, book_id: int, changes: Sequence[Any]) -> int:
    ordered = sorted(changes, key=lambda change: (change[0] < FIRST_DERIVED, change[0]))
    for number, _, _ in ordered:
        await tx.lock("account", (book_id, number))
    return sum([await _move_one(tx, book_id, number, delta, None) for number, delta, _ in ordered])
