"""The hosts to which a seller's buyers return: given on the operator's word, and taken back."""

from typing import Any

from litestar import post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Response
from litestar.status_codes import HTTP_200_OK, HTTP_409_CONFLICT, HTTP_422_UNPROCESSABLE_ENTITY

from tallystick.services.form_errors import FormError
from tallystick.services.operations import accounts
from tallystick.services.operations.accounts import Account
from tallystick.services.seller import return_hosts
from tallystick.services.seller.return_hosts import HostTakenError, UnknownHostError
from tallystick.web.admin.accounts import account_page
from tallystick.web.admin.guard import HOME, OperatorContext, for_operator
from tallystick.web.common.browser.step_up import STEP_UP
from tallystick.web.common.shared import PageRequest, form_of, go

_TAKEN = "Another seller has it. Take it from that one first."


@post(f"{HOME}/accounts/{{account:int}}/hosts", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_claim_host(request: PageRequest, account: FromPath[int]) -> Response[Any]:
    """Give a seller a host without a proof."""

    async def step(operator: OperatorContext) -> Response[Any]:
        typed, seller = await form_of(request), await _seller(operator, account)
        try:
            await return_hosts.claim_unproved(operator.service, operator.actor, seller.party_id, typed.get("host", ""))
        except FormError as error:
            problems, status = error.problems, HTTP_422_UNPROCESSABLE_ENTITY
        except HostTakenError:
            problems, status = {"host": _TAKEN}, HTTP_409_CONFLICT
        else:
            return go(f"{HOME}/accounts/{account}?done=host")
        return await account_page(operator, account, status=status, problems=problems, typed=typed)

    return await for_operator(request, step)


@post(f"{HOME}/accounts/{{account:int}}/hosts/release", status_code=HTTP_200_OK, opt=STEP_UP)
async def do_release_host(request: PageRequest, account: FromPath[int]) -> Response[Any]:
    """Take a host from a seller."""

    async def step(operator: OperatorContext) -> Response[Any]:
        host, seller = (await form_of(request)).get("host", ""), await _seller(operator, account)
        try:
            await return_hosts.release(operator.service, operator.actor, seller.party_id, host)
        except UnknownHostError:
            raise NotFoundException from None
        return go(f"{HOME}/accounts/{account}?done=no-host")

    return await for_operator(request, step)


async def _seller(operator: OperatorContext, number: int) -> Account:
    """Raises NotFoundException."""
    found = await accounts.account_of(operator.service, number)
    if found is None or found.kind != "business":
        raise NotFoundException
    return found
