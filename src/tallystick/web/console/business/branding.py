"""How the hosted pages look for this seller's buyers, with a preview of the page that they would see."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from litestar import get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.domain.environments import SANDBOX
from tallystick.services.consent import pipelines
from tallystick.services.consent.parameters import PIPELINES
from tallystick.services.consent.subject import brand_of
from tallystick.services.consent.visits import sample_visit
from tallystick.services.form_errors import FormError
from tallystick.services.seller import branding, logos
from tallystick.services.seller.branding import Branding, read_branding
from tallystick.services.seller.logos import MAX_BYTES, MAX_HEIGHT, MAX_WIDTH
from tallystick.services.seller.staff import Permission
from tallystick.web.common.headers import be_shown_in_frame, show_in_frame
from tallystick.web.common.reading import FILE_FIELD
from tallystick.web.common.shared import PageRequest, form_of, go
from tallystick.web.common.visit.accents import BLACK, DARK, LIGHT, WHITE, Colour, contrast, readable
from tallystick.web.common.visit.context import PageBrand, VisitContext
from tallystick.web.console.console_context import ConsoleContext, for_staff

PATH: Final = "/console/{business:int}/{environment:str}/branding"
FIELDS: Final = ("name", "accent", "support")
DONE: Final = {
    "saved": "Saved. Buyers see it from now on.",
    "logo": "The logo is kept. Buyers see it from now on.",
    "removed": "The name stands alone again.",
}
LOGO_FORM_BYTES: Final = 8 * 1024 * 1024
"""The largest form that is read: one with a file far too large, such as a photograph, so that the page can say so.

Above 1 MiB the upload is spooled to disk, and only enough of it is read to tell that it is too large.
"""
_SAMPLE: Final = {
    "fundingAmount": "25.00",
    "paymentReason": "Credit for songs",
    "callerReferenceSender": "preview",
    "callerReferenceFunding": "preview",
    "returnURL": "https://shop.example/",
}


@dataclass(frozen=True, slots=True)
class Shade:
    """The accent colour in one theme: as chosen, or the nearest one with enough contrast."""

    theme: str
    colour: str
    contrast: str
    changed: bool


@get(PATH)
async def show_branding(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """What is chosen, beside what it looks like."""

    async def step(console: ConsoleContext) -> Response[Any]:
        typed = branding.typed(await branding.find(console.service, console.business.party_id))
        return await _page(console, typed, done=DONE.get(request.query_params.get("done", "")))

    return await for_staff(request, business, environment, step)


@post(PATH, status_code=HTTP_200_OK)
async def do_branding(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Save it, or look at it first."""

    async def step(console: ConsoleContext) -> Response[Any]:
        typed = await form_of(request)
        try:
            chosen = read_branding(*(typed.get(name, "") for name in FIELDS))
        except FormError as error:
            return await _page(console, typed, status=HTTP_422_UNPROCESSABLE_ENTITY, problems=error.problems)
        if typed.get("do") == "look":
            return await _page(console, typed, unsaved=True)
        seller_id, environment = console.business.party_id, console.environment
        await branding.save(console.service, console.actor, seller_id, chosen, environment=environment)
        return go(f"{console.path('branding')}?done=saved")

    return await for_staff(request, business, environment, step, Permission.MANAGE)


@post(f"{PATH}/logo", status_code=HTTP_200_OK, request_max_body_size=LOGO_FORM_BYTES)
async def do_logo(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """Keep another picture, or none."""

    async def step(console: ConsoleContext) -> Response[Any]:
        service, actor, form = console.service, console.actor, await request.form()
        seller_id, environment = console.business.party_id, console.environment
        if form.get("do") == "remove":
            await logos.remove(service, actor, seller_id, environment=environment)
            return go(f"{console.path('branding')}?done=removed")
        file = form.get(FILE_FIELD)
        try:
            data = await file.read(MAX_BYTES + 1) if isinstance(file, UploadFile) else b""
            await logos.save(service, actor, seller_id, data, environment=environment)
        except FormError as error:
            typed = branding.typed(await branding.find(service, seller_id))
            return await _page(console, typed, status=HTTP_422_UNPROCESSABLE_ENTITY, problems=error.problems)
        return go(f"{console.path('branding')}?done=logo")

    return await for_staff(request, business, environment, step, Permission.MANAGE)


@get(f"{PATH}/preview")
async def show_preview(request: PageRequest, business: FromPath[int], environment: FromPath[str]) -> Response[Any]:
    """The first page of a sample visit, for the frame beside the form; settings that are invalid are left out."""

    async def step(console: ConsoleContext) -> Response[Any]:
        typed = {name: request.query_params.get(name, "") for name in FIELDS}
        try:
            chosen = read_branding(**typed)
        except FormError as error:
            chosen = read_branding(**{name: "" if name in error.problems else typed[name] for name in FIELDS})
        be_shown_in_frame(request)
        return (await _sample_visit(console, chosen)).page("hosted/sign_in.html", ended=False, step="", kept={})

    return await for_staff(request, business, environment, step)


async def _sample_visit(console: ConsoleContext, chosen: Branding) -> VisitContext:
    """A sample visit, not stored."""
    service, party_id = console.service, console.business.party_id
    environment = console.environment if console.book_id is not None else SANDBOX
    visit = sample_visit(PIPELINES["SetupPrepaid"], _SAMPLE, party_id, environment, console.now)
    brand = PageBrand.of(await brand_of(service, party_id, console.business.name, chosen), wide=False)
    subject = await pipelines.subject_of_visit(service, visit)
    return VisitContext(console.request, service, visit, subject, brand, someone=None)


async def _page(console: ConsoleContext, typed: Mapping[str, str], **more: Any) -> Response[Any]:  # noqa: ANN401 - what came of it
    show_in_frame(console.request)
    shown = {name: typed.get(name, "") for name in FIELDS}
    defaults: dict[str, Any] = {"done": None, "unsaved": False, "problems": {}}
    context = defaults | more
    digest = await logos.digest_of(console.service, console.business.party_id)
    return console.page(
        "console/business/branding.html",
        typed=shown,
        preview=f"{console.path('branding', 'preview')}?{urlencode(shown)}",
        logo=None if digest is None else f"/logos/{digest}",
        shades=_shades(shown["accent"]) if "accent" not in context["problems"] else [],
        largest=(MAX_WIDTH, MAX_HEIGHT, MAX_BYTES // 1024),
        **context,
    )


def _shades(accent: str) -> list[Shade]:
    colour_text = read_branding("", accent, "").accent
    if colour_text is None:
        return []
    colour = Colour.read(colour_text)
    found = (
        ("light", readable(colour, *LIGHT, towards=BLACK), LIGHT[0]),
        ("dark", readable(colour, *DARK, towards=WHITE), DARK[0]),
    )
    return [
        Shade(theme, str(shade), f"{contrast(shade, ground):.1f}", changed=str(shade) != colour_text)
        for theme, shade, ground in found
    ]


branding_routes = [show_branding, do_branding, do_logo, show_preview]
