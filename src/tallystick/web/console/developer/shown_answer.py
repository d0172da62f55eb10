"""An answer as the request explorer shows it."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """What came back. `text` is indented for reading; in the answer itself it is on one line."""

    status: int
    content_type: str
    text: str
    milliseconds: int

    @property
    def phrase(self) -> str:
        """The status with its name."""
        return f"{self.status} {HTTPStatus(self.status).phrase}"
