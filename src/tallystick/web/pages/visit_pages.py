"""The pages of a visit: sign in, choose, confirm or leave. What they do is in actions/pipelines.py."""

import json
import re
from hashlib import sha256
from typing import Any, Final

from litestar import Router, get, post
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.actions import pipelines, sign_in, wallet
from tallystick.actions.form_errors import FormError
from tallystick.actions.pipeline_consent import address_of
from tallystick.actions.pipeline_parameters import ADDRESS
from tallystick.actions.pipeline_terms import PurchaseTerms
from tallystick.actions.pipelines import ChoicesChangedError
from tallystick.actions.wallet import Choice
from tallystick.domain.commands import Method
from tallystick.ledger.payment_methods import PaymentMethod
from tallystick.web.pages.sessions import sign_browser_in
from tallystick.web.pages.shared import PageRequest, form_of, go
from tallystick.web.pages.walk import Walk, finished, walk
from tallystick.words import gettext as _
from tallystick.words import marked

UNUSABLE: Final = HTTP_422_UNPROCESSABLE_ENTITY
NEEDED_IN_ADDRESS: Final = {
    "addressName": marked("Type the name of who receives it."),
    "addressLine1": marked("Type street and number."),
    "city": marked("Type the city."),
    "zip": marked("Type the postal code."),
    "country": marked("Type the country."),
}
MAX_ADDRESS_LINE: Final = 200
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@get("/{visit_id:str}/sign-in")
async def show_sign_in(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Ask who the buyer is."""

    async def step(stand: Walk) -> Response[Any]:
        return go(stand.after_sign_in) if stand.someone else stand.page("sign_in.html")

    return await walk(request, visit_id, step, buyer_needed=False)


@post("/{visit_id:str}/sign-in", status_code=HTTP_200_OK)
async def do_sign_in(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Check e-mail address and password."""

    async def step(stand: Walk) -> Response[Any]:
        typed = await form_of(request)
        try:
            party = await sign_in.sign_in(stand.service, typed.get("email", ""), typed.get("password", ""))
        except FormError as error:
            return stand.page("sign_in.html", status=UNUSABLE, typed=typed, problems=error.problems)
        sign_browser_in(request, party)
        return go(stand.after_sign_in)

    return await walk(request, visit_id, step, buyer_needed=False)


@get("/{visit_id:str}/sign-up")
async def show_sign_up(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Offer a new account."""

    async def step(stand: Walk) -> Response[Any]:
        if stand.someone:
            return go(stand.after_sign_in)
        return stand.page("sign_up.html") if stand.pays else go(stand.to("sign-in"))

    return await walk(request, visit_id, step, buyer_needed=False)


@post("/{visit_id:str}/sign-up", status_code=HTTP_200_OK)
async def do_sign_up(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Open the account and sign in."""

    async def step(stand: Walk) -> Response[Any]:
        if not stand.pays:  # accounts of businesses are not opened here
            return go(stand.to("sign-in"))
        typed = await form_of(request)
        try:
            party = await sign_in.sign_up(
                stand.service, typed.get("name", ""), typed.get("email", ""), typed.get("password", "")
            )
        except FormError as error:
            return stand.page("sign_up.html", status=UNUSABLE, typed=typed, problems=error.problems)
        sign_browser_in(request, party)
        return go(stand.after_sign_in)

    return await walk(request, visit_id, step, buyer_needed=False)


@get("/{visit_id:str}/method")
async def show_method(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Offer what the buyer can pay with, and ways to add more."""
    return await walk(request, visit_id, method_page)


async def method_page(
    stand: Walk, *, status: int = HTTP_200_OK, problems: dict[str, str] | None = None, typed_amount: str = ""
) -> Response[Any]:
    """The choice of a means of payment; also shown again when test money could not be added."""
    if not stand.pays:
        return go(stand.to("confirm"))
    offered = await stand.choices()
    usable = [choice for choice in offered if choice.usable]
    chosen = stand.chosen.get("key", stand.current_key)
    if chosen not in {choice.key for choice in usable}:
        chosen = usable[0].key if usable else None
    return stand.page(
        "method.html",
        status=status,
        choices=offered,
        chosen=chosen,
        current=stand.current_key,
        none_usable=not usable,
        cards=Method.CC in stand.terms.methods,
        bank_accounts=Method.ACH in stand.terms.methods,
        test_money=stand.sandbox and Method.ABT in stand.terms.methods,
        typed={"amount": typed_amount},
        problems=problems or {},
    )


@post("/{visit_id:str}/method", status_code=HTTP_200_OK)
async def do_method(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Remember the choice."""

    async def step(stand: Walk) -> Response[Any]:
        key = (await form_of(request)).get("key", "")
        choice = next((one for one in await stand.choices() if one.usable and one.key == key), None)
        if choice is None:
            return await method_page(stand, status=UNUSABLE, problems={"key": _("Choose how to pay.")})
        await stand.choose(key=choice.key, method=choice.method.value)
        return go(_after_method(stand))

    return await walk(request, visit_id, step)


def _after_method(stand: Walk) -> str:
    return stand.to("address" if stand.terms.collect_address else "confirm")


_NEW_METHODS: Final = {Method.CC: "card.html", Method.ACH: "bank_account.html"}
"""The form for each payment method that can be added on the way."""


@get("/{visit_id:str}/card")
async def show_card(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """The form for a new card."""
    return await _show_new(request, visit_id, Method.CC)


@post("/{visit_id:str}/card", status_code=HTTP_200_OK)
async def do_card(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Add the card and pay with it."""
    return await _add_new(request, visit_id, Method.CC)


@get("/{visit_id:str}/bank-account")
async def show_bank_account(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """The form for a new bank account."""
    return await _show_new(request, visit_id, Method.ACH)


@post("/{visit_id:str}/bank-account", status_code=HTTP_200_OK)
async def do_bank_account(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Add the bank account and pay with it."""
    return await _add_new(request, visit_id, Method.ACH)


async def _show_new(request: PageRequest, visit_id: str, method: Method) -> Response[Any]:
    async def step(stand: Walk) -> Response[Any]:
        return stand.page(_NEW_METHODS[method]) if method in stand.terms.methods else go(stand.to("method"))

    return await walk(request, visit_id, step)


async def _add_new(request: PageRequest, visit_id: str, method: Method) -> Response[Any]:
    async def step(stand: Walk) -> Response[Any]:
        if method not in stand.terms.methods:
            return go(stand.to("method"))
        typed = await form_of(request)
        try:
            added = await wallet.add(stand.service, stand.buyer.party_id, stand.visit.environment, method, typed)
        except FormError as error:
            return stand.page(_NEW_METHODS[method], status=UNUSABLE, typed=typed, problems=error.problems)
        return await _pay_with(stand, added)

    return await walk(request, visit_id, step)


async def _pay_with(stand: Walk, added: PaymentMethod) -> Response[Any]:
    await stand.choose(key=str(added.payment_method_id), method=added.method.value)
    return go(_after_method(stand))


@get("/{visit_id:str}/address")
async def show_address(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Ask for a delivery address, where the seller wants one."""

    async def step(stand: Walk) -> Response[Any]:
        if not stand.terms.collect_address:
            return go(stand.to("method"))
        typed = {name: stand.chosen.get(f"address:{name}", "") for name in ADDRESS}
        return stand.page("address.html", typed={"addressName": stand.buyer.name} | _filled(typed))

    return await walk(request, visit_id, step)


def _filled(typed: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in typed.items() if value}


@post("/{visit_id:str}/address", status_code=HTTP_200_OK)
async def do_address(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Remember the address."""

    async def step(stand: Walk) -> Response[Any]:
        form = await form_of(request)
        typed = {name: form.get(name, "").strip() for name in ADDRESS}
        problems = {name: _(text) for name, text in NEEDED_IN_ADDRESS.items() if not typed[name]}
        for name, value in typed.items():
            if len(value) > MAX_ADDRESS_LINE or _CONTROL.search(value):
                problems[name] = _("Use at most %(most)s ordinary characters.", most=MAX_ADDRESS_LINE)
        if problems:
            return stand.page("address.html", status=UNUSABLE, typed=typed, problems=problems)
        await stand.choose(**{f"address:{name}": value for name, value in typed.items()})
        return go(stand.to("confirm"))

    return await walk(request, visit_id, step)


@get("/{visit_id:str}/confirm")
async def show_confirm(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Show exactly what is agreed to."""

    async def step(stand: Walk) -> Response[Any]:
        choice = await _choice(stand)
        return _missing(stand, choice) or _confirm_page(stand, choice)

    return await walk(request, visit_id, step)


@post("/{visit_id:str}/confirm", status_code=HTTP_200_OK)
async def do_confirm(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Make it so, once, and go back to the seller."""

    async def step(stand: Walk) -> Response[Any]:
        choice = await _choice(stand)
        if missing := _missing(stand, choice):
            return missing
        if (await form_of(request)).get("agreed") != agreed(stand):
            return _confirm_page(stand, choice, changed=True)
        visit = stand.visit if stand.pays else await stand.taken_on()
        try:
            visit = await pipelines.confirm(stand.service, visit, stand.buyer, choice)
        except ChoicesChangedError:
            return go(stand.to("confirm"))
        return await finished(request, stand.service, visit)

    return await walk(request, visit_id, step)


async def _choice(stand: Walk) -> Choice | None:
    if not stand.pays:
        return None
    key = stand.chosen.get("key")
    return next((one for one in await stand.choices() if one.usable and one.key == key), None)


def _missing(stand: Walk, choice: Choice | None) -> Response[Any] | None:
    """Where to go first when something was not chosen yet."""
    if choice is None and stand.pays:
        return go(stand.to("method"))
    if stand.terms.collect_address and "address:addressLine1" not in stand.chosen:
        return go(stand.to("address"))
    return None


def _confirm_page(stand: Walk, choice: Choice | None, *, changed: bool = False) -> Response[Any]:
    address = address_of(stand.visit) if stand.terms.collect_address else dict(stand.terms.address)
    return stand.page(
        "confirm.html",
        status=HTTP_409_CONFLICT if changed else HTTP_200_OK,
        choice=choice,
        promises=stand.promises("" if choice is None else choice.noun),
        unchanged=choice is not None and choice.key == stand.current_key,
        address=[address[name] for name in ADDRESS if address.get(name)],
        agreed=agreed(stand),
        changed=changed,
    )


def agreed(stand: Walk) -> str:
    """A digest of who saw what: a form from before a change in another window must not confirm the change."""
    seen = [stand.buyer.party_id, stand.chosen]
    return sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


@post("/{visit_id:str}/leave", status_code=HTTP_200_OK)
async def do_leave(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Back to the seller without agreeing."""

    async def step(stand: Walk) -> Response[Any]:
        asked = (await form_of(request)).get("reason")
        answer = pipelines.LEFT
        if asked == "no-method" and stand.someone is not None and not isinstance(stand.terms, PurchaseTerms):
            usable = [choice for choice in await stand.choices() if choice.usable]
            answer = pipelines.LEFT if usable else pipelines.NO_METHOD
        return await finished(request, stand.service, await pipelines.leave(stand.service, stand.visit, answer))

    return await walk(request, visit_id, step, buyer_needed=False)


visit_routes = Router(
    path="/cobranded-ui/visits",
    route_handlers=[
        show_sign_in,
        do_sign_in,
        show_sign_up,
        do_sign_up,
        show_method,
        do_method,
        show_card,
        do_card,
        show_bank_account,
        do_bank_account,
        show_address,
        do_address,
        show_confirm,
        do_confirm,
        do_leave,
    ],
)
