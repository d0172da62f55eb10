"""A buyer's cards and bank accounts: a rail's token, the last four digits, nothing that could be charged elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.distribution import take_one_connection
from tallystick.db.statements import load_statements
from tallystick.domain.commands import Method
from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Connection, Database

_SQL: Final = load_statements("payment_methods.sql", __package__)


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """One card or bank account. `expires_on`: cards, the last day on which it can be charged.

    `verified`: found to be the party's own. `removed`: taken out of the account, and charged no more.
    """

    payment_method_id: int
    party_id: PartyId
    environment: str
    method: Method
    rail: str
    rail_token: str = field(repr=False)
    label: str
    last_four: str
    expires_on: date | None
    verified: bool = False
    removed: bool = False

    def usable(self, today: date) -> bool:
        """Whether it can still be charged."""
        return not self.removed and (self.expires_on is None or today <= self.expires_on)

    @property
    def expiry(self) -> str | None:
        """Month and year of a card as the return URL gives them: ``10/2031``."""
        return None if self.expires_on is None else self.expires_on.strftime("%m/%Y")


@dataclass(frozen=True, slots=True)
class NewPaymentMethod:
    """What is kept of a card or bank account that a buyer entered; the number itself stays with the rail."""

    method: Method
    rail: str
    rail_token: str = field(repr=False)
    label: str
    last_four: str
    expires_on: date | None = None


async def add(
    database: Database, party_id: PartyId, environment: str, new: NewPaymentMethod, now: datetime
) -> PaymentMethod:
    """Store a card or bank account of a party."""
    row = await database.fetchrow(
        _SQL["add"],
        party_id,
        environment,
        new.method.value,
        new.rail,
        new.rail_token,
        new.label,
        new.last_four,
        new.expires_on,
        now,
    )
    if row is None:
        raise LookupError("the new payment method did not come back")
    return _payment_method(row)


async def add_once(
    connection: Connection, party_id: PartyId, environment: str, new: NewPaymentMethod, since: datetime, now: datetime
) -> PaymentMethod:
    """Store it, unless the party has one that looks the same and was added after `since`: then give that one."""
    async with connection.transaction():
        await connection.execute(_SQL["lock_party"], party_id)
        row = await connection.fetchrow(
            _SQL["find_twin"],
            party_id,
            environment,
            new.method.value,
            new.rail,
            new.label,
            new.last_four,
            new.expires_on,
            since,
        )
        return await add(connection, party_id, environment, new, now) if row is None else _payment_method(row)


async def of_party(database: Database, party_id: PartyId, environment: str) -> list[PaymentMethod]:
    """All that the party has in this environment, the newest first."""
    rows = await database.fetch(_SQL["of_party"], party_id, environment)
    return [_payment_method(row) for row in rows]


async def find(database: Database, payment_method_id: int) -> PaymentMethod | None:
    """One by its number, also when its owner removed it: money may still be on its way."""
    row = await database.fetchrow(_SQL["find"], payment_method_id)
    return None if row is None else _payment_method(row)


async def remove(database: Database, party_id: PartyId, payment_method_id: int, now: datetime) -> None:
    """Take one out of a party's account: it is charged no more. Nothing happens when it is gone or somebody else's."""
    await database.execute(_SQL["remove"], payment_method_id, party_id, now)


async def remove_all(database: Database, party_id: PartyId, now: datetime) -> None:
    """Take all of them out of a party's account."""
    await database.execute(_SQL["remove_all"], party_id, now)


async def bring_up_to_date(
    database: Database, rail: str, rail_token: str, label: str, last_four: str, expires_on: date | None
) -> None:
    """A rail has new particulars of a card, such as a later expiry; all authorizations have them at once."""
    await database.execute(_SQL["bring_up_to_date"], rail, rail_token, label, last_four, expires_on)


async def verify(connection: Connection, method: PaymentMethod, now: datetime) -> None:
    """It was found to be its party's own, who is thereby known, too."""
    async with connection.transaction():
        await connection.execute(_SQL["verify"], method.payment_method_id, now)
        await connection.execute(_SQL["verify_party"], method.party_id, now)


async def replace(connection: Connection, old: PaymentMethod, new: PaymentMethod, now: datetime) -> None:
    """Let all authorizations that `old` pays for be paid from `new`, and take `old` out of the account.

    What a rail was asked for before is still taken from `old`. Both must be the same party's, on the same rail: what
    was reserved or charged on the one is settled or refunded there, whichever the token names today.
    """
    async with connection.transaction():
        await take_one_connection(
            connection
        )  # tokens of several books change, and then what every machine has a copy of
        await connection.execute(_SQL["replace"], old.party_id, old.payment_method_id, new.payment_method_id)
        await remove(connection, old.party_id, old.payment_method_id, now)


def _payment_method(row: asyncpg.Record) -> PaymentMethod:
    return PaymentMethod(
        payment_method_id=row["payment_method_id"],
        party_id=PartyId(row["party_id"]),
        environment=row["environment"],
        method=Method(row["method"]),
        rail=row["rail"],
        rail_token=row["rail_token"],
        label=row["label"],
        last_four=row["last_four"],
        expires_on=row["expires_on"],
        verified=row["verified"],
        removed=row["removed"],
    )
