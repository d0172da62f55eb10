"""All about a person as one JSON file: who they are, what they agreed to, and everything that came of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import msgspec

from tallystick.domain.money import USD, format_amount
from tallystick.services.buyer import statements
from tallystick.store.accounts import personal_data
from tallystick.store.queries import authorization_history, authorizations

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.store.accounts.parties import Party
    from tallystick.store.queries.authorization_history import Entry
    from tallystick.store.queries.authorizations import Authorization


def file_name(service: Service) -> str:
    """What the file is called."""
    return f"tallystick-data-{service.clock():%Y-%m-%d}.json"


async def as_json(service: Service, party: Party) -> AsyncIterator[bytes]:
    """The file in pieces, however much there is. Amounts are text with six decimals; moments are UTC."""
    yield b"{" + _field("made_at", service.clock()) + b",\n"
    async with service.pool.acquire() as connection, connection.transaction(readonly=True):
        for section in personal_data.SECTIONS:
            yield b'"%s": [' % section.encode()
            async for piece in _separated(personal_data.tell(connection, party.party_id, section)):
                yield piece
            yield b"],\n"
    yield b'"authorizations": ['
    for number, given in enumerate(await authorizations.authorizations_of(service.pool, party.party_id, None)):
        head = msgspec.json.encode(_authorization(given))
        yield (b",\n" if number else b"\n") + head.removesuffix(b"}") + b', "history": ['
        async for piece in _separated(_history(service, given)):
            yield piece
        yield b"]}"
    yield b"]\n}\n"


async def _separated(items: AsyncIterator[str]) -> AsyncIterator[bytes]:
    before = "\n"
    async for item in items:
        yield (before + item).encode()
        before = ",\n"


async def _history(service: Service, given: Authorization) -> AsyncIterator[str]:
    async for entry in authorization_history.entries(service.pool, given):
        yield msgspec.json.encode(_entry(entry, given)).decode()


def _field(name: str, value: object) -> bytes:
    return msgspec.json.encode(name) + b": " + msgspec.json.encode(value)


def _authorization(given: Authorization) -> dict[str, Any]:
    source = given.source
    holdings = given.holdings
    return {
        "id": given.authorization_id,
        "seller": given.seller_name,
        "environment": given.environment,
        "currency": USD,
        "purpose": given.purpose,
        "given_at": given.created_at,
        "valid_from": given.valid_from,
        "expires_at": given.expires_at,
        "cancelled_at": given.cancelled_at,
        "reason": given.payment_reason,
        "instruction": given.instruction,
        "paid_from": None if source is None else source.method,
        "payment_method_id": None if source is None else source.payment_method_id,
        "spent": format_amount(given.spent_micros),
        "pending": format_amount(given.pending_micros),
        "balance": None if holdings is None else format_amount(holdings.balance_micros),
        "limit": None if holdings is None else format_amount(holdings.limit_micros),
    }


def _entry(entry: Entry, given: Authorization) -> dict[str, Any]:
    return {
        "transaction_id": entry.transaction_id,
        "at": entry.at,
        "kind": statements.kind_of(entry, given),
        "status": entry.status,
        "description": entry.description,
        "amount": format_amount(entry.amount_micros),
        "change": format_amount(entry.change_micros),
        "balance_after": format_amount(entry.running_micros),
    }
