"""The one master key of all tests: they share a database, in which what one test seals must open for the next."""

from __future__ import annotations

import base64
from typing import Final

from tallystick.store.keys.vault import Vault

MASTER_KEY: Final = bytes(range(32))
MASTER_KEY_TEXT: Final = base64.b64encode(MASTER_KEY).decode("ascii")
"""As the environment gives it to a process."""

VAULT: Final = Vault(MASTER_KEY)
