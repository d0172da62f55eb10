"""What access keys look like: their ids, their secrets, and the secrets that are sent as they are (bearers)."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from typing import Final

from tallystick.domain.environments import LIVE, SANDBOX
from tallystick.domain.ids import ALPHABET, PartyId

_KEY_ID_PREFIX: Final = "AK"
_KEY_ID_LENGTH: Final = 20
_SECRET_LENGTH: Final = 40  # of 62 letters and digits: 238 bits; no character that a URL or a shell would change
_SECRET_ALPHABET: Final = string.ascii_letters + string.digits
_BEARER_PREFIXES: Final = {SANDBOX: "tsk_test_", LIVE: "tsk_live_"}
_BEARER: Final = re.compile(
    rf"tsk_(?:test|live)_([0-9A-Z]{{{_KEY_ID_LENGTH}}})_[0-9A-Za-z]{{{_SECRET_LENGTH}}}", re.ASCII
)


def new_id(party_id: PartyId, environment: str, form: str) -> str:
    """The id of the key that a form makes: the same one, however often the form is sent."""
    digested = hashlib.sha256(f"{party_id}\n{environment}\n{form}".encode()).digest()
    return _KEY_ID_PREFIX + "".join(ALPHABET[byte % len(ALPHABET)] for byte in digested[: _KEY_ID_LENGTH - 2])


def new_secret() -> str:
    """A random one, of 238 bits."""
    return "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(_SECRET_LENGTH))


def new_bearer(environment: str, access_key_id: str) -> str:
    """A bearer secret, which names environment and key, so that a call is looked up as signed ones are."""
    return f"{_BEARER_PREFIXES[environment]}{access_key_id}_{new_secret()}"


def key_named_by(bearer: str) -> str | None:
    """The id of the key that a bearer secret names; None where the text has not the form of one."""
    match = _BEARER.fullmatch(bearer)
    return None if match is None else match[1]


def digest(bearer: str) -> bytes:
    """Of 238 random bits, so that one quick pass is enough."""
    return hashlib.sha256(bearer.encode("ascii")).digest()
