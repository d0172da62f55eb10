"""What every action works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from tallystick.services.operations.meter import Meter
from tallystick.services.operations.peer_processes import Siblings
from tallystick.store.keys.access_keys import KeyRing
from tallystick.store.keys.key_uses import KeyUses
from tallystick.store.queries.balances import Balances
from tallystick.store.records.kept_requests import KeptRequests

if TYPE_CHECKING:
    from tallystick.db.connections import Pool
    from tallystick.settings import Settings
    from tallystick.store.keys.vault import Vault
    from tallystick.store.ledger.committer import Committer


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of a running service; wiring.py puts them together. `clock` gives the present moment in UTC.

    What every call asks for is read in groups, through the committer's own connections.
    """

    settings: Settings
    pool: Pool
    committer: Committer
    vault: Vault
    clock: Callable[[], datetime]
    keys: KeyRing = field(init=False)
    balances: Balances = field(init=False)
    meter: Meter = field(default_factory=Meter)
    siblings: Siblings = field(default_factory=Siblings)
    key_uses: KeyUses = field(default_factory=KeyUses)
    requests: KeptRequests = field(default_factory=KeptRequests)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", KeyRing(self.committer.pool, self.vault))
        object.__setattr__(self, "balances", Balances(self.committer.pool))
