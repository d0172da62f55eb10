"""The return page for sandbox buttons of sellers without a shop: it shows the answer that their own page would get."""

from typing import Any, Final

from litestar import get
from litestar.exceptions import NotFoundException
from litestar.response import Response

from tallystick.services.actions.verify_signature import decode_message
from tallystick.services.consent.outbound import signed_by_us
from tallystick.services.consent.parameters import STATUSES
from tallystick.web.common.browser.ways_back import SANDBOX_RETURN as PATH
from tallystick.web.common.languages import PARAMETER as LANGUAGE
from tallystick.web.common.shared import PageRequest, page, service_of

_OF_SIGNATURE: Final = frozenset({"signature", "signatureVersion", "signatureMethod", "certificateUrl"})


@get(PATH)
async def show_return(request: PageRequest) -> Response[Any]:
    """Show the answer if we signed its URL; parameters that somebody else wrote are not shown."""
    service = service_of(request)
    params = decode_message(request.scope["query_string"].decode("latin-1")) or {}
    params.pop(LANGUAGE, None)  # of the links at the foot of the page
    if not await signed_by_us(service, f"{service.settings.public_url}{PATH}", params):
        raise NotFoundException
    told = {name: value for name, value in params.items() if name not in _OF_SIGNATURE}
    meaning = STATUSES.get(told.get("status", ""), "").replace("`", "")
    return page("hosted/sandbox_return.html", told=told, meaning=meaning)
