"""How often a client may try something, whichever account it is about. The pause after wrong passwords: sign_in.py."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.store.accounts import attempts

if TYPE_CHECKING:
    from tallystick.services.context import Service


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many attempts in a window, which opens with the first of them."""

    name: str
    maximum: int
    window: timedelta


FAILED_SIGN_INS: Final = Limit("failed sign-ins", 30, timedelta(minutes=15))
SIGN_UPS: Final = Limit("sign-ups", 20, timedelta(hours=1))
FORGOTTEN: Final = Limit("forgotten passwords", 10, timedelta(hours=1))
"""Of one client. Many people may share an address, so these are wide; the pause at one account is narrow."""

LETTERS: Final = Limit("letters", 5, timedelta(hours=1))
"""To one e-mail address that nobody has proved to be theirs: nobody's mailbox is flooded in our name."""

RESET_LETTERS: Final = Limit("letters for a new password", 5, timedelta(hours=1))
"""The same, counted apart: who makes us send other letters keeps nobody from a new password."""

CODE_REQUESTS: Final = Limit("codes by mail", 20, timedelta(hours=1))
"""Of one client, for whichever addresses."""

CODE_LETTERS: Final = Limit("letters with a code to sign in", 5, timedelta(hours=1))
"""To one e-mail address, counted apart as those for a new password are."""

INVITATIONS: Final = Limit("invitations", 30, timedelta(hours=1))
"""Of one seller, to whichever addresses."""

WRONG_CODES: Final = Limit("wrong codes", 10, timedelta(hours=1))
"""For one e-mail address, whichever letters they are about: asking for another letter gives no more guesses."""

SECOND_FACTORS: Final = Limit("codes of a second factor", 10, timedelta(hours=1))
"""For one account, whose password whoever types them knows already; a known device has a count of its own."""

SECOND_FACTORS_OF_KNOWN: Final = Limit("codes of a second factor on known devices", 20, timedelta(hours=1))
"""For one account, on all its known devices together: whoever has a password, or a mailbox, can make many of them."""

_HOME_BITS: Final = 64  # of an IPv6 address: whoever has one has all that share these


async def allowed(service: Service, limit: Limit, subject: str | None) -> bool:
    """Count an attempt; False once there are too many. An unknown subject is never held up."""
    if subject is None:
        return True
    counted = await attempts.count(service.pool, _digest(service, limit, subject), limit.window, service.clock())
    return counted <= limit.maximum


async def take_back(service: Service, limit: Limit, subject: str | None) -> None:
    """An attempt that was counted succeeded."""
    if subject is not None:
        await attempts.take_back(service.pool, _digest(service, limit, subject))


def _digest(service: Service, limit: Limit, subject: str) -> bytes:
    return service.vault.digest(home_of(subject), f"attempts: {limit.name}")


def home_of(subject: str) -> str:
    """An IPv6 address stands for its network; everything else for itself."""
    try:
        address = ipaddress.ip_address(subject)
    except ValueError:
        return subject.lower()
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, _HOME_BITS), strict=False))
