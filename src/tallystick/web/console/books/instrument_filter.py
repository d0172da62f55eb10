"""The filter of instruments and of tokens: what the address says, as what is asked of the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from tallystick.services.reports.instruments import InstrumentQuery, Usability
from tallystick.services.seller.manual_operations import BookContext

_NAMES: Final = ("q", "kind", "life")
_MAX_TEXT: Final = 128


@dataclass(frozen=True)
class InstrumentFilter:
    """A filter as it was chosen and what it means."""

    typed: Mapping[str, str]
    wanted: InstrumentQuery

    @property
    def query(self) -> str:
        """The same filter in an address: a question mark and what is set, or nothing."""
        return f"?{urlencode(self.typed)}" if self.typed else ""

    def before(self, last: str) -> str:
        """The address of the next page, behind `last`."""
        return f"?{urlencode({**self.typed, 'before': last})}"


def read_filter(books: BookContext, params: Mapping[str, str], kinds: Mapping[str, str]) -> InstrumentFilter:
    """Read the filter in an address; values that are none of the choices are ignored."""
    typed = {name: text for name in _NAMES if (text := params.get(name, "").strip().replace("\0", "")[:_MAX_TEXT])}
    if typed.get("kind") not in kinds:
        typed.pop("kind", None)
    life = next((each for each in Usability if each.value == typed.get("life")), None)
    if life is None:
        typed.pop("life", None)
    return InstrumentFilter(typed, InstrumentQuery(books.parts, books.now, typed.get("kind"), life, typed.get("q")))
