"""What one history is: who asks for what, and which faults there are. All of it follows from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Final

CALM: Final = 0.2
"""How many of the histories have no faults but rivals."""
BUSY: Final = 0.1
"""How many are busy."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`commands` by each of the `callers`, who ask in turn. Faults: how likely, or how many in the history.

    `days`: whether it ends with a look from eight days later, when answers are forgotten.
    """

    seed: int
    processes: int
    callers: int
    commands: int
    seconds: float
    """About how long callers wait between two commands."""
    cuts: float = 0.0
    silence: float = 0.0
    lost: float = 0.0
    trouble: float = 0.0
    kills: int = 0
    restarts: int = 0
    jumps: int = 0
    days: bool = False
    remembers: int = 4
    """How many balances and tabs a process remembers."""
    busy: bool = False
    """Whether callers do little but pay from balances and tabs, which are remembered: two sellers share commits."""
    refunding: bool = False
    """Whether busy callers have one seller's payments refunded instead: refunds are written with payments."""


def plan_of(seed: int) -> Plan:
    """The history with this seed."""
    dice = random.Random(f"plan {seed}")  # noqa: S311 - chance that can be repeated is the point
    calm = dice.random() < CALM
    plan = Plan(
        seed,
        processes=dice.choice((1, 2, 2, 3)),
        callers=dice.choice((2, 4, 8)),
        commands=dice.choice((2, 4, 8)),
        seconds=dice.choice((0.001, 0.01, 0.1)),
        cuts=0.0 if calm else dice.choice((0.0, 0.005, 0.03)),
        lost=0.0 if calm else dice.choice((0.0, 0.0, 0.1)),
        silence=0.0 if calm else dice.choice((0.0, 0.0, 0.003)),
        trouble=0.0 if calm else dice.choice((0.0, 0.1, 0.3)),
        kills=0 if calm else dice.choice((0, 0, 1, 2)),
        restarts=0 if calm else dice.choice((0, 0, 1)),
        jumps=0 if calm else dice.choice((0, 0, 1, 2)),
        days=dice.random() < 0.15,
        remembers=dice.choice((0, 1, 4, 4)),
    )
    if dice.random() < BUSY:
        refunding = dice.random() < 0.5
        return replace(plan, busy=True, refunding=refunding, callers=10, commands=10, seconds=0.0005, remembers=4)
    return plan
