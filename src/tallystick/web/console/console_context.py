"""The access check of the console: staff of this very seller go on, others sign in or get 404."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from litestar.exceptions import NotFoundException
from litestar.response import Response, Stream
from litestar.status_codes import HTTP_403_FORBIDDEN

from tallystick.domain.environments import ENVIRONMENTS, SANDBOX
from tallystick.domain.ids import BookId, PartyId
from tallystick.services.context import Service
from tallystick.services.operations import accounts
from tallystick.services.operations.accounts import Party
from tallystick.services.operations.audit import Actor
from tallystick.services.seller.books import books_of, clock_offset
from tallystick.services.seller.manual_operations import BookContext
from tallystick.services.seller.staff import Permission, StaffRole, businesses_of, may
from tallystick.web.common.browser.staff_sign_in import CONSOLE, SIGN_IN, own_path
from tallystick.web.common.browser.step_up import gate, second_factor_first
from tallystick.web.common.browser.ways_back import ask_to_sign_in
from tallystick.web.common.shared import PageRequest, page, service_of, signed_in

LARGEST: Final = 2**63 - 1  # the largest bigint, as the number of a party

NAV: Final = (
    ("Home", ""),
    ("Activity", "activity"),
    ("Instruments", "instruments"),
    ("Debts", "debts"),
    ("Disputes", "disputes"),
    ("Payouts", "payouts"),
    ("Notifications", "notifications"),
    ("Developers", "keys"),
    ("Settings", "branding"),
)
"""The console's navigation entries and where each begins; a page names its entry in its template."""


@dataclass(frozen=True, slots=True)
class ConsoleContext:
    """One of a seller's staff in one environment. `has_others`: they work for other sellers too.

    `parts`: the shards of the seller's books in this environment, none where it has none. `now` is their own time: the
    sandbox's clock may be ahead of the wall clock.
    """

    request: PageRequest
    service: Service
    person: Party
    business: Party
    role: StaffRole
    has_others: bool
    environment: str
    parts: tuple[BookId, ...]
    now: datetime

    @property
    def book_id(self) -> BookId | None:
        """The first shard of the books, for what all shards share: notification wishes, the clock, faults on order."""
        return self.parts[0] if self.parts else None

    @property
    def books(self) -> BookContext:
        """All shards of the books, for use cases that work with them."""
        return BookContext(self.service, self.actor, self.business.party_id, self.environment, self.parts, self.now)

    @property
    def sandbox(self) -> bool:
        """Whether this is the sandbox, where no real money moves."""
        return self.environment == SANDBOX

    @property
    def actor(self) -> Actor:
        """Who acts, for use cases and the audit log."""
        return Actor.person(self.person)

    def may(self, permission: Permission) -> bool:
        """Whether this person may do it here."""
        return may(self.role, permission)

    def path(self, *parts: str | int, environment: str | None = None) -> str:
        """The address of a page of this seller, in this environment or another."""
        names = (self.business.party_id, environment or self.environment, *parts)
        return "/".join([CONSOLE, *(quote(str(name), safe="") for name in names if name != "")])

    def page(self, template: str, **context: Any) -> Response[Any]:  # noqa: ANN401 - whatever the template shows
        """A page of this seller's console. Templates find this context as `console`."""
        defaults: dict[str, Any] = {"console": self, "nav": NAV, "Permission": Permission, "sandbox": self.sandbox}
        return page(template, **(defaults | context))

    def csv(self, what: str, content: AsyncIterator[bytes]) -> Response[Any]:
        """A table as a file to keep, named by what it is, the environment and the day."""
        name = f"{what}-{self.environment}-{self.now:%Y-%m-%d}.csv"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Stream(content, media_type="text/csv", headers=headers)

    async def record(self, action: str, subject: str = "", **details: Any) -> None:  # noqa: ANN401 - any plain value
        """Write an audit row for what a page alone does, without a use case; never a secret."""
        await self.books.record(action, subject, **details)


Step = Callable[[ConsoleContext], Awaitable[Response[Any]]]


async def for_staff(
    request: PageRequest, business: int, environment: str, step: Step, needs: Permission = Permission.VIEW
) -> Response[Any]:
    """Run `step` for somebody of the seller's staff with the permission.

    Everybody else gets 404, so that nobody learns whether a seller exists.
    """
    person = await signed_in(request)
    if person is None:
        return ask_to_sign_in(request, SIGN_IN, own_path)
    service = service_of(request)
    if environment not in ENVIRONMENTS or business > LARGEST:
        raise NotFoundException
    employers = await businesses_of(service, person)
    role = next((one.role for one in employers if one.business_id == business), None)
    seller = None if role is None else await accounts.find(service, PartyId(business))
    if role is None or seller is None:
        raise NotFoundException
    required = role is StaffRole.OWNER and service.settings.owners_need_second_factor
    if required and (first := second_factor_first(request)):
        return first
    parts = await books_of(service, seller.party_id, environment)
    now = service.clock() + await clock_offset(service, parts)
    console = ConsoleContext(request, service, person, seller, role, len(employers) > 1, environment, parts, now)
    if not console.may(needs):
        return console.page("console/forbidden.html", status=HTTP_403_FORBIDDEN, roles=_roles_for(needs))
    return await gate(request, person) or await step(console)


def _roles_for(needs: Permission) -> list[StaffRole]:
    return [role for role in StaffRole if may(role, needs)]
