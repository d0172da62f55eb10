"""Hash chains of records: how a record is encoded, and what its digest is over. SHA-256 throughout.

The digest of a record is over its content, in which are the digest of the record before it and, of each part that may
be erased one day, a salted digest. Whoever erases such a part erases its salt, too: the chain stays whole, and the
digest that is left can belong to any text.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

OPERATOR: Final = "operator"
"""The chain of what was done for no seller in particular."""

FIRST: Final = b""
"""What the first record of a chain follows: no digest."""

_SALT_BYTES: Final = 16


def chain_of_seller(business_id: int | None) -> str:
    """The chain of a seller's part of the audit log; the operator's for None."""
    return OPERATOR if business_id is None else f"seller-{business_id}"


def chain_of_book(book_id: int) -> str:
    """The chain of what was agreed to in a book."""
    return f"book-{book_id}"


def encode(value: object) -> bytes:
    """The one way to write a JSON value: keys sorted, no space, UTF-8 without escapes that are not needed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def moment_text(moment: datetime) -> str:
    """A moment as the encoding has it: ISO 8601, UTC, microseconds where there are any."""
    return moment.astimezone(UTC).isoformat()


@dataclass(frozen=True, slots=True)
class ErasablePart:
    """A part of a record that may be erased: its JSON value, and the same value as it is after that.

    `erased`: whether the value is the one that erasing leaves; `owner`: the account whose closing erases it, as far as
    that is known. Salt and digest are None before the record is chained; the salt alone after the part was erased.
    """

    name: str
    value: object
    erased: bool
    owner: int | None
    salt: bytes | None = None
    digest: bytes | None = None

    def sealed(self) -> ErasablePart:
        """The same part with a fresh salt and its digest."""
        salt = secrets.token_bytes(_SALT_BYTES)
        return ErasablePart(self.name, self.value, self.erased, self.owner, salt, part_digest(salt, self.value))

    @property
    def matches(self) -> bool:
        """Whether the value is the one that was sealed."""
        return self.salt is not None and part_digest(self.salt, self.value) == self.digest


def part_digest(salt: bytes, value: object) -> bytes:
    """The salted digest of a part that may be erased."""
    return sha256(salt + encode(value)).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRecord:
    """A record in its chain. `facts`: JSON values of all that is never erased.

    `name`: what to call it, such as ``entry 7``; `at`: when it was written, by what it says itself.
    """

    chain: str
    name: str
    at: datetime
    sequence: int
    chained_at: datetime
    previous: bytes
    facts: Mapping[str, Any]
    parts: tuple[ErasablePart, ...]
    digest: bytes = FIRST

    @property
    def content(self) -> dict[str, Any]:
        """What the digest is over, as a JSON value. Digests are in hexadecimal digits."""
        return {
            **self.facts,
            "chain": self.chain,
            "sequence": self.sequence,
            "chained_at": moment_text(self.chained_at),
            "previous": self.previous.hex(),
            **{f"{part.name}_digest": (part.digest or b"").hex() for part in self.parts},
        }

    def content_digest(self) -> bytes:
        """What `digest` has to be."""
        return sha256(encode(self.content)).digest()
