"""What every action works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from tallystick.actions.meter import Meter
from tallystick.actions.siblings import Siblings
from tallystick.ledger.access_keys import KeyRing
from tallystick.ledger.balances import Balances
from tallystick.ledger.kept_requests import KeptRequests
from tallystick.ledger.key_uses import KeyUses

if TYPE_CHECKING:
    from tallystick.ledger.committer import Committer
    from tallystick.ledger.connections import Pool
    from tallystick.ledger.vault import Vault
    from tallystick.settings import Settings


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
