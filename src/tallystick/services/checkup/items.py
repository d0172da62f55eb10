"""What `tallystick doctor` looks at: items by name, what came of each, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique


@unique
class ItemStanding(Enum):
    """What came of an item."""

    GOOD = "good"
    MISSING = "missing"
    FOR_PEOPLE = "for people"


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One item. `name`: as a list in the documentation has it; `text`: what is so, or what is to be done."""

    name: str
    standing: ItemStanding
    text: str


def checked(name: str, problem: str | None, good: str) -> CheckItem:
    """An item that is as it should be where there is no problem."""
    return CheckItem(name, ItemStanding.GOOD if problem is None else ItemStanding.MISSING, problem or good)


def for_people(name: str, text: str) -> CheckItem:
    """One that only people can judge."""
    return CheckItem(name, ItemStanding.FOR_PEOPLE, text)
