"""The sandbox: its clock, its buyers, its faults."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from tallystick.domain.scopes import KeyScope
from tallystick.web.v1.endpoint import Endpoint
from tallystick.web.v1.sandbox import buyers, clock, faults

ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/v1/sandbox/clock",
        "sandbox.clock",
        "What time it is in the sandbox.",
        "none",
        KeyScope.READ,
        clock.read_clock,
        "Clock",
        codes=("not_found",),
    ),
    Endpoint(
        "POST",
        "/v1/sandbox/clock",
        "sandbox.forward_clock",
        "Moves the sandbox's clock forward. It never goes back.",
        "none",
        KeyScope.TOKENS,
        clock.forward_clock,
        "Clock",
        (clock.BY,),
        codes=("not_found", "clock_too_far_ahead", "clock_moved"),
    ),
    Endpoint(
        "POST",
        "/v1/sandbox/authorize",
        "sandbox.authorize",
        "Agrees to an authorization as a buyer who is played. Again by the same buyer: nothing changes.",
        "none",
        KeyScope.HOSTED_LINKS,
        buyers.authorize,
        "Authorization",
        buyers.INPUTS,
        codes=("not_found", "authorization_not_found", "buyer_cannot_agree", "agreed_by_another"),
    ),
    Endpoint(
        "GET",
        "/v1/sandbox/faults",
        "sandbox.faults",
        "The faults on order: those that wait, those that hold something, then the latest others, at most 100.",
        "none",
        KeyScope.READ,
        faults.list_,
        "Fault",
        codes=("not_found",),
        is_list=True,
    ),
    Endpoint(
        "POST",
        "/v1/sandbox/faults",
        "sandbox.order_fault",
        "Orders a fault: the next charge, reservation or refund of the sandbox fails, or has no answer until released.",
        "none",
        KeyScope.TOKENS,
        faults.order,
        "Fault",
        (faults.OPERATION, faults.OUTCOME),
        codes=("not_found", "too_many_faults"),
        status=HTTPStatus.CREATED,
    ),
    Endpoint(
        "POST",
        "/v1/sandbox/faults/{id}/release",
        "sandbox.release_fault",
        "Lets go what a fault holds.",
        "none",
        KeyScope.TOKENS,
        faults.release,
        "Fault",
        (faults.RELEASED_AS,),
        subject="the fault",
        codes=("not_found", "fault_not_holding"),
    ),
    Endpoint(
        "DELETE",
        "/v1/sandbox/faults/{id}",
        "sandbox.take_back_fault",
        "Takes a fault back that nothing has met yet.",
        "none",
        KeyScope.TOKENS,
        faults.take_back,
        "Fault",
        subject="the fault",
        codes=("not_found", "fault_met_already"),
    ),
)
