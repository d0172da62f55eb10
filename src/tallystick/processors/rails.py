"""The rails that are on: where new cards and bank accounts of an environment are set up, and which one an order is for.

Several may be on at once: what was set up at a rail stays there, whichever one is chosen for new ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tallystick.domain.commands import Method
from tallystick.processors.rail import Rail

Choices: TypeAlias = Mapping[tuple[str, Method], str]
"""Names of rails, by environment and method."""


class RailMissingError(LookupError):
    """The rail is not on; the message names it and says for what it is needed."""


@dataclass(frozen=True, slots=True)
class Rails:
    """All rails of a process. `choices`: where new means of payment are set up; none for a method that is not on."""

    rails: tuple[Rail, ...] = ()
    choices: Choices = field(default_factory=dict)

    def __iter__(self) -> Iterator[Rail]:
        return iter(self.rails)

    def named(self, name: str) -> list[Rail]:
        """All of this name: one for each environment, or one for both."""
        return [rail for rail in self.rails if rail.name == name]

    def find(self, environment: str, name: str) -> Rail:
        """The rail of an order, or of a set-up. Raises RailMissingError."""
        for rail in self.rails:
            if rail.name == name and environment in rail.environments:
                return rail
        raise RailMissingError(f"the rail {name} is not on for {environment} books")

    def chosen(self, environment: str, method: Method) -> Rail | None:
        """Where a new means of payment is set up. None: nowhere, so that there can be none. Raises RailMissingError."""
        name = self.choices.get((environment, method))
        return None if name is None else self.find(environment, name)
