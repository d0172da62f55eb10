"""Read what payments from instruments need to know, without locking; its version is checked as they write.

Most commands are such payments. They change nothing but accounts, and all that decides about them is guarded by the
version of an account, so that they need two statements where others need a transaction of six. decisions/013 tells why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeGuard

from tallystick.db.connections import Connection
from tallystick.domain.commands import Command, Pay
from tallystick.domain.decide import REFERENCE_LIFETIME
from tallystick.domain.ids import BookId, TokenId, is_of_instrument
from tallystick.domain.state import State
from tallystick.store.keys.access_keys import CurrentKeys, current_keys
from tallystick.store.ledger.decode import RowVersions, answered_from_rows, book_from_row, spending_token_from_row
from tallystick.store.ledger.load import LoadedState
from tallystick.store.ledger.rules import Rules
from tallystick.store.ledger.statements import MONEY


def charges_an_instrument(command: Command) -> TypeGuard[Pay]:
    """Whether a command is a payment by a token of an instrument, which has no third party; its id tells."""
    return (
        type(command) is Pay and is_of_instrument(command.token_id) and command.marketplace.recipient_token_id is None
    )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one optimistic read found. `keys`: those that were asked for and are not revoked.

    `rows`: the versions of what was read of each token, for whoever remembers it, as the server told them that was
    started at `server_started_at`.
    """

    loaded: LoadedState
    keys: CurrentKeys
    rows: Mapping[TokenId, RowVersions]
    server_started_at: datetime


async def optimistic_read(
    connection: Connection,
    book_id: BookId,
    payments: Sequence[Pay],
    keys: Collection[str],
    clock: Callable[[], datetime],
    rules: Rules,
) -> Snapshot | None:
    """What `payments` name, each of which charges an instrument; None where the first of them names nothing.

    `keys` are ids of cached ones. The clock is read before, so that no answer that is still good is
    missed.
    """
    tokens = list(dict.fromkeys([payment.token_id for payment in payments]))
    references = [payment.request.caller_reference for payment in payments]
    now = clock()
    rows = await connection.fetch(
        MONEY["read_optimistically"],
        book_id,
        tokens,
        tokens[0],
        [*keys],
        references,
        now - REFERENCE_LIFETIME,
        rules.reuse_references,
    )
    first = next((row for row in rows if row["book"] is not None), None)
    if first is None:
        return None
    book = first["book"]
    state = State(book_from_row(book_id, book, rules), answered=answered_from_rows(first["answers"]))
    versions, read = {}, {}
    for row in rows:
        token, instrument, version, found = spending_token_from_row(row)
        read[token.token_id] = found
        state.tokens[token.token_id] = token
        state.instruments[instrument.instrument_id] = instrument
        versions[instrument.account_id] = version
    loaded = LoadedState(
        state,
        None,
        None,
        book["notification_url"],
        now + timedelta(seconds=book["clock_offset_seconds"]),
        known_instruments=dict(state.instruments),
        known_tokens=frozenset(state.tokens),
        versions=versions,
        parts=book["parts"] or (),
        reuse_references=rules.reuse_references,
        charge_events=first["charge_events"],
        one_row_payments=first["one_row_payments"],
    )
    return Snapshot(loaded, current_keys(first["keys"]), read, first["server_started_at"])
