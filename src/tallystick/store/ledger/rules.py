"""What all books share, wherever they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tallystick.domain.fees import FeeSchedules
from tallystick.domain.standing import NO_DEMANDS, Demands


@dataclass(frozen=True, slots=True)
class Rules:
    """What all books share: fee schedules, whether sandbox books simulate faults, what accounts are asked for.

    `fees` are those of all sellers but the ones for whom an operator chose a schedule of `own_fees`, by its name.
    `reuse_references`: after seven days, what was paid with one may be paid with again.
    """

    fees: FeeSchedules
    simulate_faults: bool
    demands: Demands = NO_DEMANDS
    own_fees: Mapping[str, FeeSchedules] = field(default_factory=dict)
    reuse_references: bool = False

    def fees_of(self, name: str | None) -> FeeSchedules:
        """The schedules of that name; None: the standard ones. Raises KeyError: there are none, and none is guessed."""
        return self.fees if name is None else self.own_fees[name]
