"""HTTP message signatures with a shared secret: RFC 9421, and RFC 9530 for the digest of the body. Pure functions.

Of the standard's freedom we use what a call needs: one signature by ``hmac-sha256`` over method, authority, path and
the digest of the body.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

ALGORITHM: Final = "hmac-sha256"
COVERED: Final = ("@method", "@authority", "@path", "content-digest")

_LABEL: Final = r"[a-z*][a-z0-9_.*-]*"
_PARAMETER: Final = re.compile(r';([a-z]+)=(?:"([^"\\]*)"|(\d{1,12}))', re.ASCII)
_INPUT: Final = re.compile(
    rf'({_LABEL})=(\(("[@a-z-]+"(?: "[@a-z-]+")*)\)(?:;[a-z]+=(?:"[^"\\]*"|\d{{1,12}}))*)', re.ASCII
)
_SIGNATURE: Final = re.compile(rf"({_LABEL})=:([A-Za-z0-9+/=]+):", re.ASCII)


class MalformedSignatureError(ValueError):
    """The headers of a signature cannot be read, or it is not of the kind that is asked for."""


class MessageSignature(Struct, frozen=True):
    """What the headers ``Signature-Input`` and ``Signature`` say. `parameters` is the first one's text, as signed.

    `expires_at`: from when on it is invalid; None: the signer set no end.
    """

    covered: tuple[str, ...]
    parameters: str
    key_id: str
    created_at: datetime
    mac: bytes
    expires_at: datetime | None = None


def content_digest(body: bytes) -> str:
    """The value of the header ``Content-Digest``."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode('ascii')}:"


def has_digest_of(body: bytes, header: str) -> bool:
    """Whether a ``Content-Digest`` has the SHA-256 of `body`, beside digests of other algorithms. RFC 9530, 2."""
    return content_digest(body) in [digest.strip() for digest in header.split(",")]


def sign(values: Mapping[str, str], key_id: str, secret: str, created_at: datetime) -> tuple[str, str]:
    """The headers ``Signature-Input`` and ``Signature`` over `values` of the components in COVERED."""
    covered = " ".join(f'"{name}"' for name in COVERED)
    created = int(created_at.timestamp())
    parameters = f'({covered});created={created};keyid="{key_id}";alg="{ALGORITHM}"'
    mac = _mac(_base(values, COVERED, parameters), secret.encode())
    return f"sig={parameters}", f"sig=:{base64.b64encode(mac).decode('ascii')}:"


def read_signature(signature_input: str, signature: str) -> MessageSignature:
    """Read the two headers. Raises MalformedSignatureError."""
    head, tail = _INPUT.fullmatch(signature_input.strip()), _SIGNATURE.fullmatch(signature.strip())
    if head is None or tail is None or head[1] != tail[1]:
        raise MalformedSignatureError("Signature-Input and Signature must have one signature, under the same label.")
    covered = tuple(name.strip('"') for name in head[3].split(" "))
    if sorted(covered) != sorted(COVERED):
        raise MalformedSignatureError(f"The signature must cover {', '.join(COVERED)}, and nothing else.")
    parameters = {name: text or number for name, text, number in _PARAMETER.findall(head[2])}
    if parameters.get("alg", ALGORITHM) != ALGORITHM:
        raise MalformedSignatureError(f"The algorithm must be {ALGORITHM}.")
    if not parameters.get("keyid") or not parameters.get("created", "").isdecimal():
        raise MalformedSignatureError("The signature must name its keyid and when it was created.")
    if not parameters.get("expires", "0").isdecimal():
        raise MalformedSignatureError("When the signature expires must be a number of seconds.")
    try:
        mac = base64.b64decode(tail[2], validate=True)
        created_at = _moment(parameters["created"])
        expires_at = _moment(parameters["expires"]) if "expires" in parameters else None
    except (binascii.Error, ValueError, OverflowError) as error:
        raise MalformedSignatureError("The signature cannot be read.") from error
    return MessageSignature(covered, head[2], parameters["keyid"], created_at, mac, expires_at)


def verifies(signature: MessageSignature, values: Mapping[str, str], secret: str) -> bool:
    """Whether the owner of `secret` signed these values of the covered components; in constant time."""
    return hmac.compare_digest(signature.mac, _mac(string_to_sign(signature, values), secret.encode()))


def string_to_sign(signature: MessageSignature, values: Mapping[str, str]) -> str:
    """What such a signature is made over: RFC 9421 calls it the signature base."""
    return _base(values, signature.covered, signature.parameters)


def _base(values: Mapping[str, str], covered: tuple[str, ...], parameters: str) -> str:
    lines = [f'"{name}": {values[name]}' for name in covered]
    return "\n".join([*lines, f'"@signature-params": {parameters}'])


def _moment(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _mac(text: str, secret: bytes) -> bytes:
    return hmac.digest(secret, text.encode(), hashlib.sha256)
