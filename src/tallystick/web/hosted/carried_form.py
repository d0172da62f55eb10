"""What was typed into a step after the session had ended: carried through signing in, then shown again.

Only what may stand in a page is carried: never the number of a card or an account, nor a password.
"""

from collections.abc import Mapping
from typing import Final

from tallystick.services.consent.address import WIRE_NAMES

STEPS: Final = frozenset({"method", "card", "bank-account", "address", "confirm"})
"""Where signing in can lead back to."""

KEPT: Final = "kept."
"""What the names of carried fields begin with."""

_FIELDS: Final[Mapping[str, frozenset[str]]] = {"method": frozenset({"key"}), "address": frozenset(WIRE_NAMES)}


def to_keep(step: str, typed: Mapping[str, str]) -> dict[str, str]:
    """The hidden fields with which the sign-in page carries a form that was sent too late: values by name."""
    carried = _FIELDS.get(step, frozenset())
    return {f"{KEPT}{name}": value for name, value in typed.items() if name in carried and value}


def kept_of(typed: Mapping[str, str]) -> dict[str, str]:
    """The carried values that a sign-in form sent back, under the names of the form that they came from."""
    carried = _FIELDS.get(typed.get("step", ""), frozenset())
    found = {name.removeprefix(KEPT): value for name, value in typed.items() if name.startswith(KEPT)}
    return {name: value for name, value in found.items() if name in carried}
