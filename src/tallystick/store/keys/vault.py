"""Secrets at rest: AES-256-GCM under a master key, each bound to the place where it belongs.

One key seals; any that is known opens. Which of them seals is written in the database, so that all processes agree and
a key can be exchanged while they run (docs/decisions/101-master-keys-are-exchanged-in-place.md).

As long as a database has had one key only, its values have no key's name in them: they are of the first form, which
releases before this one read, too. From the first exchange on each carries the name of its key.
"""

from __future__ import annotations

import hmac
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
KEY_NAME_BYTES: Final = 8

_UNNAMED: Final = b"\x01"
_NAMED: Final = b"\x02"
_NONCE_BYTES: Final = 12


class SealBrokenError(Exception):
    """A sealed secret cannot be opened: another master key, another place, or damage."""


class VaultOutdatedError(TimeoutError):
    """For a while the database could not be asked which key seals: nothing is sealed with one that may be gone."""


def key_name(master_key: bytes) -> bytes:
    """By what a key is known, in sealed values and to people: a digest that tells nothing about it."""
    return hmac.digest(master_key, b"tallystick: name of a master key", sha256)[:KEY_NAME_BYTES]


def named_head(name: bytes) -> bytes:
    """With what every value begins that the key of this name has sealed, but for those of the first form."""
    return _NAMED + name


@dataclass(frozen=True, slots=True)
class DigestKeys:
    """What digests and form tokens are made with. They outlive the master key that they were once made of."""

    digests: bytes = field(repr=False)
    forms: bytes = field(repr=False)

    @classmethod
    def of(cls, master_key: bytes) -> DigestKeys:
        """Those of a database whose master key was never exchanged."""
        return cls(
            hmac.digest(master_key, b"tallystick: digests", sha256),
            hmac.digest(master_key, b"tallystick: forms", sha256),
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> DigestKeys:
        """As `to_bytes` wrote them."""
        return cls(content[:KEY_BYTES], content[KEY_BYTES:])

    def to_bytes(self) -> bytes:
        """To be sealed."""
        return self.digests + self.forms


@dataclass(frozen=True, slots=True)
class _Keys:
    """What a vault works with at a moment; replaced as a whole."""

    known: dict[bytes, AESGCM]
    sealing: bytes
    first: bytes
    named: bool
    of_digests: DigestKeys


class Vault:
    """Seals and opens secrets. `context` says where a secret belongs.

    `master_key` seals until `use` says otherwise, `others` are known.
    """

    def __init__(self, master_key: bytes, *others: bytes, tick: Callable[[], float] = time.monotonic) -> None:
        names = {key_name(key): AESGCM(_checked(key)) for key in (master_key, *others)}
        name = key_name(master_key)
        self._keys = _Keys(names, name, name, named=False, of_digests=DigestKeys.of(master_key))
        self._tick = tick
        self._outdated_at: float | None = None

    def __repr__(self) -> str:
        return "Vault(…)"

    @property
    def known(self) -> frozenset[bytes]:
        """The names of the keys that this vault has."""
        return frozenset(self._keys.known)

    @property
    def sealing(self) -> bytes:
        """The name of the key that seals."""
        return self._keys.sealing

    @property
    def of_digests(self) -> DigestKeys:
        """What digests and form tokens are made with."""
        return self._keys.of_digests

    def learn(self, *keys: bytes) -> None:
        """Know these keys, too."""
        now = self._keys
        known = now.known | {key_name(key): AESGCM(_checked(key)) for key in keys}
        self._keys = replace(now, known=known)

    def use(self, sealing: bytes, first: bytes, of_digests: DigestKeys | None = None) -> None:
        """Seal with the key of this name from now on. `first`: the one whose values carry no name.

        Raises SealBrokenError: it is not known here.
        """
        now = self._keys
        if sealing not in now.known:
            raise SealBrokenError(f"the master key {sealing.hex()} is not known here")
        digests = of_digests or now.of_digests
        self._keys = replace(now, sealing=sealing, first=first, named=True, of_digests=digests)

    def confirm(self, seconds: float) -> None:
        """The database has just said which key seals; that is believed for so long. Without a call it always is."""
        self._outdated_at = self._tick() + seconds

    def doubt(self) -> None:
        """The database names a key that is not known here: nothing is sealed until it confirms one that is."""
        self._outdated_at = -math.inf

    def seal(self, plaintext: bytes, context: str) -> bytes:
        """Encrypt `plaintext`; it opens only with the same `context`, so rows cannot be swapped in the database.

        Raises VaultOutdatedError.
        """
        if self._outdated_at is not None and self._tick() > self._outdated_at:
            raise VaultOutdatedError("which master key seals has not been confirmed for a while")
        keys, nonce = self._keys, os.urandom(_NONCE_BYTES)
        head = named_head(keys.sealing) if keys.named else _UNNAMED
        return head + nonce + keys.known[keys.sealing].encrypt(nonce, plaintext, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Decrypt what `seal` made. Raises SealBrokenError."""
        keys, head = self._keys, sealed[:1]
        name = sealed[1 : 1 + KEY_NAME_BYTES] if head == _NAMED else keys.first
        rest = sealed[1 + KEY_NAME_BYTES :] if head == _NAMED else sealed[1:]
        nonce, ciphertext = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        if head not in {_UNNAMED, _NAMED} or not ciphertext:
            raise SealBrokenError(f"not a sealed secret of {context!r}")
        cipher = keys.known.get(name)
        if cipher is None:
            raise SealBrokenError(
                f"the secret of {context!r} is sealed with the master key {name.hex()}, not known here"
            )
        try:
            return cipher.decrypt(nonce, ciphertext, context.encode())
        except InvalidTag:
            raise SealBrokenError(f"the master key does not open the secret of {context!r}") from None

    def digest(self, text: str, context: str) -> bytes:
        """A keyed digest, to store in place of `text`: without its key nobody can find `text` by trying."""
        return hmac.digest(self._keys.of_digests.digests, f"{context}\0{text}".encode(), sha256)


def _checked(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError("a master key has 32 bytes")
    return key
