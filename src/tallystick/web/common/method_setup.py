"""How a new card or bank account can be added on a page, and the way to the rail where it is set up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar.connection import Request
from litestar.response import Redirect, Response
from litestar.status_codes import HTTP_303_SEE_OTHER

from tallystick.domain.commands import Method
from tallystick.domain.environments import LIVE, SANDBOX
from tallystick.services.context import Service
from tallystick.services.rails import setups
from tallystick.web.common.headers import allow_form_redirects


@dataclass(frozen=True, slots=True)
class WaysToAdd:
    """`typed`: a form of ours takes its number, which only the sandbox's test numbers are. `at_rail`: the rail does."""

    typed: bool
    at_rail: bool


def ways_to_add(request: Request[Any, Any, Any], kind: str, *, sandbox: bool) -> WaysToAdd:
    """For templates with such forms. The page's policy then lets its forms lead to the rail."""
    service: Service = request.app.state["service"]
    environment, method = SANDBOX if sandbox else LIVE, Method(kind)
    ways = WaysToAdd(setups.is_typed(service, environment, method), setups.available(service, environment, method))
    if ways.at_rail and not ways.typed:
        let_forms_leave(request)
    return ways


def let_forms_leave(request: Request[Any, Any, Any]) -> None:
    """The policy of this page lets its forms lead to a rail.

    That is a site of https; where our own address is http, on a developer's machine, a rail may be one of http, too.
    """
    service: Service = request.app.state["service"]
    allow_form_redirects(request, "https://" if service.settings.secure_cookies else "http://[::]")


def kind_of(typed: str) -> Method | None:
    """The kind of payment method that a form names: a card or a bank account; else None."""
    return Method(typed) if typed in {Method.CC.value, Method.ACH.value} else None


def go_to_rail(url: str) -> Response[Any]:
    """On to a page of the rail's."""
    return Redirect(url, status_code=HTTP_303_SEE_OTHER)
