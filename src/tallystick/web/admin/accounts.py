"""Sellers and buyers: found by name, address or number; suspended, verified, looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.commands import Method
from tallystick.domain.environments import LIVE
from tallystick.domain.fees import FeeSchedule
from tallystick.domain.money import display_amount
from tallystick.services.charges import charge_rules
from tallystick.services.form_errors import FormError
from tallystick.services.identity import account_opening
from tallystick.services.identity.sign_in import is_email
from tallystick.services.operations import accounts, audit
from tallystick.services.operations.account_standing import change_standing
from tallystick.services.operations.accounts import Account, EmailTakenError
from tallystick.services.operations.fee_schedules import STANDARD, choose_schedule
from tallystick.services.rails import live_opening
from tallystick.services.rails.live_opening import AlreadyOpenError, NotReadyForLiveError
from tallystick.services.seller import invitations, return_hosts
from tallystick.services.seller.staff import StaffRole
from tallystick.web.admin import account_changes
from tallystick.web.admin.guard import HOME, OperatorContext, for_operator
from tallystick.web.common.audit_words import ACTION_WORDS
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.words import dollars

LISTED: Final = 25
LATEST_DEEDS: Final = 10
KINDS: Final = {"business": "Seller", "personal": "Buyer"}
STATUSES: Final = {"active": "Active", "suspended": "Suspended", "closed": "Closed"}
METHODS: Final = {Method.CC: "Card", Method.ACH: "Bank account", Method.ABT: "Account balance"}
EXAMPLES_MICROS: Final = (1_000_000, 10_000_000, 90_000_000)
"""Amounts whose fees are shown."""

HOST_GIVEN: Final = "The host is this seller's: links of others do not lead there any more."
HOST_TAKEN: Final = "The host is not this seller's any more."
SELLER_MADE: Final = (
    "The seller is made, with a sandbox. Live books are opened below, once all is there that they need."
)
UNREAD: Final = HTTP_422_UNPROCESSABLE_ENTITY
LIVE_OPENED: Final = "The live books are open. An owner of the seller makes the live keys."
FEES_CHOSEN: Final = "The fee schedule is chosen. It counts from the next charge on."


@dataclass(frozen=True, slots=True)
class FeeLine:
    """The fees of one way to pay: how they are built, and what they come to on EXAMPLES_MICROS."""

    method: str
    rule: str
    fees_micros: list[int]


@get(f"{HOME}/accounts")
async def show_accounts(request: PageRequest) -> Response[Any]:
    """The accounts that a search finds, newest first."""

    async def step(operator: OperatorContext) -> Response[Any]:
        text, kind, status = operator.asked("text"), operator.asked("kind"), operator.asked("status")
        before = operator.asked_number("before")
        found = await accounts.search(
            operator.service,
            LISTED + 1,
            text=text,
            kind=kind if kind in KINDS else None,
            status=status if status in STATUSES else None,
            before=before,
        )
        shown = found[:LISTED]
        filters = {name: value for name, value in (("text", text), ("kind", kind), ("status", status)) if value}
        older = urlencode(filters | {"before": shown[-1].party_id}) if len(found) > LISTED else ""
        return operator.page(
            "admin/accounts.html",
            accounts=shown,
            typed={"text": text, "kind": kind, "status": status},
            filtered=bool(filters),
            kinds=KINDS,
            statuses=STATUSES,
            newer=f"{HOME}/accounts?{urlencode(filters)}" if before else "",
            older=f"{HOME}/accounts?{older}" if older else "",
        )

    return await for_operator(request, step)


@get(f"{HOME}/accounts/new")
async def show_new_seller(request: PageRequest) -> Response[Any]:
    """The form for a new seller."""

    async def step(operator: OperatorContext) -> Response[Any]:
        return operator.page("admin/new_seller.html")

    return await for_operator(request, step)


@post(f"{HOME}/accounts/new", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_make_seller(request: PageRequest) -> Response[Any]:
    """Make a seller with its sandbox, and invite its first owner."""

    async def step(operator: OperatorContext) -> Response[Any]:
        typed = await form_of(request)
        service, owner = operator.service, typed.get("owner", "").strip()
        try:
            _check_owner(owner)
            seller = await account_opening.open_business(
                service, operator.actor, typed.get("name", ""), typed.get("email", ""), None
            )
        except FormError as error:
            problems = {name: _sentence(problem) for name, problem in error.problems.items()}
            return operator.page("admin/new_seller.html", status=UNREAD, typed=typed, problems=problems)
        except EmailTakenError:
            problems = {"email": "There is already an account with this address."}
            return operator.page("admin/new_seller.html", status=UNREAD, typed=typed, problems=problems)
        url, problem = "", ""
        if owner:
            try:
                url = await invitations.invite(service, operator.person, seller, owner, StaffRole.OWNER)
            except FormError as error:  # too many letters to this address, say: the seller is made all the same
                problem = next(iter(error.problems.values()))
        return await account_page(
            operator,
            seller.party_id,
            done=SELLER_MADE,
            invited=owner if url else "",
            invitation="" if service.settings.smtp_url else url,
            not_invited=problem,
        )

    return await for_operator(request, step)


@get(f"{HOME}/accounts/{{account:int}}")
async def show_account(request: PageRequest, account: FromPath[int]) -> Response[Any]:
    """One account: its status, its money, its audit log."""

    async def step(operator: OperatorContext) -> Response[Any]:
        done = operator.asked("done")
        words = {"fees": FEES_CHOSEN, "live": LIVE_OPENED, "host": HOST_GIVEN, "no-host": HOST_TAKEN} | {
            name: change.done for name, change in account_changes.CHANGES.items()
        }
        return await account_page(operator, account, done=words.get(done, ""))

    return await for_operator(request, step)


@post(f"{HOME}/accounts/{{account:int}}/standing", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_change_standing(request: PageRequest, account: FromPath[int]) -> Response[Any]:
    """Suspend, reactivate, verify…; the reason goes to the audit log."""

    async def step(operator: OperatorContext) -> Response[Any]:
        typed = await form_of(request)
        name = typed.get("change", "")
        found = await accounts.account_of(operator.service, account)
        if found is None or name not in account_changes.CHANGES:
            raise NotFoundException
        try:
            await change_standing(operator.service, operator.actor, found, name, typed.get("reason", ""))
        except FormError as error:
            status = HTTP_422_UNPROCESSABLE_ENTITY
            return await account_page(operator, account, status=status, problems=error.problems, typed=typed)
        return go(f"{HOME}/accounts/{account}?done={name}")

    return await for_operator(request, step)


@post(f"{HOME}/accounts/{{account:int}}/live", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_open_live(request: PageRequest, account: FromPath[int]) -> Response[Any]:
    """Open the live books of a seller."""

    async def step(operator: OperatorContext) -> Response[Any]:
        typed = await form_of(request)
        found = await accounts.account_of(operator.service, account)
        if found is None or found.kind != "business":
            raise NotFoundException
        status = HTTP_422_UNPROCESSABLE_ENTITY
        try:
            await live_opening.open_live(
                operator.service,
                operator.actor,
                found,
                terms=typed.get("terms", ""),
                smallest_charge_micros=charge_rules.read_smallest_charge_if_typed(typed.get("smallest_charge", "")),
            )
        except FormError as error:
            return await account_page(operator, account, status=status, problems=error.problems, typed=typed)
        except NotReadyForLiveError:  # the page says what is missing
            return await account_page(operator, account, status=status, typed=typed)
        except AlreadyOpenError:
            pass
        return go(f"{HOME}/accounts/{account}?done=live")

    return await for_operator(request, step)


@post(f"{HOME}/accounts/{{account:int}}/fees", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_choose_fees(request: PageRequest, account: FromPath[int]) -> Response[Any]:
    """Give a seller the fee schedule of this name."""

    async def step(operator: OperatorContext) -> Response[Any]:
        name = (await form_of(request)).get("schedule", "")
        found = await accounts.account_of(operator.service, account)
        if found is None or found.kind != "business":
            raise NotFoundException
        try:
            await choose_schedule(operator.service, operator.actor, found, None if name == STANDARD else name)
        except LookupError:
            problems, status = {"schedule": "Choose one of these."}, HTTP_422_UNPROCESSABLE_ENTITY
            return await account_page(operator, account, status=status, problems=problems)
        return go(f"{HOME}/accounts/{account}?done=fees")

    return await for_operator(request, step)


async def account_page(operator: OperatorContext, number: int, **more: Any) -> Response[Any]:  # noqa: ANN401 - status, problems
    """The page of an account, with what came of a form on it. Raises NotFoundException."""
    service = operator.service
    account = await accounts.account_of(service, number)
    if account is None:
        raise NotFoundException
    rules = service.committer.rules
    context: dict[str, Any] = {
        "account": account,
        "kind": KINDS[account.kind],
        "status_name": STATUSES[account.status],
        "changes": account_changes.open_to(account),
        "books": await accounts.books_of(service, account.party_id),
        "hosts": await return_hosts.of_seller(service, account.party_id),
        "live": await live_opening.standing(service, account) if account.kind == "business" else None,
        "usual_smallest_micros": charge_rules.usual_smallest_charge(service, LIVE),
        "holdings": await accounts.holdings_of(service, account.party_id),
        "fees": fee_lines(rules.fees_of(account.fee_schedule)) if account.kind == "business" else [],
        "schedules": [(name, name.replace("-", " ").capitalize()) for name in (STANDARD, *sorted(rules.own_fees))],
        "standard": STANDARD,
        "fee_columns": [f"Fee on {dollars(amount)}" for amount in EXAMPLES_MICROS],
        "actions": ACTION_WORDS,
        "deeds": await _audit_entries(operator, account),
        "done": "",
        "invited": "",
        "invitation": "",
        "not_invited": "",
    }
    return operator.page("admin/account.html", **(context | more))


async def _audit_entries(operator: OperatorContext, account: Account) -> list[audit.AuditEntry]:
    """The audit log about an account: actions by the seller's staff and by operators."""
    if account.kind == "business":
        return await audit.latest(operator.service, LATEST_DEEDS, business_id=account.party_id)
    return await audit.latest(operator.service, LATEST_DEEDS, subject=account.email)


