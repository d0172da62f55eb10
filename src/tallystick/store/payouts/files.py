"""Files of payouts for the operator's bank, sealed: each is made once and can be fetched again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, PartyId, TransactionId

if TYPE_CHECKING:
    from tallystick.db.connections import Connection, Database
    from tallystick.store.keys.vault import Vault

_SQL: Final = load_statements("files.sql", __package__)


@dataclass(frozen=True, slots=True)
class PayoutFile:
    """One file, in micro-units. `message_id`: by which a bank knows it."""

    message_id: str
    environment: str
    payouts: int
    total_micros: int
    made_at: datetime


def seal_context(message_id: str) -> str:
    """Where the content of a file belongs."""
    return f"payout_file:{message_id}"


async def add(connection: Connection, vault: Vault, file: PayoutFile, content: bytes, made_by: PartyId | None) -> None:
    """Keep a file with what goes to the bank."""
    await connection.execute(
        _SQL["add"],
        file.message_id,
        file.environment,
        vault.seal(content, seal_context(file.message_id)),
        file.payouts,
        file.total_micros,
        made_by,
        file.made_at,
    )


async def latest(database: Database, environment: str, maximum: int) -> list[PayoutFile]:
    """The newest first."""
    return [PayoutFile(**row) for row in await database.fetch(_SQL["latest"], environment, maximum)]


async def waiting(database: Database, message_ids: Sequence[str]) -> set[str]:
    """Those of these files of which some payout is not known to be over yet."""
    return {row["message_id"] for row in await database.fetch(_SQL["waiting"], [*message_ids])}


async def content(database: Database, vault: Vault, message_id: str) -> bytes | None:
    """What goes to the bank; None: there is no such file. Raises SealBrokenError."""
    sealed = await database.fetchval(_SQL["content"], message_id)
    return None if sealed is None else vault.open(sealed, seal_context(message_id))


async def under_way(database: Database, message_id: str) -> list[tuple[BookId, TransactionId]]:
    """Its payouts that are not known to be sent yet."""
    return [(row["book_id"], row["transaction_id"]) for row in await database.fetch(_SQL["under_way"], message_id)]
