"""Entries of the audit log and agreements as records of a chain, read in the order of their chains."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId
from tallystick.store.chains.chain_record import (
    FIRST,
    OPERATOR,
    ChainRecord,
    ErasablePart,
    chain_of_book,
    chain_of_seller,
    moment_text,
)

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

    from tallystick.db.connections import Connection, Database

_SQL: Final = load_statements("records.sql", __package__)

PAGE: Final = 100
"""Records that are read and digested in one piece: a few milliseconds, in which nothing else of the process runs."""

_ERASED_SUBJECT: Final = re.compile(r"closed-(\d+)@closed\.invalid")
_ERASED_DEVICE: Final = ["", None]
_ADDRESS: Final = "address"
_BEFORE_ALL: Final = (-1, 0)


class Kind(StrEnum):
    """What is chained."""

    ENTRY = "audit log"
    AGREEMENT = "agreements"


def entry_record(row: asyncpg.Record) -> ChainRecord:
    """An entry of the audit log; one that is not chained yet has the place 0."""
    subject, erased = row["subject"], _ERASED_SUBJECT.fullmatch(row["subject"])
    return ChainRecord(
        chain=chain_of_seller(row["business_id"]),
        name=f"entry {row['audit_id']}",
        at=row["at"],
        facts={
            "kind": "entry",
            "audit_id": row["audit_id"],
            "at": moment_text(row["at"]),
            "actor_id": row["actor_id"],
            "business_id": row["business_id"],
            "environment": row["environment"],
            "action": row["action"],
            "details": row["details"],
        },
        parts=(
            ErasablePart(
                "subject",
                subject,
                erased is not None,
                None if erased is None else int(erased[1]),
                row["subject_salt"],
                row["subject_digest"],
            ),
        ),
        **_place(row),
    )


def agreement_record(row: asyncpg.Record) -> ChainRecord:
    """What was agreed to for an authorization; one that is not chained yet has the place 0."""
    client, owner = row["client_digest"], row["party_id"]
    device = [row["user_agent"], None if client is None else client.hex()]
    address = row["wording"].get(_ADDRESS)
    return ChainRecord(
        chain=chain_of_book(row["book_id"]),
        name=f"authorization {row['authorization_id']}",
        at=row["agreed_at"],
        facts={
            "kind": "agreement",
            "book_id": row["book_id"],
            "authorization_id": row["authorization_id"],
            "party_id": owner,
            "visit_id": row["visit_id"],
            "wording": {name: value for name, value in row["wording"].items() if name != _ADDRESS},
            "words_digest": row["digest"].hex(),
            "agreed_at": moment_text(row["agreed_at"]),
            "book_time": moment_text(row["book_time"]),
            "proved_at": moment_text(row["proved_at"]),
            "proved_by": row["proved_by"],
        },
        parts=(
            ErasablePart("device", device, device == _ERASED_DEVICE, owner, row["device_salt"], row["device_digest"]),
            ErasablePart("address", address, address == [], owner, row["address_salt"], row["address_digest"]),
        ),
        **_place(row),
    )


def _place(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "sequence": row["chain_sequence"] or 0,
        "chained_at": row["chained_at"],
        "previous": row["previous_digest"] or FIRST,
        "digest": row["chain_digest"] or FIRST,
    }


async def pages(database: Database, kind: Kind, only: int | None = None) -> AsyncIterator[list[ChainRecord]]:
    """All that is chained, in the order of chains and places. `only`: of this seller (0: the operator) or book."""
    after, size = _BEFORE_ALL, PAGE
    while size == PAGE:
        if kind is Kind.ENTRY:
            rows = await database.fetch(_SQL["entries_after"], *after, PAGE, only)
            records = [entry_record(row) for row in rows]
        else:
            rows = await database.fetch(_SQL["agreements_after"], *after, PAGE, only)
            records = [agreement_record(row) for row in rows]
        if records:
            yield records
            last = rows[-1]
            number = last["business_id"] or 0 if kind is Kind.ENTRY else last["book_id"]
            after = (number, last["chain_sequence"])
        size = len(rows)


def number_in(chain: str) -> tuple[Kind, int]:
    """What a chain is of, and the number of its seller (0: the operator) or book. Raises ValueError."""
    if chain == OPERATOR:
        return Kind.ENTRY, 0
    kind, _, number = chain.partition("-")
    kinds = {"seller": Kind.ENTRY, "book": Kind.AGREEMENT}
    if kind not in kinds or not (number.isascii() and number.isdigit()):
        raise ValueError(chain)
    return kinds[kind], int(number)


async def unchained_entries(connection: Connection, maximum: int) -> list[ChainRecord]:
    """Entries of the audit log without a place, the first written first; held until the commit."""
    return [entry_record(row) for row in await connection.fetch(_SQL["unchained_entries"], maximum)]


async def unchained_agreements(connection: Connection, maximum: int) -> dict[BookId, list[ChainRecord]]:
    """Agreements without a place by book, in the order in which they were made; held until the commit."""
    found = {}
    for book in await connection.fetch(_SQL["unchained_agreements"], maximum):
        rows = await connection.fetch(_SQL["unchained_of_book"], book["book_id"], book["authorizations"])
        if rows:
            found[BookId(book["book_id"])] = [agreement_record(row) for row in rows]
    return found


async def any_waits(database: Database) -> bool:
    """Whether there is anything without a place."""
    return bool(
        await database.fetchval(_SQL["any_entry_waits"]) or await database.fetchval(_SQL["any_agreement_waits"])
    )


async def waiting(database: Database, kind: Kind) -> tuple[int, datetime | None]:
    """How many are not chained yet, and when the oldest of them was written."""
    statement = _SQL["waiting_entries"] if kind is Kind.ENTRY else _SQL["waiting_agreements"]
    row = await database.fetchrow(statement)
    assert row is not None, "counts are one row"  # noqa: S101
    return row["number"], row["since"]
