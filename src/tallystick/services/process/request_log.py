"""A line of the log for each call: when, which request, by which key, what, how it came out, how long it took.

Lines are gathered and written a few times a second, all with one write: a line that goes through the log's usual way
takes a tenth of a payment's time, one of these a few hundredths. What was gathered is lost with a process that is
killed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.json import Encoder

LOOK_SECONDS: Final = 0.2


class RequestLine(Struct, frozen=True):
    """A call that was answered. `timestamp` in UTC; `ms`: milliseconds from its arrival until its answer was ready."""

    timestamp: str
    request_id: str
    key_id: str | None
    """An access key, or the fingerprint of a certificate; None: nobody's that is known, or it was not looked at."""
    action: str
    """A name of the table, `Batch`, or `none` where no existing one was named."""
    outcome: str
    """`ok` or the name of a refusal."""
    ms: float
    event: str = "request"
    level: str = "info"


_encode: Final = Encoder().encode


def to_json(line: RequestLine) -> str:
    """For machines."""
    return _encode(line).decode()


def to_text(line: RequestLine) -> str:
    """For people, as other lines of the log are for them."""
    return (
        f"{line.timestamp} [info     ] {line.event:<30} action={line.action} key_id={line.key_id} ms={line.ms} "
        f"outcome={line.outcome} request_id={line.request_id}"
    )


def to_standard_error(text: str) -> None:
    """Where the log goes."""
    sys.stderr.write(text)
    sys.stderr.flush()


@dataclass(slots=True)
class RequestLog:
    """The lines of this process. `form` None: none is written."""

    clock: Callable[[], datetime] | None = None
    form: Callable[[RequestLine], str] | None = None
    write: Callable[[str], None] = to_standard_error
    _gathered: list[str] = field(default_factory=list)

    def note(self, request_id: str, key_id: str | None, action: str, outcome: str, seconds: float) -> None:
        """A call was answered."""
        if self.form is None or self.clock is None:
            return
        moment = self.clock().isoformat().replace("+00:00", "Z")
        line = RequestLine(moment, request_id, key_id, action, outcome, round(seconds * 1000, 2))
        if not self._gathered:
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self.flush)
        self._gathered.append(self.form(line) + "\n")

    def flush(self) -> None:
        """Write what was gathered."""
        gathered, self._gathered = self._gathered, []
        if gathered:
            self.write("".join(gathered))
