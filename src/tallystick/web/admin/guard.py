"""The access check of the operator's pages: operators go on, others sign in or get 404."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from litestar.exceptions import NotFoundException
from litestar.response import Response

from tallystick.services.context import Service
from tallystick.services.operations import operators
from tallystick.services.operations.accounts import Party
from tallystick.services.operations.audit import Actor
from tallystick.web.common.browser.staff_sign_in import SIGN_IN, own_path
from tallystick.web.common.browser.step_up import gate, second_factor_first
from tallystick.web.common.browser.ways_back import ask_to_sign_in
from tallystick.web.common.shared import PageRequest, page, service_of, signed_in

HOME: Final = "/admin"
LARGEST: Final = 2**63 - 1  # the largest bigint
_NUMBER: Final = re.compile(r"[0-9]{1,19}")

NAV: Final = (
    ("Health", HOME),
    ("Accounts", f"{HOME}/accounts"),
    ("Transactions", f"{HOME}/transactions"),
    ("Rails", f"{HOME}/rails"),
    ("Disputes", f"{HOME}/disputes"),
    ("Payouts", f"{HOME}/payouts"),
    ("Reconciliation", f"{HOME}/reconciliation"),
    ("Notifications", f"{HOME}/notifications"),
    ("Verification", f"{HOME}/verification"),
    ("Signing keys", f"{HOME}/signing-keys"),
    ("Audit log", f"{HOME}/audit"),
    ("Mail", f"{HOME}/mail"),
    ("Settings", f"{HOME}/settings"),
    ("Style guide", f"{HOME}/styleguide"),
)
"""The places of the operator's pages; a page names its place in its template."""


@dataclass(frozen=True, slots=True)
class OperatorContext:
    """An operator and their request. `now`: real time."""

    request: PageRequest
    service: Service
    person: Party
    now: datetime

    @property
    def actor(self) -> Actor:
        """Who acts, for use cases and the audit log."""
        return Actor.person(self.person)

    def page(self, template: str, **context: Any) -> Response[Any]:  # noqa: ANN401 - whatever the template shows
        """One of the operator's pages. Templates find what this is as `operator`."""
        defaults: dict[str, Any] = {"operator": self, "nav": NAV, "here": self.request.url.path, "now": self.now}
        return page(template, **(defaults | context))

    def asked(self, name: str, maximum: int = 200) -> str:
        """A parameter of the query, cut to a sensible length; empty when it was not given."""
        return self.request.query_params.get(name, "").strip()[:maximum]

    def asked_number(self, name: str) -> int | None:
        """A number in the query; None when there is none, or none that fits a bigint."""
        return number_of(self.asked(name))


Step = Callable[[OperatorContext], Awaitable[Response[Any]]]


async def for_operator(request: PageRequest, step: Step) -> Response[Any]:
    """Run `step` for an operator. Everybody else who is signed in gets 404."""
    person = await signed_in(request)
    if person is None:
        return ask_to_sign_in(request, SIGN_IN, own_path)
    service = service_of(request)
    if not await operators.is_operator(service, person):
        raise NotFoundException
    if service.settings.operators_need_second_factor and (first := second_factor_first(request)):
        return first
    operator = OperatorContext(request, service, person, service.clock())
    return await gate(request, person) or await step(operator)


def number_of(text: str) -> int | None:
    """The whole number that was typed; None for anything that is no bigint."""
    number = int(text) if _NUMBER.fullmatch(text) else None
    return number if number is not None and number <= LARGEST else None
