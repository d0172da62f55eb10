"""What a command makes up for an account when nobody gave it: a name, and a password that need not be written down."""

from __future__ import annotations

import base64
from typing import Final

from tallystick.settings import Settings, load_master_key
from tallystick.store.keys.vault import Vault

_CONTEXT: Final = "password of an account made by a program"


def name_of(email: str) -> str:
    """A name to show, made of the part before the @: ``Robin Sample`` of ``robin.sample@music.example``."""
    return " ".join(email.partition("@")[0].replace(".", " ").replace("_", " ").title().split())


def password_of(settings: Settings, email: str) -> str:
    """The password of whoever is given none: the same in every command, and a secret like the master key it is made of.

    So a program can open an account, and be that buyer on the hosted pages later, without keeping anything. Raises
    SettingsError.
    """
    digest = Vault(load_master_key(settings)).digest(email.strip().casefold(), _CONTEXT)
    return base64.b32encode(digest).decode("ascii").rstrip("=").lower()
