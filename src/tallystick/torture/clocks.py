"""Processes with a clock that can be set: by libfaketime, where a package brings it, such as Debian's `faketime`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PLACES: Final = (
    "/usr/lib/*/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
    "/usr/local/lib/faketime/libfaketime.so.1",
)


def find_library() -> Path | None:
    """The library, where it is installed."""
    return next((found for place in _PLACES for found in sorted(Path("/").glob(place[1:]))), None)


@dataclass(frozen=True, slots=True)
class SettableClock:
    """The clock of one process. `file`: where its library reads how far it is ahead. Clocks that only count go on."""

    library: Path
    file: Path

    def set_ahead(self, seconds: int) -> None:
        """How far it is ahead of the machine's, from now on; behind it, if that is negative."""
        draft = self.file.with_suffix(".new")
        draft.write_text(f"{seconds:+d}\n", "ascii")
        draft.replace(self.file)

    def environment(self) -> Mapping[str, str]:
        """What the process needs in its environment."""
        self.set_ahead(0)
        return {
            "LD_PRELOAD": str(self.library),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
