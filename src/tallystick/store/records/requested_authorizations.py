"""Rows of authorizations that a seller's program asked for in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Database

_SQL: Final = load_statements("requested_authorizations.sql", __package__)


@dataclass(frozen=True, slots=True)
class RequestedAuthorization:
    """What was asked for. `parameters`: those of the link, without key and signature; `fingerprint` digests them.

    `authorization_id`: what the instrument will be called or, where there is none, the token.
    """

    caller_reference: str
    authorization_id: str
    pipeline: str
    parameters: Mapping[str, str]
    fingerprint: bytes
    created_at: datetime


async def create(database: Database, book_id: BookId, new: RequestedAuthorization) -> RequestedAuthorization | None:
    """Keep one; None where its reference was used for one before. `book_id`: the seller's first book, as below."""
    row = await database.fetchrow(
        _SQL["create"],
        book_id,
        new.caller_reference,
        new.authorization_id,
        new.pipeline,
        dict(new.parameters),
        new.fingerprint,
        new.created_at,
    )
    return _requested(row)


async def by_reference(database: Database, book_id: BookId, caller_reference: str) -> RequestedAuthorization | None:
    """The one that was asked for under a reference."""
    return _requested(await database.fetchrow(_SQL["by_reference"], book_id, caller_reference))


async def by_id(database: Database, book_id: BookId, authorization_id: str) -> RequestedAuthorization | None:
    """The one with this id."""
    return _requested(await database.fetchrow(_SQL["by_id"], book_id, authorization_id))


async def take_id(database: Database, book_id: BookId, caller_reference: str, visit_id: str) -> str | None:
    """Give the id to a visit that is confirmed; None where none was asked for, or another visit has it."""
    found: str | None = await database.fetchval(_SQL["take_id"], book_id, caller_reference, visit_id)
    return found


def _requested(row: asyncpg.Record | None) -> RequestedAuthorization | None:
    return None if row is None else RequestedAuthorization(**dict(row))
