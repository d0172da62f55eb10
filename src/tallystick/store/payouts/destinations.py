"""Bank accounts of sellers, sealed. None is changed: another one takes its place, and payouts keep the one they had."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.db.statements import load_statements
from tallystick.domain.banking.bank_accounts import BankAccount
from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Connection, Database
    from tallystick.store.keys.vault import Vault

_SQL: Final = load_statements("destinations.sql", __package__)


@dataclass(frozen=True, slots=True)
class PayoutDestination:
    """One bank account. `usable_at`: from when on payouts go there. `hint` is what people are shown."""

    destination_id: int
    business_id: PartyId
    environment: str
    account_sealed: bytes = field(repr=False)
    hint: str
    made_by: PartyId | None
    made_at: datetime
    usable_at: datetime
    replaced_at: datetime | None

    def open(self, vault: Vault) -> BankAccount:
        """The account itself, for who sends money there. Raises SealBrokenError."""
        content = vault.open(self.account_sealed, seal_context(place_of(self.business_id, self.environment)))
        return msgspec.json.decode(content, type=BankAccount)


def place_of(business_id: PartyId, environment: str) -> str:
    """Whose account it is."""
    return f"{business_id} {environment}"


def seal_context(place: str) -> str:
    """Where a bank account belongs: it opens for this seller and environment alone."""
    return f"payout_destination:{place}"


async def current(database: Database, business_id: PartyId, environment: str) -> PayoutDestination | None:
    """That of a seller; None: none was given."""
    row = await database.fetchrow(_SQL["current"], business_id, environment)
    return None if row is None else PayoutDestination(**row)


async def find(database: Database, destination_id: int) -> PayoutDestination | None:
    """By its number, also one that was replaced."""
    row = await database.fetchrow(_SQL["find"], destination_id)
    return None if row is None else PayoutDestination(**row)


async def give(
    connection: Connection,
    vault: Vault,
    business_id: PartyId,
    environment: str,
    account: BankAccount,
    *,
    made_by: PartyId | None,
    now: datetime,
    usable_at: datetime,
) -> int:
    """Another account in the place of the one before; in a transaction. Its number."""
    sealed = vault.seal(msgspec.json.encode(account), seal_context(place_of(business_id, environment)))
    await connection.execute(_SQL["replace"], business_id, environment, now)
    number: int = await connection.fetchval(
        _SQL["add"], business_id, environment, sealed, account.hint, made_by, now, usable_at
    )
    return number
