"""A delivery address: what a seller sends with a request, or what a buyer types; and its names in the protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

WIRE_NAMES: Final[Mapping[str, str]] = {
    "addressName": "name",
    "addressLine1": "line1",
    "addressLine2": "line2",
    "city": "city",
    "state": "state",
    "zip": "postal_code",
    "country": "country",
    "phoneNumber": "phone",
}
"""The parameter of a request and of an answer that carries each part; forms call their fields so, too."""

_PLACES: Final = frozenset({"line2", "city", "state", "postal_code", "country"})


@dataclass(frozen=True, slots=True)
class DeliveryAddress:
    """Where something is sent. A part that was not given is empty."""

    name: str = ""
    line1: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""
    phone: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """The parts that were given, in the order in which they are shown."""
        return tuple(value for value in wire_address(self).values() if value)

    @property
    def lacks_street(self) -> bool:
        """Whether a place is named and no street in it."""
        return not self.line1 and any(getattr(self, part) for part in _PLACES)


def read_address(given: Mapping[str, str]) -> DeliveryAddress:
    """The address in parameters or in a form; other names are passed over."""
    return DeliveryAddress(**{part: given[name] for name, part in WIRE_NAMES.items() if name in given})


def wire_address(address: DeliveryAddress) -> dict[str, str]:
    """All parts under their names in the protocol, also the empty ones."""
    return {name: getattr(address, part) for name, part in WIRE_NAMES.items()}
