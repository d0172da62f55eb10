"""Account balances of people: what the service owes them, as the operator's own book has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.accounts import AccountKind, account_id
from tallystick.domain.ids import PartyId

if TYPE_CHECKING:
    from tallystick.db.connections import Database


async def of_person(database: Database, environment: str, party_id: PartyId) -> int:
    """The balance in micro-units; 0 for people who never had any."""
    balance = await database.fetchval(
        "SELECT account.balance_micros FROM book JOIN account USING (book_id)"
        " WHERE book.party_id IS NULL AND book.environment = $1 AND book.currency = 'USD' AND book.part = 0"
        " AND account.account_id = $2",
        environment,
        account_id(AccountKind.BALANCE_OF, str(party_id)),
    )
    return 0 if balance is None else -int(balance)  # a liability: credits less debits is what we owe