def fee_lines(schedules: Mapping[Method, FeeSchedule]) -> list[FeeLine]:
    """The fee schedule in words, one line for each way to pay."""
    return [
        FeeLine(
            METHODS[method],
            rule_of(schedule),
            [schedule.fee(amount) for amount in EXAMPLES_MICROS],
        )
        for method, schedule in schedules.items()
    ]


def rule_of(schedule: FeeSchedule) -> str:
    """``0.05 + 5 % up to 5.00, 0 % up to 10.00, 2.75 % above``: what each part of an amount costs."""
    parts = []
    for bracket in schedule.brackets:
        whole, rest = divmod(bracket.rate_ppm, 10_000)
        rate = f"{whole}.{rest:04}".rstrip("0").rstrip(".")
        up_to = "above" if bracket.up_to_micros is None else f"up to {display_amount(bracket.up_to_micros)}"
        parts.append(f"{rate} % {up_to}" if len(schedule.brackets) > 1 else f"{rate} %")
    return f"{display_amount(schedule.fixed_micros)} + {', '.join(parts)}"


def _check_owner(email: str) -> None:
    """Raises FormError: it is given, and is no address."""
    if email and not is_email(email):
        raise FormError({"owner": "Type an e-mail address, such as name@example.com."})


def _sentence(text: str) -> str:
    """What commands print, as pages write it."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


account_pages: Final[list[Any]] = [
    show_accounts,
    show_new_seller,
    do_make_seller,
    show_account,
    do_change_standing,
    do_choose_fees,
    do_open_live,
]
