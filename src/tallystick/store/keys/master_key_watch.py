"""Keeps a process's vault up to date: which master key seals is written in the database, and may change at any time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog

from tallystick.store.keys import master_keys
from tallystick.store.keys.vault import SealBrokenError

if TYPE_CHECKING:
    from tallystick.db.connections import Pool
    from tallystick.store.keys.vault import Vault

EVERY_SECONDS: Final = 3.0
BELIEVED_SECONDS: Final = 15.0
"""How long a process seals with a key that it could not ask about: as long as an exchange waits for others."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class MasterKeyWatch:
    """Looks every few seconds. `load` reads the keys from their source anew, and blocks."""

    pool: Pool
    vault: Vault
    load: Callable[[], tuple[bytes, ...]]
    _told: set[bytes] = field(default_factory=set)

    async def look(self) -> None:
        """Learn keys that the database names and we do not know; seal with the one that it says."""
        found = await master_keys.read(self.pool)
        newest = found.all[-1].key_name if found.all else None
        if newest is not None and newest not in self.vault.known:
            self.vault.learn(*await asyncio.to_thread(self.load))
            if newest not in self.vault.known and newest not in self._told:
                self._told.add(newest)
                _log.error("master_key_unknown", key=newest.hex(), problem="it is not in the source of this process")
        try:
            master_keys.take(self.vault, found)
        except SealBrokenError:
            self.vault.doubt()  # told above; what the other keys have sealed is opened, nothing is sealed any more
            return
        self.vault.confirm(BELIEVED_SECONDS)

    async def run(self) -> None:
        """Look for ever. A look that fails is made again: while the database is gone, nothing needs a key."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - the database may be gone for a while, or the command for the key
                _log.warning("master_key_look_failed", error=repr(error))
