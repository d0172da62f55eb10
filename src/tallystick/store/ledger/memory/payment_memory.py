"""What a process remembers of prepaid balances and tabs in use, so that their payments can be decided without reading.

Nothing here is believed: the statement that writes such payments demands that every row is still the version that is
remembered, that the balance covers them, or what was agreed of a tab, and that their references are new
(apply_from_memory and apply_tabs_from_memory in money.sql). Balances and what was charged are hints: others move them,
too. docs/decisions/127-payments-are-decided-from-memory.md tells why.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from tallystick.domain.commands import TokenPurpose
from tallystick.domain.ids import BookId, InstrumentId, TokenId
from tallystick.domain.standing import Standing
from tallystick.domain.state import Book, Decision, Instrument, InstrumentKind
from tallystick.domain.tokens import Token
from tallystick.store.keys.access_keys import AccessKey
from tallystick.store.ledger.decode import RowVersions

MAX_KEYS_PER_BOOK: Final = 64
MAX_BOOKS: Final = 4096

_PREPAID: Final = InstrumentKind.PREPAID  # Python 3.11 looks a member up by a call each time it is named
_PAYING: Final = {
    InstrumentKind.PREPAID: TokenPurpose.PREPAID_SENDER,
    InstrumentKind.CREDIT: TokenPurpose.CREDIT_SENDER,
}


class RememberedToken(Struct, frozen=True, gc=False):
    """A sender token of a prepaid balance or a tab. `slot`: where its id stands among those that may have to go."""

    token: Token
    version: int
    party_version: int
    slot: int


class RememberedInstrument(Struct, frozen=True, gc=False):
    """A prepaid balance or a tab, as it was when it was last read or charged by this process.

    `version`: None of a tab, whose row each payment changes. What of it decides about payments is compared instead.
    """

    instrument: Instrument
    version: int | None
    terms_version: int


@dataclass(frozen=True, slots=True)
class RememberedBook:
    """The rules of a book with one owner. `keys`: what its access keys were like, each with its version.

    `server_started_at`: when the server was started that told this.
    """

    book: Book
    notification_url: str | None
    clock_offset: timedelta
    version: int
    owner_version: int
    server_started_at: datetime
    charge_events: bool = False
    one_row_payments: bool = False
    keys: dict[str, tuple[Mapping[str, Any], int]] = field(default_factory=dict)

    def version_of(self, key: AccessKey) -> int | None:
        """The version of a key, if it is remembered as one that is just like `key`."""
        known = self.keys.get(key.access_key_id)
        return known[1] if known is not None and key.still_is({key.access_key_id: known[0]}) else None


@dataclass(slots=True)
class PaymentMemory:
    """At most `size` tokens with their instruments; one taken by chance makes room for another. 0: nothing is kept.

    `hits`: payments that were decided and written from here; `misses`: payments that had to read first; `clashes`:
    groups that were decided from here in vain, because something had changed. `server_started_at`: when the server was
    started that told all of this; nothing is kept of any other, whose versions may be equal by chance.
    """

    size: int = 0
    hits: int = 0
    misses: int = 0
    clashes: int = 0
    server_started_at: datetime | None = None
    dice: random.Random = field(default_factory=random.Random)
    books: dict[BookId, RememberedBook] = field(default_factory=dict)
    _tokens: dict[TokenId, RememberedToken] = field(default_factory=dict)
    _instruments: dict[InstrumentId, RememberedInstrument] = field(default_factory=dict)
    _slots: list[TokenId] = field(default_factory=list)
    _standings: dict[Standing, Standing] = field(default_factory=dict)
    """One of each that there is; many share it."""

    def __len__(self) -> int:
        return len(self._tokens)

    def find(self, token_id: TokenId) -> tuple[RememberedToken, RememberedInstrument] | None:
        """A token with its instrument; None: it is not remembered."""
        token = self._tokens.get(token_id)
        if token is None or token.token.instrument_id is None:
            return None
        instrument = self._instruments.get(token.token.instrument_id)
        return None if instrument is None else (token, instrument)

    def knows(self, book_id: BookId, token_id: TokenId) -> bool:
        """Whether a payment of a book by this token is likely to be decided from here."""
        known = self._tokens.get(token_id)
        return known is not None and book_id in self.books and known.token.instrument_id in self._instruments

    def learn(
        self,
        tokens: Iterable[Token],
        instruments: Mapping[InstrumentId, Instrument],
        rows: Mapping[TokenId, RowVersions],
        server_started_at: datetime,
    ) -> None:
        """Remember what an optimistic read has found, where a payment changes nothing of it but balance and tab."""
        if not self.size:
            return
        self._meet(server_started_at)
        for token in tokens:
            instrument = None if token.instrument_id is None else instruments.get(token.instrument_id)
            if (
                instrument is not None
                and token.purpose is _PAYING[instrument.kind]
                and not token.limits
                and token.cancelled_at is None
            ):
                self._keep(token, instrument, rows[token.token_id])

    def _meet(self, server_started_at: datetime) -> None:
        """Another server than before: all that is remembered is of the one that is gone."""
        if self.server_started_at != server_started_at:
            self.server_started_at = server_started_at
            self.books.clear()
            self._tokens.clear()
            self._instruments.clear()
            self._slots.clear()

    def _keep(self, token: Token, instrument: Instrument, versions: RowVersions) -> None:
        known = self._tokens.get(token.token_id)
        slot = self._free_slot(token.token_id) if known is None else known.slot
        # What no rule asks for is not kept: names that people gave are theirs to take back.
        standing = self._standings.setdefault(token.sender_standing, token.sender_standing)
        slim = replace(token, friendly_name=None, payment_reason=None, sender_standing=standing)
        self._tokens[token.token_id] = RememberedToken(slim, versions.token, versions.party, slot)
        version = versions.instrument if instrument.kind is InstrumentKind.PREPAID else None
        self._instruments[instrument.instrument_id] = RememberedInstrument(instrument, version, versions.terms)

    def _free_slot(self, token_id: TokenId) -> int:
        if len(self._slots) < self.size:
            self._slots.append(token_id)
            return len(self._slots) - 1
        slot = self.dice.randrange(self.size)
        self._drop(self._slots[slot])
        self._slots[slot] = token_id
        return slot

    def _drop(self, token_id: TokenId) -> None:
        gone = self._tokens.pop(token_id)
        if gone.token.instrument_id is not None:
            self._instruments.pop(gone.token.instrument_id, None)

    def forget(self, token_ids: Iterable[TokenId]) -> None:
        """Read these again before the next payment."""
        for token_id in token_ids:
            known = self._tokens.get(token_id)
            if known is None:
                continue
            self._drop(token_id)
            last = self._slots.pop()
            if last != token_id:  # the last one takes the place that is free now
                self._slots[known.slot] = last
                self._tokens[last] = replace(self._tokens[last], slot=known.slot)

    def clashed(self, book_id: BookId, token_ids: Iterable[TokenId]) -> None:
        """Something of a group was not as it is remembered; nobody knows what, so that all is read again."""
        self.clashes += 1
        self.forget(token_ids)
        self.books.pop(book_id, None)

    def keep_book(self, book_id: BookId, book: RememberedBook) -> None:
        """Remember the rules of a book; of very many, the one that was remembered first goes."""
        self._meet(book.server_started_at)
        self.books[book_id] = book
        if len(self.books) > MAX_BOOKS:
            del self.books[next(iter(self.books))]

    def compare_book(self, book: Book) -> None:
        """Forget the rules of a book where a read has found others.

        A payment that they would refuse is read for, not written from here: so nothing else would find out that the
        seller allows smaller ones by now.
        """
        known = self.books.get(book.book_id)
        if known is not None and known.book != book:
            del self.books[book.book_id]

    def keep_keys(self, book: RememberedBook, keys: Mapping[str, tuple[Mapping[str, Any], int]]) -> None:
        """Remember keys of a book; of very many, the ones that were remembered first go."""
        book.keys.update(keys)
        while len(book.keys) > MAX_KEYS_PER_BOOK:
            del book.keys[next(iter(book.keys))]

    def committed(self, decisions: Sequence[Decision]) -> None:
        """Take over what this process has committed: balances as they are now; what changed otherwise is forgotten."""
        instruments = self._instruments
        for decision in decisions if self._tokens else ():
            for instrument in decision.instruments:
                key = instrument.instrument_id
                known = instruments.get(key)
                if known is None:
                    continue
                if _is_still(known.instrument, instrument):
                    instruments[key] = RememberedInstrument(instrument, known.version, known.terms_version)
                else:
                    del instruments[key]
            if decision.tokens:
                self.forget(token.token_id for token in decision.tokens)


def _is_still(known: Instrument, now: Instrument) -> bool:
    """Whether nothing has changed but the balance; of a tab, what was charged and what is being settled besides."""
    if known.kind is _PREPAID:
        return replace(known, balance_micros=now.balance_micros, number=now.number) == now
    same = replace(
        known,
        balance_micros=now.balance_micros,
        number=now.number,
        charged_micros=now.charged_micros,
        pending_micros=now.pending_micros,
    )
    return same == now
