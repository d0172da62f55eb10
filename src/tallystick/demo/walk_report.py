"""What a walk tells: each figure beside what it must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tallystick.domain.money import MICROS_PER_UNIT, display_amount

CENT: Final = MICROS_PER_UNIT // 100

Figure = tuple[str, int, int]
"""Its name, what it is and what it must be, in micro-units."""


@dataclass(slots=True)
class WalkReport:
    """`tell` gets each line as it happens; `wrong` collects the lines whose figures are off."""

    tell: Callable[[str], None]
    wrong: list[str] = field(default_factory=list)

    def check(self, what: str, figures: list[Figure]) -> None:
        """Report the figures."""
        told = []
        for name, found, due in figures:
            shown = _shown(name, found)
            told.append(shown if found == due else f"{shown} (must be {_shown(name, due)})")
        self.say(f"{what}: {', '.join(told)}", right=all(found == due for _, found, due in figures))

    def say(self, line: str, *, right: bool) -> None:
        """Report whether something is as it must be."""
        self.tell(f"  {'ok ' if right else 'BAD'} {line}")
        if not right:
            self.wrong.append(line)


def _shown(name: str, micros: int) -> str:
    if name == "seller's cash":
        return f"{name} {'+' if micros >= 0 else ''}{display_amount(micros)}"
    if name == "payments":
        return f"{micros // MICROS_PER_UNIT} {name}"
    return f"{name} {display_amount(micros)}"
