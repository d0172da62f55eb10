"""What a process remembers of prepaid balances and tabs in use, so that their payments can be decided without reading.

Nothing here is believed: the statement that writes such payments demands that every row is still the version that is
remembered, that the balance covers them, or what was agreed of a tab, and that their references are new
(apply_from_memory and apply_tabs_from_memory in money.sql). Balances and what was charged are hints: others move them,
too. docs/decisions/127-payments-are-decided-from-memory.md tells why.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace

from tallystick.domain.commands import Pay, TokenPurpose
from tallystick.domain.ids import BookId, InstrumentId, TokenId
from tallystick.domain.state import Book, Decision, Instrument, InstrumentKind
from tallystick.domain.tokens import Token
from tallystick.store.keys.access_keys import AccessKey
from tallystick.store.ledger.command_queue import QueuedCommand
from tallystick.store.ledger.decode import RowVersions
from tallystick.store.ledger.memory.remembered_balance import Alike, Remembered, alike_of, pack, unpack
from tallystick.store.ledger.memory.slot_index import SlotIndex

MAX_KEYS_PER_BOOK: Final = 64
MAX_BOOKS: Final = 4096
MAX_SHARED: Final = 1024
"""Of what balances have in common there are few; who agrees something different with each buyer has many."""

_PREPAID: Final = InstrumentKind.PREPAID  # Python 3.11 looks a member up by a call each time it is named
_PAYING: Final = {
    InstrumentKind.PREPAID: TokenPurpose.PREPAID_SENDER,
    InstrumentKind.CREDIT: TokenPurpose.CREDIT_SENDER,
}


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
    compared: dict[str, tuple[AccessKey, int]] = field(default_factory=dict)
    """Cached keys that were found to be like the remembered ones, in a dozen terms, with their versions."""

    def version_of(self, key: AccessKey) -> int | None:
        """The version of a key, if it is remembered as one that is just like `key`."""
        name = key.access_key_id
        before = self.compared.get(name)
        if before is not None and before[0] is key:
            return before[1]
        known = self.keys.get(name)
        if known is None or not key.still_is({name: known[0]}):
            return None
        self.compared[name] = key, known[1]
        return known[1]


@dataclass(slots=True, repr=False)
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
    _tokens: SlotIndex = field(init=False)
    _instruments: SlotIndex = field(init=False)
    _kept: list[bytes] = field(default_factory=list)
    """By slots, as what follows: what a balance has for itself."""
    _alike: list[Alike] = field(default_factory=list)
    _balances: array[int] = field(default_factory=lambda: array("q"))
    _charged: array[int] = field(default_factory=lambda: array("q"))
    """In micro-units, what is left or owed, and what was charged to a tab."""
    _shared: dict[Alike, Alike] = field(default_factory=dict)
    """One of each that there is; many share it."""

    def __post_init__(self) -> None:
        self._tokens, self._instruments = SlotIndex(self.size), SlotIndex(self.size)

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, token_id: TokenId) -> bool:
        """Whether a token is likely to be remembered. What is found of it says for sure."""
        return self._tokens.find(hash(token_id)) >= 0

    def find(self, token_id: TokenId) -> Remembered | None:
        """A token with its instrument; None: it is not remembered."""
        slot = self._tokens.find(hash(token_id))
        if slot < 0:
            return None
        found = self._at(slot)
        return found if found.token.token_id == token_id else None

    def _at(self, slot: int) -> Remembered:
        return unpack(self._kept[slot], self._alike[slot], slot, self._balances[slot], self._charged[slot])

    def knows(self, book_id: BookId, token_id: TokenId) -> bool:
        """Whether a payment of a book by this token is likely to be decided from here."""
        return self._tokens.find(hash(token_id)) >= 0 and book_id in self.books

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
            self._kept.clear()
            self._alike.clear()
            del self._balances[:], self._charged[:]

    def _keep(self, token: Token, instrument: Instrument, versions: RowVersions) -> None:
        kept, alike = pack(token, instrument, versions), self._share(alike_of(token, instrument))
        named, its = hash(token.token_id), hash(instrument.instrument_id)
        slot = self._tokens.find(named)
        if slot < 0 and len(self) < self.size:
            self._kept.append(kept)
            self._alike.append(alike)
            self._balances.append(instrument.balance_micros)
            self._charged.append(instrument.charged_micros)
            self._tokens.append(named)
            self._instruments.append(its)
            return
        if slot < 0:  # one that is chosen by chance makes room
            slot = self.dice.randrange(self.size)
        self._kept[slot] = kept
        self._alike[slot] = alike
        self._balances[slot] = instrument.balance_micros
        self._charged[slot] = instrument.charged_micros
        self._tokens.replace(slot, named)
        self._instruments.replace(slot, its)

    def _share(self, alike: Alike) -> Alike:
        if len(self._shared) >= MAX_SHARED:
            self._shared.clear()  # those who have one go on sharing it
        return self._shared.setdefault(alike, alike)

    def forget(self, token_ids: Iterable[TokenId]) -> None:
        """Read these again before the next payment."""
        for token_id in token_ids:
            slot = self._tokens.find(hash(token_id))
            if slot >= 0:
                self._forget(slot)

    def _forget(self, slot: int) -> None:
        """What is in the last slot takes the one that is free then."""
        kept, alike, balance, charged = (self._kept.pop(), self._alike.pop(), self._balances.pop(), self._charged.pop())
        if slot < len(self._kept):
            self._kept[slot], self._alike[slot] = kept, alike
            self._balances[slot], self._charged[slot] = balance, charged
        self._tokens.remove(slot)
        self._instruments.remove(slot)

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
        book.compared.clear()
        while len(book.keys) > MAX_KEYS_PER_BOOK:
            del book.keys[next(iter(book.keys))]

    def paid(
        self, known: Mapping[TokenId, Remembered], payments: Sequence[QueuedCommand[Pay]], decisions: Sequence[Decision]
    ) -> None:
        """Take over payments that were decided from here and committed. `known`: what each was decided by."""
        kept, balances, charged = self._kept, self._balances, self._charged
        for payment, decision in zip(payments, decisions, strict=True):
            was = known[payment.command.token_id]
            slot = was.slot
            for instrument in decision.instruments:
                if slot < len(kept) and kept[slot] is was.kept:
                    balances[slot], charged[slot] = instrument.balance_micros, instrument.charged_micros
                else:  # it was forgotten or read again meanwhile
                    self._take_over(instrument)

    def committed(self, decisions: Sequence[Decision]) -> None:
        """Take over what this process has committed: balances as they are now; what changed otherwise is forgotten."""
        for decision in decisions if self._kept else ():
            for instrument in decision.instruments:
                self._take_over(instrument)
            if decision.tokens:
                self.forget(token.token_id for token in decision.tokens)

    def _take_over(self, now: Instrument) -> None:
        slot = self._instruments.find(hash(now.instrument_id))
        if slot < 0:
            return
        known = self._at(slot)
        if known.instrument.instrument_id != now.instrument_id:
            return
        if not _is_still(known.instrument, now):
            self._forget(slot)
            return
        if known.instrument.pending_micros != now.pending_micros:  # of a tab that is being settled
            own = known.instrument_version or 0  # a tab's is not kept
            versions = RowVersions(known.terms_version, known.token_version, own, known.party_version)
            self._kept[slot] = pack(known.token, now, versions)
        self._balances[slot], self._charged[slot] = now.balance_micros, now.charged_micros


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
