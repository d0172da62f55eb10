"""Tokens that charges go through, looked up by authorization: those that are asked for together share a statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from tallystick.db.connections import Database
from tallystick.db.shared_reads import SharedReads
from tallystick.domain.ids import TOKEN_LENGTH, BookId, TokenId, book_named_in
from tallystick.store.ledger.memory.slot_index import NOWHERE, SlotIndex
from tallystick.store.queries import instrument_list

MOST_SELLERS: Final = 1_000
"""Sellers whose look-ups have a place of their own; an empty place is soon made again."""

MOST_KNOWN: Final = 100_000
"""Authorizations whose tokens a process remembers, in about 145 bytes each."""

_PAIR: Final = 2 * TOKEN_LENGTH


@dataclass(slots=True)
class SpendingTokens:
    """Finds tokens, in groups of one seller: no seller's look-up sees, or waits for, what is another's.

    After a start a process knows no authorization yet. One statement each would cost every first charge more than all
    the rest of it, and bring charges to the commit one by one. What is found is kept for whoever need not be sure.
    """

    database: Database
    _known: SlotIndex = field(default_factory=lambda: SlotIndex(MOST_KNOWN))
    _pairs: bytearray = field(default_factory=bytearray)
    """By slots: an authorization and its token, TOKEN_LENGTH characters each."""
    _reads: dict[tuple[BookId, ...], SharedReads[str, TokenId]] = field(default_factory=dict)

    def known(self, parts: Sequence[BookId], instrument_id: str) -> TokenId | None:
        """The token that `find` has found for an instrument of these books; None: ask it (again)."""
        slot = self._slot_of(instrument_id)
        if slot < 0:
            return None
        end = (slot + 1) * _PAIR
        token_id = TokenId(self._pairs[end - TOKEN_LENGTH : end].decode("ascii"))
        return token_id if book_named_in(token_id) in parts else None

    def forget(self, instrument_id: str) -> None:
        """Have the token of an instrument looked up again."""
        slot = self._slot_of(instrument_id)
        if slot >= 0:
            self._known.remove(slot)
            self._pairs[slot * _PAIR : (slot + 1) * _PAIR] = self._pairs[-_PAIR:]
            del self._pairs[-_PAIR:]

    def _slot_of(self, instrument_id: str) -> int:
        slot = self._known.find(hash(instrument_id))
        if slot < 0 or len(instrument_id) != TOKEN_LENGTH:
            return NOWHERE
        return slot if self._pairs.startswith(instrument_id.encode(), slot * _PAIR) else NOWHERE

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
        token_id = await reads.find(instrument_id)
        if token_id is not None:
            self._note(instrument_id, token_id)
        return token_id

    def _note(self, instrument_id: str, token_id: TokenId) -> None:
        pair, slot = f"{instrument_id}{token_id}".encode("ascii"), self._slot_of(instrument_id)
        if slot >= 0:
            self._pairs[slot * _PAIR : (slot + 1) * _PAIR] = pair
            return
        if len(self._pairs) >= MOST_KNOWN * _PAIR:
            self._known.clear()
            self._pairs.clear()
        self._known.append(hash(instrument_id))
        self._pairs += pair
