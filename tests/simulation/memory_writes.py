"""Payments from memory, as the model carries them out: what was believed is compared while they are written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
from tests.simulation.money_writes import (
    all_or_nothing,
    insert_answer,
    insert_payments,
    insert_transactions,
    more_of,
    queue_events,
    refund_payments,
    write_account,
)
from tests.simulation.postgres import Record, Transaction
from tests.support.one_payment import as_group

from tallystick.domain.accounts import TOTALS, AccountKind

SALES: Final = TOTALS[AccountKind.SALES]


async def apply_from_memory(  # noqa: PLR0913, PLR0917 - the statement's arguments
    tx: Transaction,
    book_id: int,
    paid: Sequence[Any],
    kind: Sequence[Any],
    changes: Sequence[Any],
    book_version: int,
    now: datetime,
    tokens: Sequence[Any],
    owner_version: int,
    keys: Sequence[Any],
    server_started_at: datetime,
    _patience: str,
    total_micros: int,
    events: Sequence[Any] = (),
    real_now: datetime | None = None,
    queued: Sequence[Any] = (),
    *,
    tabs: Sequence[Any] = (),
    compared: bool = True,
) -> list[Record]:
    """`compared`: whether the terms of tabs and their bounds are looked at, as they have to be."""
    assert not keys, "the simulation signs nothing"
    same = server_started_at == tx.server.started_at and as_remembered(
        tx, book_id, tokens, [book_version, owner_version]
    )
    moved = sum([await move_from_memory(tx, (book_id, number), *change) for number, *change in changes])
    if moved == len(changes):
        moved += await move_from_memory(tx, (book_id, SALES), -total_micros, None)
    charged = sum([await charge_tab(tx, book_id, *tab, compared=compared) for tab in tabs])
    await insert_payments(tx, book_id, paid, kind, (), now)
    if real_now is not None:
        await more_of(tx, book_id, now, (), (), events, real_now)
        await queue_events(tx, book_id, now, real_now, queued)
    return all_or_nothing(same and moved == len(changes) + 1 and charged == len(tabs))


async def apply_one_from_memory(tx: Transaction, *values: Any) -> list[Record]:
    return await apply_from_memory(tx, *as_group(values))


async def apply_tabs_from_memory(tx: Transaction, *values: Any) -> list[Record]:
    *common, tabs = values
    return await apply_from_memory(tx, *common, tabs=tabs)


async def apply_from_memory_and_refund(
    tx: Transaction,
    book_id: int,
    paid: Sequence[Any],
    kind: Sequence[Any],
    changes: Sequence[Any],
    *values: Any,
    compared: bool = True,
) -> list[Record]:
    """`compared`: whether what the refunds were decided by is looked at, as it has to be."""
    versions, tabs, transactions, transfers, answers, names, refunded, row_versions, instruments, known = values[11:]
    now = values[1]
    changes = [(*change, version if compared else None) for change, version in zip(changes, versions, strict=True)]
    same = not compared or all(
        tx.version("instrument", (book_id, name)) == version for name, version in zip(instruments, known, strict=True)
    )
    if not compared:
        row_versions = [None] * len(names)
    await apply_from_memory(tx, book_id, paid, kind, changes, *values[:11], tabs=tabs)
    await insert_transactions(tx, book_id, transactions, transfers, now)
    for answer in answers:
        await insert_answer(tx, book_id, answer, now)
    return all_or_nothing(same and await refund_payments(tx, book_id, names, refunded, row_versions) == len(names))


async def believe_refunds(tx: Transaction, *values: Any) -> list[Record]:
    """Whatever was refunded meanwhile. Not of the model: a fault that the simulation has to find."""
    return await apply_from_memory_and_refund(tx, *values, compared=False)


def as_remembered(tx: Transaction, book_id: int, tokens: Sequence[Any], book: Sequence[int]) -> bool:
    """What the snapshot of the statement shows, which is as old as its beginning."""
    own = tx.see("book", (book_id,))
    assert own is not None
    return [tx.version("book", (book_id,)), tx.version("party", (own["party_id"],))] == [*book] and all(
        tx.version("token", (book_id, token)) == token_version
        and instrument_version in {None, tx.version("instrument", (book_id, instrument))}
        and tx.version("party", (party,)) == party_version
        for token, token_version, instrument, instrument_version, party, party_version in tokens
    )


async def move_from_memory(
    tx: Transaction, key: tuple[int, int], delta: int, terms: int | None, version: int | None = None
) -> bool:
    """False: the terms are others now, or the balance does not cover it; those of the row once it is locked.

    `version`: of the row, where it must be the one that was read.
    """
    seen = tx.see("account", key)
    if seen is None or (version is not None and seen["xmin"] != version):
        return False
    now = await tx.lock("account", key)
    if now is None or (version is not None and now["xmin"] != version):
        return False
    if terms is not None and now["terms_version"] != terms:
        return False
    balance, floor, ceiling = now["balance_micros"] + delta, now["floor_micros"], now["ceiling_micros"]
    if terms is not None and ((floor is not None and balance < floor) or (ceiling is not None and balance > ceiling)):
        return False
    write_account(tx, key, Record({**now, "balance_micros": balance}))
    return True


async def charge_tab(  # noqa: PLR0913 - the row's columns
    tx: Transaction,
    book_id: int,
    name: str,
    account: int,
    delta: int,
    limit: int,
    total: int | None,
    expires_at: datetime | None,
    *,
    compared: bool = True,
) -> bool:
    """False: the tab, once it is locked, is not what the payment was decided by, or its agreed total is passed."""
    key = (book_id, name)
    now = None if tx.see("instrument", key) is None else await tx.lock("instrument", key)
    if now is None:
        return False
    charged = now["charged_micros"] + delta
    terms = tuple(now[column] for column in ("kind", "account_id", "limit_micros", "total_limit_micros", "expires_at"))
    passed = now["total_limit_micros"] is not None and charged > now["total_limit_micros"]
    if compared and (terms != ("credit", account, limit, total, expires_at) or passed):
        return False
    if passed:
        raise asyncpg.CheckViolationError("charged_within_total")
    tx.write("instrument", key, Record({**now, "charged_micros": charged}))
    return True
