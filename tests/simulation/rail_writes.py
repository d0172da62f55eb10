"""What the money path leaves for rails to do and to be proved by, as the model carries it out; with money_writes.py."""

from __future__ import annotations

from typing import Any

from tests.simulation.money_writes import rows
from tests.simulation.postgres import Record, Transaction


async def insert_rail_requests(tx: Transaction, book_id: int, *columns: Any) -> int:
    *columns_, now = columns
    names: tuple[str, ...] = ("transaction_id", "rail", "operation", "amount_micros", "payment_method_id", "earlier_id")
    for values in rows(*columns_):
        row = Record(book_id=book_id, **dict(zip(names, values, strict=True)), opened_at=now, due_at=now)
        row.update(attempts=0, last_error=None, asked_at=None, missing_since=None)
        key = (book_id, row["transaction_id"], row["operation"])
        if tx.see("rail_operation", key) is None:
            await tx.insert("rail_operation", key, _operation(row))
        await tx.insert("rail_request", (book_id, row["transaction_id"], row["operation"]), row)
    return len(columns_[0])


async def insert_rail_records(tx: Transaction, book_id: int, *columns: Any) -> int:
    names = ("transaction_id", "rail", "operation", "reference", "payment_method_id")
    for values in rows(*columns):
        seen = Record(book_id=book_id, **dict(zip(names, values, strict=True)))
        row = Record({**_operation(seen), "reference": seen["reference"]})
        await tx.insert("rail_operation", (book_id, seen["transaction_id"], seen["operation"]), row)
    return len(columns[0])


def _operation(request: Record) -> Record:
    names = ("book_id", "transaction_id", "operation", "rail", "payment_method_id")
    unknown = ("reference", "fee_micros", "decline", "action_url", "action_at", "acted_at")
    return Record({**{name: request[name] for name in names}, **dict.fromkeys(unknown)})


async def insert_payouts(tx: Transaction, book_id: int, *columns: Any) -> int:
    *columns_, now = columns
    names = ("transaction_id", "rail", "amount_micros", "destination_id", "due_at")
    for *values, done in rows(*columns_):
        row = Record(book_id=book_id, **dict(zip(names, values, strict=True)), opened_at=now)
        row.update(attempts=0, last_error=None, bank_reference=None, ended_at=now if done else None)
        await tx.insert("payout", (book_id, row["transaction_id"]), row)
    return len(columns_[0])


async def end_payouts(tx: Transaction, book_id: int, *columns: Any) -> int:
    *columns_, now = columns
    for transaction_id, reference in rows(*columns_):
        await tx.update("payout", (book_id, transaction_id), ended_at=now, due_at=None, bank_reference=reference)
    return len(columns_[0])


async def insert_bookings(tx: Transaction, book_id: int, *columns: Any) -> int:
    names = ("rail", "movement_id", "account", "transaction_id", "amount_micros")
    for values in rows(*columns):
        row = Record(book_id=book_id, **dict(zip(names, values, strict=True)))
        await tx.insert("rail_booking", (book_id, *values[:3]), row)
    return len(columns[0])


async def delete_rail_requests(tx: Transaction, book_id: int, *columns: Any) -> int:
    gone = 0
    for transaction_id, operation in rows(*columns):
        key = (book_id, transaction_id, operation)
        if tx.see("rail_request", key) is not None and await tx.lock("rail_request", key) is not None:
            tx.write("rail_request", key, None)
            gone += 1
    return gone
