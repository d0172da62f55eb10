"""What a run is to measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tallystick.bench.cases import CASES, Case, Whose
from tallystick.bench.load import pgbench
from tallystick.settings import Settings

CLIENTS: Final = (1, 16, 64, 256)
MAX_CHARGES: Final = 5_000
INSTRUMENTS_PER_BRANCH: Final = 5_000
"""For so many instruments pgbench has one branch, of a hundred thousand rows: both databases grow together."""
MANY_SELLERS: Final = 2_000
INSTRUMENTS_PER_SMALL_SELLER: Final = 50
"""Of a run with few instruments there are fewer small sellers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure. `instruments` in all: four of five are balances, spread over `sellers`; the rest tabs of one.

    `seconds`: how long each case is measured with each number of clients, cut into `rounds` slices. `database_url`: on
    a server that is given; None: an embedded one, in `directory`.
    """

    directory: Path
    database_url: str | None = None
    instruments: int = 100_000
    sellers: int = 8
    seconds: float = 10
    rounds: int = 5
    clients: tuple[int, ...] = CLIENTS
    workers: int = 1
    cases: tuple[Case, ...] = CASES

    @property
    def settings(self) -> Settings:
        """The settings of the service under measurement: the defaults, with few exceptions.

        Its data has a place of its own, all balances and tabs of the run can be remembered, and notifications may go to
        this machine.
        """
        return Settings(
            data_directory=self.directory,
            database_url=self.database_url,
            log_level="error",
            remembered_balances=self.instruments + self.small_balances,
            allow_private_notification_targets=True,
        )

    @property
    def balances(self) -> int:
        """How many balances the few large sellers have."""
        return self.instruments * 4 // 5

    @property
    def many_sellers(self) -> int:
        """How many small sellers there are, where a case asks for them."""
        needed = any(case.whose is not Whose.FEW for case in self.cases)
        return min(MANY_SELLERS, max(2, self.instruments // INSTRUMENTS_PER_SMALL_SELLER)) if needed else 0

    @property
    def small_balances(self) -> int:
        """How many balances the small sellers have: together with the others as many as there are instruments."""
        return self.instruments - self.balances if self.many_sellers else 0

    @property
    def charges(self) -> int:
        """How many charges there are to be read and refunded."""
        return min(MAX_CHARGES, self.instruments)

    @property
    def pgbench_scale(self) -> int:
        """The size of pgbench's database, in branches."""
        return min(pgbench.MAX_SCALE, max(1, self.instruments // INSTRUMENTS_PER_BRANCH))

    @property
    def slice_seconds(self) -> int:
        """The length of a slice, in whole seconds, as the load generators need."""
        return max(1, round(self.seconds / self.rounds))

    def names(self) -> Sequence[str]:
        """The ways to run the service that the cases ask for."""
        return sorted({case.server for case in self.cases})
