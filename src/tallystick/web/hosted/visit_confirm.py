"""The end of a visit: exactly what is agreed to, and agreeing. The words that were shown are kept."""

from typing import Any

from litestar import get, post
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_409_CONFLICT

from tallystick.services.consent import evidence, pipelines
from tallystick.services.consent.consent import address_of
from tallystick.services.consent.evidence import Agreement, Wording
from tallystick.services.consent.parameters import ADDRESS
from tallystick.services.consent.pipelines import ChoicesChangedError
from tallystick.services.consent.wallet import Choice
from tallystick.web.common.sessions import last_proof
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.common.signing_in import client_of, proved_lately
from tallystick.web.common.visitors import user_agent
from tallystick.web.hosted.walk import VISIT, Walk, finished, walk
from tallystick.words import gettext as _
from tallystick.words import spoken


@get(f"{VISIT}/confirm")
async def show_confirm(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Show exactly what is agreed to."""

    async def step(stand: Walk) -> Response[Any]:
        choice = await _choice(stand)
        return _missing(stand, choice) or _confirm_page(stand, choice)

    return await walk(request, visit_id, step)


@post(f"{VISIT}/confirm", status_code=HTTP_200_OK)
async def do_confirm(request: PageRequest, visit_id: FromPath[str]) -> Response[Any]:
    """Make it so, once, and go back to the seller."""

    async def step(stand: Walk) -> Response[Any]:
        choice = await _choice(stand)
        if missing := _missing(stand, choice):
            return missing
        agreement = _agreement(stand, choice)
        if (await form_of(request)).get("agreed") != agreement.digest.hex():
            return _confirm_page(stand, choice, changed=True)
        visit = stand.visit if stand.pays else await stand.taken_on()
        try:
            visit = await pipelines.confirm(stand.service, visit, stand.buyer, choice, agreement)
        except ChoicesChangedError:
            return go(stand.to("confirm"))
        return await finished(request, stand.service, visit)

    return await walk(request, visit_id, step)


async def _choice(stand: Walk) -> Choice | None:
    if not stand.pays:
        return None
    key, under_way = stand.chosen.get("key"), stand.visit.answer is not None  # then the money may be gone from there
    found = (one for one in await stand.choices() if one.key == key)
    return next((one for one in found if one.usable or under_way), None)


def _missing(stand: Walk, choice: Choice | None) -> Response[Any] | None:
    """Where to go first when something was not chosen yet, or when it is a while ago that somebody signed in."""
    if choice is None and stand.pays:
        return go(stand.to("method"))
    if stand.terms.collect_address and "address:addressLine1" not in stand.chosen:
        return go(stand.to("address"))
    return None if proved_lately(stand.request) else go(stand.to("prove"))


def _confirm_page(stand: Walk, choice: Choice | None, *, changed: bool = False) -> Response[Any]:
    agreement = _agreement(stand, choice)
    return stand.page(
        "hosted/confirm.html",
        status=HTTP_409_CONFLICT if changed else HTTP_200_OK,
        choice=choice,
        wording=agreement.wording,
        unchanged=choice is not None and choice.key == stand.current_key,
        agreed=agreement.digest.hex(),
        changed=changed,
    )


def _agreement(stand: Walk, choice: Choice | None) -> Agreement:
    """Who agrees to which words. A form from before a change in another window does not carry the digest of these."""
    proof, wording = last_proof(stand.request), _wording(stand, choice)
    if proof is None:
        raise LookupError("nobody is signed in")
    return Agreement(
        wording=wording,
        digest=evidence.digest_of(stand.buyer.party_id, stand.chosen, wording),
        proved_at=proof.at,
        proved_by=proof.by,
        client=client_of(stand.request),
        user_agent=user_agent(stand.request),
    )


def _wording(stand: Walk, choice: Choice | None) -> Wording:
    """The words of the confirmation page, in the language that is spoken."""
    offer = stand.offer
    address = address_of(stand.visit) if stand.terms.collect_address else dict(stand.terms.address)
    return Wording(
        seller=stand.seller.name,
        label=offer.label,
        figure=f"{offer.qualifier} {offer.figure}".strip(),
        summary=offer.summary,
        source_label=offer.source_label,
        source=_source(choice),
        address=tuple(address[name] for name in ADDRESS if address.get(name)),
        lines=tuple(stand.lines),
        promises=tuple(stand.promises("" if choice is None else choice.noun)),
        reason=stand.terms.reason_html or "",
        heading=_("What you agree to"),
        closing=offer.closing,
        button=offer.button,
        language=spoken().code,
        environment=stand.visit.environment,
    )


def _source(choice: Choice | None) -> str:
    """The means of payment; of the account balance not how much is there, which changes by itself."""
    if choice is None:
        return ""
    if choice.expiry is None:
        return choice.title
    return _("%(card)s, expires %(month)s", card=choice.title, month=choice.expiry)


confirm_routes = [show_confirm, do_confirm]
