"""What every action works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from tallystick.db.clock_watch import WrongClockError
from tallystick.db.damage import DamageWatch
from tallystick.domain.refusals import wrong_clock
from tallystick.processors.rails import Rails
from tallystick.services.api.fair_shares import BURST_SECONDS, CallRates, FairShares, OwnBuckets
from tallystick.services.api.read_budget import ReadBudget
from tallystick.services.identity import password_hashing
from tallystick.services.identity.password_hashing import PasswordHashing
from tallystick.services.process.downloads import Downloads
from tallystick.services.process.ending import ProcessEnd
from tallystick.services.process.meter import Meter
from tallystick.services.process.peer_processes import PeerProcesses
from tallystick.services.process.request_log import RequestLog
from tallystick.services.process.shared_buckets import shared_buckets
from tallystick.store.keys.access_keys import KeyRing
from tallystick.store.keys.key_uses import KeyUses
from tallystick.store.queries.frequent_reads import Balances, Statuses
from tallystick.store.records.kept_requests import KeptRequests

if TYPE_CHECKING:
    from tallystick.db.clock_watch import ClockWatch
    from tallystick.db.connections import Pool
    from tallystick.settings import Settings
    from tallystick.store.keys.vault import Vault
    from tallystick.store.ledger.committer import Committer
    from tallystick.tracing.spans import Tracing


@dataclass(frozen=True, slots=True, repr=False)
class Service:
    """The parts of a running service; wiring.py puts them together. `clock` gives the present moment in UTC.

    It has no text of its own (`repr`): all that the process remembers would be in it, half a megabyte at the least, and
    asyncio makes the text of what a task returns.

    `clock_watch`: None where the clock is one that is set by hand. What every call asks for is read in groups, through
    the committer's own connections.
    """

    settings: Settings
    pool: Pool
    committer: Committer
    vault: Vault
    clock: Callable[[], datetime]
    keys: KeyRing = field(init=False)
    balances: Balances = field(init=False)
    statuses: Statuses = field(init=False)
    meter: Meter = field(default_factory=Meter)
    rates: CallRates = field(init=False)
    peers: PeerProcesses = field(default_factory=PeerProcesses)
    key_uses: KeyUses = field(default_factory=KeyUses)
    calls: FairShares = field(default_factory=lambda: FairShares(alone=100_000, together=16, least=8))
    """Calls under way at a time. So few, where callers share, that none waits long for another's. Each has as many
    however many they are: those of all share commits, and small groups cost each of them more."""
    reads: ReadBudget = field(init=False)
    """Turns of calls and files that read much."""
    downloads: Downloads = field(init=False)
    requests: KeptRequests = field(default_factory=KeptRequests)
    clock_watch: ClockWatch | None = None
    damage: DamageWatch = field(default_factory=DamageWatch)
    passwords: PasswordHashing = field(default_factory=password_hashing.of_process)
    rails: Rails = field(default_factory=Rails)
    ending: ProcessEnd = field(default_factory=ProcessEnd)
    request_log: RequestLog = field(default_factory=RequestLog)
    tracing: Tracing | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", KeyRing(self.committer.pool, self.vault))
        per_second = self.settings.calls_per_second
        object.__setattr__(self, "rates", self.rates_of("keys", per_second))
        object.__setattr__(self, "reads", ReadBudget(self.calls))
        object.__setattr__(self, "downloads", Downloads(self.reads))
        object.__setattr__(self, "balances", Balances(self.committer.pool))
        object.__setattr__(self, "statuses", Statuses(self.committer.pool))

    def rates_of(self, kind: str, per_second: float, burst_seconds: float = BURST_SECONDS) -> CallRates:
        """How often callers of a kind may call; the processes of one `serve` count together."""
        directory = self.peers.directory
        buckets = OwnBuckets() if directory is None else shared_buckets(directory, kind)
        return CallRates(per_second, burst_seconds * per_second, buckets=buckets)

    def trusted_now(self) -> datetime:
        """The present moment, for what would last: leases, further tries, what is given up. Raises WrongClockError."""
        return self.clock() if self.clock_watch is None else self.clock_watch.now()

    def moment_of_ids(self) -> datetime:
        """The present moment, which ids carry for ever. Raises Refused: ServiceUnavailable, while it is in doubt."""
        try:
            return self.trusted_now()
        except WrongClockError:
            raise wrong_clock() from None
