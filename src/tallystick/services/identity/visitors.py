"""What is known of somebody before they sign in: the client's address, and known devices.

A device is known for an address once somebody has signed in with it there: the browser keeps a mark that we sealed. It
opens nothing; it only keeps its owner from being held up by what others do with the same address, or from the same
network.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.store.accounts.parties import normal_email

if TYPE_CHECKING:
    from tallystick.services.context import Service

LIFE: Final = timedelta(days=400)
"""How long a device stays known; browsers keep no cookie for longer."""

_MARK: Final = re.compile(r"(?P<nonce>[A-Za-z0-9_-]{16})\.(?P<made>[0-9]{1,12})\.(?P<seal>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where an attempt comes from. `client`: an address; `devices`: marks of known devices that the browser sent."""

    client: str | None = None
    devices: tuple[str, ...] = ()


UNKNOWN: Final = Visitor()


def mark_device(service: Service, email: str) -> str:
    """The mark of a device on which somebody has just signed in with this address."""
    nonce, made = secrets.token_urlsafe(12), int(service.clock().timestamp())
    return f"{nonce}.{made}.{_seal(service, nonce, made, email)}"


def known_device(service: Service, email: str, visitor: Visitor) -> str | None:
    """What names the visitor's device, if it is known for this address."""
    return next((mark.partition(".")[0] for mark in visitor.devices if is_of(service, email, mark)), None)


def is_of(service: Service, email: str, mark: str) -> bool:
    """Whether the mark is one of ours for this address, and not too old."""
    read = _MARK.fullmatch(mark)
    if read is None:
        return False
    made = int(read["made"])
    if not hmac.compare_digest(read["seal"], _seal(service, read["nonce"], made, email)):
        return False
    return service.clock().timestamp() - made < LIFE.total_seconds()


def _seal(service: Service, nonce: str, made: int, email: str) -> str:
    return service.vault.digest(f"{nonce}.{made}.{normal_email(email)}", "known device").hex()
