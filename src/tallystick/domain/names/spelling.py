"""What somebody may have meant who misspelt a name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_LONGEST: Final = 80
"""Characters of a name that are looked at: no name of ours is longer, and comparing takes the square of the time."""


def closest(given: str, known: Iterable[str], alike: float = 0.6) -> str | None:
    """The name that is most like the given one, upper and lower case aside; None: none is much like it.

    `alike`: how much of the two must be the same, 1 being all. Names that begin alike anyway need more of it.
    """
    folded: dict[str, str] = {}
    for name in known:
        folded.setdefault(name.casefold(), name)
    found = get_close_matches(given[:_LONGEST].casefold(), folded, 1, alike)
    return folded[found[0]] if found else None


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """A question to put after a message, a blank before it; "" where no name is much like the given one."""
    meant = closest(given, known)
    return "" if meant is None else f" Did you mean {meant}?"
