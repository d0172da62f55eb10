"""The statements of the money path that are about disputes, as the model carries them out. As in money.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tests.simulation.postgres import Record, Transaction

_COLUMNS: Final = (
    *("transaction_id", "rail", "reference", "original_id", "bearer_party_id", "instrument_id", "asked_micros"),
    *("opened_at", "status", "claimed_micros", "borne_micros", "fee_micros", "due_micros", "told", "moves", "reason"),
    *("evidence_due_at", "closed_at"),
)


async def load_disputes(
    tx: Transaction,
    book_id: int,
    names: Sequence[str],
    rails: Sequence[str],
    references: Sequence[str],
    instruments: Sequence[str],
    charges: Sequence[str],
) -> list[Record]:
    asked = set(zip(rails, references, strict=True))
    return [
        Record({name: row[name] for name in _COLUMNS})
        for _, row in tx.scan("dispute")
        if row["book_id"] == book_id
        and (
            row["transaction_id"] in names
            or (row["rail"], row["reference"]) in asked
            or (row["instrument_id"] in instruments and row["closed_at"] is None)
            or row["original_id"] in charges
        )
    ]


async def disputed_settlements(tx: Transaction, book_id: int) -> list[Record]:
    return [Record(disputed_settlements="debt")] if tx.see("book", (book_id,)) is not None else []


async def write_disputes(tx: Transaction, book_id: int, *columns: Any) -> int:
    for values in zip(*columns, strict=True):
        row = Record(book_id=book_id, **dict(zip(_COLUMNS, values, strict=True)))
        row["told"] = row["told"].split()
        key = (book_id, row["transaction_id"])
        await tx.lock("dispute", key)
        tx.write("dispute", key, row)
    return len(columns[0])


async def update_uncovered(tx: Transaction, book_id: int, names: Sequence[str], micros: Sequence[int]) -> int:
    return sum(
        [
            await tx.update("instrument", (book_id, name), uncovered_micros=uncovered or None)
            for name, uncovered in zip(names, micros, strict=True)
        ]
    )
