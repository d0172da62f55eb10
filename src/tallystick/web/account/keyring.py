"""Passkeys as pages list them."""

from dataclasses import dataclass
from datetime import datetime

from tallystick.services.identity import passkeys
from tallystick.services.identity.passkeys import Passkey


@dataclass(frozen=True, slots=True)
class Keyring:
    """A passkey in the list: `id` names it in forms."""

    id: str
    name: str
    synced: bool
    added: datetime
    used: datetime | None

    @classmethod
    def of(cls, one: Passkey) -> "Keyring":
        """What is shown of a passkey."""
        return cls(passkeys.name_in_forms(one), one.name, one.synced, one.created_at, one.last_used_at)
