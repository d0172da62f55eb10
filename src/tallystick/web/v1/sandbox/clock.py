"""The sandbox's clock in /v1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.domain.periods import Period
from tallystick.services.api.common_fields import REQUIRED
from tallystick.services.api.fields import Field
from tallystick.services.seller import sandbox_clock
from tallystick.services.seller.sandbox_clock import ClockMovedError, TooFarAheadError
from tallystick.web.v1.endpoint import Reply
from tallystick.web.v1.inputs import JsonInput
from tallystick.web.v1.problems import JsonProblemError
from tallystick.web.v1.sandbox.books import actor_of, first_book
from tallystick.web.v1.transactions import moment

if TYPE_CHECKING:
    from tallystick.services.seller.sandbox_clock import ClockReading
    from tallystick.web.v1.endpoint import Asked

BY: Final = JsonInput(
    Field("by", "string", REQUIRED, "How far: `1 Hour`, `3 Days`, `2 Weeks`, `6 Months`, `1 Year`.", max_length=16),
    "3 Days",
)


async def read_clock(asked: Asked) -> Reply:
    """What time it is there, and how far that is ahead."""
    return _told(await sandbox_clock.read(asked.service, first_book(asked)))


async def forward_clock(asked: Asked) -> Reply:
    """Move it forward; the audit log names the key."""
    book_id = first_book(asked)
    try:
        by = Period.parse(asked.given["by"])
    except ValueError:
        raise JsonProblemError("invalid_request", '"by" must be a period such as 3 Days.', field="by") from None
    reading = await sandbox_clock.read(asked.service, book_id)
    try:
        moved = await sandbox_clock.forward(asked.service, actor_of(asked), asked.key.party_id, book_id, reading, by)
    except TooFarAheadError as error:
        raise JsonProblemError("clock_too_far_ahead", f"{error}.", field="by") from None
    except ClockMovedError:
        message = "The clock was moved by somebody else at the same moment. Read it again."
        raise JsonProblemError("clock_moved", message) from None
    return _told(moved)


def _told(reading: ClockReading) -> Reply:
    return Reply({"object": "clock", "now": moment(reading.now), "ahead_seconds": int(reading.ahead.total_seconds())})
