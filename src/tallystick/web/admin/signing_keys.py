"""The service's own signing keys: which signs, which are over, and making a new one."""

from typing import Any, Final

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK

from tallystick.services.operations import signing_keys
from tallystick.web.admin.guard import HOME, OperatorContext, for_operator
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go

PLACE: Final = f"{HOME}/signing-keys"
DONE: Final = {
    "rotated": "A new key signs from now on. What the older ones signed stays genuine.",
    "revoked": "The key is revoked: nothing that it signed is genuine any more.",
    "destroyed": "The private halves of the keys that sign no more are destroyed.",
}


@get(PLACE)
async def show_signing_keys(request: PageRequest) -> Response[Any]:
    """All keys that there ever were, the newest first."""

    async def step(operator: OperatorContext) -> Response[Any]:
        keys = await signing_keys.list_(operator.service)
        return operator.page(
            "admin/signing_keys.html",
            keys=[(key, signing_keys.certificate_url(operator.service, key)) for key in keys],
            to_destroy=any(key.has_private_half and not key.signs(operator.now) for key in keys),
            done=DONE.get(operator.asked("done"), ""),
        )

    return await for_operator(request, step)


@post(f"{PLACE}/rotate", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_rotate(request: PageRequest) -> Response[Any]:
    """Let a new key sign."""

    async def step(operator: OperatorContext) -> Response[Any]:
        await signing_keys.rotate(operator.service, operator.actor)
        return go(f"{PLACE}?done=rotated")

    return await for_operator(request, step)


@post(f"{PLACE}/revoke", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_revoke(request: PageRequest) -> Response[Any]:
    """Let nothing count that a key signed."""

    async def step(operator: OperatorContext) -> Response[Any]:
        try:
            await signing_keys.revoke(operator.service, operator.actor, (await form_of(request)).get("name", ""))
        except LookupError:
            raise NotFoundException from None
        return go(f"{PLACE}?done=revoked")

    return await for_operator(request, step)


@post(f"{PLACE}/destroy", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_destroy(request: PageRequest) -> Response[Any]:
    """Destroy the private halves that nothing needs any more."""

    async def step(operator: OperatorContext) -> Response[Any]:
        await signing_keys.destroy_retired(operator.service, operator.actor)
        return go(f"{PLACE}?done=destroyed")

    return await for_operator(request, step)
