"""Reservations: held, captured, released."""

from __future__ import annotations

from typing import Final

from tallystick.domain.scopes import KeyScope
from tallystick.web.v1.charging import reservations
from tallystick.web.v1.endpoint import Endpoint
from tallystick.web.v1.inputs import (
    AMOUNT,
    AUTHORIZATION,
    CURRENCY,
    DESCRIPTION,
    MINUTES,
    NOTE,
    NOTIFY,
)
from tallystick.web.v1.resources.rows import codes_of, moves, reads

ENDPOINTS: Final = (
    moves(
        "/v1/reservations",
        "reservations.create",
        "Holds an amount on the card of an authorization of payments, to be captured or released.",
        "Reserve",
        KeyScope.CHARGE,
        reservations.reserve,
        (AUTHORIZATION, AMOUNT, CURRENCY, DESCRIPTION, NOTE, NOTIFY, MINUTES),
        "Reservation",
        codes=("authorization_not_for_this",),
    ),
    *reads("reservations", "reservation", "reservation"),
    Endpoint(
        "POST",
        "/v1/reservations/{id}/capture",
        "reservations.capture",
        "Takes what is held, or part of it; the rest is let go. It is done once: again is refused.",
        "Settle",
        KeyScope.CHARGE,
        reservations.capture,
        "Reservation",
        reservations.CAPTURE_INPUTS,
        "the reservation",
        codes_of("Settle"),
    ),
    Endpoint(
        "POST",
        "/v1/reservations/{id}/release",
        "reservations.release",
        "Lets go what is held. Again: nothing changes.",
        "Cancel",
        KeyScope.CHARGE,
        reservations.release,
        "Reservation",
        reservations.RELEASE_INPUTS,
        "the reservation",
        codes_of("Cancel"),
    ),
)
