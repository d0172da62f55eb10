"""Events in /v1: a page after a number, and one by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from tallystick.domain.messages.events import TYPES
from tallystick.services.api.common_fields import OPTIONAL
from tallystick.services.api.fields import Field
from tallystick.services.events import log
from tallystick.web.v1.endpoint import Reply
from tallystick.web.v1.inputs import USUAL_LIMIT, JsonInput
from tallystick.web.v1.problems import JsonProblemError

if TYPE_CHECKING:
    from tallystick.web.v1.endpoint import Asked

AFTER: Final = JsonInput(
    Field("after", "string", OPTIONAL, "Only events with higher numbers than this one.", max_length=18), "17"
)
CURSOR: Final = JsonInput(
    Field("cursor", "string", OPTIONAL, "`next_cursor` of the page before, instead of `after`.", max_length=18), "42"
)
TYPE: Final = JsonInput(Field("type", "string", OPTIONAL, "Only these.", choices=TYPES), "top_up.succeeded")

_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


async def get(asked: Asked) -> Reply:
    """One event. Raises ProblemError."""
    found = await log.find(asked.books, asked.subject)
    if found is None:
        raise JsonProblemError("event_not_found", "There is no such event of this account, or it is kept no longer.")
    return Reply(log.event_object(found))


async def list_(asked: Asked) -> Reply:
    """A page of events, the oldest first: what to read on from is the number of the last one. Raises ProblemError."""
    given, books = asked.given, asked.books
    limit = int(given.get("limit", USUAL_LIMIT))
    after = number_in(given, "cursor" if "cursor" in given else "after")
    if after is not None:
        known = await log.bounds(books)
        first = known.last + 1 if known.first is None else known.first
        if after + 1 < first <= known.last + 1:
            message = f"The events from {after + 1} to {first - 1} are kept no longer. Go on after {first - 1}."
            raise JsonProblemError("events_forgotten", message, field="after")
    types = [given["type"]] if "type" in given else None
    found = await log.page(books, after or 0, types, limit + 1)
    shown = found[:limit]
    await asked.step_aside()
    cursor = str(shown[-1].sequence) if len(found) > limit else None
    return Reply({"object": "list", "data": [log.event_object(event) for event in shown], "next_cursor": cursor})


def number_in(given: Mapping[str, str], name: str) -> int | None:
    """The number of an event in a field; None: it was not given. Raises ProblemError."""
    text = given.get(name)
    if text is not None and _NUMBER.fullmatch(text) is None:
        raise JsonProblemError("invalid_request", f"{name} must be the number of an event.", field=name)
    return None if text is None else int(text)
