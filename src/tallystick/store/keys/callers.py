"""Who calls: what every action knows about the account behind a request, however the request was signed."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import timedelta

from tallystick.domain.ids import BookId, PartyId


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The owner of the key or certificate with which a request was signed.

    `book_id` is the owner's book in that environment, None when there is none yet; `clock_offset` is how far that
    book's test clock is ahead. `parts` are all books of an owner whose account was split, that one first.
    """

    party_id: PartyId
    environment: str
    party_status: str
    book_id: BookId | None
    parts: tuple[BookId, ...]
    clock_offset: timedelta

    @property
    def flow(self) -> Hashable:
        """Whose calls these are where calls of one account take turns: each key has a flow, certificates share one."""
        return self.party_id
