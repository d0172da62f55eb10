"""Tokens that charges go through, looked up by authorization: those that are asked for together share a statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from tallystick.db.connections import Database
from tallystick.db.shared_reads import SharedReads
from tallystick.domain.ids import BookId, TokenId
from tallystick.store.queries import instrument_list

MOST_SELLERS: Final = 1_000
"""Sellers whose look-ups have a place of their own; an empty place is soon made again."""


@dataclass(slots=True)
class SpendingTokens:
    """Finds tokens, in groups of one seller: no seller's look-up sees, or waits for, what is another's.

    After a start a process knows no authorization yet. One statement each would cost every first charge more than all
    the rest of it, and bring charges to the commit one by one.
    """

    database: Database
    _reads: dict[tuple[BookId, ...], SharedReads[str, TokenId]] = field(default_factory=dict)

    async def find(self, parts: Sequence[BookId], instrument_id: str) -> TokenId | None:
        """The token that charges go through, of an instrument of the books `parts`; None: they have no such one."""
        if not instrument_id.isprintable():  # PostgreSQL takes no NUL: it would fail the look-ups of others, too
            return None
        place = tuple(parts)
        reads = self._reads.get(place)
        if reads is None:
            if len(self._reads) >= MOST_SELLERS:
                self._reads.clear()  # look-ups under way go on, and are answered
            reads = self._reads[place] = SharedReads(partial(instrument_list.spending_tokens, self.database, place))
        return await reads.find(instrument_id)
