"""Account balances of people: what the service owes them, as the operator's own book has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.accounts import AccountKind, account_id
from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("account_balances.sql", __package__)


async def of_person(database: Database, environment: str, party_id: PartyId) -> int:
    """The balance in micro-units; 0 for people who never had any."""
    balance = await database.fetchval(_SQL["of_person"], environment, account_id(AccountKind.BALANCE_OF, str(party_id)))
    return 0 if balance is None else -int(balance)  # a liability: credits less debits is what we owe
