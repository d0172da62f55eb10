"""What every action works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tallystick.ledger.committer import Committer
    from tallystick.ledger.connections import Pool
    from tallystick.ledger.vault import Vault
    from tallystick.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of a running service; wiring.py puts them together. `clock` gives the present moment in UTC."""

    settings: Settings
    pool: Pool
    committer: Committer
    vault: Vault
    clock: Callable[[], datetime]
