"""Whether the books still have what callers were told of: a check against what was written down outside of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tallystick.db.connections import Database
from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, TransactionId
from tallystick.store.ledger.verify import Check

_SQL: Final = load_statements("acknowledged.sql", __package__)

NAME: Final = "acknowledged_transactions_are_there"


async def identity(database: Database) -> str:
    """What tells this database from any other, and a copy that was put back in its place from none."""
    return str(await database.fetchval(_SQL["identity"]))


async def check(database: Database, newest: Mapping[BookId, TransactionId]) -> Check:
    """Of each book the newest transaction that a caller was told of is there, or in the archive."""
    asked = [*newest], [*newest.values()]
    there = {row["book_id"] for row in await database.fetch(_SQL["there"], *asked)}
    there |= {row["book_id"] for row in await database.fetch(_SQL["archived"], *asked)}
    lacking = sorted(newest.keys() - there)
    problems = (
        f"book {book}: transaction {newest[book]} was acknowledged and is not there: the database was set back"
        for book in lacking
    )
    return Check(NAME, tuple(problems))
