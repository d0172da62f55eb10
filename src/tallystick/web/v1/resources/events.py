"""What has happened."""

from __future__ import annotations

from typing import Final

from tallystick.domain.scopes import KeyScope
from tallystick.web.v1.endpoint import Endpoint
from tallystick.web.v1.events import events
from tallystick.web.v1.inputs import (
    LIMIT,
)

ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/v1/events/{id}",
        "events.get",
        "One event.",
        "none",
        KeyScope.READ,
        events.get,
        "Event",
        subject="the event",
        codes=("event_not_found",),
    ),
    Endpoint(
        "GET",
        "/v1/events",
        "events.list",
        "What has happened in the last 30 days, the oldest first, page by page.",
        "none",
        KeyScope.READ,
        events.list_,
        "Event",
        (events.AFTER, events.TYPE, LIMIT, events.CURSOR),
        codes=("events_forgotten",),
        reads_much=True,
        is_list=True,
    ),
)
