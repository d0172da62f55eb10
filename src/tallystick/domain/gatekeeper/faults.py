"""What is wrong with a text, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tallystick.domain.refusals import Refusal, Refused


class Place(NamedTuple):
    """A position in a text: lines and columns count from 1, columns in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class InstructionFault:
    """One fault. `refusal` is the protocol's code for it, mostly BadRule; `message` is for the text's author."""

    refusal: Refusal
    place: Place
    message: str

    def refused(self) -> Refused:
        """The fault as an answer, with its position in the text."""
        return Refused(self.refusal, str(self))

    def __str__(self) -> str:
        return f"Line {self.place.line}, column {self.place.column}: {self.message}"


class FaultError(Exception):
    """Carries a fault out of the reading of one statement; never leaves this package."""

    def __init__(self, fault: InstructionFault) -> None:
        super().__init__(fault)
        self.fault = fault


def bad_rule(place: Place, message: str) -> FaultError:
    """A fault of the text itself."""
    return FaultError(InstructionFault(Refusal.BadRule, place, message))
