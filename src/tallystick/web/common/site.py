"""Everything around the visits: signing out, test money, certificates, health, sellers' pictures."""

import re
from typing import Any, Final

import asyncpg
from litestar import MediaType, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_503_SERVICE_UNAVAILABLE

from tallystick.db.database import ping
from tallystick.domain.messages.signed_messages import is_key_name
from tallystick.services.consent import wallet
from tallystick.services.form_errors import FormError
from tallystick.store.accounts import logos
from tallystick.store.keys import signing_keys
from tallystick.web.account.methods import add_test_money
from tallystick.web.common.sessions import sign_browser_out
from tallystick.web.common.shared import PageRequest, form_of, go, page, service_of
from tallystick.web.common.signing_in import UNUSABLE
from tallystick.web.hosted.visit_context import VisitContext, with_visit
from tallystick.web.hosted.visit_method import method_page

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@post("/sign-out", status_code=HTTP_200_OK)
async def sign_out(request: PageRequest) -> Response[Any]:
    """Forget who is signed in; a visit goes on with its sign-in page."""
    visit_id = (await form_of(request)).get("visit")

    async def step(context: VisitContext) -> Response[Any]:
        return go(context.to("sign-in"))

    sign_browser_out(request)
    if visit_id is None:
        return page("common/signed_out.html", everywhere=False)
    return await with_visit(request, visit_id, step, buyer_needed=False)


@post("/account/test-money", status_code=HTTP_200_OK)
async def do_test_money(request: PageRequest) -> Response[Any]:
    """Put test money on the sandbox account balance; in a visit, go back to choosing."""
    typed = await form_of(request)
    amount = typed.get("amount", "")

    async def step(context: VisitContext) -> Response[Any]:
        try:
            await wallet.add_test_money(context.service, context.buyer.party_id, amount)
        except FormError as error:
            return await method_page(context, status=UNUSABLE, problems=error.problems, typed_amount=amount)
        await context.choose(key=wallet.BALANCE, method="ABT")
        return go(context.to("method"))

    if "visit" in typed:
        return await with_visit(request, typed["visit"], step)
    return await add_test_money(request, amount)


@get("/certs/{name:str}/PKICert.pem", media_type="application/x-pem-file")
async def certificate(request: PageRequest, name: FromPath[str]) -> Response[str]:
    """The certificate with which answers and notifications can be checked. It never changes."""
    pem = None
    if is_key_name(name):
        pem = await signing_keys.certificate(service_of(request).pool, name)
    if pem is None:
        raise NotFoundException
    return Response(pem, media_type="application/x-pem-file", headers={"cache-control": "public, max-age=86400"})


@get("/logos/{digest:str}")
async def logo(request: PageRequest, digest: FromPath[str]) -> Response[bytes]:
    """The picture of a seller. Its address changes with it: browsers may keep it."""
    found = await logos.find(service_of(request).pool, digest) if _DIGEST.fullmatch(digest) else None
    if found is None:
        raise NotFoundException
    headers = {"cache-control": "public, max-age=31536000, immutable"}
    return Response(found.picture, media_type=found.media_type, headers=headers)


@get("/healthz", media_type=MediaType.TEXT)
async def alive() -> str:
    """The process answers."""
    return "alive\n"


@get("/readyz", media_type=MediaType.TEXT)
async def ready(request: PageRequest) -> Response[str]:
    """The database answers too."""
    try:
        await ping(service_of(request).pool, timeout_seconds=5)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return Response("the database does not answer\n", status_code=HTTP_503_SERVICE_UNAVAILABLE)
    return Response("ready\n")
