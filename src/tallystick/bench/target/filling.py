"""Fill books quickly, so that growth can be measured in an evening: valid payments, many in one statement.

What is measured goes through the service; what only has to exist is inserted directly. Each charge goes to tables and
indexes where a request's would, at random, and `verify` checks these books like any others.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, islice
from typing import Any, Final

from tallystick.bench.load.wrk import LoadError
from tallystick.bench.target.sellers import CHARGE_MICROS, FUNDED_MICROS, BenchmarkSeller, Progress
from tallystick.bench.target.sizes import count_transactions
from tallystick.db.statements import load_statements
from tallystick.domain.ids import TRANSACTION_ENTROPY_BYTES, BookId, TransactionId, make_transaction_id
from tallystick.services.context import Service

AT_A_TIME: Final = 20_000
PER_MILLISECOND: Final = 20
"""The density of charges' ids: dense enough that the ids of a statement follow those of the statement before."""

_SECONDS: Final = 600  # statement timeout, enough for a slow disk


_SQL: Final = load_statements("filling.sql", __package__)


@dataclass(slots=True)
class Filler:
    """Charges the balances and tabs of a seller in turn, in an order unrelated to that of their ids."""

    service: Service
    seller: BenchmarkSeller
    progress: Progress
    _instruments: Iterator[tuple[Any, ...]] | None = None

    async def fill(self, wanted: int) -> None:
        """Charge until there are `wanted` transactions. Raises LoadError: the balances do not suffice."""
        there = start = await count_transactions(self.service.pool)
        while there < wanted:
            count = min(AT_A_TIME, wanted - there)
            await self._charge(count)
            there += count
            self.progress(f"{wanted:,} transactions", there - start, wanted - start)

    async def _charge(self, count: int) -> None:
        if self._instruments is None:
            rows = [tuple(row) for row in await self.service.pool.fetch(_SQL["instruments"], self.seller.book_id)]
            random.Random(1351).shuffle(rows)  # noqa: S311 - an order, not a secret
            self._instruments = cycle(rows)
        now = self.service.clock()
        columns = zip(*islice(self._instruments, count), strict=True)
        ids = ids_before(self.seller.book_id, now, count)
        await self.service.pool.execute(
            _SQL["charge"],
            self.seller.book_id,
            ids,
            *(list(column) for column in columns),
            CHARGE_MICROS,
            now,
            timeout=_SECONDS,
        )


def ids_before(book_id: BookId, now: datetime, count: int) -> Sequence[TransactionId]:
    """New ids in ascending order, with timestamps before `now`."""
    last = int(now.timestamp() * 1000)
    return sorted(
        make_transaction_id(book_id, last - number // PER_MILLISECOND, secrets.token_bytes(TRANSACTION_ENTROPY_BYTES))
        for number in range(count)
    )


def check_room(wanted: int, instruments: int) -> None:
    """Raises LoadError: the seller's balances, two of five instruments, and tabs, one of five, do not suffice."""
    each = FUNDED_MICROS // CHARGE_MICROS
    maximum = (instruments * 2 // 5 + instruments // 5) * (each - each // 10)  # a tenth is for what is measured
    if wanted > maximum:
        raise LoadError(f"{instruments:,} instruments are funded for {maximum:,} charges; give more: --instruments")
