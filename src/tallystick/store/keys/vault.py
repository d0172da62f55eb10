"""Secrets at rest: AES-256-GCM under the master key, each bound to the place where it belongs."""

from __future__ import annotations

import hmac
import os
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORM: Final = b"\x01"  # so that another cipher or another master key can follow some day
_NONCE_BYTES: Final = 12


class SealBrokenError(Exception):
    """A sealed secret cannot be opened: another master key, another place, or damage."""


class Vault:
    """Seals and opens secrets with one master key of 32 bytes. `context` says where the secret belongs."""

    def __init__(self, master_key: bytes) -> None:
        if len(master_key) != 32:  # noqa: PLR2004 - AES-256
            raise ValueError("the master key has 32 bytes")
        self._cipher = AESGCM(master_key)
        self._digest_key = hmac.digest(master_key, b"tallystick: digests", sha256)

    def __repr__(self) -> str:
        return "Vault(…)"

    def seal(self, plaintext: bytes, context: str) -> bytes:
        """Encrypt `plaintext`; it opens only with the same `context`, so rows cannot be swapped in the database."""
        nonce = os.urandom(_NONCE_BYTES)
        return _FORM + nonce + self._cipher.encrypt(nonce, plaintext, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Decrypt what `seal` made. Raises SealBrokenError."""
        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] != _FORM or not ciphertext:
            raise SealBrokenError(f"not a sealed secret of {context!r}")
        try:
            return self._cipher.decrypt(nonce, ciphertext, context.encode())
        except InvalidTag:
            raise SealBrokenError(f"the master key does not open the secret of {context!r}") from None

    def digest(self, text: str, context: str) -> bytes:
        """A keyed digest, to store in place of `text`: without the master key nobody can find `text` by trying."""
        return hmac.digest(self._digest_key, f"{context}\0{text}".encode(), sha256)
